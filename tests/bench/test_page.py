"""A late page: from its opening until all widgets of the tour can be used, while a cell keeps the kernel busy (A3).

Run by ``make bench``. Each page is a browser context of its own, with empty caches.
"""

from __future__ import annotations

import statistics
import time

import pytest
from rich.console import Console
from rich.table import Table

from tests.browser import tour
from tests.browser.conftest import OpenPage, chromium, notebook, open_page
from tests.browser.notebook import Notebook
from tests.browser.test_late_join import expect_all_views

__all__ = ["chromium", "notebook", "open_page"]  # fixtures

LIMIT_SECONDS = 2.0
PAGES = 7


@pytest.mark.bench
@pytest.mark.browser
@pytest.mark.kernel
@pytest.mark.acceptance("A3")
@pytest.mark.timeout(300)
def test_table(notebook: Notebook, open_page: OpenPage) -> None:
    first = open_page()
    busy = tour.run_until_busy(notebook)
    first.expect_kernel("busy")
    expect_all_views(first, 6)
    times: list[float] = []
    for _ in range(PAGES):
        started = time.perf_counter()
        page = open_page(wait=False)
        expect_all_views(page, 6)
        times.append(time.perf_counter() - started)
        page.expect_kernel("busy", seconds=1)
        page.close()
    notebook.finish(busy, timeout=40)
    table = Table(title="A late page, the kernel busy, until all widgets of the tour are live (s)")
    for heading in ("pages", "median", "fastest", "slowest"):
        table.add_column(heading, justify="right")
    figures = (statistics.median(times), min(times), max(times))
    table.add_row(str(len(times)), *(f"{figure:.2f}" for figure in figures))
    Console().print(table)
    assert figures[0] < LIMIT_SECONDS
