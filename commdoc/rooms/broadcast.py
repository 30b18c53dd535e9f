"""How what happened in a room reaches its peers: blobs, then the document's update, then events.

All that a transaction causes is collected while it is made and sent when it is over, in this order. So a blob is
there before the update that names it, and the state that was set before an event before the event. The same bytes
go to all peers; what each does with them is its queue's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pycrdt

from commdoc.protocol import frames
from commdoc.protocol.messages import PeerInfo
from commdoc.rooms.blobs import RoomBlobs
from commdoc.rooms.feed import Feed
from commdoc.rooms.handshake import Handshake
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.peer import Peer, blobs_frame
from commdoc.rooms.sync import Sync, sync_frame

WITH_AFTER: Final = frozenset({"accepted", "settled", "message", "cell_end"})
"""Messages that tell which state of the document they follow."""


@dataclass
class Member:
    """A peer in the room; a bridge has no handshake, since it has no document."""

    peer: Peer
    handshake: Handshake | None


class _Outgoing(NamedTuple):
    message: dict[str, Any]
    buffers: Sequence[bytes | memoryview] = ()
    peer_id: str | None = None
    news: str | None = None


class Broadcast:
    """Sends to the peers of one room.

    Parameters
    ----------
    clock : callable
        The document's Yjs clock of the room's own client, for ``after``.

    Attributes
    ----------
    members : dict
        Peer id to member.
    keep : callable
        Given the updates of a transaction before anybody is sent anything of it.
    """

    def __init__(self, feed: Feed, blobs: RoomBlobs, clock: Callable[[], int], limits: RoomLimits) -> None:
        self._feed = feed
        self._blobs = blobs
        self._clock = clock
        self._limits = limits
        self._outgoing: list[_Outgoing] = []
        self._new_blobs: list[str] = []
        self.members: dict[str, Member] = {}
        self.keep: Callable[[Sequence[bytes]], None] = lambda _: None

    # --- what is to be sent when the transaction is over -----------------------------------------------------------

    def emit(self, message: dict[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Send an event to all windows behind this transaction."""
        self._outgoing.append(_Outgoing(message, buffers))

    def answer(self, peer_id: str, message: dict[str, Any]) -> None:
        """Send an event to one peer behind this transaction; nothing happens when it has left."""
        self._outgoing.append(_Outgoing(message, peer_id=peer_id))

    def tell(self, name: str, message: dict[str, Any]) -> None:
        """Send all windows news behind this transaction; it replaces older news of this name that still waits."""
        self._outgoing.append(_Outgoing(message, news=name))

    def new_blob(self, digest: str) -> None:
        """Push a blob that the room didn't have before this transaction's update."""
        self._new_blobs.append(digest)

    def flush(self, skip: Peer | None = None) -> None:
        """Send what has been collected; the peer `skip` made the update itself."""
        self._push_blobs()
        self._send_updates(skip)
        outgoing, self._outgoing = self._outgoing, []
        for item in outgoing:
            if item.message["type"] in WITH_AFTER:
                item.message["after"] = self._clock()
            frame = frames.encode(item.message, item.buffers)
            if item.peer_id is not None:
                if item.peer_id in self.members:
                    self.members[item.peer_id].peer.answer(frame)
                continue
            for member in self._readers():
                if item.news is not None:
                    member.peer.state(item.news, frame)
                else:
                    member.peer.event(frame)

    # --- at once -----------------------------------------------------------------------------------------------------

    def relay(self, frame: bytes, sender: Peer) -> None:
        """Pass a frame on to the other windows that keep up."""
        for member in self._readers():
            if member.peer is not sender:
                member.peer.push(frame)

    def readers(self) -> int:
        """Return how many windows and viewers there are."""
        return sum(1 for _ in self._readers())

    def people(self) -> list[PeerInfo]:
        """Return who is there."""
        return [member.peer.info() for member in self.members.values()]

    # --- inside ------------------------------------------------------------------------------------------------------

    def _readers(self) -> Iterator[Member]:
        return (member for member in list(self.members.values()) if member.handshake is not None)

    def _send_updates(self, skip: Peer | None) -> None:
        updates = self._feed.take()
        if not updates:
            return
        self.keep(updates)
        # A foreign write and its reversal come together: as one update no window sees what was between them.
        update = updates[0] if len(updates) == 1 else pycrdt.merge_updates(*updates)
        frame, point = sync_frame(Sync.UPDATE, update), self._feed.point()
        for member in self._readers():
            if member.peer is skip:
                continue
            if not member.peer.synced and member.handshake is not None:
                member.handshake.missed(frame)
            member.peer.update(frame, point)

    def _push_blobs(self) -> None:
        digests, self._new_blobs = self._new_blobs, []
        if not digests or not any(member.peer.synced for member in self._readers()):
            return
        hashes: list[str] = []
        buffers: list[bytes] = []
        for digest in digests:
            content = self._blobs.get(digest)
            if content is not None and len(content) <= self._limits.push_bytes:
                hashes.append(digest)
                buffers.append(content)
            if sum(map(len, buffers)) >= self._limits.push_bytes:
                self._push(hashes, buffers)
                hashes, buffers = [], []
        self._push(hashes, buffers)

    def _push(self, hashes: list[str], buffers: list[bytes]) -> None:
        if hashes:
            frame = blobs_frame(hashes, buffers, [])
            for member in self._readers():
                member.peer.push(frame)
