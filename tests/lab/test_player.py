"""A `Play` is stepped by one window, whatever the number of them (S13); JupyterLab runs a clock in each."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.scenario("S13")]

STEPS = 8

INTERVAL_MS = 1_000
"""Long: two intervals and two seconds after the last step another window may go on, and a link in the page
that lags may say a step again; here the kernel links."""

PLAYER = f"""
import ipywidgets as w
play = w.Play(interval={INTERVAL_MS}, min=0, max={STEPS}, value=0)
shown = w.IntSlider(max={STEPS}, description="shown")
link = w.dlink((play, "value"), (shown, "value"))
told = []
take = play.set_state
play.set_state = lambda state: (told.append(state["value"]) if "value" in state else None, take(state))
display(w.VBox([play, shown]))
"""


def button(window: LabWindow) -> Locator:
    """The button that starts and pauses."""
    return window.page.locator(".jp-Notebook .widget-play button").first


def expect_paused(window: LabWindow, *, is_it: bool = True) -> None:
    expect(button(window).locator("i")).to_have_class(re.compile("fa-play" if is_it else "fa-pause"))


def windows(server: LabServer, open_window: OpenWindow, name: str, *, load: str) -> list[LabWindow]:
    """Open a window that runs the cell, with commdoc loaded `before`, `after` or `never`, and two late ones."""
    notebook = server.add(name, [PLAYER])
    first = open_window(notebook)
    if load == "before":
        first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.expect_value("shown", 0)
    if load == "after":
        first.kernel_run("%load_ext commdoc")
        expect(first.page.locator(".commdoc-StatusItem")).to_contain_text("1 window · idle")
    first.save()
    found = [first, open_window(notebook), open_window(notebook)]
    for window in found:
        window.expect_value("shown", 0)
    return found


def told(window: LabWindow) -> list[int]:
    """Return the values that windows have told the kernel."""
    values: list[int] = window.value("told")
    return values


def runs_the_clock(window: LabWindow) -> bool:
    return bool(
        window.page.evaluate(
            "async () => (await lab.models()).some(([, model]) => "
            "model.name === 'PlayModel' && model._timerId !== undefined)"
        )
    )


@pytest.mark.parametrize("load", ["before", "after"])
def test_each_step_is_told_once(server: LabServer, open_window: OpenWindow, load: str) -> None:
    first, second, third = windows(server, open_window, f"player-{load}.ipynb", load=load)
    button(second).click()
    until(lambda: len(told(first)) > 2, what="it runs")
    assert [runs_the_clock(window) for window in (first, second, third)] == [False, True, False]
    button(first).click()
    for window in (first, second, third):
        expect_paused(window)
    until(lambda: not first.value("play.playing"), what="the kernel knows that it is paused")
    rested = first.value("play.value")
    for window in (first, second, third):
        window.expect_value("shown", rested)
    button(first).click()
    expect_paused(third, is_it=False)
    until(lambda: first.value("play.value") == STEPS, timeout=30, what="it is at its end")
    for window in (first, second, third):
        window.expect_value("shown", STEPS)
        expect_paused(window)
    steps = told(first)
    assert steps == sorted(set(steps))


def test_without_commdoc_each_window_steps(plain_server: LabServer, open_window: OpenWindow) -> None:
    first, second, _ = windows(plain_server, open_window, "player.ipynb", load="never")
    button(second).click()
    until(lambda: first.value("play.value") == STEPS, timeout=30, what="it is at its end")
    steps = told(first)
    assert steps != sorted(set(steps))
