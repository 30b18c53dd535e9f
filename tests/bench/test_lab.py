"""A late JupyterLab window with 1,000 and 5,000 models beside plain JupyterLab: `bench_lab`, with ``-m bench``."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from tests.bench.bench_lab import CELL_SECONDS, Opener, measure, table
from tests.browser.lab import LabNotebook, LabServer
from tests.lab.conftest import OpenWindow, chromium, labextensions, open_window, plain_server, server
from tests.lab.windows import LabWindow

__all__ = ["chromium", "labextensions", "open_window", "plain_server", "server"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("C7")]


@pytest.fixture
def opener(open_window: OpenWindow) -> Opener:
    def opened(notebook: LabNotebook) -> LabWindow:
        return open_window(notebook, wait=False)

    return opened


@pytest.mark.bench
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("models", "rounds"), [(1_000, 5), (5_000, 5)])
def test_table(
    server: LabServer, plain_server: LabServer, opener: Opener, tmp_path: Path, models: int, rounds: int
) -> None:
    story = measure(models, server, plain_server, tmp_path, opener, rounds=rounds)
    Console(width=130).print(table([story]))
    assert max(join.moved for join in story.ours_busy) < CELL_SECONDS, "it has not waited for the cell"
