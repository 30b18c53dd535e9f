"""The file of a room's snapshot: which room it is, readable without the rest, then its document.

    8 bytes  magic, the version of the format its last two digits
    4 bytes  length of the head, big-endian
    head     JSON: the room's attributes, and `mark`: what was appended from there on belongs behind it
    8 bytes  length of the body
    body     a Yjs update
    32 bytes SHA-256 of everything before

A file that ends early or was changed anywhere is refused as a whole.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, BinaryIO, Final

from commdoc.errors import SchemaError, StoreError
from commdoc.rooms.store.base import Attributes

VERSION: Final = 1
MAGIC: Final = b"cmdoc-%02d"

MAX_HEAD_BYTES: Final = 1 << 20
"""A path is a few kB at most; a damaged length must not make a reader take memory."""

MIGRATIONS: Final[dict[int, Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]]] = {}
"""Version to what makes head and body of it those of the next one."""


@dataclass(frozen=True)
class Snapshot:
    """What a snapshot says.

    Attributes
    ----------
    mark : int
        See `Shelf.mark`.
    body : bytes
        A Yjs update.
    """

    attributes: Attributes
    mark: int
    body: bytes


def encode(snapshot: Snapshot) -> bytes:
    """Return the file's content."""
    known = asdict(replace(snapshot.attributes, size=None))
    del known["size"]
    head = json.dumps({**known, "mark": snapshot.mark}).encode()
    parts = [
        MAGIC % VERSION,
        struct.pack(">I", len(head)),
        head,
        struct.pack(">Q", len(snapshot.body)),
        snapshot.body,
    ]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return b"".join([*parts, digest.digest()])


def decode(content: bytes) -> Snapshot:
    """Read a file's content.

    Raises
    ------
    StoreError
        When it is damaged.
    SchemaError
        When a newer commdoc has written it.
    """
    version = _version(content[:8])
    if hashlib.sha256(content[:-32]).digest() != content[-32:]:
        raise StoreError("its checksum is not that of its content: it was cut off or changed")
    (length,) = struct.unpack(">I", content[8:12])
    head = _object(content[12 : 12 + length])
    body = content[12 + length + 8 : -32]
    while version < VERSION:
        head, body = MIGRATIONS[version](head, body)
        version += 1
    return Snapshot(_attributes(head), _mark(head), body)


def read_head(file: BinaryIO) -> Attributes:
    """Read a file's attributes and no more; nothing of it is checked but that.

    Raises
    ------
    StoreError, SchemaError
        As `decode`.
    """
    start = file.read(12)
    version = _version(start[:8])
    if len(start) < 12 or (length := struct.unpack(">I", start[8:])[0]) > MAX_HEAD_BYTES:
        raise StoreError("it ends before its head does, or claims one that is too long")
    head = _object(file.read(length))
    while version < VERSION:
        head, _ = MIGRATIONS[version](head, b"")
        version += 1
    return _attributes(head)


def _version(magic: bytes) -> int:
    if magic[:6] != MAGIC[:6] or not magic[6:].isdigit() or len(magic) != 8:
        raise StoreError("it doesn't begin as a snapshot of commdoc does")
    version = int(magic[6:])
    if version > VERSION:
        raise SchemaError(
            f"it was written by a newer commdoc (format {version}, this one reads up to {VERSION}): update commdoc"
        )
    if version != VERSION and version not in MIGRATIONS:
        raise StoreError(f"there is no format {version}")
    return version


def _object(text: bytes) -> dict[str, Any]:
    try:
        head = json.loads(text)
    except ValueError:
        head = None
    if not isinstance(head, dict):
        raise StoreError("its head is no JSON object")
    return head


def _attributes(head: dict[str, Any]) -> Attributes:
    known = {
        field.name: head[field.name]
        for field in fields(Attributes)
        if field.name in head and field.name != "size"
    }
    texts = [known.get(name) for name in ("path", "kernel_id", "root", "displaced_from")]
    if not isinstance(known.get("room_id"), str) or not all(
        text is None or isinstance(text, str) for text in texts
    ):
        raise StoreError("its head names no room")
    if not isinstance(known.get("saved_at", 0.0), int | float):
        raise StoreError("its head has no time")
    return Attributes(**known)


def _mark(head: dict[str, Any]) -> int:
    mark = head.get("mark")
    if not isinstance(mark, int):
        raise StoreError("its head doesn't say what comes behind it")
    return mark
