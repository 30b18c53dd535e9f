"""Two rooms for one path: which has it, and that the other one is lost to nobody."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.rooms.parties import until
from tests.rooms.registry.hosting import comms, expect_sound, host

pytestmark = pytest.mark.scenario("S43")


async def test_an_untitled_notebook_that_is_saved_brings_its_room_and_who_opened_the_path_comes_to_it(
    tmp_path: Path,
) -> None:
    async with host(tmp_path) as it:
        mine = await it.registry.for_kernel("k1", [])
        await it.bridge(mine, "k1", "c1")
        other = await it.registry.for_path("a")
        early = await it.window(other)
        await it.registry.session_moved("k1", ["a"])
        assert await it.registry.for_path("a") is mine
        assert (comms(mine), mine.path) == (["c1"], "a")
        await until(early.ended.is_set, "its window is told to look again")
        expect_sound(it.registry)


async def test_where_somebody_works_the_path_stays_and_the_kernel_goes_there(tmp_path: Path) -> None:
    async with host(tmp_path) as it:
        there = await it.registry.for_path("a")
        await it.bridge(there, "k2", "theirs")
        mine = await it.registry.for_kernel("k1", [])
        await it.bridge(mine, "k1", "mine")
        await it.registry.session_moved("k1", ["a"])
        assert it.registry.of_path("a") is there
        assert it.registry.of_kernel("k1") is there
        assert (comms(there), comms(mine)) == (["theirs"], ["mine"])


@pytest.mark.parametrize("live", [True, False])
async def test_a_last_state_gives_way_to_a_kernel_that_comes_with_its_comms_and_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, live: bool
) -> None:
    caplog.set_level(logging.INFO)
    async with host(tmp_path) as before:
        old = await before.registry.for_path("a")
        await before.bridge(old, "k0", "old")
    async with host(tmp_path) as it:
        reader = await it.window(await it.registry.for_path("a")) if live else None
        mine = await it.registry.for_kernel("k1", [])
        await it.bridge(mine, "k1", "new")
        await it.registry.session_moved("k1", ["a"])
        assert await it.registry.for_path("a") is mine
        lost = await it.registry.find(old.room.room_id)
        assert lost is not None
        assert (comms(lost), lost.path, lost.displaced_from) == (["old"], None, "a")
        assert old.room.room_id in caplog.text
        if reader is not None:
            await until(reader.ended.is_set, "its window is told to look again")
        expect_sound(it.registry)
    async with host(tmp_path) as after:
        assert comms(await after.registry.for_path("a")) == ["new"]
        assert comms(await after.registry.find(old.room.room_id)) == ["old"]


async def test_a_last_state_stays_where_a_kernel_comes_with_nothing(tmp_path: Path) -> None:
    async with host(tmp_path) as before:
        await before.bridge(await before.registry.for_path("a"), "k0", "old")
    async with host(tmp_path) as it:
        mine = await it.registry.for_kernel("k1", [])
        await it.bridge(mine, "k1")
        await it.registry.session_moved("k1", ["a"])
        there = it.registry.of_path("a")
        assert there is it.registry.of_kernel("k1") is not mine
        assert comms(there) == ["old"]


async def test_without_a_store_a_room_that_lost_its_path_stays_live(tmp_path: Path) -> None:
    async with host(None) as it:
        old = await it.registry.for_path("a")
        bridge = await it.bridge(old, "k0", "old")
        await bridge.leave()
        await until(lambda: not old.has_kernel)
        mine = await it.registry.for_kernel("k1", [])
        await it.bridge(mine, "k1", "new")
        await it.registry.session_moved("k1", ["a"])
        assert it.registry.of_path("a") is mine
        assert it.registry.get(old.room.room_id) is old
        assert (comms(old), old.displaced_from) == (["old"], "a")


async def test_a_file_that_is_renamed_onto_the_name_of_another_one_brings_its_room(tmp_path: Path) -> None:
    async with host(tmp_path) as it:
        for path, kernel_id in (("a", "k1"), ("b", "k2")):
            await (await it.bridge(await it.registry.for_path(path), kernel_id, f"of {path}")).leave()
        lost = it.registry.of_path("b")
        assert lost is not None
        await it.registry.renamed("a", "b")
        assert comms(await it.registry.for_path("b")) == ["of a"]
        assert comms(await it.registry.find(lost.room.room_id)) == ["of b"]
        expect_sound(it.registry)
