"""Which room is whose, when several ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from commdoc.rooms.registry import Document, Registry
from commdoc.rooms.room import Room
from commdoc.server.jupyter.documents import OwnDocument


class Opening:
    """Opens documents; those of paths in `closed` wait until they are taken out of it."""

    def __init__(self) -> None:
        self.gates: dict[str | None, asyncio.Event] = {}
        self.opened: list[str | None] = []
        self.may_move = True

    async def __call__(self, path: str | None) -> Document:
        if path in self.gates:
            await self.gates[path].wait()
        self.opened.append(path)
        return OwnDocument(may_move=self.may_move)


@pytest.fixture
def opening() -> Opening:
    return Opening()


@pytest.fixture
async def registry(opening: Opening) -> AsyncIterator[Registry]:
    registry = Registry(opening, lambda document, room_id, keeper: Room(document.doc, room_id, keeper=keeper))
    yield registry
    await registry.close()


@pytest.mark.scenario("S43")
async def test_whoever_asks_while_a_room_is_made_gets_that_one(registry: Registry, opening: Opening) -> None:
    gate = opening.gates["a"] = asyncio.Event()
    asking = [
        asyncio.ensure_future(each) for each in (registry.for_path("a"), registry.for_kernel("k", ["a"]))
    ]
    await asyncio.sleep(0)
    assert (await registry.for_path("b")).path == "b", "nobody else waits for it"
    assert (await registry.for_kernel("k2", [])).path is None
    gate.set()
    one, other = await asyncio.gather(*asking)
    assert one is other
    assert opening.opened.count("a") == 1


async def test_a_kernel_that_asks_twice_has_one_room(registry: Registry) -> None:
    first = await registry.for_kernel("k", [])
    registry.attached(first, "k")
    found = await asyncio.gather(*(registry.for_kernel("k", []) for _ in range(3)))
    assert set(map(id, found)) == {id(first)}
    await asyncio.gather(registry.session_moved("k", ["a"]), registry.for_path("a"))
    assert registry.of_kernel("k") is registry.of_path("a") is first
    assert [each for each in registry.all() if each.path == "a"] == [first]


async def test_a_room_that_may_not_move_is_left(registry: Registry, opening: Opening) -> None:
    opening.may_move = False
    first = await registry.for_kernel("k", ["a"])
    registry.attached(first, "k")
    await registry.session_moved("k", ["b"])
    assert registry.of_kernel("k") is registry.of_path("b") is not first
    assert first.kernel_id is None
    assert registry.of_path("a") is first


async def test_a_document_that_is_opened_anew_gets_one_new_room(registry: Registry) -> None:
    first = await registry.for_path("a")
    registry.attached(first, "k")

    class Stale(OwnDocument):
        async def is_current(self, _path: str | None) -> bool:
            await asyncio.sleep(0)
            return False

    first.document = Stale()
    found = await asyncio.gather(
        registry.for_path("a"), registry.for_kernel("k", ["a"]), registry.for_path("a")
    )
    assert len(set(map(id, found))) == 1
    assert found[0] is not first
    assert found[0].room.room_id == first.room.room_id
    assert registry.of_kernel("k") is registry.of_path("a") is found[0]
    assert len(registry.all()) == 1


async def test_folders_and_deletions(registry: Registry) -> None:
    one, two = await registry.for_path("f/a"), await registry.for_path("fa")
    await registry.renamed("f", "g")
    assert (one.path, two.path) == ("g/a", "fa")
    await registry.renamed("fa", "g/a")
    assert (one.path, two.path) == (None, "g/a")
    await registry.deleted("g")
    assert registry.of_path("g/a") is None
    assert (await registry.for_path("g/a")) not in (one, two)
    assert registry.get(one.room.room_id) is None, "nothing was in it"
