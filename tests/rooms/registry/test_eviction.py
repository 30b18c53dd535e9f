"""Rooms that nobody is in go after a while, and never because of a time that was taken for something else."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from tests.rooms.parties import until
from tests.rooms.registry.hosting import LONG, comms, expect_sound, host

pytestmark = pytest.mark.scenario("S44")


async def test_a_room_that_nobody_is_in_goes_and_is_there_again_when_asked_for(tmp_path: Path) -> None:
    async with host(tmp_path) as it:
        it.grace = 0.02
        room = await it.registry.for_path("a")
        bridge = await it.bridge(room, "k1", "c1")
        window = await it.window(room)
        await bridge.leave()
        await asyncio.sleep(0.1)
        assert it.registry.of_path("a") is room, "a window is in it"
        await window.leave()
        await until(lambda: it.registry.of_path("a") is None)
        assert [each.path for each in await it.registry.kept()] == ["a"]
        it.grace = LONG
        again = await it.registry.for_path("a")
        assert (again.room.room_id, comms(again)) == (room.room.room_id, ["c1"])
        expect_sound(it.registry)


async def test_what_is_asked_for_while_it_ends_is_the_next_one_with_everything(tmp_path: Path) -> None:
    async with host(tmp_path) as it:
        room = await it.registry.for_path("a")
        await (await it.bridge(room, "k1", "c1")).leave()
        await until(lambda: not room.has_peers)
        gone, found = await asyncio.gather(it.registry.evict(room), it.registry.for_path("a"))
        assert gone
        assert found is not room
        assert found.room.keeper is not None
        assert (comms(found), found.room.keeper.state) == (["c1"], {"status": "kept"})


async def test_a_late_timer_leaves_a_room_that_was_rejoined_renamed_or_made_anew(tmp_path: Path) -> None:
    async with host(tmp_path) as it:
        room = await it.registry.for_path("a")
        await (await it.bridge(room, "k1", "c1")).leave()
        await until(lambda: not room.has_peers)
        window = await it.window(room)
        assert not await it.registry.evict(room), "rejoined"
        await window.leave()
        await until(lambda: not room.has_peers)
        assert await it.registry.evict(room)
        again = await it.registry.for_path("a")
        assert not await it.registry.evict(room), "it is another object now"
        await it.registry.renamed("a", "b")
        assert it.registry.of_path("b") is again
        assert not await it.registry.evict(room)
        assert comms(await it.registry.for_path("b")) == ["c1"]


async def test_renaming_takes_the_time_anew(tmp_path: Path) -> None:
    async with host(tmp_path) as it:
        it.grace = 0.3
        await (await it.bridge(await it.registry.for_path("a"), "k1", "c1")).leave()
        it.grace = LONG
        await it.registry.renamed("a", "b")
        room = it.registry.of_path("b")
        await asyncio.sleep(0.5)
        assert it.registry.of_path("b") is room is not None


async def test_who_comes_while_it_is_written_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host(tmp_path) as it:
        room = await it.registry.for_path("a")
        await (await it.bridge(room, "k1", "c1")).leave()
        await until(lambda: not room.has_peers)
        keeper = room.room.keeper
        assert keeper is not None
        flush = keeper.flush

        async def slowly() -> bool:
            done = await flush()
            await it.window(room)
            return done

        monkeypatch.setattr(keeper, "flush", slowly)
        assert not await it.registry.evict(room)
        assert it.registry.of_path("a") is room


@pytest.mark.scenario("S45")
async def test_what_can_not_be_kept_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("commdoc.rooms.store.keeper.RETRY_SECONDS", (0.02,))
    caplog.set_level(logging.WARNING)
    (tmp_path / "rooms").write_text("no folder")
    async with host(tmp_path / "rooms") as it:
        it.grace = 0.02
        room = await it.registry.for_path("a")
        await (await it.bridge(room, "k1", "c1")).leave()
        await until(lambda: "stays: its last state is not kept" in caplog.text)
        assert it.registry.of_path("a") is room
        (tmp_path / "rooms").unlink()
        await until(lambda: it.registry.of_path("a") is None, "it can be kept now, and goes")
        it.grace = LONG
        assert comms(await it.registry.for_path("a")) == ["c1"]


async def test_without_a_store_only_an_empty_room_goes(tmp_path: Path) -> None:
    async with host(None) as it:
        it.grace = 0.02
        full, empty = await it.registry.for_path("full"), await it.registry.for_path("empty")
        await (await it.bridge(full, "k1", "c1")).leave()
        await until(lambda: it.registry.of_path("empty") is None)
        await asyncio.sleep(0.1)
        assert it.registry.all() == [full]
        assert empty.room.is_closed
