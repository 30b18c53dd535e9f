"""The web side of a room host: addresses to handlers."""

from __future__ import annotations

from typing import Any, Final

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application

from commdoc.protocol.frames import MAX_FRAME_BYTES
from commdoc.server.auth import Access
from commdoc.server.handlers import BlobHandler, Handler, Rooms, RoomsHandler, SocketHandler
from commdoc.server.invitations import InvitationsHandler, OpenHandler
from commdoc.server.nbextensions import PREFIX, FileHandler, FindHandler, Tickets
from commdoc.server.pages import STATIC, PageHandler, StaticHandler

ROOM_ID = r"([0-9A-Za-z_-]{1,64})"
ROOM = r"/commdoc/rooms/" + ROOM_ID

MAX_CONNECTIONS: Final = 256
"""That have not become a WebSocket, which takes a token: a browser opens six."""

IDLE_SECONDS: Final = 60.0
"""How long such a connection may be open without a whole request on it."""


class _Server(HTTPServer):
    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            stream.close()
        else:
            super().handle_stream(stream, address)


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
    tickets = {"tickets": Tickets()}
    routes: list[Any] = [
        (ROOM + r"/ws", SocketHandler),
        (ROOM + r"/blobs/([^/]+)", BlobHandler),
        (ROOM + r"/invitations", InvitationsHandler),
        (ROOM + r"/open/([^/]+)", OpenHandler),
        (ROOM + r"/nbextensions", FindHandler, tickets),
        (PREFIX + ROOM_ID + r"/([^/]+)/(.+)", FileHandler, tickets),
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


def make_server(app: Application) -> HTTPServer:
    """Return the server of a host that others use, too: who only opens connections must not take all descriptors."""
    return _Server(
        app,
        max_buffer_size=MAX_FRAME_BYTES + 65_536,
        max_body_size=65_536,
        idle_connection_timeout=IDLE_SECONDS,
        body_timeout=IDLE_SECONDS,
    )


def _log_nothing(_handler: object) -> None:
    """Write no access log: refusals are logged where they are decided, and the rest is noise."""
