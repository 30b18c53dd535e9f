"""With jupyter-collaboration cells come by its document, and their widgets by the room: in any order (C1, C5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.test_late_window import BUSY, WIDGETS
from tests.lab.windows import Delay

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

TRUST = "() => { for (const cell of lab.panel().content.model.cells) cell.trusted = true; }"
"""What *Trust Notebook* does. JupyterLab shows no widget in a cell that it doesn't trust."""

NEXT = "fresh = w.IntSlider(value=20, description='fresh')\ndisplay(fresh)"


def test_a_window_that_opens_while_a_cell_runs_has_cells_and_widgets(
    collaboration: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "enough"
    notebook = collaboration.add("late.ipynb", [WIDGETS, BUSY.format(flag=str(flag))])
    first = open_window(notebook)
    first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.expect_live(2)
    first.start(1)
    first.expect_running(1)
    first.press("speed", "ArrowRight", 4)
    second = open_window(notebook, wait=False)
    second.expect_live(2)
    second.expect_value("speed", 7)
    second.press("speed", "ArrowRight", 2)
    first.expect_value("speed", 9)
    second.expect_text(0, "captured")
    flag.touch()
    first.expect_done(1)
    until(lambda: first.value("speed.value") == 9, what="the kernel has it")
    first.expect_same(second)
    second.page.evaluate("lab.panel().content.model.cells.get(0).sharedModel.setSource('pass')")
    expect(first.cell(0).locator(".cm-content")).to_have_text("pass")


def test_widgets_come_with_their_outputs_by_the_notebooks_document(
    collaboration: LabServer, open_window: OpenWindow
) -> None:
    notebook = collaboration.add("early.ipynb", [WIDGETS, NEXT])
    first = open_window(notebook)
    first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.expect_live(2)
    delay = Delay(r"/commdoc/rooms/[^/]+/ws|/api/kernels/[^/]+/channels")
    second = open_window(notebook, delayed=delay)
    second.expect_live(2)
    second.page.evaluate(TRUST)
    delay.hold()
    first.run(1)
    first.expect_value("fresh", 20)
    second.expect_value("fresh", 20)
    first.press("fresh", "ArrowRight")
    second.expect_value("fresh", 21)
    delay.release()
    second.press("fresh", "ArrowRight")
    first.expect_value("fresh", 22)


def test_without_commdoc_it_stays_broken(plain_collaboration: LabServer, open_window: OpenWindow) -> None:
    notebook = plain_collaboration.add("early.ipynb", [WIDGETS, NEXT])
    first = open_window(notebook)
    first.run(0)
    first.expect_value("speed", 3)
    delay = Delay(r"/api/kernels/[^/]+/channels")
    second = open_window(notebook, delayed=delay)
    second.expect_value("speed", 3)
    second.page.evaluate(TRUST)
    delay.hold()
    first.run(1)
    first.expect_value("fresh", 20)
    second.expect_text(1, "model not found")
    delay.release()
    first.press("speed", "ArrowRight")
    second.expect_value("speed", 4)
    second.expect_text(1, "model not found")
