"""The flush thread: takes the hook's records, 16 ms after the first, and hands batches to the link.

It sleeps without a wake-up while nothing happens. The hook's side of it is `put`, a `SimpleQueue.put` (in
C, reentrant), and `urge`, which ends the window early for what somebody waits for: a custom message, an
open, an acknowledgement.
"""

from __future__ import annotations

import _thread
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from commdoc.kernel.batch import BatchEncoder
from commdoc.kernel.coalescer import EVENTS, Coalescer, PendingOp
from commdoc.kernel.records import Kind, Record

WINDOW_SECONDS: Final = 0.016
"""One frame of a 60 Hz screen: nobody sees more."""

REST_FACTOR: Final = 60
"""After a batch this thread rests for so many times the CPU time that the batch took, since it takes the GIL
from user code: a loop over 1,000 widgets then loses 2 % to it instead of 12 %, and more of it is merged.
Nothing that is urgent waits for that.
"""

LONGEST_REST_SECONDS: Final = 0.25

URGENT_SPACING_SECONDS: Final = 0.002
"""Least time between two batches, however urgent: a flood of custom messages still travels in batches."""

MAX_UNAPPLIED_BATCHES: Final = 2
"""Batches on the way to the room; more would only queue there instead of being merged here."""

ADOPT_CHUNK: Final = 100
"""Comms read between two looks at the queue."""

_ADOPT: Final = int(Kind.ADOPT)

logger = logging.getLogger(__name__)


class FlushThread:
    """Runs a `Coalescer` and a `BatchEncoder`.

    Parameters
    ----------
    coalescer, encoder
        Used on this thread only.
    submit : callable
        Takes a frame; must not block.
    adopt : callable
        ``adopt(comm_ids | None)`` yields after each chunk of comms that it has fed to the coalescer.
    report : callable
        Takes an exception of this thread's own making.
    seal : callable
        Called before records are read: nobody may write into them any more.
    """

    def __init__(
        self,
        coalescer: Coalescer,
        encoder: BatchEncoder,
        submit: Callable[[bytes], None],
        adopt: Callable[[list[str] | None], Any],
        report: Callable[[BaseException], None],
        seal: Callable[[], None] = lambda: None,
        tell_plain: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._tell_plain = tell_plain
        self._coalescer = coalescer
        self._encoder = encoder
        self._submit = submit
        self._adopt = adopt
        self._report = report
        self._seal = seal
        self._queue: queue.SimpleQueue[Record] = queue.SimpleQueue()
        self._urgent = _thread.allocate_lock()
        self._urgent.acquire()
        self._last_flush = self._rested = 0.0
        self._applied = 0
        self._unheard: deque[tuple[int, list[PendingOp]]] = deque()
        self._starved = False
        self._behind = False
        self._stopping = False
        self.window_seconds = WINDOW_SECONDS
        """How long changes are merged, from the first."""
        self._thread = threading.Thread(target=self._main, name="commdoc-flush", daemon=True)
        self.put = self._queue.put
        """Takes a record. Reentrant, never blocks, no Python lock."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Hand over what waits and end the thread."""
        self.put((Kind.STOP,))
        self.urge()
        self._thread.join(timeout)

    def urge(self) -> None:
        """End the current window early. A single C call: safe in a destructor."""
        if self._urgent.locked():
            try:
                self._urgent.release()
            except RuntimeError:
                return  # another thread was first

    def applied(self, batch: int) -> None:
        """Note that the room has applied a batch. Called on the link's thread."""
        self._applied = max(self._applied, batch)
        if self._starved or self._unheard:
            self.put((Kind.READY,))
            if self._starved and self._coalescer.urgent:
                self.urge()  # what was urgent when it came has waited since

    @property
    def unapplied(self) -> int:
        """Batches that the room has not applied yet."""
        return self._encoder.batch - self._applied

    @property
    def waiting(self) -> int:
        """Records and operations that have not been sent."""
        return self._queue.qsize() + len(self._coalescer)

    def _main(self) -> None:
        due: float | None = None
        while not self._stopping:
            try:
                record: Record | None = self._queue.get(timeout=due)
                self._wait()
            except queue.Empty:
                record = None
            begun = time.thread_time()
            self._drain(record)
            self._flush()
            try:
                due = self._tell_plain()
            except Exception as error:  # noqa: BLE001 - a list that can't be sent must not end the mirror
                due = None
                self._report(error)
            rest = min(REST_FACTOR * (time.thread_time() - begun), LONGEST_REST_SECONDS)
            self._rested = time.monotonic() + rest

    def _wait(self) -> None:
        if self._urgent.acquire(timeout=max(self.window_seconds, self._rested - time.monotonic())):
            left = self._last_flush + URGENT_SPACING_SECONDS - time.monotonic()
            if left > 0:
                time.sleep(left)

    def _drain(self, record: Record | None = None) -> None:
        count = self._queue.qsize()
        self._seal()  # after the count: what comes behind is read another time, and may be written into until then
        if record is not None:
            self._feed(record)
        for _ in range(count):
            try:
                record = self._queue.get_nowait()
            except queue.Empty:
                return
            self._feed(record)

    def _feed(self, record: Record) -> None:
        try:
            kind = record[0]
            if kind < _ADOPT:
                self._coalescer.feed(record)
            elif kind == Kind.ADOPT:
                self._encoder.reset()  # the room may have lost blobs: that is why it asks
                self._read(record[1])
            elif kind == Kind.INTERRUPTED:
                if self._coalescer.linked:
                    self._read(None)
            elif kind == Kind.UP:
                self._encoder.reset()
                self._applied = self._encoder.batch
                self._link()
            elif kind == Kind.DOWN:
                self._behind = False
                self._forget_heard()
                self._coalescer.unlink([op for _, ops in self._unheard for op in ops])
                self._unheard.clear()
            elif kind == Kind.STOP:
                self._stopping = True
        except Exception as error:  # noqa: BLE001 - one bad record must not end the mirror
            self._report(error)

    def _link(self) -> None:
        self._coalescer.link(adopting=True)
        try:
            self._read(None)
        finally:
            self._coalescer.release()

    def _read(self, comm_ids: list[str] | None) -> None:
        for _ in self._adopt(comm_ids):
            self._drain()
            self._flush()

    def _forget_heard(self) -> None:
        """Let go of the events that the room has."""
        while self._unheard and self._unheard[0][0] <= self._applied:
            self._unheard.popleft()

    def _flush(self) -> None:
        self._forget_heard()
        if not self._behind and not (self._coalescer.linked and len(self._coalescer)):
            return
        self._starved = self.unapplied >= MAX_UNAPPLIED_BATCHES
        if self._starved and self.unapplied >= MAX_UNAPPLIED_BATCHES and not self._stopping:
            if not self._behind and self._coalescer.overfull():
                self._behind = True
                self._coalescer.unlink()
            return
        self._starved = False
        if self._behind:
            self._behind = False
            self._link()
        self._last_flush = time.monotonic()
        ops = self._coalescer.take()
        events = [dict(op) for op in ops if op["op"] in EVENTS]  # as they are: encoding changes them
        try:
            for frame in self._encoder.encode(ops):
                self._submit(frame)
            if events:
                self._unheard.append((self._encoder.batch, events))
        except Exception as error:  # noqa: BLE001 - one bad batch must not end the mirror
            self._applied = self._encoder.batch  # nobody is going to say so
            self._report(error)
