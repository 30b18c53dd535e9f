"""The window's connection over a WebSocket, and where to make it when the room has moved."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final

from commdoc.errors import ForbiddenError, RoomNotFoundError
from commdoc.protocol.frames import MAX_FRAME_BYTES
from commdoc.protocol.messages import Role
from commdoc.window.address import Address, announcements
from commdoc.window.local import LocalChannel, connect_local

log = logging.getLogger(__name__)

PING_SECONDS: Final = 20.0
"""Between pings: a computer that slept, or a network that swallows packets, is noticed."""

PONG_SECONDS: Final = 60.0
"""To wait for a pong: a process under GIL-holding C calls answers late."""


class WebSocketChannel:
    """A `Channel` over a WebSocket; open one with `connect_websocket`."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    @property
    def close_code(self) -> int | None:
        """With which the connection was ended."""
        code: int | None = self._socket.close_code
        return code

    @property
    def close_reason(self) -> str:
        """Why."""
        return str(self._socket.close_reason or "")

    async def send(self, frame: bytes) -> None:
        """Send one frame."""
        from websockets.exceptions import ConnectionClosed

        try:
            await self._socket.send(frame)
        except ConnectionClosed as error:
            raise ConnectionError(str(error)) from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection."""
        await self._socket.close(code, reason)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the frames that come in."""
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                frame = await self._socket.recv()
                if isinstance(frame, str):
                    await self.close(4400, "a text message where a binary frame was due")
                    return
                yield frame
        except ConnectionClosed:
            return


async def connect_websocket(address: Address) -> WebSocketChannel:
    """Open the room's WebSocket.

    Raises
    ------
    ForbiddenError
        When the token is not good (any more).
    RoomNotFoundError
        When the host has no such room.
    OSError
        When nobody answers.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidStatus

    from commdoc.window.inflate import InflateFactory

    try:
        socket = await connect(
            address.socket_url,
            additional_headers={"Authorization": f"Bearer {address.token}"},
            compression=None,
            extensions=[InflateFactory()],
            proxy=None,  # a room is on this machine, or where its link says
            max_size=MAX_FRAME_BYTES,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            close_timeout=1.0,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        if status in (401, 403):
            raise ForbiddenError(f"{address.url} refuses this token: it is wrong or has expired") from None
        if status == 404:
            raise RoomNotFoundError(f"{address.url}: no such room on this host") from None
        raise ConnectionError(f"{address.url} answered with HTTP {status}") from None
    except InvalidHandshake as error:
        raise ConnectionError(f"{address.url}: {error}") from error
    return WebSocketChannel(socket)


async def connect_near(address: Address) -> WebSocketChannel | LocalChannel:
    """Connect by the local socket of the host that announces this address, where it has one, else by the WebSocket.

    Raises
    ------
    ForbiddenError, RoomNotFoundError, OSError
        As `connect_websocket`.
    """
    for room in announcements():
        if room.local is not None and (room.url, room.room_id) == (address.url, address.room_id):
            try:
                return await connect_local(room.local, room.room_id, address.token)
            except OSError as error:
                log.info("window: the local socket %s was not to be had: %s", room.local, error)
    return await connect_websocket(address)


class RoomFinder:
    """Connects to a room where it was last, and where its host announces it when it isn't there any more.

    Parameters
    ----------
    address : Address
        Where it was when the window joined. A token that is refused there is refused, whatever is announced.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._role: Role | None = None

    async def connect(self) -> WebSocketChannel | LocalChannel:
        """Open a connection; raises as `connect_websocket`."""
        try:
            return await connect_near(self._address)
        except (OSError, ForbiddenError, RoomNotFoundError, TimeoutError):
            moved = None if self._role is None else self._moved(self._role)
            if moved is None:
                raise
        channel = await connect_near(moved)
        log.info("window: the room has moved to %s", moved.url)
        self._address = moved
        return channel

    def joined(self, role: Role, kernel_id: str | None) -> None:
        """Note as what the window has joined, and which kernel the room has: by it the room is found again."""
        self._role = role
        if kernel_id is not None and kernel_id != self._address.kernel_id:
            self._address = replace(self._address, kernel_id=kernel_id)

    def _moved(self, role: Role) -> Address | None:
        old = self._address
        for room in announcements():
            if (room.room_id == old.room_id or room.kernel_id == old.kernel_id) and role in room.tokens:
                new = room.address(role)
                if (new.url, new.token) != (old.url, old.token):
                    return new
        return None
