"""The document stays as small as what is alive: `bench_document`, shorter, and in full with ``-m bench``."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.bench.bench_document import STORIES, WIRE_LIMIT, Run, bytes_table, costs_table, measure, reencoded


@pytest.mark.acceptance("A8")
@pytest.mark.parametrize("name", STORIES)
def test_the_document_depends_on_what_is_alive_and_not_on_what_happened(name: str) -> None:
    run = Run(name)
    STORIES[name](run, 3_000)
    assert run.after <= run.limit
    [by_yjs] = reencoded([run.doc.get_update()])
    assert by_yjs is None or by_yjs <= run.limit
    if "slider" in name:
        assert max(run.wire) <= WIRE_LIMIT


@pytest.mark.bench
@pytest.mark.acceptance("A8")
@pytest.mark.timeout(600)
def test_table() -> None:
    runs = measure(100_000)
    console = Console(width=150)
    console.print(bytes_table(runs))
    console.print(costs_table([1, 100, 1000, 5000], 500))
    assert all(run.after <= run.limit for run in runs)
    assert all(run.yjs is None or run.yjs <= run.limit for run in runs)
    assert all(max(run.wire) <= WIRE_LIMIT for run in runs if "slider" in run.name)
