"""A room: one notebook's document, the single writer of its comms, and everybody who reads it.

    bridge ─ ops ──► inbox ─ governor ─► one transaction ─┬─► its update to every synced peer
    window ─ asks ─► one transaction at once ─────────────┤   then the events that came up in it
                          │                               └─► then applied, accepted, settled to who waits for them
                          └─► Requests ─► kernel link

A room runs in one asyncio loop and never waits: not for the kernel, not for a peer. An error that one peer's
message makes gets that peer a reason. It knows nothing of web frameworks, of ZMQ and of files: connections are
`Transport`, the kernel is a `KernelLink`, blobs are in a `BlobStore`.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any, Final

import pycrdt

from commdoc.document import CommsLog
from commdoc.document.yupdate import state_vector
from commdoc.errors import ProtocolError, RoomFullError
from commdoc.protocol import frames
from commdoc.protocol.frames import Frame
from commdoc.protocol.messages import Role, Welcome
from commdoc.rooms.asks import Asks
from commdoc.rooms.authors import Authors
from commdoc.rooms.batches import Governor
from commdoc.rooms.blobs import BlobStore, MemoryBlobs, RoomBlobs
from commdoc.rooms.broadcast import Broadcast, Member
from commdoc.rooms.displays import Displays
from commdoc.rooms.feed import EMPTY_UPDATE, Feed
from commdoc.rooms.handshake import ONE_DIFF, Handshake, HandshakePolicy
from commdoc.rooms.kernel_link import ConnectKernel
from commdoc.rooms.kernel_side import KernelSide
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.memory import give_back
from commdoc.rooms.peer import TOO_SLOW, Goodbyes, Peer
from commdoc.rooms.reception import GOODBYE_SECONDS, ROOM_GONE, Hello, Reception
from commdoc.rooms.requests import Requests
from commdoc.rooms.settings.telling import Telling
from commdoc.rooms.store.keeper import Keeper
from commdoc.rooms.sync import Sync, read_sync
from commdoc.rooms.transport import Transport
from commdoc.rooms.yjs_check import check_update
from commdoc.rooms.yjs_known import check_known

log = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 10.0
"""Between two looks for blobs that nobody names."""

MAX_AWARENESS_BYTES: Final = 65_536


class Room:
    """One notebook's comms, live.

    Parameters
    ----------
    doc : pycrdt.Doc
        The notebook's document; the room alone writes its root ``comms``.
    room_id : str
        Permanent.
    blobs : BlobStore
        This room's own.
    keeper : Keeper, optional
        Keeps document and blobs, and is closed with the room; without it they end with the process.
    kernel_link : callable, optional
        Makes the way to a kernel; without it requests wait and expire.
    clock : callable
        Monotonic seconds.

    Attributes
    ----------
    document_id : str
        Names this life of the document: windows with another one start afresh.
    left : callable
        Called when a peer has gone.
    """

    def __init__(
        self,
        doc: pycrdt.Doc[Any],
        room_id: str,
        *,
        blobs: BlobStore | None = None,
        keeper: Keeper | None = None,
        kernel_link: ConnectKernel | None = None,
        clock: Callable[[], float] = time.monotonic,
        limits: RoomLimits | None = None,
        handshake: HandshakePolicy = ONE_DIFF,
    ) -> None:
        self.doc = doc
        self.room_id = room_id
        self.document_id = uuid.uuid4().hex
        self.limits = limits or RoomLimits()
        self.comms = CommsLog(doc)
        self.comms.on_foreign = self._foreign_write
        self.feed = Feed(doc, self._stray_update)
        self.keeper = keeper
        place = blobs or MemoryBlobs() if keeper is None else keeper.blobs
        self.blobs = RoomBlobs(place, self.comms.blob_refs, self.limits, clock)
        self.broadcast = Broadcast(self.feed, self.blobs, lambda: self.comms.clock, self.limits)
        self.requests = Requests(self._to_kernel, self.broadcast.answer, clock, self.limits)
        self.displays = Displays(doc, self.blobs.get, clock)
        self.authors = Authors(clock)
        self.comms.on_change = self.authors.changed
        self.telling = Telling(self.broadcast)
        self.asks = Asks(
            self.comms, self.requests, self.blobs, self.broadcast.new_blob, self.authors, self.telling
        )
        self.kernel = KernelSide(self, kernel_link)
        self.governor = Governor()
        if keeper is not None:
            self.broadcast.keep = keeper.append
            keeper.tell = self._tell_store
        self.left: Callable[[], None] = lambda: None
        self._policy = handshake
        self._clock = clock
        self._reception = Reception(self, clock)
        self._writing = False
        self._flush_due = False
        self._foreign: str | None = None
        self._window_bytes = 0
        self._goodbyes = Goodbyes()
        self._tasks: list[asyncio.Task[None]] = []

    # --- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to apply what comes in; `serve` does it, too. Needs a running loop."""
        if not self._tasks and not self._reception.closed:
            self._tasks = [asyncio.ensure_future(self._apply_batches()), asyncio.ensure_future(self._tick())]

    async def serve(self, transport: Transport, role: Role, kernel_id: str | None = None) -> None:
        """Serve one peer until it or the room ends; its connection is closed then. Raises nothing but cancellation.

        Parameters
        ----------
        transport : Transport
            The connection.
        role : str
            What its token allows.
        kernel_id : str, optional
            The kernel whose bridge the token is for, whatever the bridge calls itself.
        """
        self.start()
        await self._reception.serve(transport, role, kernel_id)

    async def close(self, reason: str = "the room has ended") -> None:
        """Say goodbye to all peers and stop."""
        self._reception.closed = True
        for member in self.broadcast.members.values():
            member.peer.refuse("room", reason, ROOM_GONE)
        deadline = time.monotonic() + 2 * GOODBYE_SECONDS
        while self.broadcast.members and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.kernel.close()
        self.authors.close()
        self.telling.close()
        self.feed.close()
        self.comms.dispose()
        if self.keeper is not None:
            await self.keeper.close()

    @property
    def is_closed(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._reception.closed

    @property
    def name(self) -> str | None:
        """What people call the room: the notebook's file name, where its kernel knows it."""
        kernel = self.kernel.kernel
        path = kernel.get("session_name") if kernel is not None else None
        return PurePath(path).name if path else None

    @property
    def window_count(self) -> int:
        """How many windows and viewers are connected."""
        return self.broadcast.readers()

    def kernel_dead(self, reason: str = "the kernel has died") -> None:
        """Tell the room that the kernel's process is gone: only who watches it can know."""
        self.kernel.dead(reason)

    async def _apply_batches(self) -> None:
        while True:
            await self.kernel.waiting.wait()
            await self.governor.turn()
            with self.governor.measured() as batch:
                try:
                    batch.transactions = self.kernel.apply()
                except Exception:
                    log.exception("room %s: a batch failed", self.room_id)

    async def _tick(self) -> None:
        step = min(1.0, self.limits.request_seconds / 4)
        swept = self._clock()
        while True:
            await asyncio.sleep(step)
            try:
                with self.writing():
                    for comm_id, state in self.requests.expire().items():
                        if comm_id in self.comms:
                            self.comms.update(comm_id, state)
                self.displays.write()
                if self._clock() - swept >= min(SWEEP_SECONDS, self.limits.blob_grace_seconds / 2):
                    swept = self._clock()
                    if self.blobs.sweep():
                        give_back()
            except Exception:
                log.exception("room %s: housekeeping failed", self.room_id)

    # --- peers ---------------------------------------------------------------------------------------------------

    def enter(self, hello: Hello, role: Role, transport: Transport) -> Member:
        """Make a peer, let it in and queue its welcome.

        Raises
        ------
        LeaseError
            For a bridge that may not come in.
        RoomFullError
            For a window, when there are too many.
        """
        if role != "bridge" and self.window_count >= self.limits.windows:
            msg = f"the room has {self.window_count} windows and viewers, no more are let in: close some, or try later"
            raise RoomFullError(msg)
        peer = Peer(
            uuid.uuid4().hex[:12],
            role,
            hello.name,
            transport,
            self.feed,
            self.limits,
            self.blobs.get,
            hello.key,
            None if hello.key is None or role == "bridge" else self._greeting,
        )
        if hello.kernel is not None:
            peer.synced = True
            self.kernel.attach(peer, hello.kernel)
        member = Member(peer, None if role == "bridge" else Handshake(peer, self.feed, self._policy))
        if member.handshake is not None and not hello.document:
            member.handshake.skip()
        self.broadcast.members[peer.peer_id] = member
        welcome: Welcome = {
            "type": "welcome",
            "protocol": hello.protocol,
            "room_id": self.room_id,
            "document_id": self.document_id,
            "client_id": self.doc.client_id,
            "peer_id": peer.peer_id,
            "role": role,
            "limits": self.limits.public(),
            "kernel": self.kernel.state(),
            "peers": self.broadcast.people(),
        }
        if self.name is not None:
            welcome["name"] = self.name
        if role == "bridge":
            welcome["cells"] = self.displays.has_cells
        else:
            welcome["inspect"] = True
            if self.telling.settings is not None:
                welcome["settings"] = True
        peer.reply(frames.encode(dict(welcome)))
        self.telling.greet(peer)
        if hello.key is not None and (reason := self._goodbyes.take(hello.key)) is not None:
            # Who took nothing has not heard it, either.
            peer.refuse("too_slow", f"the last connection was ended: {reason}")
        if member.handshake is not None and hello.document:
            member.handshake.begin()
        self._tell_peers()
        return member

    def _greeting(self) -> bytes:
        heard = self.kernel.heard
        return frames.encode({"type": "messages", "source": heard.source, "number": heard.number})

    def leave(self, peer: Peer) -> None:
        """Take a peer out."""
        if self.broadcast.members.pop(peer.peer_id, None) is not None:
            if peer.key is not None and peer.closed is not None and peer.closed[0] == TOO_SLOW:
                self._goodbyes.note(peer.key, peer.closed[1])
            self.kernel.detach(peer)
            self.authors.leave(peer)
            self.telling.leave(peer)
            self._tell_peers()
            self.left()

    async def breathe(self, peer: Peer) -> None:
        """Wait while the room has too much of this peer already."""
        if peer.role == "bridge":
            await self.kernel.room_in_inbox()

    def _tell_peers(self) -> None:
        self.kernel.windows(self.window_count)
        self.broadcast.tell("peers", {"type": "peers", "peers": self.broadcast.people()})
        self.broadcast.flush()

    def _tell_store(self) -> None:
        self.kernel.tell()
        self.broadcast.flush()

    # --- from peers ----------------------------------------------------------------------------------------------

    def receive(self, peer: Peer, frame: bytes) -> None:
        """Handle a frame of a peer. Raises `ProtocolError` for one that ends its connection."""
        if len(frame) > self.limits.frame_bytes:
            msg = f"frame of {len(frame)} bytes, {self.limits.frame_bytes} are allowed"
            raise ProtocolError(msg)
        kind = frames.frame_type(frame)
        if kind == frames.MESSAGE:
            text = self.limits.frame_bytes if peer.role == "bridge" else self.limits.text_bytes
            self._message(peer, frames.decode(frame, max_bytes=self.limits.frame_bytes, max_text=text))
        elif peer.role == "bridge":
            msg = "a bridge has no document: it sends commdoc messages only"
            raise ProtocolError(msg)
        elif kind == frames.SYNC:
            self._sync(peer, *read_sync(frame))
        elif peer.role == "window" and len(frame) <= MAX_AWARENESS_BYTES:
            self.broadcast.relay(frame, peer)

    def _message(self, peer: Peer, frame: Frame) -> None:
        if peer.role == "bridge":
            self.kernel.receive(peer, frame)
        else:
            with self.writing(), self.authors.asked_by(peer):
                self.asks.handle(peer, frame)

    def _sync(self, peer: Peer, kind: Sync, payload: bytes) -> None:
        handshake = self.broadcast.members[peer.peer_id].handshake
        if handshake is None:
            return
        if kind == Sync.STEP1:
            handshake.step1(payload)
        elif peer.role == "viewer":
            # Its step 2 has at least the document's own deletions in it: ignored. An update is an attempt.
            if kind == Sync.UPDATE:
                log.warning("viewer %s (%s) sent an update: refused", peer.peer_id, peer.name)
                peer.refuse("viewer", "a viewer may not change the document")
        elif payload != EMPTY_UPDATE:
            self._apply_update(peer, payload)

    def _apply_update(self, peer: Peer, update: bytes) -> None:
        check_update(update)
        before = self.feed.point().state
        check_known(update, state_vector(before), self.doc.client_id)
        if self._window_bytes + len(update) > self.limits.window_bytes:
            log.warning("room %s: peer %s (%s) writes too much", self.room_id, peer.peer_id, peer.name)
            peer.refuse("too_large", f"windows may write {self.limits.window_bytes} bytes into the document")
            return
        self._writing = True
        try:
            self.doc.apply_update(update)
        except BaseException as error:
            # yrs panics at some updates; that is no Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            msg = f"not a Yjs update: {error}"
            raise ProtocolError(msg) from None
        finally:
            self._writing = False
            if self.feed.point().state != before:  # deletions alone, as most step 2 are, add nothing
                self._window_bytes += len(update)
            if self._foreign is None:
                self.broadcast.flush(skip=peer)
            else:
                log.warning(
                    "room %s: peer %s (%s) wrote into the comms map", self.room_id, peer.peer_id, peer.name
                )
                peer.refuse("foreign", "only the room writes into the comms map: the change was reverted")
                self._restore()

    # --- transactions ----------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make one transaction; behind it go its update and then the events that came up in it."""
        self._writing = True
        try:
            with self.comms.batch():
                yield
        finally:
            self._writing = False
            self.broadcast.flush()

    def _to_kernel(
        self, msg_type: str, content: dict[str, Any], buffers: Sequence[bytes], msg_id: str
    ) -> None:
        self.kernel.send(msg_type, content, buffers, msg_id)

    # --- writes that are not ours --------------------------------------------------------------------------------

    def _foreign_write(self, reason: str) -> None:
        # Called while the document is borrowed.
        self._foreign = reason

    def _stray_update(self) -> None:
        # Called while the document is borrowed. Our own transactions are flushed when they end, others' a moment later.
        if not self._writing and not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush_stray)

    def _flush_stray(self) -> None:
        self._flush_due = False
        if self._foreign is not None:
            self._restore()
        else:
            self.broadcast.flush()

    def _restore(self) -> None:
        log.warning(
            "room %s: a foreign write into the comms map is reverted: %s", self.room_id, self._foreign
        )
        self._foreign = None
        self._writing = True
        try:
            self.comms.restore()
        finally:
            self._writing = False
            self.broadcast.flush()
