"""A room host in this process, and clients on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pycrdt
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.netutil import bind_sockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from commdoc.protocol.messages import Role
from commdoc.rooms.room import Room
from commdoc.rooms.tokens import TokenStore
from commdoc.server.app import make_app, make_server
from commdoc.server.auth import Access
from commdoc.server.embedding import Embedding
from tests.rooms.parties import KERNEL, PATIENCE, Bridge, Client, Window

ROOM = "room1"


class Socket:
    """A `Transport` over a client's WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, frame: bytes) -> None:
        await self.socket.send(frame)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self.socket.close(code, reason)

    @property
    def close_code(self) -> int | None:
        return self.socket.close_code

    @property
    def close_reason(self) -> str:
        return self.socket.close_reason or ""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with contextlib.suppress(ConnectionClosedError):
            async for frame in self.socket:
                assert isinstance(frame, bytes)
                yield frame


@contextlib.asynccontextmanager
async def socket(url: str, token: str, **options: Any) -> AsyncIterator[Socket]:
    """Connect to a room's page address as bridge and Python window do."""
    headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
    address = url.replace("http", "ws", 1) + "ws"
    async with connect(
        address, additional_headers=headers, max_size=None, proxy=None, **options
    ) as connection:
        yield Socket(connection)


async def hello(client: Client, **more: Any) -> dict[str, Any]:
    client.listen()
    await client.say({"type": "hello", "protocol": [1, 1], "client": "test", **more})
    return await client.wait("welcome")


@contextlib.asynccontextmanager
async def window(url: str, token: str, **options: Any) -> AsyncIterator[Window]:
    """Join as a window and sync."""
    async with socket(url, token, **options) as transport:
        client = Window(transport)
        await hello(client)
        await client.step1()
        await asyncio.wait_for(client.synced.wait(), PATIENCE)
        yield client


@contextlib.asynccontextmanager
async def bridge(url: str, token: str, **kernel: Any) -> AsyncIterator[Bridge]:
    """Join as a bridge."""
    async with socket(url, token) as transport:
        client = Bridge(transport)
        await hello(client, kernel={**KERNEL, **kernel})
        yield client


@dataclass
class Site:
    """A served room."""

    room: Room
    tokens: TokenStore
    base: str
    access: Access

    @property
    def url(self) -> str:
        return f"{self.base}/commdoc/rooms/{ROOM}/"

    def token(self, role: Role = "window", room: str = ROOM) -> str:
        return self.tokens.issue(role, room)

    async def get(
        self, path: str, token: str | None = None, method: str = "GET", **headers: str
    ) -> HTTPResponse:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = HTTPRequest(self.base + path, method=method, headers=headers, follow_redirects=False)
        return await AsyncHTTPClient().fetch(request, raise_error=False)


@contextlib.asynccontextmanager
async def site(embed_origins: Sequence[str] = (), **settings: Any) -> AsyncIterator[Site]:
    """Serve a room on a port of the loopback interface."""
    tokens = TokenStore()
    room = Room(pycrdt.Doc(), ROOM)
    access = Access(tokens, embedding=Embedding(embed_origins))
    server = make_server(make_app({ROOM: room}, access, **settings))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    try:
        yield Site(room, tokens, f"http://127.0.0.1:{sockets[0].getsockname()[1]}", access)
    finally:
        server.stop()
        await room.close()
        await server.close_all_connections()


def with_local_socket(folder: Path) -> dict[str, str]:
    """Return the environment in which hosts have a local socket: their user's settings say so."""
    settings = folder / "config" / "commdoc" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"server": {"local_socket": True}}), encoding="utf-8")
    return {"JUPYTER_CONFIG_DIR": str(folder / "config")}
