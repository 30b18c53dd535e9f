"""A second window of JupyterLab that is opened while a cell runs: its widgets are there, live, and not stale (C1)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

WIDGETS = """
import ipywidgets as w, os, time
speed = w.IntSlider(value=3, description="speed")
name = w.Text("hello", description="name")
out = w.Output()
with out:
    print("captured")
    display(w.Button(description="inside"))
display(w.VBox([speed, name, out]))
"""

MORE = """
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      const button = document.createElement("button");
      button.className = "counter";
      const show = () => { button.textContent = `count ${model.get("count")}`; };
      button.onclick = () => { model.set("count", model.get("count") + 1); model.save_changes(); };
      model.on("change:count", show);
      show();
      el.append(button);
    } }'''
    count = traitlets.Int(0).tag(sync=True)
counter = Counter()
gain = w.FloatSlider(value=0.5, max=1.0, step=0.1, description="gain")
twice = w.interactive(lambda x: print(f"twice {2 * x}"), x=(0, 10))
display(counter, gain, twice)
"""

# Busy for as long as the story takes, on whatever machine; a test that fails leaves no kernel that runs for ever.
BUSY = """
end = time.monotonic() + 300
while time.monotonic() < end and not os.path.exists({flag!r}):
    time.sleep(0.02)
"""


def expect_counter(window: LabWindow, text: str) -> None:
    expect(window.page.locator("button.counter")).to_have_text(text)


def test_widgets_are_live_in_a_window_that_opens_while_a_cell_runs(
    server: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "enough"
    notebook = server.add("late.ipynb", [WIDGETS, MORE, BUSY.format(flag=str(flag))])
    first = open_window(notebook)
    first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.run(1)
    first.expect_live(5)
    first.save()
    first.start(2)
    first.expect_running(2)
    first.press("speed", "ArrowRight", 4)
    first.expect_value("speed", 7)

    second = open_window(notebook, wait=False)
    visible = time.monotonic()
    second.expect_live(5)
    print(f"live {time.monotonic() - visible:.2f} s after the notebook was to be seen")
    second.expect_value("speed", 7)
    second.expect_text(0, "captured")
    expect(second.page.locator("button", has_text="inside")).to_be_visible()

    second.press("speed", "ArrowRight", 2)
    first.expect_value("speed", 9)
    first.press("gain", "ArrowRight", 3)
    second.expect_value("gain", "0.80")
    second.page.locator("button.counter").click()
    expect_counter(first, "count 1")
    expect_counter(second, "count 1")
    first.expect_running(2)

    flag.touch()
    first.expect_done(2)
    until(
        lambda: first.value("[speed.value, gain.value, counter.count]") == [9, 0.8, 1],
        what="the kernel has all",
    )
    second.press("speed", "ArrowLeft")
    first.expect_value("speed", 8)
    until(lambda: first.value("speed.value") == 8, what="the kernel has it")
    first.expect_same(second)
    assert second.told_kernel() == [], "a window of the document says nothing to the kernel by itself"
    assert first.console == second.console == []


def test_without_commdoc_the_second_window_waits_for_the_cell(
    plain_server: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "enough"
    notebook = plain_server.add("late.ipynb", [WIDGETS, BUSY.format(flag=str(flag))])
    first = open_window(notebook)
    first.run(0)
    first.expect_value("speed", 3)
    first.save()
    first.start(1)
    first.expect_running(1)
    first.press("speed", "ArrowRight", 4)
    first.expect_value("speed", 7)

    second = open_window(notebook, wait=False)
    until(second.told_kernel, timeout=20, what="the window asks the kernel for the widgets")
    second.expect_text(0, "Loading widget...")
    assert second.page.locator(".widget-slider").count() == 0
    first.expect_running(1)

    flag.touch()
    first.expect_done(1)
    expect(second.page.locator(".widget-slider").first).to_be_visible(timeout=20_000)
