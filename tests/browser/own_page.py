"""A page of somebody's own at the address of a room's host, with files that a test gives it."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Route

EMPTY = "<!doctype html><meta charset=utf-8><title>own</title><link rel=icon href=data:,><body>"


class OwnPage:
    """A page in a browser context of its own. The room's host lets no page of another address in.

    Parameters
    ----------
    files : mapping
        Name to text or bytes, as they are when they are asked for: what a test changes is what comes next.
    script : str
        The name of the module that the page loads.
    link : str
        The room's; the page has it as ``window.link``.
    """

    def __init__(
        self, browser: Browser, link: str, files: Mapping[str, str | bytes], *, script: str, **globals_: Any
    ) -> None:
        parts = urlsplit(link)
        self.base = f"{parts.scheme}://{parts.netloc}/own/"
        self.files = {**files, "": f"{EMPTY}<script type=module src={script}></script>"}
        self.console: list[str] = []
        self.context = browser.new_context(permissions=["local-network-access"])
        self.page: Page = self.context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.console.append(f"pageerror: {error}"))
        self.context.route(f"{self.base}**", self._serve)
        for name, value in globals_.items():
            self.page.expose_function(name, value)
        self.page.add_init_script(f"window.link = {link!r}")
        self.page.goto(self.base)

    def _serve(self, route: Route) -> None:
        name = urlsplit(route.request.url.removeprefix(self.base)).path
        if name not in self.files:
            route.fulfill(status=404)
            return
        kind = mimetypes.guess_type(name)[0] if name else "text/html"
        route.fulfill(body=self.files[name], content_type=f"{kind}; charset=utf-8")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text}")

    def __enter__(self) -> OwnPage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.context.close()
