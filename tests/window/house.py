"""A real room in this process, with a kernel that a test plays, and windows over in-memory connections."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pycrdt

from commdoc.protocol import frames, values
from commdoc.protocol.messages import KernelInfo, Role
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.room import Room
from commdoc.rooms.transport import MemoryTransport, memory_pair
from commdoc.window import AsyncWindow

KERNEL: KernelInfo = {"kernel_id": "k", "epoch": "e1", "pid": 1, "name": "python3"}


class Played:
    """The kernel of a `House`: what the room sends it, and its bridge."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[tuple[str, dict[str, Any], list[bytes], str]] = asyncio.Queue()
        self.bridge: MemoryTransport
        self._batch = itertools.count(1)

    # the KernelLink of the room
    def send(self, msg_type: str, content: dict[str, Any], buffers: Sequence[Any], msg_id: str) -> None:
        self.received.put_nowait((msg_type, content, [bytes(buffer) for buffer in buffers], msg_id))

    def close(self) -> None:
        pass

    async def ops(
        self, *ops: dict[str, Any], blobs: Sequence[bytes] = (), buffers: Sequence[bytes] = ()
    ) -> None:
        """Send one batch; blobs are of type bytes."""
        headers = []
        for content in blobs:
            named = values.sentinel(content, "bytes")
            headers.append({"hash": named["$blob"], "size": named["size"], "type": named["type"]})
        message = {"type": "ops", "batch": next(self._batch), "ops": list(ops), "blobs": headers}
        await self.bridge.send(frames.encode(message, [*blobs, *buffers]))

    async def open(self, comm_id: str, name: str = "IntSliderModel", **state: Any) -> None:
        model = {
            "_model_name": name,
            "_model_module": "@jupyter-widgets/controls",
            "_model_module_version": "2.0.0",
        }
        target = "jupyter.widget"
        await self.ops({"op": "open", "comm_id": comm_id, "target_name": target, "state": {**model, **state}})

    async def request(self) -> tuple[str, str, dict[str, Any]]:
        """Return request_id, comm_id and state of the next request that reaches the kernel."""
        _, content, _, msg_id = await asyncio.wait_for(self.received.get(), 5)
        return msg_id, content["comm_id"], content["data"]["state"]

    async def settle(self, request_id: str, comm_id: str, error: str | None = None, **state: Any) -> None:
        op = {"op": "settled", "request_id": request_id, "comm_id": comm_id, "state": state}
        await self.ops(op if error is None else {**op, "error": error})


class House:
    """A room and who is in it."""

    def __init__(self, limits: RoomLimits | None = None) -> None:
        self.kernel = Played()
        self._limits = limits
        self._serving: set[asyncio.Task[None]] = set()
        self._windows: list[AsyncWindow] = []
        self.links: list[MemoryTransport] = []
        self.room = self._new_room()

    def _new_room(self) -> Room:
        return Room(pycrdt.Doc(), "room", kernel_link=lambda *_: self.kernel, limits=self._limits)

    def join(self, role: Role = "window") -> MemoryTransport:
        """Return a client's end of a new connection to the room."""
        near, far = memory_pair()
        task = asyncio.ensure_future(self.room.serve(far, role))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return near

    async def start(self) -> None:
        self.kernel.bridge = self.join("bridge")
        hello = {"type": "hello", "protocol": [1, 1], "client": "test", "kernel": KERNEL}
        await self.kernel.bridge.send(frames.encode(hello))
        while self.room.kernel.bridge is None:
            await asyncio.sleep(0)

    async def restart(self) -> None:
        """Let the host die and come back: another room, another life of the document, the same kernel."""
        await self.room.close()
        self.room = self._new_room()
        await self.start()

    async def window(self, role: Role = "window", **options: Any) -> AsyncWindow:
        async def connect() -> MemoryTransport:
            self.links.append(self.join(role))
            return self.links[-1]

        window = AsyncWindow(connect, **options)
        self._windows.append(window)
        await window.start(5)
        return window

    async def cut(self) -> None:
        """Cut the connections of all windows."""
        links, self.links = self.links, []
        for link in links:
            await link.close(1006, "cut")

    async def close(self) -> None:
        for window in self._windows:
            await window.close()
        await self.room.close()
        await asyncio.gather(*self._serving, return_exceptions=True)


@contextlib.asynccontextmanager
async def a_house(limits: RoomLimits | None = None) -> AsyncIterator[House]:
    house = House(limits)
    await house.start()
    try:
        yield house
    finally:
        await house.close()
