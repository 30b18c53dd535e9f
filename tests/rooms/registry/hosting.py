"""A registry with a store in a folder, and who comes into its rooms."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from commdoc.protocol.messages import KernelInfo
from commdoc.rooms.registry import Document, Hosted, Registry
from commdoc.rooms.room import Room
from commdoc.rooms.store.base import RoomStore
from commdoc.rooms.store.folder import FolderStore
from commdoc.rooms.store.keeper import Keeper
from commdoc.rooms.transport import memory_pair
from commdoc.server.jupyter.documents import OwnDocument
from tests.rooms.parties import Bridge, Client, Window, opened, until

LONG = 3600.0


class Host:
    """A registry, and the peers of its rooms.

    Attributes
    ----------
    grace : float
        Seconds; may be set.
    slowness : random.Random or None
        Makes opening a document take some turns of the loop.
    """

    def __init__(self, store: RoomStore | None, root: str = "/notebooks") -> None:
        self.grace = LONG
        self.slowness: random.Random | None = None
        self.made: list[str] = []
        self.registry = Registry(self._open, self._make, store, root, lambda: self.grace)
        self._served: list[asyncio.Task[None]] = []
        self._clients: list[Client] = []

    async def _open(self, _path: str | None) -> Document:
        if self.slowness is not None:
            for _ in range(self.slowness.randrange(4)):
                await asyncio.sleep(0)
        return OwnDocument()

    def _make(self, document: Document, room_id: str, keeper: Keeper | None) -> Room:
        self.made.append(room_id)
        return Room(document.doc, room_id, keeper=keeper)

    def _come(self, hosted: Hosted, role: Any) -> Any:
        inside, outside = memory_pair()
        self._served.append(asyncio.ensure_future(hosted.room.serve(inside, role)))
        return outside

    async def bridge(self, hosted: Hosted, kernel_id: str, *comms: str, epoch: str = "") -> Bridge:
        """Let a kernel come into a room, with these comms."""
        self.registry.attached(hosted, kernel_id)
        bridge = Bridge(self._come(hosted, "bridge"))
        bridge.listen()
        self._clients.append(bridge)
        kernel: KernelInfo = {
            "kernel_id": kernel_id,
            "epoch": epoch or f"{kernel_id}-1",
            "pid": 1,
            "name": "python3",
        }
        await bridge.say({"type": "hello", "protocol": [1, 1], "client": "test", "kernel": kernel})
        await until(lambda: bridge.messages or bridge.ended.is_set())
        if comms:
            await bridge.do(*(opened(comm_id) for comm_id in comms))
        return bridge

    async def window(self, hosted: Hosted) -> Window:
        """Let a window come into a room."""
        window = Window(self._come(hosted, "window"))
        window.listen()
        self._clients.append(window)
        await window.say({"type": "hello", "protocol": [1, 1], "client": "test"})
        await until(lambda: window.messages or window.ended.is_set())
        return window

    async def close(self) -> None:
        for client in self._clients:
            await client.leave()
        await self.registry.close()
        await asyncio.gather(*self._served)


@asynccontextmanager
async def host(folder: Path | RoomStore | None, root: str = "/notebooks") -> AsyncIterator[Host]:
    """A host that keeps its rooms in a folder; it ends as a server does."""
    it = Host(FolderStore(folder) if isinstance(folder, Path) else folder, root)
    try:
        yield it
    finally:
        await it.close()


def comms(hosted: Hosted | None) -> list[str]:
    """The comms in a room."""
    assert hosted is not None
    return sorted(hosted.room.comms.comm_ids())


def expect_sound(registry: Registry) -> None:
    """Fail unless the index and the rooms agree: one room per path, each found by what it says of itself."""
    live = registry.all()
    assert len({each.room.room_id for each in live}) == len(live)
    with_path = [each for each in live if each.path is not None]
    assert len({each.path for each in with_path}) == len(with_path), [each.path for each in with_path]
    for each in with_path:
        assert each.path is not None
        assert registry.of_path(each.path) is each
    for each in live:
        assert not each.room.is_closed
        if each.has_kernel:
            assert each.kernel_id is not None
            assert registry.of_kernel(each.kernel_id) is each
