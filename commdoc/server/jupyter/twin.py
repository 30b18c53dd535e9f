"""A room's own copy of a document that other code in this process writes, too: jupyter-collaboration's, for instance.

    room writes, its windows write ─► own document ─ next turn of the loop ─► the notebook's document ─► its own windows
    cells by its windows, reloads  ─► the notebook's document ─ next turn of the loop ─► own document

Why not the very document: its owner may keep a transaction open while other tasks run (`YNotebook.aset` does, for a
reload), and then a transaction of the room would fail or be part of the other one; and the owner writes with the
document's client id, by which the room counts its own elements. In a copy the room is the only one who writes with that
id, and each transaction is its own. What both hold is the same once the loop has turned.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import pycrdt

log = logging.getLogger(__name__)

OPEN_SECONDS: Final = 30.0
"""How long a transaction of the owner's may keep a room from opening; a large notebook loads in one."""

POLL_SECONDS: Final = 0.02

_EMPTY: Final = b"\x00\x00"


class Twin:
    """Two documents that become the same.

    Parameters
    ----------
    theirs : pycrdt.Doc
        The notebook's document; belongs to this thread.

    Attributes
    ----------
    own : pycrdt.Doc
        The copy.
    """

    def __init__(self, theirs: pycrdt.Doc[Any]) -> None:
        self.theirs = theirs
        self.own: pycrdt.Doc[Any] = pycrdt.Doc()
        self._given = b""
        self._taking = False
        self._to_take: list[bytes] = []
        self._to_give: list[bytes] = []
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._subscriptions: list[tuple[pycrdt.Doc[Any], Any]] = []

    @classmethod
    async def of(cls, theirs: pycrdt.Doc[Any]) -> Twin:
        """Return a twin that holds what the document holds.

        Raises
        ------
        TimeoutError
            When the document's owner doesn't end its transaction.
        """
        end = asyncio.get_running_loop().time() + OPEN_SECONDS
        while getattr(theirs, "_txn", None) is not None:  # one can't subscribe meanwhile: yrs panics
            if asyncio.get_running_loop().time() > end:
                raise TimeoutError("the notebook's document is being written all the time")
            await asyncio.sleep(POLL_SECONDS)
        twin = cls(theirs)
        twin._begin()
        return twin

    def _begin(self) -> None:
        self.own.apply_update(self.theirs.get_update())
        self._subscriptions = [
            (self.theirs, self.theirs.observe(self._they_wrote)),
            (self.own, self.own.observe(self._own_wrote)),
        ]

    def close(self) -> None:
        """Let the two go their own ways."""
        self._closed = True
        for doc, subscription in self._subscriptions:
            doc.unobserve(subscription)
        self._subscriptions.clear()

    # Observers are called while their document is borrowed: they only note. The other document is not, unless its
    # owner has a transaction open, of which our update then becomes a part.

    def _own_wrote(self, event: pycrdt.TransactionEvent) -> None:
        update = event.update
        if not self._taking and update != _EMPTY:
            self._to_give.append(update)
            if len(self._to_give) == 1:
                self._loop.call_soon_threadsafe(self._give)

    def _they_wrote(self, event: pycrdt.TransactionEvent) -> None:
        update = event.update
        if update not in (self._given, _EMPTY):
            self._to_take.append(update)
            if len(self._to_take) == 1:
                self._loop.call_soon_threadsafe(self._take)

    def _give(self) -> None:
        updates, self._to_give = self._to_give, []
        if self._closed or not updates:
            return
        # What comes back of it is ours alone and not taken, or has more in it: of the transaction that is open there,
        # or elements that waited for ours. Then it is taken, and our own part of it changes nothing.
        self._given = _merged(updates)
        try:
            self.theirs.apply_update(self._given)
        except Exception:
            log.exception("the notebook's document doesn't take what its room has written")
        finally:
            self._given = b""

    def _take(self) -> None:
        updates, self._to_take = self._to_take, []
        if self._closed or not updates:
            return
        self._taking = True
        try:
            self.own.apply_update(_merged(updates))
        except Exception:
            log.exception("a room doesn't take what was written into its notebook's document")
        finally:
            self._taking = False


def _merged(updates: list[bytes]) -> bytes:
    return updates[0] if len(updates) == 1 else pycrdt.merge_updates(*updates)
