"""What a place that keeps rooms offers: a `RoomStore` has a `Shelf` for each room.

    registry   store.rooms() → which rooms are kept, with path and kernel    store.open(room_id) → its shelf, locked
    room       shelf.load() → the last state    shelf.append(update) per transaction    shelf.save(…) now and then

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
    """

    room_id: str
    path: str | None = None
    kernel_id: str | None = None
    root: str | None = None
    saved_at: float = 0.0


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
    """One room's place, held until `close`. Every method may block on the disk, and raises `OSError` when it can't."""

    blobs: BlobStore

    def load(self) -> Stored | None:
        """Return the last state, None for a new room or one that can't be read (kept beside it as ``*.corrupt``).

        Raises
        ------
        SchemaError
            When a newer commdoc has written it: it stays as it is.
        """

    def save(self, attributes: Attributes, snapshot: bytes) -> None:
        """Replace the snapshot, and everything that was appended before this call began."""

    def append(self, update: bytes) -> None:
        """Keep an update behind the snapshot: it outlives the process when this returns."""

    def discard(self) -> None:
        """Forget the room: nothing is left of it but blobs that others name."""

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
