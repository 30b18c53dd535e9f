"""When a room that nobody is in goes: after a grace time, and only as the very room that the time was taken for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from commdoc.rooms.registry.hosted import Hosted

log = logging.getLogger(__name__)


class Evictions:
    """Times for rooms that nobody is in.

    Parameters
    ----------
    grace : callable
        Returns how many seconds a room stays for nobody.
    evict : callable
        Ends a room, and returns whether it has; it must look again whether the room is still the one, and empty.
    """

    def __init__(self, grace: Callable[[], float], evict: Callable[[Hosted], Awaitable[bool]]) -> None:
        self._grace = grace
        self._evict = evict
        self._timers: dict[Hosted, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self, hosted: Hosted) -> None:
        """Look after a room from now on."""
        hosted.room.left = lambda: self.used(hosted)
        self.used(hosted)

    def used(self, hosted: Hosted) -> None:
        """Note that somebody had to do with a room just now: its time begins anew."""
        self.forget(hosted)
        if not hosted.has_peers:
            self._timers[hosted] = asyncio.get_running_loop().call_later(self._grace(), self._due, hosted)

    def forget(self, hosted: Hosted) -> None:
        """Take no more time for a room."""
        timer = self._timers.pop(hosted, None)
        if timer is not None:
            timer.cancel()

    async def close(self) -> None:
        """End all times, and wait for what is being evicted."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _due(self, hosted: Hosted) -> None:
        self._timers.pop(hosted, None)
        task = asyncio.ensure_future(self._try(hosted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _try(self, hosted: Hosted) -> None:
        try:
            gone = await self._evict(hosted)
        except Exception:
            log.exception("room %s could not be evicted", hosted.room.room_id)
            gone = False
        if not gone and hosted not in self._timers and not hosted.room.is_closed:
            self.used(hosted)
