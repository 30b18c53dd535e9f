"""A room's page in Chromium, as a person sees it: what is read is the DOM, what is done is done with mouse and keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FrameLocator,
    Locator,
    Page,
    Request,
    WebSocket,
    WebSocketRoute,
    expect,
)

PICTURES = Path(__file__).parents[2] / "test-results" / "browser"

VIOLATIONS = """
window.__violations = [];
addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sourceFile, lineNumber }) =>
  window.__violations.push([effectiveDirective, blockedURI, `${sourceFile}:${lineNumber}`].join(" ")));
"""
"""In page and frame, from their beginning."""

READY_SECONDS = 15.0
"""A page with a cold cache on a loaded machine; what the tests promise is timed by themselves."""


class RoomPage:
    """A page in a browser context of its own, so that two of them share nothing."""

    def __init__(
        self,
        browser: Browser,
        link: str,
        *,
        scheme: Literal["light", "dark"] = "light",
        size: tuple[int, int] = (1280, 900),
        wait: bool = True,
        route: Callable[[WebSocketRoute], None] | None = None,
        script: str = "",
    ) -> None:
        self.link = link
        self.console: list[str] = []
        self.foreign: list[str] = []
        self.sockets = 0
        self.frames_sent = 0
        self.context: BrowserContext = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
        )
        self.context.add_init_script(VIOLATIONS)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.console.append(f"pageerror: {error}"))
        self.page.on("request", self._on_request)
        self.page.on("websocket", self._on_socket)
        self.page.add_init_script(script)
        if route is not None:
            self.page.route_web_socket(re.compile("/ws$"), route)
        self.page.goto(link, wait_until="commit")
        if wait:
            self.expect_state("live")

    # --- what the page says ---------------------------------------------------------------------------------------

    @property
    def header(self) -> Locator:
        """The header; its data attributes name the states."""
        return self.page.locator("#bar")

    @property
    def frame(self) -> FrameLocator:
        """The sandboxed frame with the widgets."""
        return self.page.frame_locator("iframe#frame")

    def expect_state(self, state: str, *, seconds: float = READY_SECONDS) -> None:
        """Wait until the connection is ``connecting``, ``live``, ``disconnected`` or ``refused``."""
        expect(self.header).to_have_attribute("data-state", state, timeout=seconds * 1000)

    def expect_kernel(self, status: str, *, seconds: float = READY_SECONDS) -> None:
        """Wait until the header says that the kernel is ``idle``, ``busy``, ``disconnected`` or ``dead``."""
        expect(self.header).to_have_attribute("data-kernel-status", status, timeout=seconds * 1000)

    def expect_still(self, *, seconds: float = 15.0) -> None:
        """Wait until the widgets are there to be read only; screen readers are told that, too."""
        state = re.compile("reading|last")
        expect(self.frame.locator("#stage")).to_have_attribute("data-state", state, timeout=seconds * 1000)
        expect(self.frame.locator("#stage [role=slider]:not([aria-disabled=true])")).to_have_count(0)

    def view(self, comm_id: str) -> Locator:
        """The first view of a model."""
        return self.frame.locator(f'[data-comm-id="{comm_id}"]').first

    def labelled(self, description: str) -> Locator:
        """The widget with this description."""
        label = self.page.frame_locator("iframe#frame").locator(
            f'.widget-label:text-is("{description}"), .jupyter-button:text-is("{description}")'
        )
        return self.frame.locator(".jupyter-widgets[data-comm-id]", has=label).last

    def expect_readout(self, description: str, text: str, *, seconds: float = 10.0) -> None:
        """Wait until a slider shows this value."""
        readout = self.labelled(description).locator(".widget-readout")
        expect(readout).to_have_text(text, timeout=seconds * 1000)

    def readout(self, description: str) -> str:
        """What a slider shows now."""
        return self.labelled(description).locator(".widget-readout").inner_text()

    def expect_text(self, text: str, *, seconds: float = 10.0) -> None:
        """Wait until the frame shows a text."""
        expect(self.frame.locator("body")).to_contain_text(text, timeout=seconds * 1000)

    # --- what a person does ---------------------------------------------------------------------------------------

    def handle(self, description: str) -> Locator:
        """A slider's handle."""
        return self.labelled(description).locator(".noUi-handle").first

    def press(self, description: str, key: str, times: int = 1) -> None:
        """Move a slider with the keyboard."""
        handle = self.handle(description)
        handle.focus()
        for _ in range(times):
            handle.press(key)

    def grab(self, description: str) -> tuple[float, float, float]:
        """Put the pointer down on a slider's handle; returns left and right of its track, and its height."""
        self.handle(description).scroll_into_view_if_needed()
        handle = _box(self.handle(description))
        track = _box(self.labelled(description).locator(".noUi-base"))
        y = handle["y"] + handle["height"] / 2
        self.page.mouse.move(handle["x"] + handle["width"] / 2, y)
        self.page.mouse.down()
        return track["x"], track["x"] + track["width"], y

    def drag(self, description: str, to: float, *, steps: int = 12, release: bool = True) -> None:
        """Drag a slider to a share (0 to 1) of its track."""
        left, right, y = self.grab(description)
        self.page.mouse.move(left + to * (right - left), y, steps=steps)
        if release:
            self.page.mouse.up()

    # --- the rest -------------------------------------------------------------------------------------------------

    def picture(self, name: str) -> Path:
        """Take a picture to ``test-results/browser``."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        # Icons come from a font that is read when the first of them is drawn.
        self.page.frames[1].evaluate("document.fonts.ready.then(() => true)")
        self.page.screenshot(path=str(path))
        return path

    def expect_clean(self, *hosts: str) -> None:
        """Nothing on the console but what tells; nothing from another host but those that an output embeds."""
        assert not self.console, self.console
        assert not self.violations(), self.violations()
        assert {urlsplit(url).netloc for url in self.foreign} == set(hosts)

    def violations(self) -> list[str]:
        """What the content security policies of page and frame have kept from happening."""
        return [each for frame in self.page.frames[:2] for each in frame.evaluate("window.__violations")]

    def close(self) -> None:
        """Close the window."""
        self.context.close()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text}")

    def _on_socket(self, socket: WebSocket) -> None:
        self.sockets += 1
        socket.on("framesent", self._on_sent)

    def _on_sent(self, _frame: object) -> None:
        self.frames_sent += 1

    def _on_request(self, request: Request) -> None:
        if urlsplit(request.url).scheme in ("http", "https", "ws", "wss") and (
            urlsplit(request.url).netloc != urlsplit(self.link).netloc
        ):
            self.foreign.append(request.url)


def _box(locator: Locator) -> dict[str, Any]:
    box = locator.bounding_box()
    assert box is not None
    return dict(box)
