"""Hands changes and messages to callbacks: in order for each comm, with their blobs, whatever may go wrong.

What belongs to one comm is delivered in the order in which it happened. An item whose blobs are not at hand waits for
them, at most `BLOB_SECONDS`, and all of its comm behind it; other comms go on. A callback that raises is logged with
the comm's id, and the rest goes on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from commdoc.errors import BlobMissingError
from commdoc.protocol.messages import Encoded
from commdoc.protocol.values import BlobSentinel, GetBlob, blob_sentinels
from commdoc.window.blobs import BlobCache

log = logging.getLogger(__name__)

BLOB_SECONDS: Final = 10.0
"""How long an item waits for its blobs: 50 MB over a slow line, and no longer than a person believes in it."""

MAX_BACKLOG_BYTES: Final = 64 * 1024 * 1024
"""Messages that wait for callbacks, all comms together; beyond, they are left out: callbacks that are slower than the
kernel would fill the memory of this process.
"""

Run = Callable[[GetBlob], None]
"""Decodes with the blobs that it is given, and calls the callbacks."""


@dataclass
class _Item:
    run: Run
    weight: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    awaited: set[str] = field(default_factory=set)
    timer: asyncio.TimerHandle | None = None

    def get(self, named: BlobSentinel) -> bytes:
        content = self.blobs.get(named["$blob"])
        if content is None:
            msg = f"blob {named['$blob']} ({named['size']} bytes) is not to be had"
            raise BlobMissingError(msg)
        return content


class Delivery:
    """The items that wait to be delivered, for each comm.

    Parameters
    ----------
    blobs : BlobCache
        What is at hand.
    want : callable
        Asks the room for blobs; `arrived` is to be called then.
    dispatch : callable
        Calls what it is given, in order: at once, or on a thread of its own.
    """

    def __init__(
        self,
        blobs: BlobCache,
        want: Callable[[Sequence[BlobSentinel]], None],
        dispatch: Callable[[Callable[[], None]], None],
    ) -> None:
        self._blobs = blobs
        self._want = want
        self._dispatch = dispatch
        self._lock = threading.Lock()
        self._weight = 0
        self._queues: dict[str, deque[_Item]] = {}
        self._waiting_for: dict[str, list[_Item]] = {}

    def has_room(self, weight: int) -> bool:
        """Tell whether callbacks are not too far behind for a message of so many bytes."""
        return self._weight == 0 or self._weight + weight <= MAX_BACKLOG_BYTES

    def post(self, comm_id: str, needs: Iterable[Encoded], run: Run, weight: int = 0) -> None:
        """Deliver `run` behind what was posted for this comm, when the blobs that `needs` names are there."""
        item = _Item(run, weight)
        with self._lock:
            self._weight += weight
        wanted: list[BlobSentinel] = []
        for encoded in needs:
            for named in blob_sentinels(encoded):
                content = self._blobs.get(named["$blob"])
                if content is not None:
                    item.blobs[named["$blob"]] = content
                elif named["$blob"] not in item.awaited:
                    item.awaited.add(named["$blob"])
                    self._waiting_for.setdefault(named["$blob"], []).append(item)
                    wanted.append(named)
        self._queues.setdefault(comm_id, deque()).append(item)
        if wanted:
            loop = asyncio.get_running_loop()
            item.timer = loop.call_later(BLOB_SECONDS, self._give_up, comm_id, item)
            self._want(wanted)
        self._drain(comm_id)

    def arrived(self, hashes: Iterable[str], missing: Iterable[str]) -> None:
        """Note blobs that came, and those that the room hasn't got."""
        for blob_hash in hashes:
            content = self._blobs.get(blob_hash)
            for item in self._waiting_for.pop(blob_hash, ()):
                item.awaited.discard(blob_hash)
                if content is not None:
                    item.blobs[blob_hash] = content
        for blob_hash in missing:
            for item in self._waiting_for.pop(blob_hash, ()):
                item.awaited.discard(blob_hash)
        for comm_id in list(self._queues):
            self._drain(comm_id)

    def close(self) -> None:
        """Drop everything."""
        for queue in self._queues.values():
            for item in queue:
                if item.timer is not None:
                    item.timer.cancel()
        self._queues.clear()
        self._waiting_for.clear()

    def _give_up(self, comm_id: str, item: _Item) -> None:
        for blob_hash in item.awaited:
            waiting = self._waiting_for.get(blob_hash, [])
            if item in waiting:
                waiting.remove(item)
            if not waiting:
                self._waiting_for.pop(blob_hash, None)
        item.awaited.clear()
        self._drain(comm_id)

    def _drain(self, comm_id: str) -> None:
        queue = self._queues.get(comm_id)
        while queue and not queue[0].awaited:
            item = queue.popleft()
            if item.timer is not None:
                item.timer.cancel()
            self._dispatch(lambda item=item: self._deliver(comm_id, item))  # type: ignore[misc]
        if not queue:
            self._queues.pop(comm_id, None)

    def _deliver(self, comm_id: str, item: _Item) -> None:
        # Counted on the loop's thread, delivered on that of the callbacks.
        with self._lock:
            self._weight -= item.weight
        _call(comm_id, item)


def _call(comm_id: str, item: _Item) -> None:
    try:
        item.run(item.get)
    except BlobMissingError as error:
        log.error("comm %s: %s", comm_id, error)  # noqa: TRY400 - the text says it all
    except Exception:
        log.exception("comm %s: a callback failed", comm_id)
