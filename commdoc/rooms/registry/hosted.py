"""A live room, and what its host knows of it beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import pycrdt

from commdoc.rooms.room import Room
from commdoc.rooms.store.base import Attributes


class Document(Protocol):
    """What a room's host knows of its document."""

    doc: pycrdt.Doc[Any]
    may_move: bool
    """Whether it can become that of another path: a shared one belongs to its file, wherever that goes."""

    async def is_current(self, path: str | None) -> bool:
        """Tell whether the notebook, which is at this path now, still has this document."""

    def close(self) -> None:
        """Let go of it."""


@dataclass
class Known:
    """What is known of a room beside what is in it; its keeper writes that with it.

    Attributes
    ----------
    root : str or None
        The folder that paths of this host count from.
    path, kernel_id, displaced_from : str or None
        See `Attributes`.
    """

    room_id: str
    root: str | None = None
    path: str | None = None
    kernel_id: str | None = None
    displaced_from: str | None = None

    def attributes(self) -> Attributes:
        """Return it as a store has it."""
        return Attributes(
            self.room_id, self.path, self.kernel_id, self.root, displaced_from=self.displaced_from
        )


class Hosted:
    """A room that is live here.

    Parameters
    ----------
    known : Known
        Of the room; changed through the attributes of this object only.
    """

    def __init__(self, room: Room, document: Document, known: Known) -> None:
        self.room = room
        self.document = document
        self._known = known

    @property
    def path(self) -> str | None:
        """Of the notebook, as its host's contents manager names it."""
        return self._known.path

    @path.setter
    def path(self, path: str | None) -> None:
        if path is not None:
            self._known.displaced_from = None
        elif self._known.path is not None:
            self._known.displaced_from = self._known.path
        self._known.path = path
        self._changed()

    @property
    def kernel_id(self) -> str | None:
        """Whose bridge came last."""
        return self._known.kernel_id

    @kernel_id.setter
    def kernel_id(self, kernel_id: str | None) -> None:
        if kernel_id != self._known.kernel_id:
            self._known.kernel_id = kernel_id
            self._changed()

    @property
    def displaced_from(self) -> str | None:
        """The path that it lost: to another room, or with its file."""
        return self._known.displaced_from

    @property
    def attributes(self) -> Attributes:
        """What a store keeps of it."""
        return self._known.attributes()

    def has_epoch(self, epoch: str | None) -> bool:
        """Tell whether this life of a kernel is the one that the room shows."""
        kernel = self.room.kernel.kernel
        return kernel is not None and kernel["epoch"] == epoch

    def kernel_dead(self, reason: str, epoch: str | None = None) -> None:
        """Tell the room that its kernel is gone; with `epoch` only if that life of it is the one that it shows."""
        if epoch is None or self.has_epoch(epoch):
            self.room.kernel_dead(reason)

    @property
    def is_unused(self) -> bool:
        """Whether no kernel has been in it: there is nothing to lose."""
        return self.kernel_id is None and self.room.kernel.kernel is None and not self.has_content

    @property
    def has_content(self) -> bool:
        """Whether there are comms in it."""
        return len(self.room.comms) > 0

    @property
    def has_kernel(self) -> bool:
        """Whether a kernel's bridge is in it now."""
        return self.room.kernel.bridge is not None

    @property
    def has_peers(self) -> bool:
        """Whether anybody is in it."""
        return bool(self.room.broadcast.members)

    def _changed(self) -> None:
        if self.room.keeper is not None:
            self.room.keeper.changed()
