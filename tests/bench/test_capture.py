"""Capturing costs in proportion to what is captured: `bench_capture`, shorter, and in full with ``-m bench``."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.bench.bench_capture import Run, measure, table

pytestmark = [pytest.mark.kernel, pytest.mark.node, pytest.mark.acceptance("B3")]

FLAT = 1.5
"""What a capture may cost more CPU in the longest run than in the shortest; other work on the machine changes that
least.
"""


def check(runs: list[Run]) -> None:
    """What must hold at any length."""
    for run in runs:
        assert run.equal, run.name
        if "bar" in run.name:
            assert run.document < 2_000
        elif run.text:
            assert run.to_room < 2.5 * run.text, run.name
            assert run.to_window < run.text + 10_000, run.name
            assert run.document < 1.3 * run.text + 10_000, run.name


@pytest.mark.timeout(120)
def test_bytes_are_linear_in_what_is_captured() -> None:
    runs = measure(short=True)
    Console(width=190).print(table(runs))
    check(runs)
    for kind in ("flushed", "displayed"):
        few, more = (run.to_room / run.text for run in runs if run.name.endswith(f" {kind}"))
        assert more == pytest.approx(few, rel=0.2), kind


@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_table() -> None:
    runs = measure()
    Console(width=190).print(table(runs))
    check(runs)
    for kind in ("printed", "flushed", "displayed"):
        own = [run for run in runs if run.name.endswith(f" {kind}")]
        assert own[-1].cpu < FLAT * own[0].cpu, kind
        assert own[-1].iopub < 8 * own[-1].text, kind
