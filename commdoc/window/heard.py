"""Which of the kernel's messages a window has had.

The bridge numbers its messages. One that was on its way when the bridge lost its room is said again: a window that has
had it doesn't take it twice. When a window comes back the room says which was the last before it: what is between that
and the last that the window had, it has missed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Heard:
    """The last message of a source (a bridge); `number` is None before anything was heard."""

    source: str = ""
    number: int | None = None

    def gap(self, source: str, number: int) -> int | None:
        """Note a message; return how many were left out before it, None when it is one that was had before."""
        before = self.number if source == self.source else None
        if before is not None and number <= before:
            return None
        self.source, self.number = source, number
        return 0 if before is None else number - before - 1

    def joined(self, source: str, number: int) -> int:
        """Note that all messages behind this one will come; return how many were missed before.

        Of another source nobody can say: the kernel or commdoc in it was started anew.
        """
        if not source:
            return 0
        if source == self.source and self.number is not None:
            missed = max(0, number - self.number)
            self.number += missed
            return missed
        self.source, self.number = source, number
        return 0
