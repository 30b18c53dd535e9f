from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from commdoc.errors import ProtocolError
from commdoc.rooms.store.pool import PooledBlobs, pooled, sweep


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_content_of_two_rooms_is_on_the_disk_once(tmp_path: Path) -> None:
    one, two = (PooledBlobs(tmp_path / ".pool", tmp_path / name) for name in ("one", "two"))
    digest = digest_of(b"esm")
    one.put(digest, b"esm")
    two.put(digest, b"esm")
    two.put(digest, b"esm")
    assert len({path.stat().st_ino for path in tmp_path.rglob(digest)}) == 1
    assert (one.get(digest), two.size(digest), list(two.digests())) == (b"esm", 3, [digest])


def test_it_goes_with_the_last_room_that_has_it(tmp_path: Path) -> None:
    one, two = (PooledBlobs(tmp_path / ".pool", tmp_path / name) for name in ("one", "two"))
    digest = digest_of(b"esm")
    one.put(digest, b"esm")
    two.put(digest, b"esm")
    one.delete(digest)
    assert (one.get(digest), two.get(digest)) == (None, b"esm")
    assert pooled(tmp_path / ".pool", digest).exists()
    two.delete(digest)
    assert list(tmp_path.rglob(digest)) == []


def test_a_half_written_content_that_a_power_cut_left_is_written_again(tmp_path: Path) -> None:
    digest = digest_of(b"content")
    shared = pooled(tmp_path / ".pool", digest)
    shared.parent.mkdir(parents=True)
    shared.write_bytes(b"")
    room = PooledBlobs(tmp_path / ".pool", tmp_path / "one")
    room.put(digest, b"content")
    assert room.get(digest) == b"content"
    assert shared.read_bytes() == b"content"


def test_what_no_room_has_is_swept(tmp_path: Path) -> None:
    room = PooledBlobs(tmp_path / ".pool", tmp_path / "one")
    for content in (b"a", b"b"):
        room.put(digest_of(content), content)
    (tmp_path / "one" / digest_of(b"a")).unlink()
    assert sweep(tmp_path / ".pool") == 1
    assert room.get(digest_of(b"b")) == b"b"


def test_only_hashes_are_names(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError):
        PooledBlobs(tmp_path / ".pool", tmp_path / "one").put("../x", b"")


def test_no_collector_takes_what_another_process_puts(tmp_path: Path) -> None:
    """Each process puts the same contents again and again, deletes them, and looks before: it must have what it put."""
    code = "\n".join(
        [
            "import hashlib, pathlib, sys",
            "from commdoc.rooms.store.pool import PooledBlobs, sweep",
            "pool = pathlib.Path(sys.argv[1]) / '.pool'",
            "room = PooledBlobs(pool, pathlib.Path(sys.argv[1]) / sys.argv[2])",
            "contents = [bytes([n]) * 100 for n in range(4)]",
            "for turn in range(150):",
            "    for content in contents: room.put(hashlib.sha256(content).hexdigest(), content)",
            "    sweep(pool)",
            "    for content in contents:",
            "        digest = hashlib.sha256(content).hexdigest()",
            "        assert room.get(digest) == content, (turn, content[0])",
            "        if (turn + content[0]) % 3: room.delete(digest)",
        ]
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), f"room{n}"], stderr=subprocess.PIPE)
        for n in range(3)
    ]
    errors = [run.communicate()[1].decode() for run in runs]
    assert errors == ["", "", ""]
