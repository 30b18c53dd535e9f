"""What it costs a room to write into a copy of the notebook's document, and the copy's updates into the document."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import count, islice
from statistics import median
from typing import Any

import pycrdt
import pytest
from rich.console import Console
from rich.table import Table

from commdoc.document import CommsLog
from commdoc.server.jupyter.twin import Twin
from tests.bench.bench_document import EPOCH, slider_state


async def moves(log: CommsLog, comm_ids: list[str], values: Iterator[int], times: int = 400) -> float:
    """Return the CPU microseconds of a batch that moves one slider, the loop's turn behind it included."""
    begun = time.process_time()
    for n in islice(values, times):
        with log.batch():
            log.update(comm_ids[n % len(comm_ids)], {"value": n})
        await asyncio.sleep(0)
    return (time.process_time() - begun) / times * 1e6


def filled(doc: pycrdt.Doc[Any], comms: int) -> tuple[CommsLog, list[str]]:
    log = CommsLog(doc)
    comm_ids = [f"c{n}" for n in range(comms)]
    with log.batch():
        log.begin_epoch("k", EPOCH, "python3")
        for comm_id in comm_ids:
            log.open(comm_id, epoch=EPOCH, target_name="jupyter.widget", state=slider_state())
    return log, comm_ids


@pytest.mark.bench
@pytest.mark.timeout(600)
async def test_table() -> None:
    table = Table(
        "comms", "the document itself, µs", "its twin, µs", "ratio", title="a move of one slider, CPU"
    )
    for comms in (1, 100, 1_000, 5_000):
        alone: pycrdt.Doc[Any] = pycrdt.Doc()
        beside = await Twin.of(pycrdt.Doc())
        sides = [(*filled(doc, comms), count(1)) for doc in (alone, beside.own)]
        await asyncio.sleep(0)
        rounds = [[await moves(*side) for side in sides] for _ in range(7)]
        one, two = (median(each) for each in zip(*rounds, strict=True))
        ratio = median(round_[1] / round_[0] for round_ in rounds)
        table.add_row(f"{comms:,}", f"{one:.0f}", f"{two:.0f}", f"{ratio:.2f}")
        beside.close()
    Console(width=110).print(table)
