"""A page that joins late shows live widgets: with a busy kernel, without one, and before there is a widget (A3).

How fast is measured in `tests/bench/test_page.py`.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import tour
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

PRINTING = """
import ipywidgets as w, time
moved = w.IntSlider(description="moved")
clamped = w.IntSlider(description="clamped", max=100)
def limit(change):
    print("callback saw", change["new"])
    clamped.value = min(change["new"], 80)
clamped.observe(limit, "value")
display(w.VBox([moved, clamped]))
"""


def expect_all_views(page: RoomPage, count: int, *, seconds: float = 15.0) -> None:
    """Wait until this many displayed views are drawn and can be used."""
    # A function that the page calls at each frame it draws: `expect` would look again after up to a second.
    handle = page.page.wait_for_selector("iframe#frame", state="attached")
    frame = handle.content_frame() if handle is not None else None
    assert frame is not None
    frame.wait_for_function(
        """count => document.body?.dataset.live === "true"
            && document.querySelectorAll(".view > [data-comm-id]").length === count""",
        arg=count,
        timeout=seconds * 1000,
    )


@pytest.mark.acceptance("A3")
@pytest.mark.scenario("S07")
def test_the_tour_is_live_in_a_page_that_joins_a_busy_kernel(notebook: Notebook, open_page: OpenPage) -> None:
    first = open_page()
    busy = tour.run_until_busy(notebook)
    first.expect_kernel("busy")
    expect_all_views(first, 6)
    first.press("speed", "ArrowRight", 5)

    second = open_page(wait=False)
    expect_all_views(second, 6)
    second.expect_readout("speed", "35", seconds=1)
    second.expect_kernel("busy", seconds=1)

    first.press("speed", "ArrowRight", 7)
    second.expect_readout("speed", "42")
    second.press("left", "ArrowRight", 2)
    first.expect_readout("left", "6")
    first.expect_readout("right", "6")
    first.drag("power", 1.0)
    second.expect_readout("power", "100")
    first.expect_kernel("busy", seconds=0.1)
    first.picture("tour-busy-first")
    second.picture("tour-busy-second")

    notebook.finish(busy, timeout=40)
    for page in (first, second):
        page.expect_readout("power", "80")
        page.expect_text("speed 42, power 80")
        page.expect_kernel("idle")
    values = notebook.value("(speed.value, power.value, left.value, right.value)")
    assert values == (42, 80, 6, 6)
    first.expect_clean()
    second.expect_clean()


@pytest.mark.acceptance("A3")
def test_callbacks_run_after_the_busy_cell_and_their_prints_are_in_the_log(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(PRINTING)
    page, other = open_page(), open_page()
    with notebook.busy(then="print('cell printed')") as printed:
        page.expect_kernel("busy")
        page.drag("clamped", 1.0)
        other.expect_readout("clamped", "100")
        page.expect_kernel("busy", seconds=0.1)
    assert printed == ["cell printed\n"]
    page.expect_readout("clamped", "80")
    other.expect_readout("clamped", "80")
    assert notebook.value("clamped.value") == 80
    for each in (page, other):
        each.expect_text("callback saw 100")
        expect(each.frame.locator("#log")).not_to_contain_text("cell printed")
    page.expect_clean()


@pytest.mark.acceptance("A3")
@pytest.mark.scenario("S09")
def test_a_page_that_was_killed_is_opened_again(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(PRINTING)
    first, second = open_page(), open_page()
    second.press("moved", "ArrowRight", 3)
    first.expect_readout("moved", "3")
    with notebook.busy():
        first.expect_kernel("busy")
        second.close()
        expect(first.page.locator("#people summary")).to_have_text("1 window")
        first.press("moved", "ArrowRight", 4)
        third = open_page()
        third.expect_readout("moved", "7")
        third.press("moved", "ArrowLeft")
        first.expect_readout("moved", "6")
        first.expect_kernel("busy", seconds=0.1)
    until(lambda: notebook.value("moved.value") == 6, what="the kernel has it")
    third.expect_clean()


@pytest.mark.acceptance("A3")
def test_a_page_that_is_there_before_any_widget_shows_what_comes(
    notebook: Notebook, open_page: OpenPage
) -> None:
    page = open_page()
    expect(page.frame.locator("#empty")).to_be_visible()
    page.picture("empty")
    notebook.run(PRINTING, cell_id="c1")
    page.expect_readout("moved", "0")
    expect(page.frame.locator("#empty")).to_be_hidden()
    assert page.frame.locator(".cell h2").all_inner_texts()[0].startswith("In [")
    page.press("moved", "ArrowRight")
    until(lambda: notebook.value("moved.value") == 1, what="the kernel has it")
    page.expect_clean()


@pytest.mark.acceptance("A3")
@pytest.mark.scenario("S07", "S40")
def test_a_killed_kernel_leaves_its_last_state_marked(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(PRINTING)
    page = open_page()
    page.press("moved", "ArrowRight", 9)
    until(lambda: notebook.value("moved.value") == 9, what="the kernel has it")
    notebook.wait_until_the_room_has_it()
    notebook.kill()
    for each in (page, open_page()):
        expect(each.header).to_have_attribute("data-kernel-live", "false", timeout=15_000)
        each.expect_readout("moved", "9")
        each.expect_still()
        expect(each.page.locator("#kernel .words")).to_have_text("Kernel gone")
        expect(each.page.locator("#notice")).to_contain_text("last state")
    page.picture("kernel-gone")
    page.expect_clean()


@pytest.mark.scenario("S07")
def test_a_page_joins_while_the_interpreter_is_held(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(PRINTING)
    first = open_page()
    with notebook.busy(holding=True):
        first.expect_kernel("busy")
        second = open_page()
        second.expect_readout("moved", "0", seconds=3)
        second.press("moved", "ArrowRight", 2)
        first.expect_readout("moved", "2", seconds=2)
        first.expect_kernel("busy", seconds=0.1)
    until(lambda: notebook.value("moved.value") == 2, what="the kernel has it")


MANY = """
import anywidget, ipywidgets as w, os, traitlets
class Heavy(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      const show = () => { el.textContent = `heavy ${model.get("raw").byteLength}`; };
      model.on("change:raw", show);
      show();
    } };''' + "//" + "x" * 100_000
    raw = traitlets.Bytes().tag(sync=True)
s = w.IntSlider(description="s")
many = [w.IntSlider() for _ in range(1600)]
heavy = [Heavy(raw=os.urandom(250_000)) for _ in range(200)]
display(s)
display(w.VBox(heavy))
"""


@pytest.mark.scenario("S08")
def test_a_page_joins_five_thousand_models_and_fifty_megabytes_and_the_others_stay_live(
    notebook: Notebook, open_page: OpenPage
) -> None:
    first = open_page()
    notebook.run(MANY)
    heavy = "text=heavy 250000"
    expect(first.frame.locator(heavy)).to_have_count(200, timeout=30_000)
    with notebook.busy():
        second = open_page(wait=False)
        # It is on its way: the slider is drawn before the last of the blobs is there.
        for number in range(1, 6):
            first.press("s", "ArrowRight")
            first.expect_readout("s", str(number))
        second.expect_readout("s", "5", seconds=15)
        expect(second.frame.locator(heavy)).to_have_count(200, timeout=30_000)
        second.press("s", "ArrowLeft")
        first.expect_readout("s", "4")
    until(lambda: notebook.value("s.value") == 4, what="the kernel has it")
    first.expect_clean()
    second.expect_clean()
