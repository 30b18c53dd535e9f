"""What it costs the room to know who changed what: with nothing noted, with nobody asking, and with a window that asks.

Run by ``make bench``. A batch is 100 sliders of 100, or of 1,000, that the kernel has moved; rounds are interleaved.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import pytest
from rich.console import Console
from rich.table import Table

from commdoc.protocol.frames import Frame
from tests.rooms.parties import Bridge, House, moved, opened

ROUNDS = 40
BATCH = 100
LIMIT = 1.05
"""Times what it costs without, while nobody asks."""


async def a_round(house: House, bridge: Bridge, comms: int, value: int) -> float:
    """Return the seconds of CPU that the room took for a batch."""
    number = bridge.batch + 1
    bridge.batch = number
    ops = [moved(value, f"c{(value * BATCH + n) % comms}") for n in range(BATCH)]
    kernel = house.room.kernel
    member = next(m for m in house.room.broadcast.members.values() if m.handshake is None)
    kernel._take_ops(member.peer, Frame({"type": "ops", "batch": number, "ops": ops}, []))
    begin = time.thread_time()
    kernel.apply()
    taken = time.thread_time() - begin
    await asyncio.sleep(0)
    return taken


async def measure(comms: int) -> dict[str, float]:
    async with House() as house:
        bridge, window = await house.bridge(), await house.window()
        await bridge.do(*(opened(f"c{n}") for n in range(comms)))
        peer = house.room.broadcast.members[window.heard_of("welcome")[0]["peer_id"]].peer
        told = house.room.authors.changed
        times: dict[str, list[float]] = {"nothing noted": [], "nobody asks": [], "a window asks": []}
        value = 0
        for _ in range(ROUNDS):
            for name, taken in times.items():
                house.room.comms.on_change = None if name == "nothing noted" else told
                house.room.authors.inspect(peer, on=name == "a window asks")
                for _ in range(5):
                    value += 1
                    taken.append(await a_round(house, bridge, comms, value))
                if name == "a window asks":
                    house.room.authors._tell()
                    house.room.authors._comms.clear()
                house.room.authors.inspect(peer, on=False)
        return {name: statistics.median(taken) for name, taken in times.items()}


@pytest.mark.bench
@pytest.mark.timeout(300)
def test_table() -> None:
    table = Table(title=f"The room's CPU time for {BATCH} updates of the kernel (ms, median)")
    for heading in ("comms", "nothing noted", "nobody asks", "a window asks", "ratio", "ratio"):
        table.add_column(heading, justify="right")
    worst = 0.0
    for comms in (100, 1_000):
        figures = asyncio.run(measure(comms))
        none = figures["nothing noted"]
        ratios = [figures[name] / none for name in ("nobody asks", "a window asks")]
        worst = max(worst, ratios[0])
        cells = [f"{figure * 1000:.2f}" for figure in figures.values()]
        table.add_row(str(comms), *cells, *(f"{ratio:.3f}" for ratio in ratios))
    Console().print(table)
    assert worst < LIMIT
