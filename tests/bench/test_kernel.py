"""What commdoc costs in the kernel stays within its promise: `bench_kernel`, with ``-m bench``."""

from __future__ import annotations

import pytest
from rich.console import Console

from tests.bench.bench_kernel import LOADS, PAIRS, load_times, measure, own_runtime, table


@pytest.mark.bench
@pytest.mark.kernel
@pytest.mark.acceptance("A9")
@pytest.mark.timeout(1200)
def test_table() -> None:
    with own_runtime():
        loads, empty = load_times(LOADS)
        figures = measure(PAIRS, reload=False)
    Console(width=140).print(table(figures, loads, empty))
    assert max(loads) <= 0.3
    control = next(each for name, each in figures.items() if "control" in name)
    noise = max(0.0, control.ratio(0)[1] - 1)  # what the machine alone makes of nothing
    for name, each in figures.items():
        if each is not control:
            assert each.ratio(0)[1] <= each.limit + noise, name
