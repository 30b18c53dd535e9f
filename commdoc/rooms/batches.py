"""How often a room may write: the governor of its transactions.

A transaction costs the room some CPU time and each window some more (JavaScript applies it on the page's main
thread). With one slider that is nothing; with a thousand that move at once a batch takes tens of milliseconds, and
batches back to back would leave a browser no time to draw. So a batch may not start before 25 times the last one's
CPU time has passed: the room's share of a core stays below 4 %. More than 0.5 s nobody waits. Everything that
arrived meanwhile is the next batch.

What is gained is that the next batch merges more. A batch that custom messages split into many transactions would be
as many a moment later: for it the time of one of them counts, and of one that writes nothing none does. Otherwise a
flood of messages would pause the room until each of the windows' requests took half a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

PAUSE_FACTOR: Final = 25
"""Times the last batch's CPU time. From `DESIGN.md` §4: keeps 1,000 moving sliders drawable."""

MAX_PAUSE: Final = 0.5
"""Seconds; a person takes a half-second for a hiccup and more for a failure."""


@dataclass
class Measured:
    """A batch that is being measured; whoever runs it says how many transactions it took, 0 when it wrote nothing."""

    transactions: int = 1


class Governor:
    """Spaces the batches of one room.

    Attributes
    ----------
    not_before : float
        `time.monotonic()` at which the next batch may start.
    """

    def __init__(self, factor: float = PAUSE_FACTOR, max_pause: float = MAX_PAUSE) -> None:
        self._factor = factor
        self._max_pause = max_pause
        self.not_before = 0.0

    async def turn(self) -> None:
        """Wait until the next batch may start."""
        while (left := self.not_before - time.monotonic()) > 0:
            await asyncio.sleep(left)

    @contextmanager
    def measured(self) -> Iterator[Measured]:
        """Run one batch inside this; its CPU time decides when the next may start."""
        begin = time.thread_time()
        batch = Measured()
        try:
            yield batch
        finally:
            used = (time.thread_time() - begin) / batch.transactions if batch.transactions else 0.0
            self.not_before = time.monotonic() + min(self._factor * used, self._max_pause)
