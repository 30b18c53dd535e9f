"""A real host in this process for windows in others: a room behind the server's own web application.

The kernel is one that the test plays.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pycrdt
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from commdoc.protocol.messages import Role
from commdoc.rooms.blobs import MemoryBlobs
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.room import Room
from commdoc.rooms.tokens import TokenStore
from commdoc.server.app import make_app
from commdoc.server.auth import Access
from tests.window.house import House


class Host(House):
    """A house whose room is served on a port of the loopback interface."""

    def __init__(self, limits: RoomLimits | None = None) -> None:
        self.rooms: dict[str, Room] = {}
        self.store = MemoryBlobs()
        super().__init__(limits)
        self.tokens = TokenStore()
        self.port = 0
        self._server: HTTPServer | None = None

    def _new_room(self) -> Room:
        self.store = MemoryBlobs()
        return Room(
            pycrdt.Doc(), "room", blobs=self.store, kernel_link=lambda *_: self.kernel, limits=self._limits
        )

    def listen(self) -> None:
        """Open the port; the same again after `hang_up`."""
        self.rooms["room"] = self.room
        sockets = bind_sockets(self.port, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        self._server = HTTPServer(make_app(self.rooms, Access(self.tokens)))
        self._server.add_sockets(sockets)

    async def hang_up(self) -> None:
        """Close the port and all connections, as a host that dies does."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self._server = None

    def link(self, role: Role = "window") -> str:
        """Return a page link for this role."""
        token = self.tokens.issue(role, "room")
        return f"http://127.0.0.1:{self.port}/commdoc/rooms/room/#token={token}"

    def socket(self, role: Role = "window") -> dict[str, str]:
        """Return the address of the WebSocket and a token, for a peer that reads no page links."""
        return {
            "url": f"ws://127.0.0.1:{self.port}/commdoc/rooms/room/ws",
            "token": self.tokens.issue(role, "room"),
        }

    async def restart(self) -> None:
        """Let the host die and come back with another life of the document."""
        await self.hang_up()
        await super().restart()
        self.listen()

    async def close(self) -> None:
        """End windows, port and room."""
        await self.hang_up()
        await super().close()


@contextlib.asynccontextmanager
async def a_host(limits: RoomLimits | None = None) -> AsyncIterator[Host]:
    """Run a host with a bridge attached."""
    host = Host(limits)
    await host.start()
    host.listen()
    try:
        yield host
    finally:
        await host.close()
