"""A headless Chromium window for `commdoc demo`: open a room's page, wait until it shows everything, move a slider."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any, Final

from typing_extensions import Self

from commdoc.cli.browser import MISSING, launch_options
from commdoc.errors import CommdocError

VIEWPORT: Final = {"width": 860, "height": 1020}

_SHOWN = """ids => ids.filter(id => {
  const box = document.querySelector(`[data-view="${CSS.escape(id)}"]`);
  return box !== null && box.childElementCount > 0;
}).length >= ids.length"""
_MODELS = "new Set([...document.querySelectorAll('[data-comm-id]')].map(e => e.dataset.commId)).size"
_READOUT = "document.querySelector('.widget-hslider .widget-readout')?.textContent"


class BrowserMissingError(CommdocError):
    """There is no browser to be had; the text says what to install."""


class Browser:
    """One headless Chromium with a context for each window, so that they share nothing."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._browser: Any = None

    async def __aenter__(self) -> Self:
        try:
            from playwright.async_api import Error, async_playwright
        except ImportError:
            msg = "playwright is not installed: pip install 'commdoc[demo]'"
            raise BrowserMissingError(msg) from None
        playwright = await self._stack.enter_async_context(async_playwright())
        try:
            self._browser = await playwright.chromium.launch(**launch_options(), handle_sigint=False)
        except Error as error:
            await self._stack.aclose()
            first = str(error).strip().splitlines()[0]
            raise BrowserMissingError(f"{MISSING} ({first})") from None
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._browser.close()
        await self._stack.aclose()

    async def open(self, url: str) -> Page:
        """Open the room's page in a window of its own; returns at once, before the widgets are there."""
        context = await self._browser.new_context(viewport=VIEWPORT)
        page = await context.new_page()
        started = time.monotonic()
        await page.goto(url, wait_until="commit")
        return Page(page, started)


class Page:
    """A room's page in one browser window."""

    def __init__(self, page: Any, started: float) -> None:
        self._page = page
        self._started = started

    async def frame(self) -> Any:
        """Return the sandboxed frame that the widgets live in."""
        handle = await self._page.wait_for_selector("iframe#frame", state="attached")
        return await handle.content_frame()

    async def wait_for_views(self, comm_ids: Iterable[str], *, timeout: float = 30.0) -> float:
        """Wait until these views are drawn; returns the seconds since the page was opened.

        Raises
        ------
        playwright.async_api.TimeoutError
            When they are not in time.
        """
        frame = await self.frame()
        await frame.wait_for_function(_SHOWN, arg=list(comm_ids), timeout=timeout * 1000)
        return time.monotonic() - self._started

    async def move_first_slider(self, steps: int = 5) -> str:
        """Move the first slider with the keyboard; returns what it shows then."""
        frame = await self.frame()
        before = await frame.evaluate(_READOUT)
        handle = frame.locator(".widget-hslider .noUi-handle").first
        await handle.focus()
        for _ in range(steps):
            await handle.press("ArrowRight")
        await frame.wait_for_function(f"before => {_READOUT} !== before", arg=before, timeout=5000)
        return str(await frame.evaluate(_READOUT))

    async def wait_for_first_slider(self, shown: str, *, timeout: float = 10.0) -> None:
        """Wait until the first slider shows this."""
        frame = await self.frame()
        await frame.wait_for_function(f"shown => {_READOUT} === shown", arg=shown, timeout=timeout * 1000)

    async def models(self) -> int:
        """Return how many models have at least one view in the page."""
        frame = await self.frame()
        return int(await frame.evaluate(_MODELS))

    async def kernel_status(self) -> str:
        """Return what the page's header says of the kernel."""
        return str(await self._page.locator("#bar").get_attribute("data-kernel-status"))

    async def screenshot(self, path: str) -> None:
        """Take a picture of the window."""
        await self._page.screenshot(path=path)
