"""The web side of a room host: addresses to handlers."""

from __future__ import annotations

from typing import Any

from tornado.web import Application

from commdoc.protocol.frames import MAX_FRAME_BYTES
from commdoc.server.auth import Access
from commdoc.server.handlers import BlobHandler, Handler, Rooms, RoomsHandler, SocketHandler
from commdoc.server.pages import STATIC, PageHandler, StaticHandler

ROOM = r"/commdoc/rooms/([0-9A-Za-z_-]{1,64})"


class NotFoundHandler(Handler):
    """Everything else."""

    def prepare(self) -> None:
        """Send 404."""
        super().prepare()
        self.send_error(404)


def make_app(rooms: Rooms, access: Access, **settings: Any) -> Application:
    """Return the application that serves these rooms.

    Parameters
    ----------
    rooms : dict
        Room id to room; rooms may come and go.
    access : Access
        Who may come in.
    """
    routes: list[Any] = [
        (ROOM + r"/ws", SocketHandler),
        (ROOM + r"/blobs/([^/]+)", BlobHandler),
        (ROOM + r"/?", PageHandler),
        (r"/commdoc/api/rooms", RoomsHandler),
        (r"/commdoc/static/(.*)", StaticHandler, {"path": str(STATIC)}),
    ]
    options: dict[str, Any] = {
        "commdoc_rooms": rooms,
        "commdoc_access": access,
        "default_handler_class": NotFoundHandler,
        "websocket_max_message_size": MAX_FRAME_BYTES,
        "log_function": _log_nothing,
    }
    return Application(routes, **{**options, **settings})


def _log_nothing(_handler: object) -> None:
    """Write no access log: refusals are logged where they are decided, and the rest is noise."""
