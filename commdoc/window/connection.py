"""Keeps a window's core connected: opens the socket, carries frames, comes back with a back-off when it was lost.

A lost connection changes nothing that the window shows; the next one resumes it. It ends for good when it is closed,
when the two have no protocol version in common, and when the room is gone or forbids it: at once before the document
was complete for the first time, after `PATIENCE` seconds later on, since a host that restarts has its room again soon.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Protocol

from commdoc.errors import (
    CommdocError,
    ForbiddenError,
    ProtocolError,
    RequestError,
    RoomClosedError,
    RoomFullError,
    RoomNotFoundError,
    SchemaError,
    VersionError,
)
from commdoc.window.core import WindowCore

log = logging.getLogger(__name__)

FIRST_DELAY: Final = 0.05
"""Seconds before the first new attempt: a proxy that restarts is back at once."""

LONGEST_DELAY: Final = 5.0
"""Seconds between attempts in the long run: a network that comes back after minutes is found within these."""

PATIENCE: Final = 60.0
"""Seconds for which a room that is gone or forbids is tried again: its host may be restarting, with new tokens."""

_FINAL_CODES: Final[dict[int | None, type[CommdocError]]] = {4400: RoomClosedError, 4426: VersionError}
_GONE_CODES: Final[dict[int | None, type[CommdocError]]] = {
    4403: ForbiddenError,
    4410: RoomClosedError,
    4429: RoomFullError,
}


class Channel(Protocol):
    """What the window asks of a connection: frames in, frames out, a close with a reason."""

    @property
    def close_code(self) -> int | None:
        """With which the connection was ended; None while it stands, or when it was cut."""

    @property
    def close_reason(self) -> str:
        """Why it was ended."""

    async def send(self, frame: bytes) -> None:
        """Hand over one frame. Raises `ConnectionError` when the other side is gone."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection. Never raises."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the frames that come in, until the connection ends."""


Connect = Callable[[], Awaitable[Channel]]
"""Opens a connection, to wherever the room is now."""


class Connection:
    """Runs a core over connections that may be lost.

    Parameters
    ----------
    core : WindowCore
        Touched only from the loop that runs `run`.
    connect : callable
        Opens a `Channel`.
    guard : context manager, optional
        Held while the core works, so that another thread may read it in between.
    changed : callable, optional
        Called after frames were taken, and when the connection comes or goes.
    """

    def __init__(
        self,
        core: WindowCore,
        connect: Connect,
        *,
        guard: contextlib.AbstractContextManager[Any] | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._core = core
        self._connect = connect
        self._guard = contextlib.nullcontext() if guard is None else guard
        self._changed = changed
        self._flush = asyncio.Event()
        self._channel: Channel | None = None
        self._closing = False
        self._ended = asyncio.Event()
        self._was_complete = False
        self._gone_since: float | None = None
        self.failure: CommdocError | None = None
        self.last_problem = ""

    @property
    def connected(self) -> bool:
        """Whether the document is being kept up to date."""
        return self._channel is not None and self._core.synced

    @property
    def ended(self) -> bool:
        """Whether there will be no further connection."""
        return self._ended.is_set()

    def flush(self) -> None:
        """Send what the core has to send."""
        self._flush.set()

    async def run(self) -> None:
        """Stay connected until `close`, or until the room is not to be had any more; then `failure` says why."""
        delay = FIRST_DELAY
        try:
            while not self._is_over():
                try:
                    self._channel = await self._connect()
                except (ForbiddenError, RoomNotFoundError) as error:
                    self._gone(error)
                except (OSError, asyncio.TimeoutError) as error:
                    self.last_problem = str(error) or type(error).__name__
                else:
                    if await self._serve(self._channel):
                        delay = FIRST_DELAY
                        self._was_complete = True
                    self._note_end(self._channel)
                    self._channel = None
                if self._is_over():
                    break
                log.info("window: connection lost (%s), next attempt in %.2f s", self.last_problem, delay)
                # It may take a cancellation for its end, when it is closed meanwhile (Python 3.11 and before).
                await self._pause(delay * random.uniform(0.7, 1.3))
                delay = min(delay * 2, LONGEST_DELAY)
        except Exception as error:
            log.exception("window: an error of its own")
            self.failure = RoomClosedError(f"the window has failed: {error!r}")
        finally:
            self._end()

    def _is_over(self) -> bool:
        return self._closing or self.failure is not None

    async def close(self) -> None:
        """End for good."""
        self._closing = True
        self._flush.set()
        if self._channel is not None:
            await self._channel.close(1000, "bye")
        self._end()

    def _end(self) -> None:
        if not self._ended.is_set():
            reason = str(self.failure or "the window is closed")
            with self._guard:
                self._core.close(RequestError("closed", reason))
            self._ended.set()
        self._changed()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._closed(), seconds)

    async def _closed(self) -> None:
        while not self._closing:
            self._flush.clear()
            await self._flush.wait()

    async def _serve(self, channel: Channel) -> bool:
        """Run one connection to its end. Returns whether it got as far as a complete document."""
        with self._guard:
            self._core.connect()
        self._flush.set()
        writer = asyncio.ensure_future(self._write(channel))
        synced = False
        try:
            async for frame in channel:
                with self._guard:
                    self._core.receive(frame)
                synced = synced or self._core.synced
                self._flush.set()
                self._changed()
        except SchemaError as error:
            await channel.close(1000, "the document needs a newer commdoc")
            self.failure = error
        except ProtocolError as error:
            log.warning("window: the room sent what it must not: %s", error)
            await channel.close(4400, str(error)[:100])
            self.failure = error
        except OSError as error:
            self.last_problem = str(error)
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await writer
            with self._guard:
                self._core.disconnect()
            self._changed()
        return synced

    def _note_end(self, channel: Channel) -> None:
        code, told = channel.close_code, self._core.last_error
        reason = told.reason if told is not None else channel.close_reason
        self.last_problem = f"{code or 'no close code'} {reason}".strip()
        if code in _FINAL_CODES and self.failure is None:
            self.failure = _FINAL_CODES[code](f"the room ended the connection: {self.last_problem}")
        elif code in _GONE_CODES:
            self._gone(_GONE_CODES[code](f"the room ended the connection: {self.last_problem}"))
        else:
            self._gone_since = None

    def _gone(self, error: CommdocError) -> None:
        now = asyncio.get_running_loop().time()
        self.last_problem = str(error)
        if self._gone_since is None:
            self._gone_since = now
        if not self._was_complete or now - self._gone_since > PATIENCE:
            self.failure = error

    async def _write(self, channel: Channel) -> None:
        while True:
            await self._flush.wait()
            self._flush.clear()
            with self._guard:
                out = self._core.take_frames()
            for frame in out:
                await channel.send(frame)
