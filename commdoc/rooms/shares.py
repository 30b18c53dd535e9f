"""What one window may have at the kernel and before it, so that no window keeps the others waiting.

A message that is given to the kernel stands in its shell queue, before whatever comes later: of one window at most
`in_flight` are there at a time, and the next goes when the kernel has handled one. What waits for that is kept here in
the room, up to `peer_waiting_bytes` of one window and `waiting_bytes` of all; past it a window is told so. One that has
almost nothing waiting is always let in: others can't fill the room for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from commdoc.rooms.limits import MB, RoomLimits
from commdoc.rooms.waiting import Waiting

ALWAYS: Final = 64
"""The part of its `peer_waiting_bytes` that a window may have waiting whatever others have: 256 kB, a hundred moves."""


@dataclass
class _Share:
    waiting: int = 0
    in_flight: int = 0
    in_flight_bytes: int = 0


class Shares:
    """Counts what each window has waiting and in flight; a window is known by its key."""

    def __init__(self, limits: RoomLimits) -> None:
        self._limits = limits
        self._shares: dict[str, _Share] = {}
        self.waiting = 0

    def refusal(self, waiting: Waiting) -> str | None:
        """Return why this can't wait in the room, None when it can."""
        limits = self._limits
        if waiting.size > limits.waiting_bytes:
            most = f"at most {limits.waiting_bytes / MB:.0f} MB at once are passed on to the kernel"
            return f"{waiting.size / MB:.1f} MB are too much: {most}"
        own = self._shares.get(waiting.key, _Share()).waiting
        if own and own + waiting.size > limits.peer_waiting_bytes:
            return f"{own} bytes of this window wait for the kernel, the limit is {limits.peer_waiting_bytes}"
        if (
            self.waiting + waiting.size > limits.waiting_bytes
            and own + waiting.size > limits.peer_waiting_bytes // ALWAYS
        ):
            return f"{self.waiting} bytes wait for the kernel, the limit is {limits.waiting_bytes}"
        return None

    def queued(self, waiting: Waiting) -> None:
        """It waits."""
        self._shares.setdefault(waiting.key, _Share()).waiting += waiting.size
        self.waiting += waiting.size

    def left(self, waiting: Waiting) -> None:
        """It waits no more."""
        self.waiting -= waiting.size
        self._shares[waiting.key].waiting -= waiting.size
        self._prune(waiting.key)

    def has_room(self, key: str) -> bool:
        """Tell whether something more of this window may go to the kernel; the first always may."""
        share = self._shares.get(key)
        return share is None or (
            share.in_flight < self._limits.in_flight and share.in_flight_bytes < self._limits.in_flight_bytes
        )

    def went(self, waiting: Waiting) -> None:
        """It was given to the kernel."""
        share = self._shares.setdefault(waiting.key, _Share())
        share.in_flight += 1
        share.in_flight_bytes += waiting.size

    def landed(self, waiting: Waiting) -> None:
        """The kernel has handled it, or nobody waits for that any more."""
        share = self._shares[waiting.key]
        share.in_flight -= 1
        share.in_flight_bytes -= waiting.size
        self._prune(waiting.key)

    def _prune(self, key: str) -> None:
        if self._shares[key] == _Share():
            del self._shares[key]

    def __len__(self) -> int:
        """Return how many windows have something waiting or in flight."""
        return len(self._shares)
