"""What waits for the kernel, by comm: the records of `commdoc.rooms.requests`."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from commdoc.protocol.messages import Encoded, State

RECORD_BYTES: Final = 1_024
"""What a message costs the room beside its text and buffers: ten thousand empty ones are not nothing."""


class Sender(NamedTuple):
    """Who asks.

    Attributes
    ----------
    peer_id : str
        The connection that is answered.
    key : str
        The window, which stays the same over its connections.
    told : bool
        Whether it is told that the kernel has handled a message: one that names no key is not.
    """

    peer_id: str
    key: str
    told: bool = True


class ToKernel(NamedTuple):
    """A message for the kernel's shell channel."""

    msg_type: Literal["comm_open", "comm_msg", "comm_close"]
    content: dict[str, Any]
    buffers: list[bytes]

    def size(self) -> int:
        """Return about how many bytes it keeps."""
        return sum(map(len, self.buffers)) + len(repr(self.content)) + RECORD_BYTES


@dataclass(eq=False)
class Waiting:
    """A request, or a message, open or close, which have no `keys`.

    Attributes
    ----------
    ident : str
        As its window names it.
    arrival : int
        Counts what the room has taken.
    msg_id : str
        As the kernel does: the same, unless two windows have chosen the same.
    """

    ident: str
    comm_id: str
    sender: Sender
    message: ToKernel
    asked_at: float
    size: int
    keys: frozenset[str] | None = None
    arrival: int = 0
    msg_id: str = ""
    resent: bool = False
    stuck_at: float | None = None
    over_gap: bool = False
    sent_at: float = 0.0
    landed: bool = False

    @property
    def key(self) -> str:
        """Whose it is."""
        return self.sender.key

    def name(self) -> dict[str, str]:
        """Return the field by which its answers name it."""
        return {"message_id" if self.keys is None else "request_id": self.ident}


@dataclass
class CommQueue:
    """What waits for one comm, and what the kernel has for each key that an open request has shown otherwise.

    Attributes
    ----------
    queues : dict
        What waits, in order, by window; the window whose turn it is first.
    in_flight : Waiting or None
        The one request that the kernel has.
    flying : dict
        The messages that the kernel has, by msg_id.
    asked : dict
        The arrivals of the requests that wait for a key, oldest first, by key.
    """

    queues: dict[str, deque[Waiting]] = field(default_factory=dict)
    in_flight: Waiting | None = None
    flying: dict[str, Waiting] = field(default_factory=dict)
    truth: State = field(default_factory=dict)
    asked: dict[str, OrderedDict[int, None]] = field(default_factory=dict)

    def add(self, waiting: Waiting) -> deque[Waiting]:
        """Put it behind what its window has waiting; return that queue."""
        queue = self.queues.setdefault(waiting.key, deque())
        queue.append(waiting)
        for key in waiting.keys or ():
            self.asked.setdefault(key, OrderedDict())[waiting.arrival] = None
        return queue

    def put_back(self, waiting: Waiting) -> None:
        """Put it before everything."""
        queue = self.queues.pop(waiting.key, deque())
        queue.appendleft(waiting)
        self.queues = {waiting.key: queue, **self.queues}
        for key in waiting.keys or ():
            asked = self.asked.setdefault(key, OrderedDict())
            asked[waiting.arrival] = None
            asked.move_to_end(waiting.arrival, last=False)

    def oldest(self, key: str) -> int | None:
        """Return the arrival of the first that a window has waiting."""
        queue = self.queues.get(key)
        return queue[0].arrival if queue else None

    def next(self, may_go: Callable[[Waiting], bool]) -> Waiting | None:
        """Take what goes next: windows in turn, those whose first `may_go` and is not `_is_early`."""
        heads = ((key, queue[0]) for key, queue in self.queues.items())
        key = next((key for key, head in heads if may_go(head) and not self._is_early(head)), None)
        if key is None:
            return None
        queue = self.queues.pop(key)
        waiting = queue.popleft()
        if queue:
            self.queues[key] = queue
        self._forget(waiting)
        return waiting

    def _is_early(self, request: Waiting) -> bool:
        """Tell whether another window has asked before for one of its keys: the newest value must be the last."""
        # Of its own window it is the oldest.
        return any(next(iter(self.asked[key])) != request.arrival for key in request.keys or ())

    def _forget(self, waiting: Waiting) -> None:
        for key in waiting.keys or ():
            del self.asked[key][waiting.arrival]
            if not self.asked[key]:
                del self.asked[key]

    def remove(self, waiting: Waiting) -> bool:
        """Take it out of where it waits; False when it doesn't."""
        queue = self.queues.get(waiting.key, deque())
        if waiting not in queue:
            return False
        queue.remove(waiting)
        self._forget(waiting)
        if not queue:
            del self.queues[waiting.key]
        return True

    def has(self, waiting: Waiting) -> bool:
        """Tell whether the kernel has it."""
        return self.in_flight is waiting or self.flying.get(waiting.msg_id) is waiting

    def waiting(self) -> Iterator[Waiting]:
        """Iterate over what waits."""
        for queue in self.queues.values():
            yield from queue

    def all(self) -> list[Waiting]:
        """Return what the kernel has and what waits."""
        return [*self.flying.values(), *([self.in_flight] if self.in_flight else []), *self.waiting()]

    def open_requests(self) -> list[Waiting]:
        """Return the requests among `all`."""
        return [waiting for waiting in self.all() if waiting.keys is not None]

    def holds(self, key: str) -> bool:
        """Tell whether an open request has this key."""
        return any(key in (waiting.keys or ()) for waiting in self.open_requests())

    def is_over(self) -> bool:
        """Tell whether there is nothing to remember."""
        return not (self.queues or self.in_flight or self.flying or self.truth)


def differs(one: Encoded, other: Encoded) -> bool:
    """Compare encoded values; 5 and 5.0 differ, and so do 1 and true."""
    if type(one) is not type(other):
        return True
    if isinstance(one, dict):
        return one.keys() != other.keys() or any(differs(item, other[key]) for key, item in one.items())
    if isinstance(one, list):
        return len(one) != len(other) or any(map(differs, one, other))
    return bool(one != other)
