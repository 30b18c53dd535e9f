"""The window's connection over a host's local socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from commdoc.errors import ProtocolError
from commdoc.protocol import local
from commdoc.protocol.local import Decoder, Kind, LocalFrame

CONNECT_SECONDS: Final = 5.0
READ_BYTES: Final = 256 * 1024
ABNORMAL: Final = 1006


class LocalChannel:
    """A `Channel` over a local socket; open one with `connect_local`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = Decoder()
        self._early: list[LocalFrame] = []
        self.close_code: int | None = None
        """With which the connection was ended."""
        self.close_reason = ""
        """Why."""

    async def introduce(self, about: dict[str, Any]) -> None:
        """Say who this is and wait to be let in. Raises `ConnectionError` when it is not."""
        self._writer.write(local.GREETING + local.encode_json(Kind.AUTH, about))
        while True:
            for kind, content in (frames := await self._read()):
                if kind is Kind.READY:
                    self._early = frames[1:]
                    return
                raise ConnectionError(
                    f"not let in: {local.read_json(LocalFrame(kind, content)).get('reason')}"
                )

    async def _read(self) -> list[LocalFrame]:
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise ConnectionError("the host has gone")
        return self._decoder.feed(data)

    async def send(self, frame: bytes) -> None:
        """Send one frame."""
        if self._writer.is_closing():
            raise ConnectionError(f"closed with {self.close_code} {self.close_reason}")
        for part in local.encode(Kind.FRAME, frame):
            self._writer.write(part)
        await self._writer.drain()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection."""
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason
        if not self._writer.is_closing():
            with contextlib.suppress(OSError):
                self._writer.write(local.bye(code, reason))
            self._writer.close()
        with contextlib.suppress(OSError, asyncio.TimeoutError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), 1.0)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the frames that come in."""
        frames, self._early = self._early, []
        while True:
            for kind, content in frames:
                if kind is Kind.FRAME:
                    yield content
                elif kind is Kind.BYE:
                    said = local.read_json(LocalFrame(kind, content))
                    self.close_code, self.close_reason = (
                        int(said.get("code", ABNORMAL)),
                        str(said.get("reason")),
                    )
                    self._writer.close()
                    return
            try:
                frames = await self._read()
            except (OSError, ProtocolError) as error:
                if self.close_code is None:
                    self.close_code, self.close_reason = ABNORMAL, str(error)
                self._writer.close()
                return


async def connect_local(path: str, room_id: str, token: str) -> LocalChannel:
    """Join a room by its host's local socket.

    Raises
    ------
    OSError
        When there is none, or it does not let us in: the WebSocket will say why.
    """
    try:
        return await asyncio.wait_for(_connect(path, {"room_id": room_id, "token": token}), CONNECT_SECONDS)
    except (asyncio.TimeoutError, ProtocolError, ValueError) as error:
        raise ConnectionError(str(error) or "no answer") from error


async def _connect(path: str, about: dict[str, Any]) -> LocalChannel:
    reader, writer = await asyncio.open_unix_connection(path, limit=READ_BYTES)
    channel = LocalChannel(reader, writer)
    try:
        await channel.introduce(about)
    except BaseException:
        writer.transport.abort()
        raise
    return channel
