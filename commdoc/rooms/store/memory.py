"""Rooms that outlive nothing but their hosts: for tests, and for a host that is to keep no files."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace

from commdoc.errors import StoreBusyError
from commdoc.rooms.blobs import BlobStore, MemoryBlobs
from commdoc.rooms.store.base import Attributes, Stored


@dataclass
class _Kept:
    attributes: Attributes
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    snapshot: tuple[int, bytes] | None = None
    journal: list[tuple[int, bytes]] = field(default_factory=list)
    held: bool = False


class MemoryStore:
    """Keeps rooms in this process."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def rooms(self) -> list[Attributes]:
        """Return the rooms that have a snapshot."""
        return [
            replace(kept.attributes, size=len(kept.snapshot[1]) + sum(len(each) for _, each in kept.journal))
            for kept in self._kept.values()
            if kept.snapshot is not None
        ]

    def open(self, room_id: str) -> MemoryShelf:
        """Return a room's shelf. Raises `StoreBusyError`."""
        return MemoryShelf(self._kept, room_id)


class MemoryShelf:
    """One room's place."""

    def __init__(self, all_kept: dict[str, _Kept], room_id: str) -> None:
        kept = all_kept.setdefault(room_id, _Kept(Attributes(room_id)))
        if kept.held:
            raise StoreBusyError(f"another host has the room {room_id}")
        kept.held = True
        self._all = all_kept
        self._kept = kept
        self._room_id = room_id
        self._mark = 1 + max([0, *(mark for mark, _ in kept.journal)])
        self._size = 0

    @property
    def blobs(self) -> BlobStore:
        """The room's own."""
        return self._kept.blobs

    def load(self) -> Stored | None:
        """Return the last state."""
        kept = self._kept
        since, body = kept.snapshot or (0, None)
        updates = [] if body is None else [body]
        updates += [update for mark, update in kept.journal if mark >= since]
        return Stored(kept.attributes, updates) if updates else None

    def refuse(self, reason: str) -> None:
        """Forget it."""
        self._kept.snapshot = None
        self._kept.journal.clear()

    def append(self, update: bytes) -> int:
        """Keep an update."""
        self._kept.journal.append((self._mark, update))
        self._size += len(update)
        return self._size

    def mark(self) -> int:
        """Begin what comes behind a snapshot."""
        self._mark, self._size = self._mark + 1, 0
        return self._mark

    def save(self, attributes: Attributes, snapshot: bytes, mark: int) -> None:
        """Replace the snapshot."""
        kept = self._kept
        kept.attributes = replace(attributes, saved_at=time.time())
        kept.snapshot = mark, snapshot
        kept.journal = [each for each in kept.journal if each[0] >= mark]

    def sync(self) -> None:
        """Do nothing."""

    def set_aside(self) -> str:
        """Give what is kept an id of its own."""
        room_id = uuid.uuid4().hex
        aside, self._kept = self._kept, _Kept(Attributes(self._room_id), held=True)
        aside.held = False
        aside.attributes = replace(
            aside.attributes, room_id=room_id, path=None, displaced_from=aside.attributes.path
        )
        self._all[room_id], self._all[self._room_id] = aside, self._kept
        self.mark()
        return room_id

    def discard(self) -> None:
        """Forget the room."""
        self._all.pop(self._room_id, None)

    def close(self) -> None:
        """Give the room back."""
        self._kept.held = False
