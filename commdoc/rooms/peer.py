"""One peer of a room: what waits to be sent to it, and in which order.

Three kinds of things wait in one queue. *Updates* of the document may be replaced: past `queue_bytes` all that
wait become one diff, which is made only when its turn comes and so holds whatever has happened by then. *Events*
stay as they are and in order; a diff stands where the first update that it replaces stood, so state that was set
before an event still goes before it. *Pushed blobs* are a courtesy: a peer that is behind gets none and asks when
it needs one. Answers with blobs are read from the store one frame at a time, in turn with the queue.

A peer that takes nothing costs `queue_bytes` + 4 `event_bytes` + the frame in the socket, whatever happens in the
room. It is closed only when its events alone are too much.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from commdoc.protocol import frames
from commdoc.protocol.messages import PeerInfo, Role
from commdoc.rooms.feed import Feed, Point
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.sync import Sync, sync_frame
from commdoc.rooms.transport import Transport
from commdoc.rooms.waiting import Sender

BLOB_FRAME_BYTES: Final = 2 * 1024 * 1024
"""Blobs of one answer are sent in frames of about this size: 50 MB must not stand before a slider's next move."""

TOO_SLOW: Final = 4413

BURST: Final = 4
"""Times `event_bytes` that may wait for a peer which still takes something: one batch can bring so much."""

MAX_WANTED: Final = 100_000
"""Blobs that a peer may have asked for and not got yet: 20 for each model of a room of 5,000."""

MAX_GOODBYES: Final = 1_000

Kind = Literal["update", "diff", "event", "push", "reply", "void"]


@dataclass
class _Item:
    kind: Kind
    frame: bytes = b""
    point: Point | None = None
    sent: Callable[[], None] | None = None


@dataclass
class Peer:
    """One connection that has said hello.

    Attributes
    ----------
    key : str or None
        What it says to be over all of its connections.
    greeting : callable or None
        Makes the first event that it gets: which ones are behind it.
    synced : bool
        Whether the handshake is over; before, neither updates nor events are sent.
    sent : Point or None
        The moment of the document up to which updates were given to the socket.
    has_document : bool
        It gets the document by another road, so no updates on this one.
    """

    peer_id: str
    role: Role
    name: str
    transport: Transport
    feed: Feed
    limits: RoomLimits
    read_blob: Callable[[str], bytes | None]
    key: str | None = None
    greeting: Callable[[], bytes] | None = None
    synced: bool = False
    sent: Point | None = None
    has_document: bool = False
    closed: tuple[int, str] | None = None
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    _items: deque[_Item] = field(default_factory=deque)
    _states: dict[str, _Item] = field(default_factory=dict)
    _held_states: dict[str, bytes] = field(default_factory=dict)
    _held: list[bytes] = field(default_factory=list)
    _wanted: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _update_bytes: int = 0
    _event_bytes: int = 0
    _push_bytes: int = 0
    _diff_waits: bool = False
    _blobs_next: bool = False
    _last_word: bytes = b""
    _moved_at: float = field(default_factory=time.monotonic)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def info(self) -> PeerInfo:
        """Return what others see of this peer."""
        return {"peer_id": self.peer_id, "role": self.role, "name": self.name}

    def sender(self) -> Sender:
        """Return as who it asks."""
        # Apart from the keys: others are told the peer_id, and could call themselves so.
        key = self.peer_id if self.key is None else f"={self.key}"
        return Sender(self.peer_id, key, told=self.key is not None)

    def waiting_bytes(self) -> int:
        """Return the bytes that wait in the queue, without the frame that the socket has."""
        return self._update_bytes + self._event_bytes + self._push_bytes

    # --- what is put in ----------------------------------------------------------------------------------------

    def reply(self, frame: bytes, sent: Callable[[], None] | None = None) -> None:
        """Queue what needs no synced peer, as the handshake; `sent` is called when the socket has it."""
        self._put(_Item("reply", frame, sent=sent))

    def update(self, frame: bytes, point: Point) -> None:
        """Queue an update; `point` is where the document was after it."""
        if not self.synced or self._diff_waits or self.has_document:
            return
        self._put(_Item("update", frame, point))
        if self._update_bytes > self.limits.queue_bytes:
            self._replace_updates()

    def catch_up(self) -> None:
        """Queue one diff from what the peer has to what the document is when its turn comes."""
        if not self._diff_waits:
            self._diff_waits = True
            self._put(_Item("diff"))

    def event(self, frame: bytes) -> None:
        """Queue an event for everybody; a peer that is not synced doesn't get it."""
        if self.synced:
            self._put(_Item("event", frame))
            self._check_events()

    def answer(self, frame: bytes) -> None:
        """Queue an event for this peer alone; one that is not synced gets it when it is."""
        if self.synced:
            self.event(frame)
        else:
            self._held.append(frame)
            self._event_bytes += len(frame)
            self._check_events()

    def state(self, name: str, frame: bytes) -> None:
        """Queue an event of which only the newest matters (who is there): an older one that still waits goes."""
        if not self.synced:
            self._held_states[name] = frame
            return
        old = self._states.get(name)
        if old is not None and old.frame:
            self._account(old, -1)
            old.kind, old.frame = "void", b""
        self._states[name] = item = _Item("event", frame)
        self._put(item)

    def push(self, frame: bytes) -> None:
        """Queue blobs nobody asked for, if the peer keeps up."""
        if (
            self.synced
            and not self._diff_waits
            and self.waiting_bytes() + len(frame) <= self.limits.queue_bytes
        ):
            self._put(_Item("push", frame))

    def want(self, digests: list[str]) -> None:
        """Queue the answer to `get_blobs`."""
        if self.closed is None:
            self._wanted.update(dict.fromkeys(digests))
            if len(self._wanted) > MAX_WANTED:
                self.close(TOO_SLOW, f"too slow: {len(self._wanted)} blobs were asked for and not taken")
        self._wake.set()

    def mark_synced(self) -> None:
        """Send updates and events from now on, first the answers that were held back."""
        self.synced = True
        if self.greeting is not None:
            self._put(_Item("event", self.greeting()))
        for frame in self._held:
            self._event_bytes -= len(frame)
            self._put(_Item("event", frame))
        self._held.clear()
        for name, frame in self._held_states.items():
            self.state(name, frame)
        self._held_states.clear()

    def close(self, code: int, reason: str) -> None:
        """End the connection after what is being sent; the queue is dropped."""
        if self.closed is None:
            self.closed = (code, reason)
            self._items.clear()
            self._wanted.clear()
        self._wake.set()
        self.ending.set()

    def refuse(self, code: str, reason: str, close: int | None = None) -> None:
        """Tell the peer what was wrong; with a close code that is the last thing it hears."""
        frame = frames.encode({"type": "error", "code": code, "reason": reason})
        if close is None:
            self._put(_Item("reply", frame))
            self._check_events()
        else:
            self._last_word = self._last_word or frame
            self.close(close, reason)

    # --- what goes out -----------------------------------------------------------------------------------------

    async def send_all(self) -> None:
        """Send until the peer is closed. Raises `ConnectionError` when it is gone."""
        while self.closed is None:
            frame, sent = self._next()
            if frame is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            await self.transport.send(frame)
            self._moved_at = time.monotonic()
            if sent is not None:
                sent()
        if self._last_word:
            await self.transport.send(self._last_word)

    def _next(self) -> tuple[bytes | None, Callable[[], None] | None]:
        while self._items and self._items[0].kind == "void":
            self._items.popleft()
        if self._wanted and (self._blobs_next or not self._items):
            self._blobs_next = False
            return self._blobs_frame(), None
        if not self._items:
            return None, None
        self._blobs_next = True
        item = self._items.popleft()
        self._account(item, -1)
        if item.kind == "diff":
            self._diff_waits = False
            update, self.sent = self.feed.diff(self.sent.state if self.sent else b"\x00")
            return sync_frame(Sync.UPDATE, update), None
        if item.point is not None:
            self.sent = item.point
        frame, item.frame = item.frame, b""
        return frame, item.sent

    def _blobs_frame(self) -> bytes:
        hashes: list[str] = []
        missing: list[str] = []
        buffers: list[bytes] = []
        size = 0
        while self._wanted and size < BLOB_FRAME_BYTES:
            digest, _ = self._wanted.popitem(last=False)
            content = self.read_blob(digest)
            if content is None:
                missing.append(digest)
                size += len(digest)
            else:
                hashes.append(digest)
                buffers.append(content)
                size += len(content)
        return blobs_frame(hashes, buffers, missing)

    def _put(self, item: _Item) -> None:
        if self.closed is None:
            self._items.append(item)
            self._account(item, 1)
            self._wake.set()

    def _account(self, item: _Item, sign: int) -> None:
        size = sign * len(item.frame)
        if item.kind == "update":
            self._update_bytes += size
        elif item.kind == "push":
            self._push_bytes += size
        else:
            self._event_bytes += size

    def _replace_updates(self) -> None:
        kept: deque[_Item] = deque()
        for item in self._items:
            if item.kind not in ("update", "push"):
                kept.append(item)
            elif item.kind == "update" and not self._diff_waits:
                self._diff_waits = True
                kept.append(_Item("diff"))
        self._items = kept
        self._update_bytes = self._push_bytes = 0

    def _check_events(self) -> None:
        over = self._event_bytes / self.limits.event_bytes
        if over > BURST or (over > 1 and time.monotonic() - self._moved_at > self.limits.stall_seconds):
            reason = (
                f"too slow: {self._event_bytes} bytes of events wait, the limit is {self.limits.event_bytes}"
            )
            self.refuse("too_slow", reason, TOO_SLOW)


class Goodbyes:
    """Why windows were disconnected that could not be told, to be told when they come back."""

    def __init__(self) -> None:
        self._reasons: OrderedDict[str, str] = OrderedDict()

    def note(self, key: str, reason: str) -> None:
        """Remember a reason; of a thousand windows the newest."""
        self._reasons[key] = reason
        while len(self._reasons) > MAX_GOODBYES:
            self._reasons.popitem(last=False)

    def take(self, key: str) -> str | None:
        """Return the reason for this window, and forget it."""
        return self._reasons.pop(key, None)


def blobs_frame(hashes: list[str], buffers: list[bytes], missing: list[str]) -> bytes:
    """Return the frame that carries these blobs."""
    sizes = [len(buffer) for buffer in buffers]
    message = {"type": "blobs", "hashes": hashes, "sizes": sizes, "missing": missing}
    return frames.encode(message, buffers)
