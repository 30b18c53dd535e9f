"""A room: one notebook's document, the single writer of its comms, and everybody who reads it.

    bridge ── ops ──►  inbox ─ governor ─► one transaction ─┬─► update to every synced peer
    window ── asks ─►  one transaction at once ─────────────┤   then the events that the transaction was for
                          │                                 └─► then `applied`, `accepted`, `settled` to who waits for them
                          └─► Requests ─► kernel link

A room runs in one asyncio loop and never waits: not for the kernel, not for a peer. An error that one peer's message makes gets that peer a reason. It knows nothing of web
frameworks, of ZMQ and of files: connections are `Transport`, the kernel is a `KernelLink`, blobs are in a `BlobStore`.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import pycrdt

from commdoc.document import CommsLog
from commdoc.errors import CommdocError, LeaseError, ProtocolError, VersionError
from commdoc.protocol import frames, version
from commdoc.protocol.frames import Frame
from commdoc.protocol.messages import KernelInfo, Role
from commdoc.rooms import fields
from commdoc.rooms.asks import Asks
from commdoc.rooms.batches import Governor
from commdoc.rooms.blobs import BlobStore, MemoryBlobs, RoomBlobs
from commdoc.rooms.feed import EMPTY_UPDATE, Feed
from commdoc.rooms.handshake import ONE_DIFF, Handshake, HandshakePolicy
from commdoc.rooms.kernel_link import ConnectKernel
from commdoc.rooms.kernel_side import KernelSide
from commdoc.rooms.limits import RateLimiter, RoomLimits
from commdoc.rooms.peer import Peer, blobs_frame
from commdoc.rooms.requests import Requests
from commdoc.rooms.sync import Sync, read_sync, sync_frame
from commdoc.rooms.transport import Transport

log = logging.getLogger(__name__)

MALFORMED: Final = 4400
HANDSHAKE_TIMEOUT: Final = 4408
LEASE_HELD: Final = 4409
ROOM_GONE: Final = 4410
WRONG_VERSION: Final = 4426

SWEEP_SECONDS: Final = 10.0
"""Between two looks for blobs that nobody names."""

GOODBYE_SECONDS: Final = 1.0
"""How long a peer that is being closed may take to hear why."""

MAX_AWARENESS_BYTES: Final = 65_536

WITH_AFTER: Final = frozenset({"accepted", "settled", "message", "cell_end"})


@dataclass
class _Member:
    peer: Peer
    handshake: Handshake | None


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
    kernel_link : callable, optional
        Makes the way to a kernel; without it requests wait and expire.
    clock : callable
        Monotonic seconds.

    Attributes
    ----------
    document_id : str
        Names this life of the document: windows with another one start afresh.
    """

    def __init__(
        self,
        doc: pycrdt.Doc[Any],
        room_id: str,
        *,
        blobs: BlobStore | None = None,
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
        self.blobs = RoomBlobs(blobs or MemoryBlobs(), self.comms.blob_refs, self.limits, clock)
        self.requests = Requests(self._to_kernel, self._answer, clock, self.limits)
        self.asks = Asks(self.comms, self.requests, self.blobs)
        self.kernel = KernelSide(self, self.comms, self.requests, self.blobs, self.asks, kernel_link)
        self.governor = Governor()
        self._policy = handshake
        self._clock = clock
        self._members: dict[str, _Member] = {}
        self._outgoing: list[tuple[str | None, dict[str, Any], Sequence[bytes | memoryview]]] = []
        self._writing = False
        self._flush_due = False
        self._foreign: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    # --- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to apply what comes in; `serve` does it, too. Needs a running loop."""
        if not self._tasks and not self._closed:
            self._tasks = [asyncio.ensure_future(self._apply_batches()), asyncio.ensure_future(self._tick())]

    async def close(self, reason: str = "the room has ended") -> None:
        """Say goodbye to all peers and stop."""
        self._closed = True
        for member in self._members.values():
            member.peer.refuse("room", reason, ROOM_GONE)
        deadline = self._clock() + 2 * GOODBYE_SECONDS
        while self._members and self._clock() < deadline:
            await asyncio.sleep(0.01)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.kernel.close()
        self.feed.close()
        self.comms.dispose()

    @property
    def window_count(self) -> int:
        """How many windows and viewers are connected."""
        return sum(member.peer.role != "bridge" for member in self._members.values())

    def kernel_dead(self, reason: str = "the kernel has died") -> None:
        """Tell the room that the kernel's process is gone: only who watches it can know."""
        self.kernel.dead(reason)

    async def _apply_batches(self) -> None:
        while True:
            await self.kernel.waiting.wait()
            await self.governor.turn()
            with self.governor.measured():
                try:
                    self.kernel.apply()
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
                if self._clock() - swept >= min(SWEEP_SECONDS, self.limits.blob_grace_seconds / 2):
                    swept = self._clock()
                    self.blobs.sweep()
            except Exception:
                log.exception("room %s: housekeeping failed", self.room_id)

    # --- peers ---------------------------------------------------------------------------------------------------

    async def serve(self, transport: Transport, role: Role, name: str = "") -> None:
        """Serve one peer until it or the room ends. Never raises but for cancellation.

        Parameters
        ----------
        transport : Transport
            Its connection, closed when this returns.
        role : str
            What its token allows.
        name : str
            What others see when the peer itself gives none.
        """
        self.start()
        incoming = transport.__aiter__()
        peer: Peer | None = None
        try:
            peer = await self._greet(transport, incoming, role, name)
            if peer is not None:
                await self._run(peer, incoming)
        except ConnectionError as error:
            log.debug("room %s: %s", self.room_id, error)
        finally:
            if peer is not None:
                self._leave(peer)
            code, reason = (peer.closed if peer is not None else None) or (1000, "")
            await transport.close(code, reason)

    async def _greet(
        self, transport: Transport, incoming: AsyncIterator[bytes], role: Role, name: str
    ) -> Peer | None:
        try:
            if self._closed:
                raise _RefusalError("room", "the room has ended", ROOM_GONE)
            try:
                first = await asyncio.wait_for(incoming.__anext__(), self.limits.handshake_seconds)
            except asyncio.TimeoutError:
                reason = f"no hello within {self.limits.handshake_seconds:g} s"
                raise _RefusalError("handshake", reason, HANDSHAKE_TIMEOUT) from None
            except StopAsyncIteration:
                return None
            return self._join(transport, first, role, name)
        except VersionError as error:
            refusal = _RefusalError("version", str(error), WRONG_VERSION)
        except ProtocolError as error:
            refusal = _RefusalError("malformed", str(error), MALFORMED)
        except LeaseError as error:
            refusal = _RefusalError("lease", str(error), LEASE_HELD)
        except _RefusalError as error:
            refusal = error
        log.warning("room %s: a %s is refused: %s", self.room_id, role, refusal)
        with suppress(ConnectionError, asyncio.TimeoutError):
            message = {"type": "error", "code": refusal.code, "reason": str(refusal)}
            await asyncio.wait_for(transport.send(frames.encode(message)), GOODBYE_SECONDS)
        await transport.close(refusal.close_code, str(refusal))
        return None

    def _join(self, transport: Transport, first: bytes, role: Role, name: str) -> Peer:
        hello = frames.decode(first, max_bytes=self.limits.frame_bytes).message
        if hello["type"] != "hello":
            msg = f"the first message must be hello, not {hello['type']!r:.40}"
            raise ProtocolError(msg)
        span = fields.items(hello, "protocol", int)
        if len(span) != 2:
            msg = "hello: protocol is [lowest, highest]"
            raise ProtocolError(msg)
        agreed = version.agree((span[0], span[1]))
        peer = Peer(
            uuid.uuid4().hex[:12],
            role,
            fields.maybe_text(hello, "name") or name or fields.text(hello, "client"),
            transport,
            self.feed,
            self.limits,
            self.blobs.get,
        )
        if role == "bridge":
            peer.synced = True
            kernel = _kernel_info(fields.need(hello, "kernel", dict))
            self.kernel.attach(peer, kernel)
        member = _Member(peer, None if role == "bridge" else self._handshake(peer))
        self._members[peer.peer_id] = member
        welcome = {
            "type": "welcome",
            "protocol": agreed,
            "room_id": self.room_id,
            "document_id": self.document_id,
            "peer_id": peer.peer_id,
            "role": role,
            "limits": self.limits.public(),
            "kernel": self.kernel.state(),
            "peers": [other.peer.info() for other in self._members.values()],
        }
        peer.reply(frames.encode(welcome))
        if member.handshake is not None:
            member.handshake.begin()
        self._tell_peers(peer)
        return peer

    def _handshake(self, peer: Peer) -> Handshake:
        return Handshake(peer, self.feed, self._policy)

    async def _run(self, peer: Peer, incoming: AsyncIterator[bytes]) -> None:
        handshake = self._members[peer.peer_id].handshake
        tasks = [
            asyncio.ensure_future(peer.send_all()),
            asyncio.ensure_future(self._read(peer, incoming)),
            asyncio.ensure_future(peer.ending.wait()),
        ]
        watch = asyncio.ensure_future(
            handshake.expire(self.limits.handshake_seconds) if handshake else asyncio.sleep(0)
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if peer.closed is not None:
                await asyncio.wait(tasks[:1], timeout=GOODBYE_SECONDS)
        finally:
            for task in (*tasks, watch):
                task.cancel()
            results = await asyncio.gather(*tasks, watch, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, ConnectionError):
                log.error("room %s: peer %s failed", self.room_id, peer.peer_id, exc_info=result)

    async def _read(self, peer: Peer, incoming: AsyncIterator[bytes]) -> None:
        limiter = RateLimiter(self.limits.peer_frames, self.limits.peer_bytes, self._clock())
        async for frame in incoming:
            if peer.closed is not None:
                return
            try:
                self._receive(peer, frame)
            except ProtocolError as error:
                log.warning("room %s: peer %s: %s", self.room_id, peer.peer_id, error)
                peer.refuse("malformed", str(error), MALFORMED)
                return
            except Exception as error:
                log.exception("room %s: a message of peer %s failed", self.room_id, peer.peer_id)
                peer.refuse("internal", f"the room failed on this message: {type(error).__name__}")
            if peer.role == "bridge":
                await self.kernel.room_in_inbox()
            elif (wait := limiter.took(len(frame), self._clock())) > 0:
                await asyncio.sleep(wait)

    def _leave(self, peer: Peer) -> None:
        if self._members.pop(peer.peer_id, None) is not None:
            self.kernel.detach(peer)
            self._tell_peers(peer)

    def _tell_peers(self, about: Peer) -> None:
        if about.role != "bridge":
            self.kernel.windows(self.window_count)
        self.tell(
            "peers", {"type": "peers", "peers": [member.peer.info() for member in self._members.values()]}
        )

    # --- from peers ----------------------------------------------------------------------------------------------

    def _receive(self, peer: Peer, frame: bytes) -> None:
        if len(frame) > self.limits.frame_bytes:
            msg = f"frame of {len(frame)} bytes, {self.limits.frame_bytes} are allowed"
            raise ProtocolError(msg)
        kind = frames.frame_type(frame)
        if kind == frames.MESSAGE:
            self._message(peer, frames.decode(frame, max_bytes=self.limits.frame_bytes))
        elif peer.role == "bridge":
            msg = "a bridge has no document: it sends commdoc messages only"
            raise ProtocolError(msg)
        elif kind == frames.SYNC:
            self._sync(peer, *read_sync(frame))
        elif peer.role == "window" and len(frame) <= MAX_AWARENESS_BYTES:
            for member in self._members.values():
                if member.peer is not peer and member.handshake is not None:
                    member.peer.push(frame)

    def _message(self, peer: Peer, frame: Frame) -> None:
        if peer.role == "bridge":
            self.kernel.receive(peer, frame)
        else:
            with self.writing():
                self.asks.handle(peer, frame)

    def _sync(self, peer: Peer, kind: Sync, payload: bytes) -> None:
        handshake = self._members[peer.peer_id].handshake
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
        self._writing = True
        try:
            self.doc.apply_update(update)
        except ValueError as error:
            msg = f"not a Yjs update: {error}"
            raise ProtocolError(msg) from None
        finally:
            self._writing = False
            self._flush(skip=peer)
            if self._foreign is not None:
                log.warning(
                    "room %s: peer %s (%s) wrote into the comms map", self.room_id, peer.peer_id, peer.name
                )
                self._restore()

    # --- to peers ------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make one transaction; behind it go its update and then the events that came up in it."""
        self._writing = True
        try:
            with self.comms.batch():
                yield
        finally:
            self._writing = False
            self._flush()

    def emit(self, message: dict[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Send an event to all windows behind this transaction."""
        self._outgoing.append((None, message, buffers))

    def tell(self, name: str, message: dict[str, Any]) -> None:
        """Send all windows news that replaces older news of this name."""
        frame = frames.encode(message)
        for member in self._members.values():
            if member.handshake is not None:
                member.peer.state(name, frame)

    def _answer(self, peer_id: str, message: dict[str, Any]) -> None:
        self._outgoing.append((peer_id, message, ()))

    def _to_kernel(
        self, msg_type: str, content: dict[str, Any], buffers: Sequence[bytes], msg_id: str
    ) -> None:
        self.kernel.send(msg_type, content, buffers, msg_id)

    def _flush(self, skip: Peer | None = None) -> None:
        members = [member for member in self._members.values() if member.handshake is not None]
        self._push_blobs(members)
        updates = [sync_frame(Sync.UPDATE, update) for update in self.feed.take()]
        for number, frame in enumerate(updates, 1):
            point = self.feed.point() if number == len(updates) else None
            for member in members:
                if member.peer is skip:
                    continue
                if not member.peer.synced and member.handshake is not None:
                    member.handshake.missed(frame)
                member.peer.update(frame, point)
        outgoing, self._outgoing = self._outgoing, []
        for peer_id, message, buffers in outgoing:
            if message["type"] in WITH_AFTER:
                message["after"] = self.comms.clock
            frame = frames.encode(message, buffers)
            if peer_id is None:
                for member in members:
                    member.peer.event(frame)
            elif peer_id in self._members:
                self._members[peer_id].peer.answer(frame)

    def _push_blobs(self, members: list[_Member]) -> None:
        digests = self.kernel.new_blobs + self.asks.new_blobs
        self.kernel.new_blobs, self.asks.new_blobs = [], []
        if not any(member.peer.synced for member in members):
            return
        hashes: list[str] = []
        buffers: list[bytes] = []
        for digest in digests:
            content = self.blobs.get(digest)
            if content is not None and len(content) <= self.limits.push_bytes:
                hashes.append(digest)
                buffers.append(content)
        if hashes:
            frame = blobs_frame(hashes, buffers, [])
            for member in members:
                member.peer.push(frame)

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
        self._flush()
        if self._foreign is not None:
            self._restore()

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
            self._flush()


class _RefusalError(CommdocError):
    def __init__(self, code: str, reason: str, close_code: int) -> None:
        super().__init__(reason)
        self.code = code
        self.close_code = close_code


def _kernel_info(kernel: dict[str, Any]) -> KernelInfo:
    info: KernelInfo = {
        "kernel_id": fields.text(kernel, "kernel_id"),
        "epoch": fields.text(kernel, "epoch"),
        "pid": fields.need(kernel, "pid", int),
        "name": fields.text(kernel, "name"),
    }
    if (session_name := fields.maybe_text(kernel, "session_name")) is not None:
        info["session_name"] = session_name
    return info
