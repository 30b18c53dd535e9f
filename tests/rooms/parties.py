"""The others in a room's tests: a bridge, windows and a kernel that say just what a test tells them to."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pycrdt

from commdoc.document import CommsMap
from commdoc.protocol import frames
from commdoc.protocol.messages import KernelInfo
from commdoc.rooms.room import Room
from commdoc.rooms.sync import Sync, read_sync, sync_frame
from commdoc.rooms.transport import MemoryTransport, memory_pair

PATIENCE = 5.0

KERNEL: KernelInfo = {"kernel_id": "k1", "epoch": "e1", "pid": 1, "name": "python3"}


async def until(condition: Callable[[], Any], what: str = "", patience: float = PATIENCE) -> Any:
    """Wait until a condition holds; return what made it hold."""
    deadline = asyncio.get_running_loop().time() + patience
    while not (found := condition()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"waited {patience} s for {what or condition}")
        await asyncio.sleep(0.002)
    return found


class Client:
    """One connection to a room, over a transport: collects what it is told."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.messages: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []
        self.log: list[tuple[str, Any]] = []
        self._reader: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()

    async def say(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        await self.transport.send(frames.encode(message, buffers))

    def listen(self) -> None:
        self._reader = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionError):  # it may have something to answer when the room has closed
            async for frame in self.transport:
                await self.heard(bytes(frame))
        self.ended.set()

    async def heard(self, frame: bytes) -> None:
        if frames.frame_type(frame) == frames.MESSAGE:
            message, buffers = frames.decode(frame)
            self.messages.append(message)
            self.buffers.append([bytes(buffer) for buffer in buffers])
            self.log.append(("message", message))

    def heard_of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    async def wait(self, kind: str, **fields: Any) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            for message in self.heard_of(kind):
                if all(message.get(name) == value for name, value in fields.items()):
                    return message
            return None

        return await until(found, f"{kind} {fields}; heard {self.messages[-5:]}")

    async def leave(self) -> None:
        await self.transport.close(1000, "")
        if self._reader is not None:
            await self._reader

    @property
    def close_code(self) -> int | None:
        return self.transport.close_code


class Bridge(Client):
    """What a kernel's bridge says."""

    batch = 0

    async def ops(
        self, *ops: dict[str, Any], blobs: Sequence[bytes] = (), buffers: Sequence[bytes] = ()
    ) -> int:
        """Send a batch without waiting for its `applied`; return its number."""
        self.batch += 1
        headers = [{"hash": hashlib.sha256(b).hexdigest(), "size": len(b), "type": "bytes"} for b in blobs]
        message = {"type": "ops", "batch": self.batch, "ops": list(ops), "blobs": headers}
        await self.say(message, [*blobs, *buffers])
        return self.batch

    async def do(
        self, *ops: dict[str, Any], blobs: Sequence[bytes] = (), buffers: Sequence[bytes] = ()
    ) -> None:
        number = await self.ops(*ops, blobs=blobs, buffers=buffers)
        await self.wait("applied", batch=number)


class Window(Client):
    """A window with a document of its own.

    Attributes
    ----------
    updates : list of bytes
        Payloads of sync frames behind step 2.
    """

    def __init__(self, transport: Any, doc: pycrdt.Doc | None = None) -> None:
        super().__init__(transport)
        self.doc: pycrdt.Doc = doc or pycrdt.Doc()
        self.comms = CommsMap(self.doc, get_blob=None)
        self.gate: Gate
        self.steps: list[Sync] = []
        self.updates: list[bytes] = []
        self.synced = asyncio.Event()

    async def heard(self, frame: bytes) -> None:
        await super().heard(frame)
        if frames.frame_type(frame) != frames.SYNC:
            return
        kind, payload = read_sync(frame)
        self.steps.append(kind)
        self.log.append(("sync", kind))
        if kind == Sync.STEP1:
            await self.transport.send(sync_frame(Sync.STEP2, self.doc.get_update(payload)))
            return
        if kind == Sync.UPDATE:
            self.updates.append(payload)
        self.doc.apply_update(payload)
        if kind == Sync.STEP2:
            self.synced.set()

    async def step1(self) -> None:
        await self.transport.send(sync_frame(Sync.STEP1, self.doc.get_state()))

    def state(self, comm_id: str) -> dict[str, Any]:
        comm = self.comms.get(comm_id)
        return {} if comm is None else dict(comm.encoded_state)


class KernelStub:
    """Takes what the room sends a kernel; a test answers in the bridge's name."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], list[bytes], str]] = []
        self.links: list[KernelInfo] = []
        self.subshell_lost: Callable[[str], None] = lambda msg_id: None

    def connect(self, kernel: KernelInfo, subshell_lost: Callable[[str], None]) -> KernelStub:
        self.links.append(kernel)
        self.subshell_lost = subshell_lost
        return self

    def send(
        self, msg_type: str, content: dict[str, Any], buffers: Sequence[bytes | memoryview], msg_id: str
    ) -> None:
        self.sent.append((msg_type, content, [bytes(buffer) for buffer in buffers], msg_id))

    def close(self) -> None:
        pass


class Gate:
    """The room's end of a connection whose other side takes nothing while `open` is cleared."""

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport
        self.open = asyncio.Event()
        self.open.set()
        self.stuck = 0

    async def send(self, frame: bytes) -> None:
        self.stuck += 1
        await self.open.wait()
        self.stuck -= 1
        await self._transport.send(frame)

    async def close(self, code: int, reason: str) -> None:
        await self._transport.close(code, reason)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._transport.__aiter__()


class House:
    """A room and everybody who has come in; `async with` sends all of them home."""

    def __init__(self, **options: Any) -> None:
        self.kernel = KernelStub()
        self.room = Room(
            options.pop("doc", None) or pycrdt.Doc(), "r1", kernel_link=self.kernel.connect, **options
        )
        self._served: list[asyncio.Task[None]] = []
        self._clients: list[Client] = []

    async def __aenter__(self) -> House:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for client in self._clients:
            await client.leave()
        await self.room.close()
        await asyncio.wait_for(asyncio.gather(*self._served), PATIENCE)

    def connect(self, role: Any) -> MemoryTransport:
        inside, outside = memory_pair()
        self.gate = Gate(inside)
        self._served.append(asyncio.ensure_future(self.room.serve(self.gate, role)))
        return outside

    async def bridge(self, **kernel: Any) -> Bridge:
        bridge = Bridge(self.connect("bridge"))
        self._clients.append(bridge)
        bridge.listen()
        await bridge.say(
            {"type": "hello", "protocol": [1, 1], "client": "test", "kernel": {**KERNEL, **kernel}}
        )
        await until(lambda: bridge.messages)
        return bridge

    async def window(self, role: str = "window", *, sync: bool = True, doc: Any = None) -> Window:
        window = Window(self.connect(role), doc)
        window.gate = self.gate
        self._clients.append(window)
        window.listen()
        await window.say({"type": "hello", "protocol": [1, 1], "client": "test"})
        await window.wait("welcome")
        if sync:
            await window.step1()
            await asyncio.wait_for(window.synced.wait(), PATIENCE)
        return window


def opened(comm_id: str = "c1", **state: Any) -> dict[str, Any]:
    """Return the op that opens a slider."""
    model = {"_model_module": "@jupyter-widgets/controls", "_model_module_version": "2.0.0"}
    full = {**model, "_model_name": "IntSliderModel", "value": 0, "step": 1, **state}
    return {"op": "open", "comm_id": comm_id, "target_name": "jupyter.widget", "state": full}


def moved(value: Any, comm_id: str = "c1", **more: Any) -> dict[str, Any]:
    return {"op": "update", "comm_id": comm_id, "state": {"value": value}, **more}


def request(request_id: str, comm_id: str = "c1", **state: Any) -> dict[str, Any]:
    return {"type": "request", "request_id": request_id, "comm_id": comm_id, "state": state}


def settled(request_id: str, comm_id: str = "c1", **state: Any) -> dict[str, Any]:
    return {"op": "settled", "request_id": request_id, "comm_id": comm_id, "state": state}
