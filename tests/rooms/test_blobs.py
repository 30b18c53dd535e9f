from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from commdoc.errors import ProtocolError
from commdoc.rooms.blobs import BlobStore, MemoryBlobs, RoomBlobs
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.store.pool import PooledBlobs
from tests.rooms.parties import House, opened, request, until


class Shelf:
    def __init__(self, store: BlobStore) -> None:
        self.now = 0.0
        self.named: Counter[str] = Counter()
        limits = RoomLimits(blob_grace_seconds=60, unnamed_bytes=10_000)
        self.blobs = RoomBlobs(store, lambda: self.named, limits, lambda: self.now)


@pytest.fixture(params=["memory", "folder"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return Shelf(
        MemoryBlobs() if request.param == "memory" else PooledBlobs(tmp_path / "pool", tmp_path / "blobs")
    )


def test_content_must_match_its_hash(shelf: Shelf) -> None:
    digest = hashlib.sha256(b"content").hexdigest()
    with pytest.raises(ProtocolError, match="a blob of 5 bytes"):
        shelf.blobs.add(b"other", digest)
    assert shelf.blobs.add(b"content", digest) == (digest, True)
    assert shelf.blobs.add(memoryview(b"content")) == (digest, False)
    assert shelf.blobs.get(digest) == b"content"


def test_a_blob_is_served_as_named_only_while_an_entry_names_it(shelf: Shelf) -> None:
    digest, _ = shelf.blobs.add(b"content")
    assert shelf.blobs.get_named(digest) is None
    shelf.named[digest] = 1
    assert shelf.blobs.get_named(digest) == b"content"


def test_an_unnamed_blob_goes_after_the_grace_time_and_not_before(shelf: Shelf) -> None:
    digest, _ = shelf.blobs.add(b"content")
    shelf.named[digest] = 1
    shelf.now = 1000
    assert shelf.blobs.sweep() == 0
    del shelf.named[digest]
    shelf.now = 1010
    assert shelf.blobs.sweep() == 0
    shelf.now = 1040
    assert shelf.blobs.touch(digest), "an operation names it again, and does not come to be written"
    shelf.now = 1099
    assert shelf.blobs.sweep() == 0
    shelf.now = 1100
    assert shelf.blobs.sweep() == 1
    assert shelf.blobs.get(digest) is None
    assert not shelf.blobs.touch(digest)


def test_a_stream_of_images_does_not_fill_the_memory(shelf: Shelf) -> None:
    digest = ""
    for n in range(100):
        shelf.now = n / 60
        digest, _ = shelf.blobs.add(b"%04d" % n * 250)
        shelf.blobs.sweep()
    assert shelf.blobs.get(digest) is not None, "the newest stay"
    assert len(list(shelf.blobs._store.digests())) == 10


@pytest.mark.scenario("S47")
@pytest.mark.parametrize("name", ["../secret", "..", "", "A" * 64, "0" * 63, "0" * 64 + "\n", "/etc/passwd"])
def test_what_is_no_hash_is_no_blob(shelf: Shelf, name: str) -> None:
    assert shelf.blobs.get(name) is None
    assert not shelf.blobs.touch(name)
    assert shelf.blobs.get_named(name) is None


def test_a_folder_keeps_blobs_for_the_next_process(tmp_path: Path) -> None:
    digest, _ = Shelf(PooledBlobs(tmp_path / "pool", tmp_path / "blobs")).blobs.add(b"content")
    again = Shelf(PooledBlobs(tmp_path / "pool", tmp_path / "blobs"))
    assert again.blobs.get(digest) == b"content"
    again.now = 61
    again.blobs.sweep()
    again.now = 122
    again.blobs.sweep()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_key_whose_blob_is_missing_is_left_out_and_asked_for() -> None:
    async with House() as house:
        bridge = await house.bridge()
        window = await house.window()
        sentinel = {"$blob": hashlib.sha256(b"late").hexdigest(), "size": 4, "type": "bytes"}
        await bridge.do(opened(image=sentinel, value=3))
        assert window.state("c1")["value"] == 3
        assert "image" not in window.state("c1")
        assert (await bridge.wait("resync"))["comm_ids"] == ["c1"]
        await bridge.do(opened(image=sentinel, value=3), blobs=[b"late"])
        await until(lambda: window.state("c1").get("image") == sentinel)
        order = [what if kind == "sync" else what["type"] for kind, what in window.log]
        assert order[-2] == "blobs", "there before the update that names it"


@pytest.mark.scenario("S47")
async def test_a_window_that_sends_large_values_without_end_costs_bounded_memory() -> None:
    limits = RoomLimits(unnamed_bytes=100_000)
    async with House(limits=limits) as house:
        bridge = await house.bridge()
        await bridge.do(opened(text=""))
        window, store = await house.window(), MemoryBlobs()
        house.room.blobs._store = store
        most = 0
        for n in range(100):
            await window.say(request(f"r{n}", text=f"{n:03}" * 3_000))
            await window.wait("accepted", request_id=f"r{n}")
            most = max(most, sum(store.size(digest) or 0 for digest in store.digests()))
        assert most < 2 * limits.unnamed_bytes
        assert window.state("c1")["text"]["$blob"] in store.digests()
