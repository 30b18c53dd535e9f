"""A kernel with commdoc and a window that is there all the time, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import commdoc
from commdoc.window.address import find
from tests.browser.notebook import Notebook


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    """A running kernel with commdoc loaded."""
    it = Notebook()
    try:
        yield it.load()
    finally:
        it.close()


@pytest.fixture
def window(notebook: Notebook) -> Iterator[commdoc.Window]:
    """A window that joined before there was anything."""
    with commdoc.join(url=notebook.link) as it:
        yield it


def sidecar_memory(notebook: Notebook) -> float:
    """Return the resident memory of the sidecar in MB; what the process shares with others doesn't count."""
    process = psutil.Process(find(kernel_id=notebook.kernel_id).pid)
    if not Path("/proc/self/smaps_rollup").exists():
        return process.memory_info().rss / 1e6
    return process.memory_full_info().uss / 1e6
