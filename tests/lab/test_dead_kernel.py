"""A kernel that is restarted, shut down or killed: its widgets show what they had, and a rerun brings new ones (C2)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence

import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

CELLS = [
    "%load_ext commdoc",
    """
import ipywidgets as w, json, os
speed = w.IntSlider(value=3, description="speed")
double = w.IntText(description="double")
speed.observe(lambda change: double.set_trait("value", 2 * change["new"]), "value")
display(w.VBox([speed, double]))
""",
]


def restart(window: LabWindow) -> None:
    window.page.evaluate("lab.panel().sessionContext.restartKernel()")


def shut_down(window: LabWindow) -> None:
    window.page.evaluate("lab.panel().sessionContext.shutdown()")


def kill(window: LabWindow) -> None:
    os.kill(window.value("os.getpid()"), signal.SIGKILL)


def expect_all(windows: Sequence[LabWindow], label: str, value: int) -> None:
    for window in windows:
        window.expect_value(label, value)


def expect_marked(window: LabWindow, value: int) -> None:
    """Wait until the widgets show what they had, and take no hand."""
    expect(window.widget("speed")).to_have_js_property("inert", True)
    window.expect_value("speed", value)


def take_note(window: LabWindow, end: Callable[[LabWindow], None]) -> None:
    """Do what a person must before JupyterLab lets them go on."""
    if end is kill:
        window.page.get_by_role("button", name="Ok").click()
    elif end is shut_down:
        window.page.wait_for_function(
            "lab.panel().sessionContext.session === null"
        )  # it looks every ten seconds
        window.page.evaluate("lab.panel().sessionContext.changeKernel({name: 'python3'}).then(() => null)")


@pytest.mark.parametrize("end", [restart, shut_down, kill])
def test_widgets_outlive_their_kernel_and_come_back_with_the_next(
    server: LabServer, open_window: OpenWindow, end: Callable[[LabWindow], None]
) -> None:
    notebook = server.add(f"{end.__name__}.ipynb", CELLS)
    first = open_window(notebook)
    first.run_all()
    first.expect_live(1)
    first.save()
    second = open_window(notebook)
    second.expect_live(1)
    second.press("speed", "ArrowRight", 4)
    first.expect_value("speed", 7)
    until(lambda: first.value("speed.value") == 7, what="the kernel has it")

    end(first)
    third = open_window(notebook, wait=False)
    windows = [first, second, third]
    for window in windows:
        expect_marked(window, 7)

    take_note(first, end)
    take_note(second, end)
    second.run_all()
    second.expect_live(1)
    second.save()
    for window in (first, third):
        window.page.evaluate("lab.panel().context.revert()")
        window.expect_live(1)
    for turn in range(1, 8):
        for moved, window in enumerate(windows):
            window.press("speed", "ArrowRight")
            expect_all(windows, "speed", 3 * turn + moved + 1)
    until(lambda: second.value("speed.value") == 24, what="the kernel has it")
    first.expect_same(second, third)


@pytest.mark.parametrize("end", [restart, shut_down, kill])
def test_without_commdoc_a_late_window_has_nothing_and_the_old_ones_part(
    plain_server: LabServer, open_window: OpenWindow, end: Callable[[LabWindow], None]
) -> None:
    notebook = plain_server.add(f"{end.__name__}.ipynb", CELLS[1:])
    first = open_window(notebook)
    first.run_all()
    first.expect_value("speed", 3)
    first.save()
    second = open_window(notebook)
    second.expect_value("speed", 3)
    second.press("speed", "ArrowRight", 4)
    first.expect_value("speed", 7)

    end(first)
    third = open_window(notebook, wait=False)
    third.expect_text(0, "model not found", seconds=30)
    assert third.page.locator(".widget-slider").count() == 0

    take_note(first, end)
    take_note(second, end)
    first.press("speed", "ArrowRight")
    first.expect_value("speed", 8)
    assert second.value("1 + 1") == 2
    second.expect_value("speed", 7)
