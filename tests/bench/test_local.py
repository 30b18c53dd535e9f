"""The local socket beside the WebSocket: the same frames, to the same real sidecar, in turn.

Run by ``make bench``. The bridge's side is `Wire` and `LocalWire`, a window's `connect_websocket` and `connect_local`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from commdoc.kernel.local_wire import LocalWire
from commdoc.kernel.sidecar import Endpoint
from commdoc.kernel.wire import Wire
from commdoc.protocol import frames
from commdoc.window.address import Address
from commdoc.window.local import connect_local
from commdoc.window.websocket import connect_websocket
from tests.rooms.parties import KERNEL, Window, moved, opened, request
from tests.server.serving import hello, with_local_socket
from tests.server.sleeper import Sleeper, start

ROUNDS = 7
COMMS = 2_000

Measured = tuple[float, float]
"""Seconds of wall and of this side's CPU, for one."""


class WireBridge:
    """A bridge on a blocking connection, as a kernel has it."""

    def __init__(self, wire: Wire, kernel: dict[str, Any]) -> None:
        self.wire = wire
        self.batch = 0
        wire.send(frames.encode({"type": "hello", "protocol": [1, 1], "client": "bench", "kernel": kernel}))
        self._until("welcome")

    def _until(self, kind: str, **fields: Any) -> None:
        while True:
            for data in self.wire.receive(10) or ():
                message = frames.decode(data).message
                if message["type"] == kind and all(message[key] == fields[key] for key in fields):
                    return

    def do(self, *ops: dict[str, Any], blobs: tuple[bytes, ...] = ()) -> None:
        self.batch += 1
        headers = [{"hash": hashlib.sha256(b).hexdigest(), "size": len(b), "type": "bytes"} for b in blobs]
        message = {"type": "ops", "batch": self.batch, "ops": list(ops), "blobs": headers}
        self.wire.send(frames.encode(message, list(blobs)))
        self._until("applied", batch=self.batch)


def timed(times: int, work: Callable[[int], None]) -> Measured:
    begun, cpu = time.perf_counter(), time.process_time()
    for n in range(times):
        work(n)
    return (time.perf_counter() - begun) / times, (time.process_time() - cpu) / times


async def timed_async(times: int, work: Callable[[int], Awaitable[None]]) -> Measured:
    begun, cpu = time.perf_counter(), time.process_time()
    for n in range(times):
        await work(n)
    return (time.perf_counter() - begun) / times, (time.process_time() - cpu) / times


def bridge_side(endpoint: Endpoint, kernel: dict[str, Any], by: str) -> dict[str, Measured]:
    """Measure a bridge; it opens the comms when it is the first."""
    wire: Wire
    if by == "local":
        assert endpoint.local is not None
        wire = LocalWire(endpoint.local, {**endpoint.about, "token": endpoint.token})
    else:
        wire = Wire(endpoint.socket_url, endpoint.token, frames.MAX_FRAME_BYTES)
    bridge = WireBridge(wire, kernel)
    try:
        bridge.do(*(opened(f"c{n}") for n in range(COMMS)))
        pictures = [os.urandom(1_000_000) for _ in range(10)]
        return {
            "a batch of one move, until it is applied": timed(200, lambda n: bridge.do(moved(n))),
            "a blob of 1 MB, until it is applied": timed(
                10, lambda n: bridge.do(moved(n), blobs=(pictures[n],))
            ),
        }
    finally:
        wire.close(1.0)


async def window_side(endpoint: Endpoint, token: str, room_id: str, by: str) -> dict[str, Measured]:
    async def joined() -> Window:
        if by == "local":
            assert endpoint.local is not None
            window = Window(await connect_local(endpoint.local, room_id, token))
        else:
            window = Window(await connect_websocket(Address(endpoint.url, token)))
        await hello(window)
        await window.step1()
        await asyncio.wait_for(window.synced.wait(), 30)
        return window

    async def join_and_leave(_: int) -> None:
        await (await joined()).leave()

    window = await joined()

    async def ask(n: int) -> None:
        window.messages.clear()
        await window.say(request(f"{by}{time.perf_counter()}", f"c{n}", nothing=1))
        while not window.messages:
            await asyncio.sleep(0)

    found = {
        "a window's request, until the room has answered": await timed_async(100, ask),
        f"a window joins {COMMS:,} comms": await timed_async(3, join_and_leave),
    }
    await window.leave()
    return found


@pytest.mark.bench
@pytest.mark.timeout(900)
async def test_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in with_local_socket(tmp_path).items():
        monkeypatch.setenv(name, value)
    kernel = Sleeper()
    rounds: dict[str, dict[str, list[Measured]]] = {}
    try:
        endpoint = await start(kernel)
        found = kernel.announcement
        assert found is not None
        for number in range(ROUNDS):
            for by in ("websocket", "local") if number % 2 else ("local", "websocket"):
                info = {**KERNEL, "pid": kernel.process.pid, "kernel_id": kernel.kernel_id}
                measured = await asyncio.to_thread(bridge_side, endpoint, info, by)
                measured |= await window_side(endpoint, found["tokens"]["window"], found["room_id"], by)
                for what, seconds in measured.items():
                    rounds.setdefault(what, {}).setdefault(by, []).append(seconds)
    finally:
        kernel.kill()
    table = Table("what", "WebSocket, µs", "local, µs", "ratio (least to most)", "ratio of this side's CPU")
    for what, sides in rounds.items():
        pairs = list(zip(sides["websocket"], sides["local"], strict=True))
        ratios = sorted(new[0] / old[0] for old, new in pairs)
        cpu = median(new[1] / old[1] for old, new in pairs)
        table.add_row(
            what,
            f"{1e6 * median(old[0] for old, _ in pairs):,.0f}",
            f"{1e6 * median(new[0] for _, new in pairs):,.0f}",
            f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            f"{cpu:.2f}",
        )
    Console(width=130).print(table)
