"""What an Output widget captures is in every window, whoever runs the cell and whoever leaves (C3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

SETUP = """
import ipywidgets as w, os, time
out = w.Output()
box = w.VBox([w.Label("captured:"), out])
display(box)
"""

LINES = """
with out:
    for n in range(10):
        print("line", n)
        while n >= 2 and not os.path.exists({flag!r}):
            time.sleep(0.01)
"""

ALL = "".join(f"line {n}\n" for n in range(10))


def captured(window: LabWindow) -> str:
    """Return what the Output shows."""
    return str(window.page.locator(".jp-Cell .widget-output").first.inner_text()).strip() + "\n"


def expect_captured(window: LabWindow, text: str) -> None:
    until(lambda: text in captured(window), what=f"{text!r} is to be seen")


def two_windows(
    server: LabServer, open_window: OpenWindow, name: str, flag: Path, *, load: bool
) -> list[LabWindow]:
    notebook = server.add(name, [SETUP, LINES.format(flag=str(flag))])
    first = open_window(notebook)
    if load:
        first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.page.wait_for_selector(".jp-Cell .widget-output", state="attached")
    first.save()
    second = open_window(notebook)
    second.page.wait_for_selector(".jp-Cell .widget-output", state="attached")
    return [first, second]


def run_from_a_script(server: LabServer, kernel_id: str, code: str) -> None:
    """Run code as a client that is no window, and knows nothing of widgets."""
    client = BlockingKernelClient(connection_file=server.connection_file(kernel_id))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        reply = client.execute_interactive(code, timeout=30, output_hook=lambda message: None)
        assert reply["content"]["status"] == "ok"
    finally:
        client.stop_channels()


def test_all_lines_are_there_when_the_window_that_runs_the_cell_is_closed(
    server: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "on"
    first, second = two_windows(server, open_window, "closed.ipynb", flag, load=True)
    first.start(1)
    for window in (first, second):
        expect_captured(window, "line 2")
    first.close()
    flag.touch()
    until(lambda: captured(second) == ALL, what="all lines are there")
    assert second.value("''.join(each['text'] for each in out.outputs)") == ALL
    late = open_window(server.at("closed.ipynb"))
    until(lambda: captured(late) == ALL, what="a late window has them")


def test_a_script_captures_as_a_window_does(
    server: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "on"
    flag.touch()
    windows = two_windows(server, open_window, "script.ipynb", flag, load=True)
    run_from_a_script(server, windows[0].kernel_id, LINES.format(flag=str(flag)))
    for window in windows:
        expect_captured(window, ALL)


def test_without_commdoc_lines_are_lost_with_the_window(
    plain_server: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "on"
    first, second = two_windows(plain_server, open_window, "closed.ipynb", flag, load=False)
    first.start(1)
    until(lambda: "line 2" in captured(first), what="the first lines are there")
    first.close()
    flag.touch()
    until(lambda: second.value("1"), what="the cell is done")
    assert second.value("''.join(each['text'] for each in out.outputs)") != ALL
    assert captured(second) != ALL


def test_without_commdoc_a_script_captures_nothing(
    plain_server: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "on"
    flag.touch()
    windows = two_windows(plain_server, open_window, "script.ipynb", flag, load=False)
    run_from_a_script(plain_server, windows[0].kernel_id, LINES.format(flag=str(flag)))
    assert windows[1].value("out.outputs") == []
    assert [captured(window).strip() for window in windows] == ["", ""]
