from __future__ import annotations

import asyncio
import hashlib
import logging
import resource
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from commdoc.document import CommsMap
from commdoc.document import elements as document_elements
from commdoc.document.elements import ROOT
from commdoc.document.yupdate import elements
from commdoc.rooms.store import keeper as keeping
from commdoc.rooms.store.base import Attributes
from commdoc.rooms.store.folder import FolderShelf, FolderStore
from commdoc.rooms.store.keeper import Keeper
from commdoc.rooms.store.restore import restore
from tests.rooms.parties import KERNEL, House, Window, moved, opened, request, settled, until

CONTENT = b"c" * 2_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@asynccontextmanager
async def house_in(store: FolderStore) -> AsyncIterator[House]:
    """A room that the store keeps; what it had is there again."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    keeper = await Keeper.open(store, doc, lambda: Attributes("r1", "a.ipynb"))
    async with House(doc=doc, keeper=keeper) as house:
        yield house


def kept(root: Path, to: Path) -> CommsMap:
    """What a host would find if this one were killed now."""
    shutil.copytree(root, to)
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    shelf = FolderStore(to).open("r1")
    try:
        restore(shelf, doc)
        return CommsMap(doc)
    finally:
        shelf.close()


def store_of(window: Window) -> Any:
    """What a window was told last."""
    states = [message["kernel"] for message in window.heard_of("welcome")] + window.heard_of("kernel")
    return states[-1].get("store")


def keeper_of(house: House) -> Keeper:
    assert house.room.keeper is not None
    return house.room.keeper


def texts(house: House) -> list[str]:
    return elements(house.room.doc.get(ROOT, type=pycrdt.Array))


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "rooms")


@contextmanager
def small_disk() -> Iterator[None]:
    """No file of this process may grow: what a full disk does, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_room_comes_back_with_its_comms_and_blobs(store: FolderStore) -> None:
    async with house_in(store) as house:
        bridge = await house.bridge()
        await bridge.do(
            opened("c1", picture={"$blob": DIGEST, "size": 2_000, "type": "bytes"}), blobs=[CONTENT]
        )
        await bridge.do(moved(7))
        before = texts(house)
        document_id = house.room.document_id
    async with house_in(store) as house:
        assert texts(house) == before
        assert house.room.blobs.get_named(DIGEST) == CONTENT
        assert house.room.document_id != document_id
        window = await house.window()
        welcome = window.heard_of("welcome")[0]
        assert welcome["kernel"]["status"] == "disconnected"
        assert welcome["kernel"]["live"] is False
        assert welcome["kernel"]["store"] == {"status": "kept"}


async def test_the_same_life_of_the_kernel_goes_on_and_another_begins_afresh(store: FolderStore) -> None:
    async with house_in(store) as house:
        await (await house.bridge()).do(opened("c1"), opened("c2"))
    async with house_in(store) as house:
        bridge = await house.bridge()
        await bridge.do({"op": "adopted", "comm_ids": ["c1"]}, opened("c3"))
        comms = CommsMap(house.room.doc).to_py()
        assert {comm_id: comm["seq"] for comm_id, comm in comms.items()} == {"c1": 1, "c3": 3}
    async with house_in(store) as house:
        bridge = await house.bridge(epoch="e2")
        assert CommsMap(house.room.doc).to_py() == {}
        await bridge.do(opened("c9"))
        assert CommsMap(house.room.doc).to_py()["c9"]["seq"] == 1


@pytest.mark.scenario("S45")
async def test_whatever_was_acknowledged_is_kept_when_it_is(store: FolderStore, tmp_path: Path) -> None:
    async with house_in(store) as house:
        bridge, window = await house.bridge(), await house.window()
        await bridge.do(opened("c1"))
        assert kept(store.root, tmp_path / "1")["c1"].value("value") == 0
        for n in range(2, 30):
            await bridge.do(moved(n))
            assert kept(store.root, tmp_path / str(n))["c1"].value("value") == n
        await window.say(request("q1", value=77))
        await window.wait("accepted", request_id="q1")
        assert kept(store.root, tmp_path / "asked")["c1"].value("value") == 77
        await bridge.do(settled("q1", value=70))
        await window.wait("settled", request_id="q1")
        assert kept(store.root, tmp_path / "settled")["c1"].value("value") == 70


async def test_what_it_keeps_is_as_large_as_what_is_alive(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "JOURNAL_BYTES", 20_000)
    monkeypatch.setattr(keeping, "QUIET_SECONDS", 0.0)
    largest = 0
    async with house_in(store) as house:
        for epoch in range(20):
            bridge = await house.bridge(epoch=f"e{epoch}")
            await bridge.do(*[opened(f"{epoch}-{n}") for n in range(30)])
            for n in range(20):
                await bridge.do(moved(n, f"{epoch}-0"))
            await until(lambda: not keeper_of(house)._snapshot_due)
            largest = max(largest, sum(path.stat().st_size for path in store.root.rglob("*")))
            await bridge.leave()
    assert largest < 80_000
    assert (store.root / "r1" / "snapshot").stat().st_size < 12_000


async def test_a_room_that_never_had_anything_leaves_nothing(store: FolderStore) -> None:
    async with house_in(store) as house:
        await house.window()
    assert list(store.root.iterdir()) == []


@pytest.mark.scenario("S45")
@pytest.mark.acceptance("E3")
async def test_on_a_full_disk_the_room_works_on_says_so_and_is_kept_again_when_it_can_be(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keeping, "RETRY_SECONDS", (0.05,))
    caplog.set_level(logging.INFO, "commdoc.rooms.store")
    async with house_in(store) as house:
        bridge, window = await house.bridge(), await house.window()
        await bridge.do(opened("c1"))
        with small_disk():
            await bridge.do(moved(1))
            await bridge.do(
                opened("c2", picture={"$blob": DIGEST, "size": 2_000, "type": "bytes"}), blobs=[CONTENT]
            )
            told = await until(
                lambda: [
                    m for m in window.heard_of("kernel") if m.get("store", {}).get("status") == "failing"
                ]
            )
            assert "File too large" in told[0]["store"]["reason"]
            await bridge.do(moved(2))
            assert house.room.blobs.get_named(DIGEST) == CONTENT
        await until(lambda: store_of(window) == {"status": "kept"})
        assert kept_value(store, tmp_path / "again") == 2
        await bridge.do(moved(3))
        assert kept_value(store, tmp_path / "on") == 3
        assert window.close_code is None
    async with house_in(store) as house:
        assert house.room.blobs.get_named(DIGEST) == CONTENT
    said = [record.getMessage() for record in caplog.records]
    assert sum("in memory only" in line for line in said) == 1
    assert sum("kept again" in line for line in said) >= 1


def kept_value(store: FolderStore, to: Path) -> Any:
    return kept(store.root, to)["c1"].value("value")


@pytest.mark.acceptance("E3")
async def test_two_hosts_of_one_folder_both_work_and_neither_loses_anything(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "RETRY_SECONDS", (0.05,))
    async with house_in(store) as first:
        await (await first.bridge()).do(opened("first"))
        second_house = house_in(store)
        second = await second_house.__aenter__()
        window = await second.window()
        assert "another server or sidecar" in window.heard_of("welcome")[0]["kernel"]["store"]["reason"]
        await (await second.bridge(kernel_id="k2", epoch="e2")).do(opened("second"))
    await until(lambda: keeper_of(second).state == {"status": "kept"})
    await second_house.__aexit__(None, None, None)
    found = {known.path: known.room_id for known in store.rooms()}
    assert found.keys() == {"a.ipynb", None}
    assert found["a.ipynb"] == "r1"
    (aside,) = [known for known in store.rooms() if known.path is None]
    assert aside.displaced_from == "a.ipynb"
    for room_id, comm_id in (("r1", "second"), (aside.room_id, "first")):
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        keeper = await Keeper.open(store, doc, partial(Attributes, room_id))
        assert list(CommsMap(doc).to_py()) == [comm_id]
        await keeper.close()


@pytest.mark.acceptance("E3")
async def test_a_place_that_is_no_folder_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "RETRY_SECONDS", (0.05,))
    (tmp_path / "rooms").write_text("a file")
    store = FolderStore(tmp_path / "rooms")
    async with house_in(store) as house:
        bridge, window = await house.bridge(), await house.window()
        assert window.heard_of("welcome")[0]["kernel"]["store"]["status"] == "failing"
        await bridge.do(opened("c1"))
        (tmp_path / "rooms").unlink()
        await until(lambda: store_of(window) == {"status": "kept"})
        assert list(kept(store.root, tmp_path / "copy")) == ["c1"]


@pytest.mark.scenario("S46")
async def test_what_a_newer_commdoc_kept_is_never_written_over(store: FolderStore) -> None:
    async with house_in(store) as house:
        await (await house.bridge()).do(opened("c1"))
    file = store.root / "r1" / "snapshot"
    content = b"cmdoc-99" + file.read_bytes()[8:]
    file.write_bytes(content)
    async with house_in(store) as house:
        window = await house.window()
        assert "newer commdoc" in window.heard_of("welcome")[0]["kernel"]["store"]["reason"]
        await (await house.bridge()).do(opened("c2"))
        assert await keeper_of(house).flush() is False
    assert file.read_bytes() == content
    assert {path.name for path in file.parent.iterdir()} <= {"snapshot", "lock"}


@pytest.mark.scenario("S46")
async def test_a_document_of_a_newer_schema_in_a_readable_file_is_not_written_over_either(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_elements, "SCHEMA_VERSION", 99)
    async with house_in(store) as house:
        await (await house.bridge()).do(opened("c1"))
    content = (store.root / "r1" / "snapshot").read_bytes()
    monkeypatch.undo()
    async with house_in(store) as house:
        await (await house.bridge()).do(opened("c2"))
        assert "schema version 99" in keeper_of(house).state["reason"]
    assert (store.root / "r1" / "snapshot").read_bytes() == content


@pytest.mark.scenario("S45")
async def test_what_is_readable_and_no_comms_map_is_kept_as_corrupt(store: FolderStore) -> None:
    shelf = store.open("r1")
    shelf.save(Attributes("r1", "a.ipynb"), b"\xff\xff no update", shelf.mark())
    shelf.close()
    async with house_in(store) as house:
        await (await house.bridge(**KERNEL)).do(opened("c1"))
    assert (store.root / "r1" / "snapshot.corrupt").exists()
    async with house_in(store) as house:
        assert list(CommsMap(house.room.doc).to_py()) == ["c1"]


@pytest.mark.scenario("S44")
async def test_a_room_that_ends_while_it_is_written_is_written_once_more_and_not_by_two_at_once(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    keeper = await Keeper.open(store, doc, lambda: Attributes("r1", "a.ipynb"))
    doc.get(ROOT, type=pycrdt.Array).append("one")
    save, held, begun, steps = FolderShelf.save, threading.Event(), threading.Event(), []

    def slow(shelf: FolderShelf, attributes: Attributes, snapshot: bytes, mark: int) -> None:
        steps.append("begins")
        begun.set()
        held.wait(30)
        save(shelf, attributes, snapshot, mark)
        steps.append("ends")

    monkeypatch.setattr(FolderShelf, "save", slow)
    keeper.changed()
    await until(begun.is_set)
    closing = asyncio.ensure_future(keeper.close())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not closing.done()
    held.set()
    assert await closing
    assert steps == ["begins", "ends"] * 2
