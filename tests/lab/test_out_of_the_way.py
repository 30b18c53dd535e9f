"""The plugin without commdoc in the kernel, and commdoc in the kernel without the plugin: JupyterLab as it is (C10)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

CELLS = [
    """
import ipywidgets as w
speed = w.IntSlider(value=3, description="speed")
name = w.Text("hello", description="name")
out = w.Output()
display(w.VBox([speed, name, out]))
with out:
    print("captured")
    display(w.Button(description="inside"))
""",
    "display(w.interactive(lambda x: print(f'twice {2 * x}'), x=(0, 10)))",
]

SHOWN = """
() => [...document.querySelectorAll(".jp-Notebook .jp-Cell-outputArea")].map(area => {
  const copy = area.cloneNode(true);
  for (const each of copy.querySelectorAll("*")) {
    for (const name of ["id", "for", "list", "data-jp-item-name"]) each.removeAttribute(name);
  }
  return copy.innerHTML.replace(/jp-[0-9a-f-]{36}/g, "");
})
"""


@dataclass
class Story:
    """What one run of the story left."""

    sent: list[list[str]]
    received: list[list[str]]
    shown: list[list[str]]
    console: list[list[str]]


def settle(window: LabWindow) -> None:
    """Wait until the kernel is idle and has answered all that it was asked."""
    window.value("1")
    until(lambda: window.kernel_status == "idle", what="the kernel is idle")


def restored(window: LabWindow) -> None:
    """Wait until the window has asked the kernel for the widgets that there are, and was answered."""
    window.wait_for("async () => (await lab.manager()).restoredStatus")
    settle(window)


def tell(server: LabServer, open_window: OpenWindow, *, load: bool = False) -> Story:
    """Two windows, cells run in the first, moves in both."""
    notebook = server.add("story.ipynb", CELLS)
    first = open_window(notebook)
    if load:
        first.kernel_run("%load_ext commdoc")
    restored(first)
    for index in range(len(CELLS)):
        first.run(index)
        settle(first)
    first.expect_text(1, "twice")
    first.save()
    second = open_window(notebook)
    restored(second)
    second.expect_value("speed", 3)
    second.expect_text(1, "twice")
    for turn, (window, other) in enumerate([(first, second), (second, first), (first, second)]):
        window.press("speed", "ArrowRight")
        other.expect_value("speed", 4 + turn)
        settle(window)
        settle(other)
    second.press("x", "ArrowRight")
    for window in (first, second):
        window.expect_text(1, "twice 12")
        settle(window)
    windows = [first, second]
    traces = [window.trace() for window in windows]
    return Story(
        [trace.sent for trace in traces],
        [trace.received for trace in traces],
        [window.page.evaluate(SHOWN) for window in windows],
        [window.console for window in windows],
    )


def test_with_the_plugin_and_without_jupyterlab_does_the_same_while_commdoc_is_not_loaded(
    server: LabServer, plain_server: LabServer, open_window: OpenWindow
) -> None:
    with_plugin = tell(server, open_window)
    plain = tell(plain_server, open_window)
    assert with_plugin.sent == plain.sent
    assert with_plugin.received == plain.received
    assert with_plugin.shown == plain.shown
    assert with_plugin.console == plain.console
    assert any("comm_msg" in line for line in plain.sent[1]), "the windows spoke with the kernel"


def test_without_the_plugin_a_panel_shows_what_it_always_showed(
    server_without_plugin: LabServer, plain_server: LabServer, open_window: OpenWindow
) -> None:
    loaded = tell(server_without_plugin, open_window, load=True)
    plain = tell(plain_server, open_window)
    assert loaded.shown == plain.shown
    assert loaded.console == plain.console


def test_the_status_bar_says_that_commdoc_is_off_and_turns_it_on(
    server: LabServer, open_window: OpenWindow
) -> None:
    window = open_window(server.add("on.ipynb", CELLS))
    item = window.page.locator(".commdoc-StatusItem")
    expect(item).to_have_text("commdoc: off")
    window.run(0)
    window.expect_value("speed", 3)
    item.click()
    expect(item).to_contain_text("widget models · 1 window · idle")
    window.press("speed", "ArrowRight")
    until(lambda: window.value("speed.value") == 4, what="the kernel has it")
    assert not any("ArrowRight" in line or '"value": 4' in line for line in window.told_kernel())
