"""What a window asks of the room, in order, and what of it is still open.

One request per comm is on its way at a time: the next one leaves when the room *accepted* it (it is in the document
then). Nothing is merged and nothing overtakes: a message waits behind the requests that were made before it. As many
messages are on their way as the room says that the kernel should have of one window; the others wait here, up to
`MAX_BYTES`. After a lost connection all that has no final answer is sent again under its id; the room does what it has
seen only once.

Rule 3: from when a request is made until it is accepted, the window shows the request's values, whatever the document
says. Of several requests for a key the newest one counts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from commdoc.protocol.messages import Encoded, State

MAX_BYTES: Final = 64 * 1024 * 1024
"""What a window keeps for a room that doesn't take it, or a kernel that is busy; past it, who asks is told."""

ON_THEIR_WAY: Final = (32, 8 * 1024 * 1024)
"""Messages, and their bytes, that have no answer yet, where the room names no limit of its own."""


@dataclass(frozen=True)
class Ask:
    """A frame for the room.

    Attributes
    ----------
    ident : str
        Its request_id or message_id.
    shown : dict or None
        Of a request: the values that the window shows meanwhile. None for a message, an open, a close.
    """

    ident: str
    comm_id: str
    frame: bytes
    shown: State | None = None


class Released(NamedTuple):
    """Keys that the window shows as the document has them from now on."""

    comm_id: str
    keys: tuple[str, ...]


class Outbox:
    """The queue of asks and the open requests."""

    def __init__(self) -> None:
        self._waiting: deque[Ask] = deque()
        self._open: dict[str, Ask] = {}
        self._messages = self._message_bytes = 0
        self.bytes = 0
        """What is waiting and open."""
        self.limits = ON_THEIR_WAY
        self._on_its_way: dict[str, str] = {}
        self._held: dict[str, dict[str, tuple[str, Encoded]]] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._open)

    def add(self, ask: Ask) -> None:
        """Queue an ask; a request's values are held from now on."""
        self._waiting.append(ask)
        self.bytes += len(ask.frame)
        if ask.shown:
            held = self._held.setdefault(ask.comm_id, {})
            for key, value in ask.shown.items():
                held[key] = (ask.ident, value)

    def next_frames(self) -> list[bytes]:
        """Return the frames that may be sent now."""
        frames = []
        while self._waiting:
            ask = self._waiting[0]
            if ask.shown is not None:
                if ask.comm_id in self._on_its_way:
                    break
                self._on_its_way[ask.comm_id] = ask.ident
            else:
                most, most_bytes = self.limits
                if self._messages >= most or self._message_bytes >= most_bytes:
                    break
                self._messages += 1
                self._message_bytes += len(ask.frame)
            self._open[ask.ident] = ask
            self._waiting.popleft()
            frames.append(ask.frame)
        return frames

    def resume(self) -> list[bytes]:
        """Return the frames of all that has no final answer, in order, to be sent again on a new connection."""
        return [ask.frame for ask in self._open.values()]

    def abandon(self) -> list[str]:
        """Return the ids of what was sent: the room that knew them is gone. They stay until `ended`."""
        return list(self._open)

    def abandon_all(self) -> list[str]:
        """Return the ids of all asks. They stay until `ended`."""
        for ask in self._waiting:
            self._open[ask.ident] = ask
            if ask.shown is None:
                self._messages += 1
                self._message_bytes += len(ask.frame)
        self._waiting.clear()
        return list(self._open)

    def accepted(self, request_id: str) -> Released | None:
        """Note that a request is in the document; None for an unknown one."""
        ask = self._open.get(request_id)
        if ask is None or ask.shown is None:
            return None
        if self._on_its_way.get(ask.comm_id) == request_id:
            del self._on_its_way[ask.comm_id]
        held = self._held.get(ask.comm_id, {})
        keys = tuple(key for key in ask.shown if held.get(key, ("",))[0] == request_id)
        for key in keys:
            del held[key]
        if not held:
            self._held.pop(ask.comm_id, None)
        return Released(ask.comm_id, keys)

    def ended(self, ident: str) -> Released | None:
        """Note that a request or a message was settled or failed; None for an unknown one, and for a message."""
        released = self.accepted(ident)
        ask = self._open.pop(ident, None)
        if ask is not None:
            self.bytes -= len(ask.frame)
            if ask.shown is None:
                self._messages -= 1
                self._message_bytes -= len(ask.frame)
        return released

    def held(self, comm_id: str) -> State:
        """Return the values that the window shows in place of the document's."""
        return {key: value for key, (_, value) in self._held.get(comm_id, {}).items()}
