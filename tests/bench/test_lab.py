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
def test_table(server: LabServer, plain_server: LabServer, opener: Opener, tmp_path: Path) -> None:
    stories = [
        measure(models, server, plain_server, tmp_path, opener, rounds=rounds)
        for models, rounds in ((1_000, 7), (5_000, 5))
    ]
    Console(width=130).print(table(stories))
    for story in stories:
        assert max(join.moved for join in story.ours_busy) < CELL_SECONDS, "it has not waited for the cell"
