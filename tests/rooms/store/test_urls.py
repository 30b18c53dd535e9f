from __future__ import annotations

import hashlib
import logging
import uuid
from pathlib import Path

import pytest

from commdoc.errors import ProtocolError
from commdoc.rooms.blobs import BlobStore, MemoryBlobs
from commdoc.rooms.store.folder import FolderStore
from commdoc.rooms.store.urls import CopiedBlobs, UrlBlobs
from tests.rooms.parties import opened, until
from tests.rooms.store.test_keeper import house_in, store_of

ONE, TWO = b"one" * 1000, b"\x00\xff" * 7


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}://{tmp_path}/{uuid.uuid4().hex}"


def test_a_room_s_blobs_are_behind_the_url_and_no_other_room_s(url: str) -> None:
    mine, others = UrlBlobs(url, "mine"), UrlBlobs(url, "others")
    for content in (ONE, TWO):
        mine.put(digest_of(content), content)
    others.put(digest_of(ONE), ONE)
    assert sorted(mine.digests()) == sorted(map(digest_of, (ONE, TWO)))
    others.delete(digest_of(ONE))
    others.delete(digest_of(ONE))
    assert list(others.digests()) == []
    assert (mine.get(digest_of(ONE)), mine.size(digest_of(TWO))) == (ONE, 14)
    assert (others.get(digest_of(ONE)), others.size(digest_of(ONE))) == (None, None)
    with pytest.raises(ProtocolError):
        mine.put("../others", ONE)


def test_a_content_that_is_not_what_its_name_says_is_not_there(tmp_path: Path) -> None:
    blobs = UrlBlobs(f"file://{tmp_path}", "r1")
    blobs.put(digest_of(ONE), ONE)
    (tmp_path / "r1" / digest_of(ONE)).write_bytes(b"cut")
    assert blobs.get(digest_of(ONE)) is None


@pytest.mark.parametrize("wrong", ["nosuch://bucket/x", "ftp://127.0.0.1:1/x"])
def test_a_url_that_nothing_is_behind_says_so_with_its_name(wrong: str) -> None:
    blobs = UrlBlobs(wrong, "r1")
    with pytest.raises(OSError, match=wrong):
        blobs.put(digest_of(ONE), ONE)
    with pytest.raises(OSError, match="can't be listed"):
        blobs.digests()


def test_what_is_put_and_deleted_here_is_so_there_after_the_next_copy(url: str) -> None:
    there = UrlBlobs(url, "r1")
    blobs = CopiedBlobs(MemoryBlobs(), there)
    blobs.put(digest_of(ONE), ONE)
    blobs.put(digest_of(TWO), TWO)
    blobs.delete(digest_of(TWO))
    assert list(there.digests()) == [], "a room never waits for it"
    blobs.copy()
    assert list(there.digests()) == [digest_of(ONE)]
    blobs.delete(digest_of(ONE))
    blobs.put(digest_of(TWO), TWO)
    blobs.copy()
    assert list(there.digests()) == [digest_of(TWO)]


def test_one_that_is_put_again_while_its_copy_is_deleted_is_there_again(url: str) -> None:
    there = UrlBlobs(url, "r1")
    blobs = CopiedBlobs(MemoryBlobs(), there)
    blobs.put(digest_of(ONE), ONE)
    blobs.copy()
    blobs.delete(digest_of(ONE))
    delete = there.delete

    def meanwhile(digest: str) -> None:
        blobs.put(digest, ONE)
        delete(digest)

    there.delete = meanwhile  # type: ignore[method-assign]
    blobs.copy()
    blobs.copy()
    assert there.get(digest_of(ONE)) == ONE


def test_on_another_machine_they_come_back_and_what_was_not_copied_yet_is(url: str) -> None:
    before: BlobStore = MemoryBlobs()
    first = CopiedBlobs(before, UrlBlobs(url, "r1"))
    first.put(digest_of(ONE), ONE)
    first.copy()
    here = MemoryBlobs()
    here.put(digest_of(TWO), TWO)
    CopiedBlobs(here, UrlBlobs(url, "r1")).copy()
    assert here.get(digest_of(ONE)) == ONE
    assert sorted(UrlBlobs(url, "r1").digests()) == sorted(map(digest_of, (ONE, TWO)))


@pytest.mark.scenario("S45")
async def test_a_room_works_on_while_the_url_fails_and_its_blobs_are_there_when_it_can_be_reached(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commdoc.rooms.store.keeper.RETRY_SECONDS", (0.05,))
    caplog.set_level(logging.INFO)
    place = tmp_path / "place"
    place.write_text("no folder")
    async with house_in(FolderStore(tmp_path / "rooms", f"file://{place}")) as house:
        await (await house.bridge()).do(opened("c1"))
        digest, _ = house.room.blobs.add(ONE)
        window = await house.window()
        await until(lambda: store_of(window)["status"] == "failing")
        assert "on this machine only" in caplog.text
        assert str(place) in store_of(window)["reason"]
        place.unlink()
        await until(lambda: store_of(window)["status"] == "kept")
        await until((place / "r1" / digest).exists)
        assert house.room.blobs.get(digest) == ONE
    assert (place / "r1" / digest).read_bytes() == ONE
