"""With jupyter-server-documents both windows' moves reach the kernel, and captures stay in the Output (C4)."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabServer
from tests.lab.conftest import OpenWindow
from tests.lab.test_captures import ALL, LINES, expect_captured
from tests.lab.test_collaboration import TRUST
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

WIDGETS = """
import ipywidgets as w, os, time
out = w.Output()
speed = w.IntSlider(value=3, description="speed")
seen = w.Label("nothing yet")
speed.observe(lambda change: seen.set_trait("value", f"the kernel saw {change['new']}"), "value")
display(w.VBox([speed, seen, out]))
"""


def two_windows(
    server: LabServer, open_window: OpenWindow, name: str, flag: Path, *, load: bool
) -> list[LabWindow]:
    notebook = server.add(name, [WIDGETS, LINES.format(flag=str(flag))])
    first = open_window(notebook)
    if load:
        first.kernel_run("%load_ext commdoc")  # with a second window its answer may go to that one
    second = open_window(notebook)
    windows = [first, second]
    for window in windows:
        window.page.evaluate(TRUST)
    first.start(0)
    for window in windows:
        window.expect_value("speed", 3, seconds=20)
    return windows


def expect_seen(window: LabWindow, value: int) -> None:
    expect(window.page.locator(".jp-Notebook .widget-label", has_text="the kernel saw")).to_have_text(
        f"the kernel saw {value}", timeout=10_000
    )


def test_both_windows_reach_the_kernel_and_captures_stay_in_the_output(
    server_documents: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "on"
    flag.touch()
    first, second = two_windows(server_documents, open_window, "both.ipynb", flag, load=True)
    for turn, (window, other) in enumerate([(first, second), (second, first), (first, second)]):
        window.press("speed", "ArrowRight")
        other.expect_value("speed", 4 + turn)
        expect_seen(other, 4 + turn)
    second.start(1)
    for window in (first, second):
        expect_captured(window, ALL)
        assert window.cell(1).locator(".jp-Cell-outputArea").inner_text().strip() == ""
    first.expect_same(second)


def test_without_commdoc_the_first_windows_moves_are_lost(
    plain_server_documents: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    first, second = two_windows(
        plain_server_documents, open_window, "both.ipynb", tmp_path / "on", load=False
    )
    second.press("speed", "ArrowRight")
    first.expect_value("speed", 4)
    expect_seen(first, 4)
    first.press("speed", "ArrowRight")
    first.expect_value("speed", 5)
    second.press("speed", "ArrowRight", 2)
    expect_seen(second, 6)
    first.page.wait_for_timeout(1_000)  # nothing comes that could be waited for
    assert second.widget("speed").locator(".widget-readout").inner_text() == "6"
    expect_seen(second, 6)
