"""A window of JupyterLab: a page of its own, with what a person does to widgets in it and what they see."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from playwright.sync_api import Browser, Locator, WebSocketRoute, expect

from tests.browser.lab import _HELPERS, LabNotebook, LabPage
from tests.conftest import until
from tests.lab.traces import RECORDER, Trace

MODELS: Final = """
async () => {
  const found = {};
  for (const [id, model] of await lab.models()) {
    const state = model.serialize(model.get_state());
    found[id] = {name: model.name, live: model.comm_live, state};
  }
  return found;
}
"""


class Delay:
    """Stands between some sockets of a window and the server.

    Parameters
    ----------
    url : str
        Which sockets: a regular expression.
    at : bytes, optional
        Hold what both sides say, from the page's message with this in it on.
    after : bytes, optional
        Hold what the server says behind a message with this in it.
    """

    def __init__(self, url: str, *, at: bytes | None = None, after: bytes | None = None) -> None:
        self.url = re.compile(url)
        self._at = at
        self._holds_page = False
        self._after = after
        self._held: list[tuple[WebSocketRoute, str | bytes]] | None = None
        self._open: list[WebSocketRoute] = []
        self._refusing = False

    @property
    def holds(self) -> bool:
        """Whether nothing comes through."""
        return self._held is not None

    def hold(self) -> None:
        """From now on nothing comes through."""
        self._held = []

    def refuse(self) -> None:
        """End the sockets that there are, and those that are tried."""
        self._refusing = True
        for socket in self._open:
            socket.close(code=1012)
        self._open.clear()

    def release(self) -> None:
        """Let through what came, and what comes."""
        self._refusing = self._holds_page = False
        held, self._held = self._held or [], None
        for socket, message in held:
            socket.send(message)

    def route(self, socket: WebSocketRoute) -> None:
        """Stand between a socket and the server."""
        if self._refusing:
            socket.close(code=1012)
            return
        self._open.append(socket)
        server = socket.connect_to_server()

        def from_page(message: str | bytes) -> None:
            if self._at is not None and isinstance(message, bytes) and self._at in message:
                self._at, self._holds_page = None, True
                self.hold()
            self._pass(server, message, held=self._holds_page)

        def from_server(message: str | bytes) -> None:
            self._pass(socket, message, held=True)
            if self._after is not None and isinstance(message, bytes) and self._after in message:
                self._after = None
                self.hold()

        socket.on_message(from_page)
        server.on_message(from_server)

    def _pass(self, to: WebSocketRoute, message: str | bytes, *, held: bool) -> None:
        if self._held is None or not held:
            to.send(message)
        else:
            self._held.append((to, message))


class LabWindow(LabPage):
    """A notebook in JupyterLab."""

    def __init__(
        self,
        browser: Browser,
        notebook: LabNotebook,
        *,
        wait: bool = True,
        delayed: Delay | None = None,
        prepare: Callable[[LabWindow], None] | None = None,
        **how: Any,
    ) -> None:

        def before() -> None:
            if delayed is not None:
                self.page.route_web_socket(delayed.url, delayed.route)
            if prepare is not None:
                prepare(self)

        super().__init__(browser, notebook, wait=False, script=RECORDER, before=before, **how)
        self.wait_open()
        if wait:
            self.wait_ready()

    def wait_open(self) -> None:
        """Wait until the notebook is to be seen; its kernel may be busy."""
        self.page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.sessionContext !== undefined")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.evaluate(_HELPERS)

    # --- what a person does ---------------------------------------------------------------------------------------

    def start(self, index: int) -> None:
        """Run one cell; return at once."""
        self.page.evaluate("index => { lab.run(index); }", index)

    def save(self) -> None:
        """Save the notebook: that is how the outputs of cells come to other windows."""
        self.command("docmanager:save")

    def slider(self, label: str) -> Locator:
        """The handle of the slider with this description."""
        return self.widget(label).locator(".noUi-handle").first

    def press(self, label: str, key: str, times: int = 1) -> None:
        """Move a slider by keys."""
        self.slider(label).focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    # --- what they see --------------------------------------------------------------------------------------------

    def widget(self, label: str) -> Locator:
        """The control with this description."""
        named = self.page.locator(".widget-label", has_text=re.compile(f"^{re.escape(label)}$"))
        return self.page.locator(".jp-Notebook .widget-inline-hbox").filter(has=named)

    def expect_value(self, label: str, value: object, *, seconds: float = 10.0) -> None:
        """Wait until a slider shows a value."""
        expect(self.widget(label).locator(".widget-readout")).to_have_text(str(value), timeout=seconds * 1000)

    def expect_live(self, count: int, *, seconds: float = 20.0) -> None:
        """Wait until so many displayed views, those in Output widgets among them, are there and can be used."""
        self.page.wait_for_function(
            """count => document.querySelectorAll(
                ".jp-Notebook .jp-OutputArea-output > [data-comm-id]:not([inert])").length === count""",
            arg=count,
            timeout=seconds * 1000,
        )

    def expect_running(self, index: int) -> None:
        """Wait until a cell runs. The kernel may be called idle meanwhile, when it has answered in a subshell."""
        expect(self.cell(index).locator(".jp-InputPrompt")).to_have_text("[*]:")

    def expect_done(self, index: int, *, seconds: float = 30.0) -> None:
        """Wait until a cell has run."""
        expect(self.cell(index).locator(".jp-InputPrompt")).to_have_text(
            re.compile(r"\[\d+\]:"), timeout=seconds * 1000
        )

    @property
    def kernel_status(self) -> str:
        """What JupyterLab says of the kernel."""
        return str(self.page.evaluate("lab.kernel()?.status ?? 'none'"))

    def told_kernel(self) -> list[str]:
        """Return the messages about comms that this window has sent on JupyterLab's own socket."""
        return self.trace().sent

    def passed(self, delay: Delay) -> bool:
        """Tell whether a delay has begun to hold; messages pass it only while the page is asked something."""
        self.page.evaluate("null")
        return delay.holds

    def trace(self) -> Trace:
        """Return what this window and the kernel have said about comms on JupyterLab's own socket."""
        return Trace(self.page)

    def models(self) -> dict[str, dict[str, Any]]:
        """Return comm id to class, liveness and state of the models that this window has."""
        found: dict[str, dict[str, Any]] = self.page.evaluate(MODELS)
        return found

    def expect_same(self, *others: LabWindow) -> None:
        """Wait until other windows have the same models as this one: not all of them is to be seen."""
        until(
            lambda: all(other.models() == self.models() for other in others),
            timeout=20,
            what="the windows have the same models",
        )

    def picture(self, path: str) -> None:
        """Keep what there is to see."""
        self.page.screenshot(path=path)
