"""What waits for the kernel, by comm: the records of `commdoc.rooms.requests`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from commdoc.protocol.messages import Encoded, State


class ToKernel(NamedTuple):
    """A message for the kernel's shell channel."""

    msg_type: Literal["comm_open", "comm_msg", "comm_close"]
    content: dict[str, Any]
    buffers: list[bytes]

    def size(self) -> int:
        """Return about how many bytes it keeps."""
        return sum(map(len, self.buffers)) + len(repr(self.content))


@dataclass
class Waiting:
    """A request, or a message, open or close, which have no `keys` and are over when they are sent."""

    ident: str
    comm_id: str
    peer_id: str
    message: ToKernel
    asked_at: float
    size: int
    keys: frozenset[str] | None = None
    resent: bool = False
    stuck_at: float | None = None
    over_gap: bool = False
    sent_at: float = 0.0

    def name(self) -> dict[str, str]:
        """Return the field by which its answers name it."""
        return {"message_id" if self.keys is None else "request_id": self.ident}


@dataclass
class CommQueue:
    """A comm's queue, and what the kernel has for each key that an open request has shown otherwise."""

    queue: deque[Waiting] = field(default_factory=deque)
    in_flight: Waiting | None = None
    truth: State = field(default_factory=dict)

    def all(self) -> list[Waiting]:
        """Return what is in flight and what waits, in order."""
        return [*([self.in_flight] if self.in_flight else []), *self.queue]

    def open_requests(self) -> list[Waiting]:
        """Return the requests among `all`."""
        return [waiting for waiting in self.all() if waiting.keys is not None]

    def holds(self, key: str) -> bool:
        """Tell whether an open request has this key."""
        return any(key in (waiting.keys or ()) for waiting in self.open_requests())


def differs(one: Encoded, other: Encoded) -> bool:
    """Compare encoded values; 5 and 5.0 differ, and so do 1 and true."""
    if type(one) is not type(other):
        return True
    if isinstance(one, dict):
        return one.keys() != other.keys() or any(differs(item, other[key]) for key, item in one.items())
    if isinstance(one, list):
        return len(one) != len(other) or any(map(differs, one, other))
    return bool(one != other)
