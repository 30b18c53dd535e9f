"""How a window or viewer gets the document: y-protocols sync, with one diff for what happened meanwhile.

    room:   step 1 (its state vector), once the welcome is sent
    window: step 1 (its state vector)
    room:   remembers its own state vector; step 2 = what the window lacks
            … the socket takes step 2; the document changes meanwhile …
            marks the window synced; one update = what happened since the remembered state
    window: step 2 = what the room lacks, whenever it likes: nobody waits for it

A window may conclude from the first update behind step 2 that it has everything before. Until it is synced it gets
no update and no event: an update ahead of step 2 would refer to what the window hasn't got. Updates are not kept
for it either: replayed one by one they would overlap step 2, and with a long handshake there is no bound to them.
What is derived from the document when the time has come is neither.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from commdoc.errors import ProtocolError
from commdoc.rooms.feed import Feed
from commdoc.rooms.peer import Peer
from commdoc.rooms.sync import Sync, sync_frame
from commdoc.rooms.yjs_check import check_state_vector

TIMEOUT: Final = 4408


@dataclass(frozen=True)
class HandshakePolicy:
    """What a peer gets of the transactions that happen while its handshake runs.

    Rooms use `ONE_DIFF`. The others are what other servers do: `tests/interop/attribution.py` shows on the real
    handshake what goes wrong then.

    Attributes
    ----------
    diff : bool
        One diff behind step 2.
    replay : bool
        Each update, from when the peer said hello, behind step 2.
    """

    diff: bool = True
    replay: bool = False


ONE_DIFF: Final = HandshakePolicy()
DROPPED: Final = HandshakePolicy(diff=False)
REPLAYED: Final = HandshakePolicy(diff=False, replay=True)


@dataclass
class Handshake:
    """The handshake of one peer.

    Parameters
    ----------
    peer, feed
        Whose, and of which document.
    """

    peer: Peer
    feed: Feed
    policy: HandshakePolicy = ONE_DIFF
    _begun: asyncio.Event = field(default_factory=asyncio.Event)
    _answering: bool = False
    _asked_again: bytes | None = None
    _singles: list[bytes] = field(default_factory=list)

    def begin(self) -> None:
        """Send the room's step 1."""
        self.peer.reply(sync_frame(Sync.STEP1, self.feed.point().state))

    def skip(self) -> None:
        """Let a peer in that has the document by another road: it gets events, which name what they follow."""
        self._begun.set()
        self.peer.has_document = True
        self.peer.mark_synced()

    def step1(self, state: bytes) -> None:
        """Answer the peer's step 1; a synced peer may send another and just gets its step 2.

        While an answer waits to be taken only the newest further step 1 is kept: an answer may be the whole document,
        and a peer can ask faster than it reads.

        Raises
        ------
        ProtocolError
            When it is no state vector.
        """
        check_state_vector(state)
        if self._answering:
            self._asked_again = state
            return
        try:
            update, point = self.feed.diff(state)
        except ValueError as error:
            msg = f"sync step 1 is no state vector: {error}"
            raise ProtocolError(msg) from None
        self._begun.set()
        self._answering = True
        if not self.peer.synced:
            self.peer.sent = point
        self.peer.reply(sync_frame(Sync.STEP2, update), self._answered)

    def missed(self, update_frame: bytes) -> None:
        """Told of each update while the peer is not synced."""
        if self.policy.replay:
            self._singles.append(update_frame)

    async def expire(self, seconds: float) -> None:
        """Close the peer when no step 1 has come in time."""
        try:
            await asyncio.wait_for(self._begun.wait(), seconds)
        except asyncio.TimeoutError:
            self.peer.refuse("handshake", f"no sync step 1 within {seconds:g} s", TIMEOUT)

    def _answered(self) -> None:
        self._answering = False
        if not self.peer.synced:
            self._finish()
        again, self._asked_again = self._asked_again, None
        if again is not None:
            self.step1(again)

    def _finish(self) -> None:
        if (
            self.policy.diff
            and self.peer.sent is not None
            and self.peer.sent.version != self.feed.point().version
        ):
            self.peer.catch_up()
        for frame in self._singles:
            self.peer.reply(frame)
        self._singles.clear()
        self.peer.mark_synced()
