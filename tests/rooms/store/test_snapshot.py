from __future__ import annotations

import io
import struct

import pytest

from commdoc.errors import SchemaError, StoreError
from commdoc.rooms.store import snapshot
from commdoc.rooms.store.base import Attributes
from commdoc.rooms.store.snapshot import Snapshot, decode, encode, read_head

KNOWN = Snapshot(Attributes("r1", "a/ä.ipynb", "k1", "/root", 12.5, None), 7, b"\x00\x01body\xff")


def test_what_was_written_is_read() -> None:
    assert decode(encode(KNOWN)) == KNOWN
    assert read_head(io.BytesIO(encode(KNOWN))) == KNOWN.attributes


@pytest.mark.scenario("S45")
def test_a_file_that_is_cut_off_or_changed_at_any_byte_is_refused() -> None:
    content = encode(KNOWN)
    for at in range(len(content)):
        with pytest.raises((StoreError, SchemaError)):
            decode(content[:at])
        with pytest.raises((StoreError, SchemaError)):
            decode(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])


def test_a_claimed_length_takes_no_memory() -> None:
    with pytest.raises(StoreError, match="too long"):
        read_head(io.BytesIO(b"cmdoc-01" + struct.pack(">I", 2**32 - 1)))


@pytest.mark.scenario("S46")
def test_a_file_of_a_newer_commdoc_is_refused_with_what_to_do() -> None:
    newer = b"cmdoc-99" + encode(KNOWN)[8:]
    with pytest.raises(SchemaError, match="update commdoc"):
        decode(newer)
    with pytest.raises(SchemaError, match="update commdoc"):
        read_head(io.BytesIO(newer))


@pytest.mark.scenario("S46")
def test_a_file_of_an_older_one_is_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    older = encode(Snapshot(Attributes("r1", "a.ipynb"), 3, b"old"))
    monkeypatch.setattr(snapshot, "VERSION", 2)
    monkeypatch.setattr(
        snapshot, "MIGRATIONS", {1: lambda head, body: ({**head, "path": head["path"].upper()}, body + b"!")}
    )
    assert decode(older) == Snapshot(Attributes("r1", "A.IPYNB"), 3, b"old!")
    assert read_head(io.BytesIO(older)).path == "A.IPYNB"
