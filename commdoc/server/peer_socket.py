"""A peer's WebSocket as a `Transport` of its room; who may come in is decided by `prepare` of the host's handler."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from commdoc.protocol.messages import Role
from commdoc.rooms.room import Room
from commdoc.rooms.transport import TransportClosedError
from commdoc.server import deflate
from commdoc.server.auth import SUBPROTOCOL

PING_SECONDS: Final = 20.0
"""A browser that sleeps, or a network that is gone, is noticed within this and its answer's time. The bridge is
not pinged: a cell that holds the GIL for minutes answers nothing, and a dead kernel's socket closes by itself.
"""

VIEWER_BYTES: Final = 1024 * 1024
"""Largest message of a viewer, which has no more to say than its state vector: few deflated bytes can be many."""

MAX_REASON_BYTES: Final = 123
"""Of a WebSocket close frame."""


class PeerSocket(WebSocketHandler):
    """Hands the connection to a room.

    A host's handler inherits this beside its own base, and sets `role` and `room` in `prepare`, before the upgrade, so
    that a refusal is a plain 403.
    """

    role: Role = "viewer"
    room: Room
    kernel_id: str | None = None
    """The one kernel whose bridge this is, where the host knows that."""

    def initialize(self) -> None:
        """Make the queue that the room reads from."""
        self._frames: deque[bytes] = deque()
        self._gone = False
        self._come = asyncio.Event()
        self._taken = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Select ours; never the one that carries the token."""
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    @property
    def ping_interval(self) -> float | None:
        """Seconds between pings; none for a bridge."""
        seconds: float = self.settings.get("commdoc_ping_seconds", PING_SECONDS)
        return None if self.role == "bridge" else seconds

    @property
    def ping_timeout(self) -> float | None:
        """Seconds until an unanswered ping ends the connection."""
        return self.ping_interval

    def get_compression_options(self) -> dict[str, Any]:
        """Deflate for who can read it; the bridge doesn't ask for it."""
        return deflate.OPTIONS

    @property
    def max_message_size(self) -> int:
        """Most bytes of a message, inflated: what a viewer may say is short."""
        return VIEWER_BYTES if self.role == "viewer" else super().max_message_size

    def open(self, *args: str, **kwargs: str) -> None:
        """Hand the connection to the room."""
        self.set_nodelay(True)
        self._serving = asyncio.ensure_future(
            self.room.serve(_SocketTransport(self), self.role, self.kernel_id)
        )

    async def on_message(self, message: str | bytes) -> None:
        """Pass a frame on; the socket is not read further before the room has taken it."""
        self._frames.append(message.encode() if isinstance(message, str) else message)
        self._taken.clear()
        self._come.set()
        if not self._gone:
            await self._taken.wait()

    def write_frame(self, frame: bytes) -> Awaitable[None]:
        """Send a frame, deflated where that is agreed and worth it."""
        connection: Any = self.ws_connection
        compressor = getattr(connection, "_compressor", None)
        if compressor is None or deflate.is_worth_it(frame):
            return self.write_message(frame, binary=True)
        # Each message may go as it is; tornado, which frames it before it returns, has no switch of its own for that.
        connection._compressor = None
        try:
            return self.write_message(frame, binary=True)
        finally:
            connection._compressor = compressor

    def on_close(self) -> None:
        """End the room's iteration."""
        self.end()

    async def frames(self) -> AsyncIterator[bytes]:
        """Iterate over the frames that come in."""
        while not self._gone:
            while self._frames:
                yield self._frames.popleft()
            self._taken.set()
            self._come.clear()
            await self._come.wait()

    def end(self) -> None:
        """Let go of a socket that has ended, or whose room is done with it."""
        self._gone = True
        self._come.set()
        self._taken.set()


class _SocketTransport:
    def __init__(self, socket: PeerSocket) -> None:
        self._socket = socket

    async def send(self, frame: bytes) -> None:
        try:
            await self._socket.write_frame(frame)
        except (WebSocketClosedError, StreamClosedError) as error:
            raise TransportClosedError(str(error) or "the socket is closed") from None

    async def close(self, code: int, reason: str) -> None:
        short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        self._socket.close(code, short)
        self._socket.end()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._socket.frames()
