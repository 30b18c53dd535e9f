"""Who is here: nobody else, two, thirty, with long names, and with names that mean harm."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect

import commdoc
from tests.browser.axe import violations
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

NAMES = [
    "<img src=x onerror=\"document.title='mine'\"><script>document.title = 'mine'</script>",
    "a name that goes on and on " * 8,
    "unbroken" * 20,
    "right to left \u202e desrever",
    "\n  \t ",
    "名前 📊 имя",
]


def test_thirty_people_with_names_that_mean_harm_are_told_and_change_nothing(
    notebook: Notebook, open_page: OpenPage
) -> None:
    page = open_page(size=(480, 900))
    summary, people = page.page.locator("#people summary"), page.page.locator("#people li")
    expect(summary).to_have_text("1 window")
    with ExitStack() as stack:
        for number in range(29):
            name = NAMES[number] if number < len(NAMES) else f"window {number}"
            stack.enter_context(commdoc.join(url=notebook.link, name=name))
        expect(summary).to_have_text("30 windows")
        summary.click()
        expect(people).to_have_count(31)  # and the kernel
        expect(people.filter(has_text="<script>")).to_have_count(1)
        assert page.page.locator("#bar script, #bar img").count() == 0
        assert "mine" not in page.page.title()
        panel = page.page.locator("#people ul")
        box = panel.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 480
        assert box["y"] + box["height"] <= 900
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        # It is made anew for who comes, not for what the kernel does: a place that was scrolled to stays.
        panel.evaluate("list => { list.scrollTop = 200; list.first = list.firstElementChild; }")
        with notebook.busy():
            page.expect_kernel("busy")
        page.expect_kernel("idle")
        assert panel.evaluate("list => [list.scrollTop, list.first === list.firstElementChild]") == [
            200,
            True,
        ]
        assert violations(page) == []
        page.picture("thirty-people-480")
    expect(summary).to_have_text("1 window")
    page.expect_clean()


def test_the_list_is_opened_scrolled_and_closed_with_keys(notebook: Notebook, open_page: OpenPage) -> None:
    page = open_page()
    page.page.keyboard.press("Tab")
    expect(page.page.locator("#people summary")).to_be_focused()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.page.evaluate(outline) != "none", "the focus is to be seen"
    page.page.keyboard.press("Enter")
    expect(page.page.locator("#people ul")).to_be_visible()
    page.page.keyboard.press("Tab")
    expect(page.page.locator("#people ul")).to_be_focused()
    page.page.keyboard.press("Shift+Tab")
    page.page.keyboard.press("Enter")
    expect(page.page.locator("#people ul")).to_be_hidden()


SHOWN = """
import ipywidgets as w
s = w.IntSlider(description='speed', value=40)
display(w.VBox([s, w.IntProgress(value=5, max=9), w.Button(description='go'), w.ToggleButton(value=True)]))
"""

MOVING = """
[...document.querySelectorAll("#stage [data-comm-id]")]
  .filter(it => getComputedStyle(it).transitionProperty.includes("filter")).length
"""


def test_the_page_is_there_in_forced_colours_and_without_motion(
    notebook: Notebook, chromium: Browser
) -> None:
    notebook.run(SHOWN)
    page = RoomPage(chromium, notebook.link)
    try:
        page.expect_readout("speed", "40")
        assert page.page.frames[1].evaluate(MOVING) > 0
        page.page.emulate_media(forced_colors="active", reduced_motion="reduce")
        assert page.page.frames[1].evaluate("matchMedia('(forced-colors: active)').matches")
        for part in (".noUi-handle", ".noUi-target", ".jupyter-button"):
            expect(page.frame.locator(part).first).to_have_css("border-top-style", "solid")
        assert page.page.frames[1].evaluate(MOVING) == 0
        assert violations(page) == []
        page.picture("forced-colours")
    finally:
        page.close()
