"""The document as a room's peers are sent it: the updates of its transactions, and diffs for who missed some.

Each transaction's own update is handed on as it is. Asking the document for the difference to a state vector
instead would carry the whole delete set every time (6 to 8 kB for a peer that has everything), so that is done
only for a peer that missed something.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pycrdt

EMPTY_UPDATE = b"\x00\x00"


class Point(NamedTuple):
    """A moment of the document.

    Attributes
    ----------
    version : int
        Transactions since the feed began. Deletions count, which a state vector doesn't show.
    state : bytes
        The Yjs state vector.
    """

    version: int
    state: bytes


class Feed:
    """Watches one document.

    Parameters
    ----------
    doc : pycrdt.Doc
        Changed by anybody, on this thread.
    stray : callable
        Called when a transaction has left an update that nobody has taken yet.
    """

    def __init__(self, doc: pycrdt.Doc[Any], stray: Callable[[], None]) -> None:
        self._doc = doc
        self._stray = stray
        self._updates: list[bytes] = []
        self._version = 0
        self._point: Point | None = None
        self._subscription: pycrdt.Subscription | None = doc.observe(self._observed)

    def _observed(self, event: pycrdt.TransactionEvent) -> None:
        # The document is borrowed here: nothing of it may be read before the transaction is over.
        update = event.update
        if update != EMPTY_UPDATE:
            self._version += 1
            self._point = None
            self._updates.append(update)
            self._stray()

    def take(self) -> list[bytes]:
        """Return the updates of the transactions since the last call, in order."""
        updates, self._updates = self._updates, []
        return updates

    def point(self) -> Point:
        """Return where the document is now."""
        if self._point is None:
            self._point = Point(self._version, self._doc.get_state())
        return self._point

    def diff(self, state: bytes) -> tuple[bytes, Point]:
        """Return what a peer with this state vector lacks, and the point it is then at.

        Raises
        ------
        ValueError
            When `state` is no state vector.
        """
        return self._doc.get_update(state), self.point()

    def close(self) -> None:
        """Stop watching. On the document's thread: there the subscription must be freed, too."""
        if self._subscription is not None:
            self._doc.unobserve(self._subscription)
            self._subscription = None
