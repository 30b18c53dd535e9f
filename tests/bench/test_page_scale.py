"""A late page with many models, and one whose sliders all move: `bench_page_scale`, with ``-m bench``."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from rich.console import Console

from tests.bench.bench_page_scale import frames_table, late, moving, table
from tests.browser.conftest import chromium, notebook
from tests.browser.notebook import Notebook

__all__ = ["chromium", "notebook"]  # fixtures

pytestmark = [
    pytest.mark.bench,
    pytest.mark.browser,
    pytest.mark.kernel,
    pytest.mark.acceptance("D5"),
    pytest.mark.timeout(600),
]

ROUNDS = 5
LIMIT = 1.5


@pytest.mark.parametrize("sliders", [300, 1_000])
def test_a_late_page_beside_the_html_manager_alone(
    chromium: Browser, notebook: Notebook, tmp_path: Path, sliders: int
) -> None:
    visits = late(chromium, notebook, tmp_path, sliders, rounds=ROUNDS)
    Console(width=130).print(table([visits]))
    assert visits.ratio("cold") <= LIMIT
    assert visits.ratio("warm") <= LIMIT


def test_frames_while_a_hundred_sliders_move(chromium: Browser, notebook: Notebook) -> None:
    found = moving(chromium, notebook, count=100, hertz=60, seconds=10)
    Console(width=130).print(frames_table(found, 100))
