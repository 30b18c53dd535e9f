"""Capturing costs the same for each capture: `bench_outputs`, shorter, and in full with ``-m bench``."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.bench.bench_outputs import Run, measure, table


def check(run: Run) -> None:
    """What must hold of every run, at any length."""
    assert run.equal, f"{run.name}: a late window, one that was there and the room differ"
    wire, per_batch = sum(run.wire), run.captures / len(run.wire)
    if "lines" in run.name and "short" not in run.name:
        assert wire < 3 * run.text
        assert run.document < 1.2 * run.text
    if "lines" in run.name:
        assert wire < 2.2 * run.text + 90 * run.captures / per_batch
        assert run.document < 1.25 * run.text + 2_000
        assert run.edits == len(run.wire)
    if "bar" in run.name:
        assert run.document < 2_000
        assert run.elements == 1
    if "displays" in run.name:
        assert wire < 210 * run.captures


@pytest.mark.acceptance("B3")
@pytest.mark.scenario("S34")
def test_wire_and_document_are_linear_in_what_is_captured() -> None:
    runs = measure(short=True)
    for run in runs:
        check(run)
    thousand, more = (run for run in runs if run.name in ("1,000 lines", "3,000 lines"))
    assert sum(more.wire) / more.text == pytest.approx(sum(thousand.wire) / thousand.text, rel=0.1)


@pytest.mark.bench
@pytest.mark.acceptance("B3")
@pytest.mark.timeout(600)
def test_table() -> None:
    runs = measure()
    Console(width=190).print(table(runs))
    for run in runs:
        check(run)
    for run in runs:
        if "updated" not in run.name:  # of that one the second half does something else
            assert run.drift(run.write) < 2, run.name
            assert run.drift(run.follow) < 2, run.name
