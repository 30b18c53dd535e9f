"""A kernel with commdoc and pages of its room, for each browser test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from commdoc.cli.browser import launch_options
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage

QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Chromium asks nothing of anybody by itself."""

OpenPage = Callable[..., RoomPage]

# As long as `until`: a wait ends a test that hangs, it measures nothing; on a busy machine a page takes seconds to load
# what its first widget needs.
expect.set_options(timeout=10_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium for the module's tests, with a fresh profile."""
    options: dict[str, Any] = launch_options()
    options["args"] = [*options["args"], *QUIET]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    """A running kernel with commdoc loaded."""
    it = Notebook()
    try:
        yield it.load()
    finally:
        it.close()


@pytest.fixture
def open_page(chromium: Browser, notebook: Notebook) -> Iterator[OpenPage]:
    """Open pages of the notebook's room; they are closed at the end."""
    pages: list[RoomPage] = []

    def opened(**how: Any) -> RoomPage:
        page = RoomPage(chromium, notebook.link, **how)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
