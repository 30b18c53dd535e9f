"""Rooms that are kept: found again by id, notebook and kernel, by this host and the next one."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from commdoc.rooms.registry import kept
from commdoc.rooms.store.folder import FolderStore
from tests.rooms.parties import until
from tests.rooms.registry.hosting import comms, expect_sound, host


async def test_a_notebook_s_room_has_its_id_and_its_comms_after_a_restart_of_the_host(tmp_path: Path) -> None:
    async with host(tmp_path) as before:
        room = await before.registry.for_path("a.ipynb")
        await before.bridge(room, "k1", "c1", "c2")
        room_id = room.room.room_id
    async with host(tmp_path) as after:
        (listed,) = await after.registry.kept()
        assert (listed.room_id, listed.path, listed.kernel_id) == (room_id, "a.ipynb", "k1")
        assert listed.size
        found = await asyncio.gather(
            after.registry.for_path("a.ipynb"),
            after.registry.find(room_id),
            after.registry.find_kernel("k1"),
            after.registry.for_kernel("k1", ["a.ipynb"]),
        )
        assert len(set(map(id, found))) == 1
        assert after.made == [room_id]
        assert comms(found[0]) == ["c1", "c2"]
        assert found[0].room.kernel.state()["live"] is False
        window = await after.window(found[0])
        assert window.heard_of("welcome")[0]["kernel"]["status"] == "disconnected"
        await after.bridge(found[0], "k1", "c3", epoch="k1-2")
        assert comms(found[0]) == ["c3"], "the kernel's next life"
        expect_sound(after.registry)
        assert await after.registry.kept() == []


async def test_a_kernel_without_a_notebook_finds_its_room_again(tmp_path: Path) -> None:
    async with host(tmp_path) as before:
        room = await before.registry.for_kernel("k1", [])
        await before.bridge(room, "k1", "c1")
    async with host(tmp_path) as after:
        again = await after.registry.for_kernel("k1", [])
        assert (again.room.room_id, comms(again)) == (room.room.room_id, ["c1"])
        other = await after.registry.for_kernel("k2", [])
        assert other is not again


async def test_what_never_had_a_kernel_leaves_nothing(tmp_path: Path) -> None:
    async with host(tmp_path / "rooms") as it:
        await it.registry.for_path("a.ipynb")
    assert list((tmp_path / "rooms").iterdir()) == []


async def test_a_kept_room_follows_its_notebook_s_new_name(tmp_path: Path) -> None:
    async with host(tmp_path) as before:
        for path, kernel_id in (("f/a", "k1"), ("f/g/b", "k2"), ("fa", "k3")):
            await before.bridge(await before.registry.for_path(path), kernel_id, f"of {path}")
    async with host(tmp_path) as renaming:
        await renaming.registry.renamed("f", "h")
    async with host(tmp_path) as after:
        for path, of in (("h/a", "f/a"), ("h/g/b", "f/g/b"), ("fa", "fa")):
            assert comms(await after.registry.for_path(path)) == [f"of {of}"]
        assert comms(await after.registry.for_path("f/a")) == []


async def test_a_notebook_that_was_deleted_takes_its_room_with_it_and_no_new_one_of_its_name_gets_it(
    tmp_path: Path,
) -> None:
    async with host(tmp_path) as before:
        room = await before.registry.for_path("a")
        await before.bridge(room, "k1", "c1")
    async with host(tmp_path) as it:
        await it.registry.deleted("a")
        assert comms(await it.registry.for_path("a")) == []
        lost = await it.registry.find(room.room.room_id)
        assert lost is not None
        assert (comms(lost), lost.path, lost.displaced_from) == (["c1"], None, "a")
        expect_sound(it.registry)


async def test_hosts_of_other_folders_have_their_own_notebooks_of_that_name(tmp_path: Path) -> None:
    async with host(tmp_path, "/books/me") as one:
        await one.bridge(await one.registry.for_path("work/a"), "k1", "c1")
    async with host(tmp_path, "/srv") as other:
        assert comms(await other.registry.for_path("work/a")) == []
        assert await other.registry.kept() == []
    async with host(tmp_path, "/books/me/work") as inner:
        assert [each.path for each in await inner.registry.kept()] == ["a"]
        assert comms(await inner.registry.for_path("a")) == ["c1"]
    async with host(tmp_path, "/books") as outer:
        assert comms(await outer.registry.for_path("me/work/a")) == ["c1"]


async def test_of_two_that_a_store_has_for_a_path_the_newer_one_has_it(tmp_path: Path) -> None:
    async with host(tmp_path) as one:
        await one.bridge(await one.registry.for_path("a"), "k1", "older")
    aside = FolderStore(tmp_path).open((await one.registry.kept())[0].room_id)
    lost = aside.set_aside()
    aside.close()
    async with host(tmp_path) as two:
        await two.bridge(await two.registry.for_path("a"), "k2", "newer")
    async with host(tmp_path) as it:
        assert comms(await it.registry.for_path("a")) == ["newer"]
        assert comms(await it.registry.find(lost)) == ["older"]
        expect_sound(it.registry)


async def test_rooms_of_no_notebook_are_forgotten_after_a_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with host(tmp_path) as before:
        await before.bridge(await before.registry.for_kernel("k1", []), "k1", "c1")
        await before.bridge(await before.registry.for_path("a"), "k2", "c2")
    monkeypatch.setattr(kept, "DAYS_WITHOUT_NOTEBOOK", 0)
    async with host(tmp_path) as after:
        assert await after.registry.find_kernel("k1") is None
        assert [each.path for each in await after.registry.kept()] == ["a"]
    assert "is forgotten" in caplog.text


@pytest.mark.scenario("S45")
async def test_two_hosts_of_one_folder_both_work_and_what_both_have_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commdoc.rooms.store.keeper.RETRY_SECONDS", (0.02,))
    async with host(tmp_path) as second:
        async with host(tmp_path) as first:
            one = await first.registry.for_path("a")
            await first.bridge(one, "k1", "of the first")
            assert one.room.keeper is not None
            assert await one.room.keeper.flush()
            two = await second.registry.for_path("a")
            assert two.room.room_id == one.room.room_id
            await second.bridge(two, "k2", "of the second")
            assert two.room.keeper is not None
            assert two.room.keeper.state["status"] == "failing"
            assert "another server or sidecar" in two.room.keeper.state["reason"]
        await until(lambda: two.room.keeper and two.room.keeper.state["status"] == "kept")
    async with host(tmp_path) as third:
        assert comms(await third.registry.for_path("a")) == ["of the second"]
        (aside,) = await third.registry.kept()
        assert (aside.path, aside.displaced_from) == (None, "a")
        assert comms(await third.registry.find(aside.room_id)) == ["of the first"]
