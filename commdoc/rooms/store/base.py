"""What a place that keeps rooms offers: a `RoomStore` has a `Shelf` for each room.

    registry   store.rooms() → which rooms are kept, with path and kernel    store.open(room_id) → its shelf, locked
    room       shelf.load() → the last state
               shelf.append(update) per transaction
               shelf.mark() → where it is, then shelf.save(…, mark) at leisure: the snapshot, and nothing before it

A shelf is held by one process at a time. Its snapshot is replaced as a whole or not at all; what was appended behind it
is read again with it. A store knows nothing of Yjs: updates are bytes to it, merged by who reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from commdoc.rooms.blobs import BlobStore


@dataclass(frozen=True)
class Attributes:
    """What is known of a kept room without opening it.

    Attributes
    ----------
    room_id : str
        Permanent.
    path : str or None
        Of the notebook, as its host's contents manager names it.
    kernel_id : str or None
        Whose bridge was in it last.
    root : str or None
        The folder that `path` counts from: hosts of other folders have other notebooks of that name.
    saved_at : float
        Seconds since 1970.
    displaced_from : str or None
        The path that it lost to another room.
    size : int or None
        Bytes of its document as it is kept, where a store says so; blobs are not in it.
    """

    room_id: str
    path: str | None = None
    kernel_id: str | None = None
    root: str | None = None
    saved_at: float = 0.0
    displaced_from: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Stored:
    """A room's last state.

    Attributes
    ----------
    updates : sequence of bytes
        Yjs updates, the snapshot first.
    """

    attributes: Attributes
    updates: Sequence[bytes]


class Shelf(Protocol):
    """One room's place, held until `close`. Every method may block on the disk, and raises `OSError` when it can't.

    `append` and `mark` are called on the room's thread, `save` and `sync` on others meanwhile.
    """

    @property
    def blobs(self) -> BlobStore:
        """The room's own."""

    def load(self) -> Stored | None:
        """Return the last state, None for a new room or one that can't be read (kept beside it as ``*.corrupt``).

        Raises
        ------
        SchemaError
            When a newer commdoc has written it: it stays as it is.
        """

    def refuse(self, reason: str) -> None:
        """Keep what was loaded as ``*.corrupt``: whoever read it can't use it. The room begins afresh."""

    def append(self, update: bytes) -> int:
        """Keep an update behind the snapshot: it outlives the process when this returns.

        Returns
        -------
        int
            Bytes that have been appended since the last `mark`.
        """

    def mark(self) -> int:
        """Begin what comes behind a snapshot that is made now."""

    def save(self, attributes: Attributes, snapshot: bytes, mark: int) -> None:
        """Replace the snapshot, and everything that was appended before `mark`; it outlives a power cut then."""

    def sync(self) -> None:
        """Have what was appended outlive a power cut."""

    def set_aside(self) -> str:
        """Give what is kept here a room id of its own, returned, and begin afresh: nothing of it is lost."""

    def discard(self) -> None:
        """Forget the room, and its blobs."""

    def close(self) -> None:
        """Give the room back to who wants it."""


class RoomStore(Protocol):
    """Keeps rooms."""

    def rooms(self) -> list[Attributes]:
        """Return the rooms that are kept, also those that other processes hold."""

    def open(self, room_id: str) -> Shelf:
        """Return a room's shelf, a new one where none is.

        Raises
        ------
        StoreBusyError
            When another process holds it.
        OSError
            When the place can't be used.
        """
