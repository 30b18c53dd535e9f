"""A widget that destroys the frame that it is in: the page says so within seconds, and brings the others back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

WIDGET = """
import anywidget, ipywidgets as w
s = w.IntSlider(description="s", value=7)
class Evil(anywidget.AnyWidget):
    _esm = '''export default { render({ el }) { ACTION } };'''
evil = Evil()
"""

WAYS = {
    "led elsewhere": ("location.href = 'about:blank';", "another address"),
    "led to the host": ("location.href = '/commdoc/static/frame.css';", "another address"),
    "refreshed": (
        "el.innerHTML = '<meta http-equiv=refresh content=\"0; url=about:blank\">';",
        "another address",
    ),
    "written over": ("document.open(); document.write('<p>mine now'); document.close();", "written over"),
    "emptied": ("document.body.textContent = 'mine now';", "written over"),
}


@pytest.mark.scenario("S47")
@pytest.mark.parametrize("way", WAYS)
def test_a_widget_that_destroys_its_frame_is_said_and_the_others_come_back(
    notebook: Notebook, open_page: OpenPage, way: str
) -> None:
    action, words = WAYS[way]
    notebook.run(WIDGET.replace("ACTION", action) + "display(s)")
    page = open_page()
    page.expect_readout("s", "7")
    before = page.page.url
    notebook.run("display(evil)")
    notice = page.page.locator("#notice")
    expect(notice).to_contain_text(words, timeout=5000)
    page.expect_state("stopped")
    if way == "written over":
        page.picture("frame-overwritten")
    # It would do it again: who wrote it closes it.
    notebook.run("evil.close(); s.value = 9")
    page.page.get_by_role("button", name="Load the widgets again").click()
    page.expect_readout("s", "9", seconds=15)
    page.expect_state("live")
    expect(notice).to_be_hidden()
    page.press("s", "ArrowRight")
    until(lambda: notebook.value("s.value") == 10, what="the kernel has it")
    expect(page.page.locator("#people summary")).to_have_text("1 window")
    assert page.page.url == before


BUSY = """
import anywidget, time, ipywidgets as w
class Busy(anywidget.AnyWidget):
    _esm = '''export default { render({ model }) {
      model.on("msg:custom", (_, buffers) => {
        if (buffers.length) return;
        const end = performance.now() + 12_000;
        while (performance.now() < end);
      });
    } };'''
busy, s = Busy(), w.IntSlider(description="s")
display(w.VBox([busy, s]))
"""


@pytest.mark.scenario("S10", "S48")
def test_what_comes_while_a_widget_keeps_its_frame_busy_does_not_fill_the_page(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(BUSY)
    page = open_page()
    page.expect_readout("s", "0")
    notebook.run("busy.send({'go': 1})")
    flood = notebook.start(
        "for n in range(40):\n    busy.send({}, [bytes(4 << 20)]); time.sleep(0.1)\ns.value = 5"
    )
    page.expect_state("disconnected")
    notebook.finish(flood)
    page.expect_state("live", seconds=30)
    page.expect_readout("s", "5")
    page.press("s", "ArrowRight")
    until(lambda: notebook.value("s.value") == 6, what="the kernel has it")
