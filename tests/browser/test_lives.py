"""A kernel's lives: what a page shows after a restart, a crash, a shutdown, until the next life displays something."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

import commdoc
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

WIDGETS = """
import ipywidgets as w
s = w.IntSlider(description="s", value=7)
out = w.Output()
with out:
    print("captured")
    display(w.Button(description="press"))
display(w.VBox([s, w.Text(description="t", value="typed"), out]))
"""

ENDS: dict[str, Callable[[Notebook], None]] = {
    "kill -9": Notebook.kill,
    "crash": lambda notebook: notebook.manager.signal_kernel(11),
    "shutdown": lambda notebook: notebook.manager.shutdown_kernel(),
    "restart": Notebook.restart,
}


def expect_last_state(page: RoomPage) -> None:
    """What the last life displayed is there to be read, pale, and answers to nobody."""
    page.expect_still()
    page.expect_readout("s", "7")
    page.expect_text("captured")
    expect(page.labelled("t").locator("input")).to_have_value("typed")
    label = "getComputedStyle(document.querySelector('.cell h2'), '::after').content"
    assert "last state" in page.page.frames[1].evaluate(label)
    expect(page.frame.locator(".view > [data-comm-id]")).to_have_css("filter", "grayscale(1)")
    expect(page.frame.locator(".view button")).to_have_css("opacity", "0.75")
    box = page.handle("s").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + 4, box["y"] + 4)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 60, box["y"] + 4, steps=4)
    page.page.mouse.up()
    page.handle("s").evaluate("handle => handle.focus()")
    page.page.keyboard.press("ArrowRight")
    page.expect_readout("s", "7")


@pytest.mark.scenario("S40")
@pytest.mark.parametrize("end", ENDS)
def test_the_last_state_stays_dead_and_said_until_the_next_life_displays(
    notebook: Notebook, open_page: OpenPage, end: str
) -> None:
    notebook.run(WIDGETS)
    page = open_page()
    page.expect_readout("s", "7")
    ENDS[end](notebook)
    expect(page.header).to_have_attribute("data-kernel-live", "false", timeout=20_000)
    expect(page.page.locator("#notice")).to_contain_text("last state")
    # Said once.
    expect(page.frame.locator("#state")).to_be_hidden()
    expect_last_state(page)
    page.picture(f"life-{end.replace(' ', '')}")
    if end != "restart":
        page.expect_clean()
        return

    notebook.load()
    expect(page.header).to_have_attribute("data-kernel-live", "true", timeout=20_000)
    expect(page.page.locator("#notice")).to_be_hidden()
    expect(page.frame.locator("#state")).to_contain_text("started anew")
    with commdoc.join(url=notebook.link) as window:
        assert list(window.comms) == []
    notebook.run("import ipywidgets as w; n = w.IntSlider(description='n')")  # there, but not displayed
    with commdoc.join(url=notebook.link) as window:
        window.wait_for("IntSliderModel", timeout=10)
    expect_last_state(page)
    page.picture("life-anew")

    notebook.run("display(n)")
    page.expect_readout("n", "0")
    expect(page.frame.locator("#state")).to_be_hidden()
    expect(page.frame.locator(".cell")).to_have_count(1)
    expect(page.frame.locator("body")).not_to_contain_text("captured")
    page.press("n", "ArrowRight")
    until(lambda: notebook.value("n.value") == 1, what="the kernel has it")
    page.expect_clean()


@pytest.mark.scenario("S40")
def test_an_interrupt_changes_nothing(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(WIDGETS)
    page = open_page()
    page.expect_readout("s", "7")
    running = notebook.start("import time\nwith out:\n    print('going on')\n    time.sleep(60)")
    page.expect_text("going on")
    notebook.manager.interrupt_kernel()
    notebook.finish(running, timeout=20)
    page.expect_text("KeyboardInterrupt")
    expect(page.page.locator("#notice")).to_be_hidden()
    expect(page.frame.locator("#state")).to_be_hidden()
    expect(page.frame.locator("#stage")).to_have_attribute("data-state", "live")
    page.press("s", "ArrowRight")
    until(lambda: notebook.value("s.value") == 8, what="the kernel has it")
    page.expect_clean()
