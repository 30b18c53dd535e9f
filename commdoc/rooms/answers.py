"""What a room remembers of what windows asked, so that a window that asks again gets the same answer.

By window and id: two windows that choose the same id don't know of each other. A window is known by the key that it
names in each of its `hello`s.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

REMEMBERED: Final = 2_000
"""Ids kept for one window. One that rejoins repeats what it had no final answer to: `in_flight` messages, and one
request for each comm that it moved.
"""

WINDOWS: Final = 200
"""Windows of which ids are kept, the ones that asked last: a reload of a page makes a new one."""

_Answers = list[dict[str, Any]]


class Answers:
    """Answers by window and id."""

    def __init__(self) -> None:
        self._windows: OrderedDict[str, OrderedDict[str, _Answers]] = OrderedDict()

    def get(self, key: str, ident: str) -> _Answers | None:
        """Return what was answered so far, None for an id that was never seen."""
        return self._windows.get(key, OrderedDict()).get(ident)

    def note(self, key: str, ident: str, answer: dict[str, Any] | None = None) -> None:
        """Remember an id, and what was answered."""
        own = self._windows.setdefault(key, OrderedDict())
        self._windows.move_to_end(key)
        answers = own.setdefault(ident, [])
        if answer is not None:
            answers.append(answer)
        while len(own) > REMEMBERED:
            own.popitem(last=False)
        while len(self._windows) > WINDOWS:
            self._windows.popitem(last=False)
