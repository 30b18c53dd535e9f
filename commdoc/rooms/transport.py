"""What a room asks of a connection: frames in, frames out, a close with a reason.

A WebSocket, a kernel comm or two ends in one process (`memory_pair`) will do. `send` returns when the frame was handed
to the connection: that wait is how a room notices a slow peer. Iterating ends when the other side is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol


class TransportClosedError(ConnectionError):
    """The connection is gone; what was sent may not have arrived."""


class Transport(Protocol):
    """One connection to a peer."""

    async def send(self, frame: bytes) -> None:
        """Hand over one frame; wait while the other side takes none. Raises `ConnectionError` when it is gone."""

    async def close(self, code: int, reason: str) -> None:
        """End the connection. Never raises."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the frames that come in."""


class MemoryTransport:
    """One end of a connection inside the process; make two with `memory_pair`.

    Attributes
    ----------
    close_code, close_reason : int or None, str
        With which the connection was ended, by either side.
    """

    def __init__(self, capacity: int) -> None:
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue(capacity)
        self._ended = asyncio.Event()
        self._other: MemoryTransport
        self.close_code: int | None = None
        self.close_reason = ""

    async def send(self, frame: bytes) -> None:
        """Put a frame into the other end's queue; waits while that is full."""
        put = asyncio.ensure_future(self._other._incoming.put(bytes(frame)))
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({put, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            if not put.done():
                put.cancel()
        if self._ended.is_set():
            msg = f"closed with {self.close_code} {self.close_reason}"
            raise TransportClosedError(msg)

    async def receive(self) -> bytes:
        """Return the next frame that came in; raises `TransportClosedError` behind the last one."""
        if self._incoming.empty() and self._ended.is_set():
            raise TransportClosedError(f"closed with {self.close_code} {self.close_reason}")
        get = asyncio.ensure_future(self._incoming.get())
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({get, ended}, return_when=asyncio.FIRST_COMPLETED)
            if get.done():
                frame = get.result()
                if frame is not None:
                    return frame
        finally:
            ended.cancel()
            if not get.done():
                get.cancel()
        raise TransportClosedError(f"closed with {self.close_code} {self.close_reason}")

    def waiting(self) -> int:
        """Return how many frames came in and were not received."""
        return self._incoming.qsize()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End both ends; what was sent before can still be received."""
        for end in (self, self._other):
            if not end._ended.is_set():
                end.close_code, end.close_reason = code, reason
                end._ended.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the frames that come in."""
        while True:
            try:
                yield await self.receive()
            except TransportClosedError:
                return


def memory_pair(capacity: int = 0) -> tuple[MemoryTransport, MemoryTransport]:
    """Return two connected ends.

    Parameters
    ----------
    capacity : int
        Frames that wait on one side before the other's `send` waits; 0 is no limit.
    """
    one, other = MemoryTransport(capacity), MemoryTransport(capacity)
    one._other, other._other = other, one
    return one, other
