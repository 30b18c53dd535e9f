"""The handlers of one room host: what all share, the WebSocket, blobs, the list of rooms.

Each checks `Host` and `Origin` before anything else. Whatever fails gets a constant text; the reason is in the log.
"""

from __future__ import annotations

import logging
from typing import Any

from tornado.web import HTTPError, RequestHandler

from commdoc.rooms.blobs import is_digest
from commdoc.rooms.registry import Known
from commdoc.rooms.room import Room
from commdoc.rooms.store.base import Attributes
from commdoc.server.auth import Access
from commdoc.server.peer_socket import PeerSocket

log = logging.getLogger(__name__)

Rooms = dict[str, Room]


def describe_kept(kept: Attributes) -> dict[str, Any]:
    """Return what a list of rooms says of one that is kept and not live."""
    return {
        "room_id": kept.room_id,
        "path": kept.path,
        "kernel_id": kept.kernel_id,
        "displaced_from": kept.displaced_from,
        "live": False,
        "saved_at": kept.saved_at,
        "size": kept.size,
    }


def describe(room: Room, known: Attributes) -> dict[str, Any]:
    """Return what a list of rooms says of one that is live."""
    keeper = room.keeper
    return {
        "room_id": room.room_id,
        "path": known.path,
        "kernel_id": known.kernel_id,
        "displaced_from": known.displaced_from,
        "live": True,
        "store": {"status": "memory"} if keeper is None else keeper.state,
        "saved_at": None if keeper is None else keeper.saved_at,
        "size": None if keeper is None else keeper.size,
        "document_id": room.document_id,
        "kernel": room.kernel.state(),
        "comms": len(room.comms),
        "windows": room.window_count,
        "blobs": room.blobs.usage(),
    }


def send_blob(handler: RequestHandler, room: Room | None, digest: str) -> None:
    """Send a blob of a room that the client may read, while a live entry names it. Raises `HTTPError` 404."""
    content = room.blobs.get_named(digest) if room is not None and is_digest(digest) else None
    if content is None:
        raise HTTPError(404, "no such blob")
    handler.set_header("Content-Type", "application/octet-stream")
    handler.set_header("Content-Disposition", "attachment")
    handler.set_header("Cache-Control", "private, immutable, max-age=31536000")
    handler.add_header("Vary", "Authorization, Cookie")
    handler.finish(content)


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
        for name, value in self.access.embedding.headers(self.request).items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Check where the request comes from."""
        self.access.check_origin(self.request, opaque=self.opaque_origin)

    def options(self, *_args: str) -> None:
        """Say that a page that may embed a room may ask with a token; nobody else may."""
        if not self.access.embedding.is_preflight(self.request):
            raise HTTPError(405)
        for name, value in self.access.embedding.preflight(self.request).items():
            self.set_header(name, value)
        self.set_status(204)

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
        send_blob(self, self.rooms.get(room_id), digest)


class RoomsHandler(Handler):
    """The rooms of this host that the token opens."""

    def get(self) -> None:
        """Send them as JSON."""
        grant = self.access.check_token(self.request)
        known: Known | None = self.settings.get("commdoc_known")
        found = [room for room_id, room in self.rooms.items() if room_id == grant.room_id]
        self.finish(
            {"rooms": [describe(room, (known or Known(room.room_id)).attributes()) for room in found]}
        )


class SocketHandler(Handler, PeerSocket):
    """A peer's WebSocket."""

    def prepare(self) -> None:
        """Check the token before the upgrade, so that a refusal is a plain 403."""
        super().prepare()
        room_id = self.path_args[0]
        self.role = self.access.check_token(self.request, room_id).role
        room = self.rooms.get(room_id)
        if room is None:
            raise HTTPError(404, "no such room")
        self.room = room

    def check_origin(self, origin: str) -> bool:
        """Say yes: `prepare` has checked it."""
        return True
