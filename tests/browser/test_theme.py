"""The page follows the user's settings while it is open: colours and motion, in page and frame."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

import commdoc
from commdoc.rooms.settings.files import SettingsFolder
from commdoc.server.settings import settings_folder
from commdoc.window import Window
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

LIGHT, DARK = "rgb(246, 246, 244)", "rgb(22, 24, 28)"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path_factory.mktemp("config")))
        notebook = Notebook()
        notebook.load()
        notebook.run("import ipywidgets as w; slider = w.IntSlider(description='n'); slider")
        yield notebook
        notebook.close()


@pytest.fixture(scope="module")
def window(notebook: Notebook) -> Iterator[Window]:
    with commdoc.join(kernel_id=notebook.kernel_id) as window:
        yield window


def grounds(page: RoomPage) -> list[Locator]:
    return [page.page.locator("body"), page.frame.locator("body")]


def expect_ground(page: RoomPage, color: str) -> None:
    for body in grounds(page):
        expect(body).to_have_css("background-color", color)
    is_light = "true" if color == LIGHT else "false"
    expect(page.frame.locator("body")).to_have_attribute("data-jp-theme-light", is_light)


def test_a_page_follows_the_theme_whatever_its_browser_prefers(
    chromium: Browser, notebook: Notebook, window: Window
) -> None:
    page, night = RoomPage(chromium, notebook.link), RoomPage(chromium, notebook.link, scheme="dark")
    try:
        expect_ground(page, LIGHT)
        expect_ground(night, DARK)
        window.settings["page.theme"] = "dark"
        expect_ground(page, DARK)
        expect_ground(night, DARK)
        # A command in another process, by way of the files.
        SettingsFolder(settings_folder()).exchange(changes={"page.theme": "light"})
        expect_ground(page, LIGHT)
        expect_ground(night, LIGHT)
        assert page.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
        late = RoomPage(chromium, notebook.reading_link(), scheme="dark")  # a viewer, too
        expect_ground(late, LIGHT)
        late.close()
        window.settings["page.theme"] = "auto"
        expect_ground(page, LIGHT)
        expect_ground(night, DARK)
        night.page.emulate_media(color_scheme="light")
        expect_ground(night, LIGHT)
        assert page.console == night.console == []
    finally:
        page.close()
        night.close()


def test_nothing_moves_by_itself_where_that_is_wanted(
    chromium: Browser, notebook: Notebook, window: Window
) -> None:
    page = RoomPage(chromium, notebook.link)
    try:
        view = page.frame.locator("#stage [data-comm-id]").first
        expect(view).to_have_css("transition-duration", "0.15s")
        window.settings["page.motion"] = "reduced"
        expect(view).to_have_css("transition-duration", "0s")
        del window.settings["page.motion"]
        expect(view).to_have_css("transition-duration", "0.15s")
    finally:
        page.close()


def test_a_frame_that_is_loaded_again_looks_the_same(
    chromium: Browser, notebook: Notebook, window: Window
) -> None:
    page = RoomPage(chromium, notebook.link)
    try:
        window.settings["page.theme"] = "dark"
        expect_ground(page, DARK)
        page.frame.locator("body").evaluate("() => document.body.replaceChildren()")
        page.page.locator("#reload").click(timeout=15_000)
        page.expect_readout("n", "0")
        expect_ground(page, DARK)
    finally:
        del window.settings["page.theme"]
        page.close()
