"""How a connection becomes a peer, and ends: hello and welcome, the two loops, the goodbye.

    client   hello, within `handshake_seconds`; versions must have something in common; a bridge gets the lease
    room     welcome; then, for windows and viewers, the sync of `commdoc.rooms.handshake`
    both     one task reads and handles, one sends what is queued, until one of them ends or the peer is closed

A message that is not what it says to be ends its connection with a reason. A client that sends more than is
allowed is read more slowly.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol

from commdoc.errors import CommdocError, LeaseError, ProtocolError, RoomFullError, VersionError
from commdoc.protocol import frames, version
from commdoc.protocol.messages import KernelInfo, Role
from commdoc.rooms import fields
from commdoc.rooms.broadcast import Member
from commdoc.rooms.limits import RateLimiter, RoomLimits
from commdoc.rooms.peer import Peer
from commdoc.rooms.transport import Transport

log = logging.getLogger(__name__)

MALFORMED: Final = 4400
HANDSHAKE_TIMEOUT: Final = 4408
LEASE_HELD: Final = 4409
ROOM_GONE: Final = 4410
WRONG_VERSION: Final = 4426
FULL: Final = 4429

GOODBYE_SECONDS: Final = 1.0
"""How long a peer that is being closed may take to hear why."""

MAX_HELLO_BYTES: Final = 65_536
"""Before its hello a client gets no more of the room's memory than this."""

SHOWN_NAME: Final = 100
"""Characters of a client's name that are kept: every peer is told the names of all."""


class Hello(NamedTuple):
    """A client's first message, read.

    Attributes
    ----------
    protocol : int
        The version that both speak.
    document : bool
        Whether the client wants the document on this connection; one that has it by another road doesn't.
    key : str or None
        Names it over all of its connections.
    """

    name: str
    protocol: int
    kernel: KernelInfo | None
    document: bool
    key: str | None = None


class Host(Protocol):
    """What the reception needs of its room."""

    room_id: str
    limits: RoomLimits

    def enter(self, hello: Hello, role: Role, transport: Transport) -> Member:
        """Make a peer, let it in and queue its welcome. Raises `CommdocError` when it may not come in."""

    def leave(self, peer: Peer) -> None:
        """Take a peer out."""

    def receive(self, peer: Peer, frame: bytes) -> None:
        """Handle a frame of a peer. Raises `ProtocolError`."""

    async def breathe(self, peer: Peer) -> None:
        """Wait while the room has too much of this peer already."""


class Reception:
    """Serves the connections of one room."""

    def __init__(self, host: Host, clock: Callable[[], float]) -> None:
        self._host = host
        self._clock = clock
        self.closed = False

    async def serve(self, transport: Transport, role: Role, kernel_id: str | None = None) -> None:
        """Serve one connection until it ends, and close it; a bridge's is that of `kernel_id`, where it is given."""
        incoming = transport.__aiter__()
        member: Member | None = None
        ending = (1000, "")
        try:
            first = await self._first(incoming)
            if first is not None:
                hello = read_hello(first, role)
                if hello.kernel is not None and kernel_id is not None:
                    hello.kernel["kernel_id"] = kernel_id
                    hello.kernel.pop("connection_file", None)  # the host knows the kernel's
                member = self._host.enter(hello, role, transport)
                await self._run(member, incoming)
        except ConnectionError as error:
            log.debug("room %s: %s", self._host.room_id, error)
        except CommdocError as error:
            ending = await self._refuse(transport, role, error)
        finally:
            if member is not None:
                self._host.leave(member.peer)
                ending = member.peer.closed or ending
            await transport.close(*ending)

    async def _first(self, incoming: AsyncIterator[bytes]) -> bytes | None:
        if self.closed:
            raise _RefusalError("room", "the room has ended", ROOM_GONE)
        seconds = self._host.limits.handshake_seconds
        try:
            return await asyncio.wait_for(incoming.__anext__(), seconds)
        except asyncio.TimeoutError:
            raise _RefusalError("handshake", f"no hello within {seconds:g} s", HANDSHAKE_TIMEOUT) from None
        except StopAsyncIteration:
            return None

    async def _refuse(self, transport: Transport, role: Role, error: CommdocError) -> tuple[int, str]:
        code, close = _CODES.get(type(error), ("malformed", MALFORMED))
        if isinstance(error, _RefusalError):
            code, close = error.code, error.close_code
        log.warning("room %s: a %s is refused: %s", self._host.room_id, role, error)
        message = {"type": "error", "code": code, "reason": str(error)}
        with suppress(ConnectionError, asyncio.TimeoutError):
            await asyncio.wait_for(transport.send(frames.encode(message)), GOODBYE_SECONDS)
        return close, str(error)

    async def _run(self, member: Member, incoming: AsyncIterator[bytes]) -> None:
        peer, handshake = member.peer, member.handshake
        tasks = [
            asyncio.ensure_future(peer.send_all()),
            asyncio.ensure_future(self._read(peer, incoming)),
            asyncio.ensure_future(peer.ending.wait()),
        ]
        watching = []
        if handshake is not None:
            watching.append(asyncio.ensure_future(handshake.expire(self._host.limits.handshake_seconds)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if peer.closed is not None:
                await asyncio.wait(tasks[:1], timeout=GOODBYE_SECONDS)
        finally:
            for task in (*tasks, *watching):
                task.cancel()
            results = await asyncio.gather(*tasks, *watching, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, ConnectionError):
                log.error("room %s: peer %s failed", self._host.room_id, peer.peer_id, exc_info=result)

    async def _read(self, peer: Peer, incoming: AsyncIterator[bytes]) -> None:
        limits = self._host.limits
        limiter = RateLimiter(limits.peer_frames, limits.peer_bytes, self._clock())
        async for frame in incoming:
            if peer.closed is not None:
                return
            try:
                self._host.receive(peer, frame)
            except ProtocolError as error:
                log.warning("room %s: peer %s: %s", self._host.room_id, peer.peer_id, error)
                peer.refuse("malformed", str(error), MALFORMED)
                return
            except Exception as error:
                log.exception("room %s: a message of peer %s failed", self._host.room_id, peer.peer_id)
                peer.refuse("internal", f"the room failed on this message: {type(error).__name__}")
            await self._host.breathe(peer)
            if peer.role != "bridge" and (wait := limiter.took(len(frame), self._clock())) > 0:
                await asyncio.sleep(wait)


def read_hello(frame: bytes, role: Role) -> Hello:
    """Read a client's first frame.

    Raises
    ------
    ProtocolError
        When it is no hello, or no common version is in it.
    """
    hello = frames.decode(frame, max_bytes=MAX_HELLO_BYTES).message
    if hello["type"] != "hello":
        msg = f"the first message must be hello, not {hello['type']!r:.40}"
        raise ProtocolError(msg)
    span = fields.items(hello, "protocol", int)
    if len(span) != 2:
        msg = "hello: protocol is [lowest, highest]"
        raise ProtocolError(msg)
    agreed = version.agree((span[0], span[1]))
    name = fields.maybe_text(hello, "name") or fields.text(hello, "client")
    kernel = _kernel_info(fields.need(hello, "kernel", dict)) if role == "bridge" else None
    return Hello(
        name[:SHOWN_NAME], agreed, kernel, hello.get("document") is not False, fields.maybe_text(hello, "key")
    )


class _RefusalError(CommdocError):
    def __init__(self, code: str, reason: str, close_code: int) -> None:
        super().__init__(reason)
        self.code = code
        self.close_code = close_code


_CODES: Final = {
    VersionError: ("version", WRONG_VERSION),
    LeaseError: ("lease", LEASE_HELD),
    RoomFullError: ("full", FULL),
}


def _kernel_info(kernel: dict[str, Any]) -> KernelInfo:
    info: KernelInfo = {
        "kernel_id": fields.text(kernel, "kernel_id"),
        "epoch": fields.text(kernel, "epoch"),
        "pid": fields.need(kernel, "pid", int),
        "name": fields.text(kernel, "name"),
    }
    if (session_name := fields.maybe_text(kernel, "session_name")) is not None:
        info["session_name"] = session_name
    if (connection_file := fields.maybe_text(kernel, "connection_file")) is not None:
        info["connection_file"] = connection_file
    return info
