"""What a window has waiting although its comm is free: its share at the kernel is used up, or something older waits.

By window the comms where that is so, the one whose message came first in front: past its share, too, what a window
says of several comms reaches the kernel in the order in which it was said.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping

from commdoc.rooms.waiting import CommQueue


class HeldBack:
    """The comms where a window's share is in the way.

    Parameters
    ----------
    comms : mapping
        Comm id to what waits for it.
    """

    def __init__(self, comms: Mapping[str, CommQueue]) -> None:
        self._comms = comms
        self._heaps: dict[str, list[tuple[int, str]]] = {}
        self._noted: dict[str, dict[str, int]] = {}

    def add(self, key: str, arrival: int, comm_id: str) -> None:
        """Note that a window's message, the first that waits for this comm, may not go yet."""
        noted = self._noted.setdefault(key, {})
        if noted.get(comm_id) != arrival:
            noted[comm_id] = arrival
            heapq.heappush(self._heaps.setdefault(key, []), (arrival, comm_id))

    def take(self, key: str) -> str | None:
        """Return the comm of a window's oldest message here, and forget it: it is added again if it may not go."""
        if not self.has_older(key):
            return None
        _, comm_id = heapq.heappop(self._heaps[key])
        del self._noted[key][comm_id]
        self._prune(key)
        return comm_id

    def has_older(self, key: str, arrival: float = math.inf) -> bool:
        """Tell whether there is something here that the window said before this."""
        heap, noted = self._heaps.get(key, []), self._noted.get(key, {})
        while heap:
            oldest, comm_id = heap[0]
            comm = self._comms.get(comm_id)
            if comm is not None and comm.oldest(key) == oldest:  # else it has gone, or was dropped
                return oldest < arrival
            heapq.heappop(heap)
            if noted.get(comm_id) == oldest:
                del noted[comm_id]
        self._prune(key)
        return False

    def _prune(self, key: str) -> None:
        if not self._heaps.get(key):
            self._heaps.pop(key, None)
            self._noted.pop(key, None)

    def __contains__(self, key: str) -> bool:
        return key in self._heaps

    def __len__(self) -> int:
        """Return of how many windows something is held back."""
        return len(self._heaps)

    def clear(self) -> None:
        """Forget everything."""
        self._heaps.clear()
        self._noted.clear()
