"""Capturing costs in proportion to what is captured: `bench_capture`, shorter, and in full with ``-m bench``."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.bench.bench_capture import Run, measure, table

pytestmark = [pytest.mark.kernel, pytest.mark.node, pytest.mark.acceptance("B3")]

FLAT = 1.5
"""What a capture may take longer in the longest run than in the shortest."""


def check(runs: list[Run]) -> None:
    """What must hold at any length."""
    for run in runs:
        assert run.equal, run.name
        if "bar" in run.name:
            assert run.document < 2_000
        elif run.text:
            assert run.to_room < 6 * run.text, run.name
            assert run.to_window < 6 * run.text + 10_000, run.name
            assert run.document < 1.3 * run.text + 10_000, run.name


@pytest.mark.timeout(120)
def test_bytes_are_linear_in_what_is_captured() -> None:
    runs = measure(short=True)
    Console(width=190).print(table(runs))
    check(runs)


@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_table() -> None:
    runs = measure()
    Console(width=190).print(table(runs))
    check(runs)
    for kind in ("printed", "flushed", "displayed"):
        own = [run for run in runs if run.name.endswith(f" {kind}")]
        assert own[-1].seconds < FLAT * own[0].seconds, kind
