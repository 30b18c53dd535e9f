"""Rounds in which everything that can happen to rooms happens at once, in an order that a seed gives.

Each leaves the registry sound, one room with each path, and nothing that was in a room lost: live under its path, or
found by its id.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from commdoc.rooms.registry import Hosted
from commdoc.rooms.store import snapshot
from commdoc.rooms.store.folder import SNAPSHOT
from tests.rooms.parties import moved
from tests.rooms.registry.hosting import LONG, Host, comms, expect_sound, host

Race = Callable[[Path, int], Awaitable[None]]
"""Plays a round in a folder of its own, with a seed."""

Step = Callable[[], Awaitable[object]]


async def at_once(rng: random.Random, steps: list[Step]) -> None:
    """Do all steps, each after some turns of the loop."""

    async def later(step: Step, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await step()

    rng.shuffle(steps)
    await asyncio.gather(*(later(step, rng.randrange(12)) for step in steps))


async def everything(it: Host) -> list[str]:
    """The comms of all rooms, live or kept."""
    live = {each.room.room_id for each in it.registry.all()}
    found: list[str] = []
    for room_id in live | {each.room_id for each in await it.registry.kept()}:
        hosted = await it.registry.find(room_id)
        if hosted is not None:  # one with nothing in it may have gone meanwhile
            found += comms(hosted)
    return sorted(found)


async def saving_as(folder: Path, seed: int) -> None:
    """S43: an untitled notebook is saved while others open that path, with a room there or without."""
    rng = random.Random(seed)
    there = rng.choice(["nothing", "an empty room", "a last state", "a kernel"])
    if there == "a last state":
        async with host(folder) as before:
            await before.bridge(await before.registry.for_path("a"), "k0", "theirs")
    async with host(folder) as it:
        it.slowness = rng
        mine = await it.registry.for_kernel("k1", [])
        await it.bridge(mine, "k1", "mine")
        if there == "an empty room":
            await it.registry.for_path("a")
        elif there == "a kernel":
            await it.bridge(await it.registry.for_path("a"), "k0", "theirs")

        async def opens() -> None:
            await it.window(await it.registry.for_path("a"))

        await at_once(
            rng,
            [
                lambda: it.registry.session_moved("k1", ["a"]),
                lambda: it.registry.for_kernel("k1", ["a"]),
                *[opens] * rng.randrange(1, 4),
                lambda: it.registry.find(mine.room.room_id),
                lambda: it.registry.evict(mine),
            ],
        )
        expect_sound(it.registry)
        winner = it.registry.of_path("a")
        assert winner is not None
        assert winner is await it.registry.for_path("a")
        expected = ["theirs"] if there == "a kernel" else ["mine"]
        assert comms(winner) == expected, there
        kept = await everything(it)
        assert kept == (["mine"] if there in ("nothing", "an empty room") else ["mine", "theirs"]), (
            there,
            kept,
        )


async def evicting(folder: Path, seed: int) -> None:
    """S44: times end while rooms are rejoined, renamed, deleted, and opened again."""
    rng = random.Random(seed)
    async with host(folder) as it:
        it.slowness = rng
        it.grace = rng.choice([0.0, 0.001, 0.003])
        names = ["a", "b", "f/c"]
        for name in names:
            await (await it.bridge(await it.registry.for_path(name), f"k {name}", f"of {name}")).leave()
        old = it.registry.all()

        async def visits(name: str) -> None:
            window = await it.window(await it.registry.for_path(name))
            await asyncio.sleep(rng.random() / 200)
            await window.leave()

        steps: list[Step] = [partial(visits, rng.choice(names)) for _ in range(6)]
        steps += [partial(it.registry.evict, room) for room in old]
        steps += [lambda: it.registry.renamed("f", "g"), lambda: it.registry.renamed("g", "f")]
        if rng.random() < 0.3:
            steps.append(lambda: it.registry.deleted("b"))
        await at_once(rng, steps)
        it.grace = LONG
        expect_sound(it.registry)
        kept = await everything(it)
        assert kept == [f"of {name}" for name in names], (seed, kept)
        assert "of a" in comms(await it.registry.for_path("a"))


async def cutting(folder: Path, seed: int) -> None:
    """S45: the host is killed in a flood, and what it was writing is cut anywhere."""
    rng = random.Random(seed)
    killed = folder.with_name(f"{folder.name} killed")
    async with host(folder) as it:
        room = await it.registry.for_path("a")
        bridge = await it.bridge(room, "k1", "c1")
        for value in range(rng.randrange(1, 30)):
            await bridge.do(moved(value))
            if rng.random() < 0.1 and room.room.keeper is not None:
                await room.room.keeper.flush()
        shutil.copytree(folder, killed)
        acknowledged = value
    place = _place(killed)
    file = rng.choice([each for each in place.iterdir() if each.is_file() and each.name != "lock"])
    whole = file.read_bytes()
    cut = rng.randrange(len(whole) + 1)
    file.write_bytes(whole[:cut])
    async with host(killed) as after:
        found = await after.registry.for_path("a")
        again = found if comms(found) else await after.registry.find(place.name)
        values = [] if again is None else [_value(again)]
        if cut == len(whole):
            assert values == [acknowledged]
        elif file.name == SNAPSHOT:
            corrupt = {each.name for each in killed.rglob("*.corrupt")}
            assert "snapshot.corrupt" in corrupt or values == [acknowledged], corrupt
        else:
            assert again is not None, "a journal that ends early costs its end"
            assert values == [None] or (values[0] is not None and 0 <= values[0] <= acknowledged)
        window = await after.window(found)
        assert window.heard_of("welcome")[0]["kernel"]["store"] == {"status": "kept"}
        await after.bridge(found, "k1", "c2", epoch="k1-2")
        assert comms(found) == ["c2"], "the room works on"


async def aging(folder: Path, seed: int) -> None:
    """S46: what another release has written is there as it was, or is left alone; it is never half read."""
    rng = random.Random(seed)
    async with host(folder) as it:
        await it.bridge(await it.registry.for_path("a"), "k1", "c1")
    place = _place(folder)
    file = place / SNAPSHOT
    content = file.read_bytes()
    newer = rng.random() < 0.5
    version = rng.randrange(snapshot.VERSION + 1, 99) if newer else 0
    file.write_bytes(snapshot.MAGIC % version + content[8:])
    before = file.read_bytes()
    async with host(folder) as after:
        found = await after.registry.find(place.name) or await after.registry.for_path("a")
        assert comms(found) == []
        if newer and found.room.room_id == place.name:
            assert found.room.keeper is not None
            assert "update commdoc" in found.room.keeper.state["reason"]
        await after.bridge(found, "k2", "c2")
        assert comms(found) == ["c2"]
    if newer:
        assert file.read_bytes() == before, "it isn't ours to write over"


def _place(folder: Path) -> Path:
    """The only room's."""
    (place,) = (each for each in folder.iterdir() if not each.name.startswith("."))
    return place


def _value(hosted: Hosted) -> int | None:
    for comm_id in hosted.room.comms.comm_ids():
        value = hosted.room.comms.state(comm_id)["value"]
        assert isinstance(value, int)
        return value
    return None


ALL: Final = [
    pytest.param(saving_as, marks=pytest.mark.scenario("S43")),
    pytest.param(evicting, marks=pytest.mark.scenario("S44")),
    pytest.param(cutting, marks=pytest.mark.scenario("S45")),
    pytest.param(aging, marks=pytest.mark.scenario("S46")),
]
