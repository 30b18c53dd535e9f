"""Hands on sliders: the kernel corrects, two people drag, links pull."""

from __future__ import annotations

import contextlib
import time

import pytest

import commdoc
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

CORRECTED = """
import ipywidgets as w, traitlets
def rounded(change):
    s.value = round(change["new"] / 10) * 10
class Even(w.IntSlider):
    @traitlets.validate("value")
    def _validate_value(self, proposal):
        if proposal["value"] % 2:
            raise traitlets.TraitError("only even numbers")
        return proposal["value"]
s = w.IntSlider(description="s", max=100)
{how}
display(s)
"""

CORRECTIONS = {
    "rounds": "s.observe(rounded, 'value')",
    "clamps": "s.observe(lambda change: s.set_trait('value', min(s.value, 35)), 'value')",
    "rejects": "s = Even(description='s', max=100)",
}


@pytest.mark.scenario("S12")
@pytest.mark.parametrize("how", CORRECTIONS)
def test_the_hand_is_not_pulled_back_and_the_kernel_has_the_last_word(
    notebook: Notebook, open_page: OpenPage, how: str
) -> None:
    notebook.run(CORRECTED.format(how=CORRECTIONS[how]))
    page, other = open_page(), open_page()
    other.expect_readout("s", "0")
    left, right, y = page.grab("s")
    for share in (0.13, 0.27, 0.47, 0.57, 0.73):
        page.page.mouse.move(left + share * (right - left), y, steps=4)
        shown = page.readout("s")
        # The kernel handled it, and what it made of it came as far as the other page …
        until(lambda: _settled(notebook, other), what="the other page shows the kernel's value")
        # … and this one still shows where the hand is.
        assert page.readout("s") == shown
        assert abs(int(shown) - 100 * share) <= 2
    page.page.mouse.up()
    until(lambda: _settled(notebook, other, page), what="both show the kernel's value")
    assert _corrected(how, notebook.value("s.value"))


def _corrected(how: str, value: int) -> bool:
    return {"rounds": value == 70, "clamps": value == 35, "rejects": value % 2 == 0}[how]


def _settled(notebook: Notebook, *pages: RoomPage) -> bool:
    value = str(notebook.value("s.value"))
    return all(page.readout("s") == value for page in pages)


def test_the_caret_is_not_pulled_while_the_kernel_changes_what_is_typed(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        "import ipywidgets as w; t = w.Text(description='t'); display(t)\n"
        "t.observe(lambda change: t.set_trait('value', t.value.upper()), 'value')"
    )
    page, other = open_page(), open_page()
    page.labelled("t").locator("input").press_sequentially("commdoc", delay=30)
    until(lambda: notebook.value("t.value") == "COMMDOC", what="the kernel has it")
    for each in (page, other):
        box = each.labelled("t").locator("input")
        until(lambda box=box: box.input_value() == "COMMDOC", what="the page has the kernel's value")  # type: ignore[misc]


@pytest.mark.scenario("S13")
def test_two_people_drag_the_same_slider_at_once(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run("import ipywidgets as w; s = w.IntSlider(description='s', max=100); display(s)")
    pages = [open_page(), open_page()]
    grips = [page.grab("s") for page in pages]
    for step in range(40):
        for number, (page, (left, right, y)) in enumerate(zip(pages, grips, strict=True)):
            share = step / 39 if number else 1 - step / 39
            page.page.mouse.move(left + share * (right - left), y)
    for page in pages:
        page.page.mouse.up()
    until(lambda: _settled(notebook, *pages) and _rest(pages, 0.5), what="nobody has anything more to say")
    assert _settled(notebook, *pages)


def _rest(pages: list[RoomPage], seconds: float) -> bool:
    """Whether no page sends anything for this time."""
    before = _sent(pages)
    time.sleep(seconds)
    return _sent(pages) == before


def _sent(pages: list[RoomPage]) -> list[int]:
    """How many frames each page has sent by now; they are counted while Playwright is waited for, and only then."""
    for page in pages:
        page.page.evaluate("0")
    return [page.frames_sent for page in pages]


LINKED = """
import ipywidgets as w
a, b, c, d, e = (w.IntSlider(description=n, max=100) for n in "abcde")
links = [
    w.jslink((a, "value"), (b, "value")),
    w.jsdlink((b, "value"), (c, "value")),
    w.link((c, "value"), (d, "value")),
    w.dlink((d, "value"), (e, "value")),
    {circle}
]
display(w.VBox([a, b, c, d, e]))
"""
VALUES = "[s.value for s in (a, b, c, d, e)]"


@pytest.mark.scenario("S14")
@pytest.mark.parametrize(
    "circle", ["", 'w.jslink((e, "value"), (a, "value")), w.dlink((e, "value"), (a, "value"))']
)
def test_links_in_pages_and_in_the_kernel_settle(
    notebook: Notebook, open_page: OpenPage, circle: str
) -> None:
    notebook.run(LINKED.format(circle=circle))
    pages = [open_page() for _ in range(3)]
    for page in pages:
        page.expect_readout("e", "0")

    pages[0].drag("a", 0.6, steps=25)
    end = int(pages[0].readout("a"))
    _expect_all(notebook, pages, end)
    # The kernel moves it: one of the pages must follow the link, and none may go on for ever.
    notebook.run("for n in range(0, 91, 3): a.value = n")
    _expect_all(notebook, pages, 90)
    notebook.run("a.value = 7")
    _expect_all(notebook, pages, 7)

    until(lambda: _rest(pages, 2.5), timeout=20, what="no page goes on")
    assert notebook.value(VALUES) == [7] * 5
    for page in pages:
        page.expect_clean()


def _expect_all(notebook: Notebook, pages: list[RoomPage], value: int) -> None:
    def all_there() -> bool:
        there = notebook.value(VALUES) == [value] * 5
        return there and all(page.readout(name) == str(value) for page in pages for name in "abcde")

    until(all_there, timeout=15, what=f"all five are {value} in the kernel and in every page")


@pytest.mark.scenario("S13")
def test_a_player_is_run_by_one_page_and_goes_on_when_that_is_closed(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        "import ipywidgets as w; p = w.Play(max=100000, interval=100); s = w.IntText(description='s')\n"
        "l = w.link((p, 'value'), (s, 'value')); display(w.VBox([p, s]))"
    )
    pages = [open_page() for _ in range(3)]
    pages[0].frame.locator(".widget-play button").first.click()
    before = _sent(pages[1:])
    until(lambda: notebook.value("p.value") >= 20, timeout=20, what="it plays")
    # Those that only watch have next to nothing to say.
    assert max(now - then for now, then in zip(_sent(pages[1:]), before, strict=True)) < 8
    shown = notebook.value("p.value")
    pages[0].close()
    until(lambda: notebook.value("p.value") > shown + 10, timeout=20, what="another page goes on with it")
    pages[2].frame.locator(".widget-play button").first.click()
    until(lambda: not notebook.value("p.playing"), what="it is paused")
    until(lambda: _rest(pages[1:], 0.5), what="the last step that was under way is there")
    rest = notebook.value("p.value")
    time.sleep(3)
    assert notebook.value("p.value") == rest
    notebook.run("p.playing = True")
    until(
        lambda: notebook.value("p.value") > rest + 5, timeout=20, what="a page runs what the kernel started"
    )


@pytest.mark.scenario("S14")
def test_scripts_in_the_room_do_not_delay_a_link(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        "import ipywidgets as w\n"
        "a, b = w.IntSlider(description='a'), w.IntSlider(description='b')\n"
        "l = w.jslink((a, 'value'), (b, 'value')); display(w.VBox([a, b]))"
    )
    with contextlib.ExitStack() as scripts:
        for _ in range(12):
            scripts.enter_context(commdoc.join(url=notebook.link))
        page = open_page()
        page.expect_readout("b", "0")
        notebook.run("a.value = 7")
        # A window waits a second and a half for each that comes before it, and for itself not a tenth.
        until(lambda: notebook.value("b.value") == 7, timeout=6, what="the page follows the link")
