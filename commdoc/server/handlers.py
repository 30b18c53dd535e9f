"""The handlers of one room host: what all share, the WebSocket, blobs, the list of rooms.

Each checks `Host` and `Origin` before anything else. Whatever fails gets a constant text; the reason is in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from commdoc.protocol.messages import Role
from commdoc.rooms.blobs import is_digest
from commdoc.rooms.room import Room
from commdoc.rooms.transport import TransportClosedError
from commdoc.server import deflate
from commdoc.server.auth import SUBPROTOCOL, Access

log = logging.getLogger(__name__)

PING_SECONDS: Final = 20.0
"""A browser that sleeps, or a network that is gone, is noticed within this and its answer's time. The bridge is
not pinged: a cell that holds the GIL for minutes answers nothing, and a dead kernel's socket closes by itself.
"""

VIEWER_BYTES: Final = 1024 * 1024
"""Largest message of a viewer, which has no more to say than its state vector: few deflated bytes can be many."""

MAX_REASON_BYTES: Final = 123
"""Of a WebSocket close frame."""

Rooms = dict[str, Room]


class Handler(RequestHandler):
    """What all handlers share: rooms, access, headers, constant errors."""

    opaque_origin = False

    @property
    def rooms(self) -> Rooms:
        """The rooms of this host by id."""
        rooms: Rooms = self.settings["commdoc_rooms"]
        return rooms

    @property
    def access(self) -> Access:
        """Who may come in."""
        access: Access = self.settings["commdoc_access"]
        return access

    def set_default_headers(self) -> None:
        """Set what every answer has."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")

    def prepare(self) -> None:
        """Check where the request comes from."""
        self.access.check_origin(self.request, opaque=self.opaque_origin)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send a constant text."""
        error = kwargs.get("exc_info", (None, None))[1]
        reason = error.log_message if isinstance(error, HTTPError) and error.log_message else self._reason
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {reason}\n")

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what is ours to fix; refusals have had their line."""
        if not isinstance(value, HTTPError):
            log.error("%s %s failed", self.request.method, self.request.path, exc_info=(typ, value, tb))


class BlobHandler(Handler):
    """One blob of a room, while a live entry names it."""

    def get(self, room_id: str, digest: str) -> None:
        """Send the blob."""
        self.access.check_token(self.request, room_id)
        room = self.rooms.get(room_id)
        content = room.blobs.get_named(digest) if room is not None and is_digest(digest) else None
        if content is None:
            raise HTTPError(404, "no such blob")
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Disposition", "attachment")
        self.set_header("Cache-Control", "private, immutable, max-age=31536000")
        self.set_header("Vary", "Authorization")
        self.finish(content)


class RoomsHandler(Handler):
    """The rooms of this host that the token opens."""

    def get(self) -> None:
        """Send them as JSON."""
        grant = self.access.check_token(self.request)
        found = [room for room_id, room in self.rooms.items() if room_id == grant.room_id]
        self.finish(
            {
                "rooms": [
                    {
                        "room_id": room.room_id,
                        "document_id": room.document_id,
                        "kernel": room.kernel.state(),
                        "comms": len(room.comms),
                        "windows": room.window_count,
                    }
                    for room in found
                ]
            }
        )


class SocketHandler(Handler, WebSocketHandler):
    """A peer's WebSocket: a `Transport` for its room."""

    _role: Role = "viewer"
    _room: Room

    def initialize(self) -> None:
        """Make the queue that the room reads from."""
        self._frames: deque[bytes] = deque()
        self._gone = False
        self._come = asyncio.Event()
        self._taken = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    def prepare(self) -> None:
        """Check the token before the upgrade, so that a refusal is a plain 403."""
        super().prepare()
        room_id = self.path_args[0]
        self._role = self.access.check_token(self.request, room_id).role
        room = self.rooms.get(room_id)
        if room is None:
            raise HTTPError(404, "no such room")
        self._room = room

    def check_origin(self, origin: str) -> bool:
        """Say yes: `prepare` has checked it."""
        return True

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Select ours; never the one that carries the token."""
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    @property
    def ping_interval(self) -> float | None:
        """Seconds between pings; none for a bridge."""
        seconds: float = self.settings.get("commdoc_ping_seconds", PING_SECONDS)
        return None if self._role == "bridge" else seconds

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
        return VIEWER_BYTES if self._role == "viewer" else super().max_message_size

    def open(self, *args: str, **kwargs: str) -> None:
        """Hand the connection to the room."""
        self.set_nodelay(True)
        self._serving = asyncio.ensure_future(self._room.serve(_SocketTransport(self), self._role))

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
    def __init__(self, socket: SocketHandler) -> None:
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
