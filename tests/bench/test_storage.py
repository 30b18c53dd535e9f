"""What it costs a room to be kept: a transaction, the bytes of the journal, and the way back."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from statistics import median
from typing import Any

import pycrdt
import pytest
from rich.console import Console
from rich.table import Table

from commdoc.rooms.room import Room
from commdoc.rooms.store.base import Attributes
from commdoc.rooms.store.folder import FolderStore
from commdoc.rooms.store.keeper import Keeper
from tests.rooms.parties import House, opened

MOVES = 400
ROUNDS = 9


def moves(room: Room, comms: int, first: int) -> float:
    """Return the CPU microseconds of a transaction that moves one slider."""
    begun = time.process_time()
    for n in range(first, first + MOVES):
        with room.writing():
            room.comms.update(f"c{n % comms}", {"value": n})
    return (time.process_time() - begun) / MOVES * 1e6


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("journal.*"))


async def keeper_of(folder: Path, doc: pycrdt.Doc[Any]) -> Keeper:
    return await Keeper.open(FolderStore(folder), doc, lambda: Attributes("r1", "a.ipynb"))


@pytest.mark.bench
@pytest.mark.timeout(900)
async def test_table(tmp_path: Path) -> None:
    table = Table(
        "comms", "not kept, µs", "kept, µs", "ratio", "journal, B a move", "back after, ms",
        title=f"a transaction of one move, CPU: median of {ROUNDS} pairs of {MOVES}",
    )  # fmt: skip
    for comms in (1, 100, 1_000, 5_000):
        folder, killed = tmp_path / f"{comms}", tmp_path / f"{comms} killed"
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        async with House() as plain, House(doc=doc, keeper=await keeper_of(folder, doc)) as kept:
            rooms = [plain.room, kept.room]
            for house in (plain, kept):
                await (await house.bridge()).do(*(opened(f"c{n}") for n in range(comms)))
            rounds, written = [], []
            for number in range(ROUNDS):
                before = on_disk(folder)
                rounds.append([moves(room, comms, 1 + number * MOVES) for room in rooms])
                written.append((on_disk(folder) - before) / MOVES)
                await asyncio.sleep(0.01)
            shutil.copytree(folder, killed)
        without, with_ = (median(each) for each in zip(*rounds, strict=True))
        ratio = median(two / one for one, two in rounds)
        begun = time.perf_counter()
        again = await keeper_of(killed, pycrdt.Doc())
        back = (time.perf_counter() - begun) * 1e3
        assert again.restored
        await again.close()
        table.add_row(
            f"{comms:,}",
            f"{without:.0f}",
            f"{with_:.0f}",
            f"{ratio:.2f}",
            f"{median(written):.0f}",
            f"{back:.0f}",
        )
    Console(width=110).print(table)
