"""Keeps one room: every transaction at once in the shelf's journal, the whole of it in a snapshot now and then.

    a room begins      its shelf is taken and what it has put into the document; a snapshot says that it is a room
    a transaction      its update is appended before anybody is told that it was made: a killed host has lost nothing
    0.5 s of quiet     the journal outlives a power cut, 5 s after its first at most; a long one ends in a snapshot
    it can't be kept   the room works on in memory and says so; it is tried again, and a snapshot makes it whole
    a room ends        what it has is written, with retries; one that has nothing leaves nothing

Everything runs on the room's thread but what waits for the disk. Nothing is appended behind a hole: after an error only
a snapshot goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import pycrdt
from pycrdt import Array

from commdoc.document.elements import ROOT
from commdoc.errors import CommdocError, SchemaError, StoreBusyError
from commdoc.protocol.messages import StoreState
from commdoc.rooms.limits import MB
from commdoc.rooms.store.base import Attributes, RoomStore, Shelf
from commdoc.rooms.store.fallback import FallbackBlobs
from commdoc.rooms.store.restore import restore

log = logging.getLogger(__name__)

QUIET_SECONDS: Final = 0.5
LATE_SECONDS: Final = 5.0
"""After the first change that is not on the disk it is written, however much goes on."""

JOURNAL_BYTES: Final = MB
"""A journal of this size becomes a snapshot, or one as long as the document: to read it costs as much as that then."""

RETRY_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Between attempts at a place that fails; the last one again and again."""

FLUSH_ATTEMPTS: Final = 3

KEPT: Final[StoreState] = {"status": "kept"}


class Keeper:
    """Keeps the document and blobs of a room. `open` makes it, before the room.

    Attributes
    ----------
    blobs : FallbackBlobs
        Where the room is to keep its blobs.
    state : StoreState
        Whether it is kept.
    restored : bool
        Whether the document began with what was kept.
    saved_at : float or None
        When everything was on the disk last, seconds since 1970.
    tell : callable
        Called when `state` has changed.
    """

    def __init__(self, store: RoomStore, doc: pycrdt.Doc[Any], attributes: Callable[[], Attributes]) -> None:
        self._store = store
        self._doc = doc
        self._attributes = attributes
        self._room_id = attributes().room_id
        self._shelf: Shelf | None = None
        self._whole = False
        self._changed_at: float | None = None
        self._dirty_since: float | None = None
        self._snapshot_due = False
        self._urgent = asyncio.Event()
        self._snapshot_bytes = 0
        self._journal_bytes = 0
        self._failures = 0
        self._given_up = False
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.blobs = FallbackBlobs(None, self._failed)
        self.state: StoreState = KEPT
        self.saved_at: float | None = None
        self.restored = False
        self.tell: Callable[[], None] = lambda: None

    @classmethod
    async def open(
        cls, store: RoomStore, doc: pycrdt.Doc[Any], attributes: Callable[[], Attributes]
    ) -> Keeper:
        """Return the keeper of a room, its last state put into the document.

        Parameters
        ----------
        doc : pycrdt.Doc
            Of this thread; nobody writes into it meanwhile.
        attributes : callable
            Returns what is to be known of the room.
        """
        keeper = cls(store, doc, attributes)
        await keeper._begin()
        if not keeper._given_up:
            keeper._task = asyncio.ensure_future(keeper._run())
        return keeper

    # --- from the room -----------------------------------------------------------------------------------------------

    def append(self, updates: Sequence[bytes]) -> None:
        """Keep the updates of a transaction."""
        now = time.monotonic()
        self._changed_at = now
        if self._dirty_since is None:
            self._dirty_since = now
            self._wake.set()
        if self._shelf is None or not self._whole:
            return
        try:
            for update in updates:
                self._journal_bytes = self._shelf.append(update)
        except OSError as error:
            self._whole = False
            self._failed(error)
        if self._journal_bytes > max(JOURNAL_BYTES, self._snapshot_bytes):
            self._snapshot_due = True

    def changed(self) -> None:
        """Note that the room's attributes are others now: written at once, since it is found by them."""
        self._snapshot_due = True
        self._urgent.set()
        now = time.monotonic()
        self._changed_at = now
        self._dirty_since = now if self._dirty_since is None else self._dirty_since
        self._wake.set()

    @property
    def size(self) -> int:
        """Bytes of the document as it is kept."""
        return self._snapshot_bytes + self._journal_bytes

    # --- from its host -----------------------------------------------------------------------------------------------

    async def flush(self) -> bool:
        """Write everything now; return whether it is on the disk."""
        for attempt in range(FLUSH_ATTEMPTS):
            if attempt:
                await asyncio.sleep(RETRY_SECONDS[0] / 4)
            if await self._write(snapshot=True):
                return True
        return False

    async def close(self) -> bool:
        """Write everything and give the shelf back; return whether it is on the disk."""
        if self._task is not None:
            async with (
                self._turn
            ):  # the thread of a write that is under way can't be stopped: it would be the last one
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        kept = await self.flush()
        async with self._turn:
            shelf, self._shelf = self._shelf, None
            if shelf is not None:
                nothing = not len(self._doc.get(ROOT, type=Array))
                self.blobs.place = None
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(shelf.discard if nothing else shelf.close)
        return kept

    # --- inside ------------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        shelf: Shelf | None = None
        try:
            shelf = await asyncio.to_thread(self._store.open, self._room_id)
            self.restored = restore(shelf, self._doc)
        except (OSError, CommdocError) as error:
            if shelf is not None:
                await asyncio.to_thread(shelf.close)
            self._given_up = isinstance(error, SchemaError)  # a newer commdoc's: it is not ours to write over
            self._failed(error)
            return
        self._take(shelf)
        await self._write(snapshot=True)

    def _take(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.blobs.place = shelf.blobs

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await self._until_due()
            if not await self._write(snapshot=self._snapshot_due):
                self._wake.set()

    async def _until_due(self) -> None:
        """Return when it is time to write: it has been quiet, or has waited long enough; after failures, later."""
        if self._failures:
            await asyncio.sleep(RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS)) - 1])
            return
        while self._dirty_since is not None and self._changed_at is not None:
            now = time.monotonic()
            wait = min(self._changed_at + QUIET_SECONDS, self._dirty_since + LATE_SECONDS) - now
            if wait <= 0 or self._urgent.is_set():
                return
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), wait)

    async def _write(self, *, snapshot: bool) -> bool:
        if self._given_up:
            return False
        async with self._turn:
            self._wake.clear()
            self._urgent.clear()
            self._dirty_since = None
            try:
                shelf = self._shelf or await self._take_late()
                await asyncio.to_thread(self.blobs.settle)
                if snapshot or not self._whole:
                    await self._save(shelf)
                else:
                    await asyncio.to_thread(shelf.sync)
            except (OSError, CommdocError) as error:
                self._failed(error)
                return False
            try:
                await asyncio.to_thread(self.blobs.copy)
            except (OSError, CommdocError) as error:
                self._failed(error, "has its blobs on this machine only")
                return False
            self._failures = 0
            self.saved_at = time.time()
            self._say(KEPT)
            return True

    async def _save(self, shelf: Shelf) -> None:
        content = self._doc.get_update()
        mark = shelf.mark()
        self._snapshot_due = False
        self._journal_bytes = 0
        holed, self._whole = not self._whole, True  # what comes now is appended behind the mark
        try:
            await asyncio.to_thread(shelf.save, self._attributes(), content, mark)
        except BaseException:
            # Behind the last snapshot and its journals the new one goes on, unless there was a hole.
            self._whole = not holed and self._whole
            self._snapshot_due = True
            raise
        self._snapshot_bytes = len(content)

    async def _take_late(self) -> Shelf:
        """Take the shelf that was not to be had. What another host has kept in it meanwhile stays, as another room."""
        shelf = await asyncio.to_thread(self._store.open, self._room_id)
        try:
            found = await asyncio.to_thread(shelf.load)
            if found is not None:
                aside = await asyncio.to_thread(shelf.set_aside)
                log.warning(
                    "room %s: what another host has kept of it is the room %s now", self._room_id, aside
                )
        except BaseException:
            await asyncio.to_thread(shelf.close)
            raise
        self._take(shelf)
        return shelf

    def _failed(self, error: Exception, how: str = "is in memory only") -> None:
        self._failures += 1
        reason = _reason(error)
        if self.state["status"] == "kept":
            log.warning("room %s %s, and is tried to be kept again: %s", self._room_id, how, reason)
        self._say({"status": "failing", "reason": reason})
        self._wake.set()

    def _say(self, state: StoreState) -> None:
        if state == self.state:
            return
        if state["status"] == "kept":
            log.warning("room %s is kept again", self._room_id)  # where the failure is read, its end is, too
        self.state = state
        # Later: the room may be in the middle of telling what it has written.
        asyncio.get_running_loop().call_soon(self.tell)


def _reason(error: Exception) -> str:
    if isinstance(error, StoreBusyError):
        return f"{error}: another server or sidecar keeps this room"
    if isinstance(error, SchemaError):
        return f"what is kept of it {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''}"
    return str(error) or type(error).__name__
