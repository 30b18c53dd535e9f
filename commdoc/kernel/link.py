"""The bridge's WebSocket: finds the room, connects, reconnects with back-off. One thread, one loop.

What it promises: `submit` never blocks; frames leave in order; `up` is called with each welcome, `down`
once when a connection that was up has ended. What it leaves to others: what is in a frame, and what to say
after `up`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from commdoc.errors import CommdocError, ProtocolError
from commdoc.kernel.sidecar import Endpoint
from commdoc.protocol import frames
from commdoc.protocol.messages import KernelInfo
from commdoc.protocol.version import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION

FIRST_RETRY_SECONDS: Final = 0.2
LAST_RETRY_SECONDS: Final = 15.0

PING_SECONDS: Final = 30.0
PING_TIMEOUT_SECONDS: Final = 600.0
"""A cell may hold the GIL for minutes: the room must not take that for a lost bridge, nor the bridge for a
lost room.
"""

logger = logging.getLogger(__name__)


@dataclass
class LinkCallbacks:
    """What the link tells. All are called on the link's thread."""

    up: Callable[[dict[str, Any]], None]
    down: Callable[[str], None]
    message: Callable[[dict[str, Any]], None]


class Link:
    """Keeps one connection to the room.

    Parameters
    ----------
    locate : callable
        Returns the room's `Endpoint`; may block; raises `CommdocError` with a reason when there is none.
    kernel : KernelInfo
        For the hello.
    client : str
        Name and version of this side.
    callbacks : LinkCallbacks
        What to tell.
    """

    def __init__(
        self, locate: Callable[[], Endpoint], kernel: KernelInfo, client: str, callbacks: LinkCallbacks
    ) -> None:
        self._locate = locate
        self._kernel = kernel
        self._client = client
        self._tell = callbacks
        self._loop: asyncio.AbstractEventLoop | None = None
        self._outgoing: asyncio.Queue[bytes] | None = None
        self._stopping: asyncio.Event | None = None
        self._retry: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._main, name="commdoc-link", daemon=True)
        self._started = threading.Event()
        self._welcomed = False
        self.endpoint: Endpoint | None = None
        """Where the room answers, once it has."""
        self.trouble: str | None = None
        """Why there is no connection; None while there is one."""

    def start(self) -> None:
        """Start the thread; returns at once."""
        self._thread.start()
        self._started.wait()

    def submit(self, frame: bytes) -> None:
        """Send a frame, when the connection of now is still there. From any thread."""
        assert self._loop is not None
        assert self._outgoing is not None
        with contextlib.suppress(RuntimeError):  # the loop has ended with the interpreter
            self._loop.call_soon_threadsafe(self._outgoing.put_nowait, frame)

    def relocate(self, locate: Callable[[], Endpoint]) -> None:
        """Leave the room of now and join the one that `locate` finds."""
        self._locate = locate
        assert self._loop is not None
        assert self._retry is not None
        self._loop.call_soon_threadsafe(self._retry.set)

    def stop(self, timeout: float = 5.0) -> None:
        """Send what was submitted, close, and end the thread."""
        assert self._loop is not None
        assert self._stopping is not None
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout)

    def _main(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._outgoing = asyncio.Queue()
        self._stopping = asyncio.Event()
        self._retry = asyncio.Event()
        self._started.set()
        delay = FIRST_RETRY_SECONDS
        while not self._stopping.is_set():
            self._retry.clear()
            self._welcomed = False
            try:
                await self._until_stopping(self._connection())
            except Exception as error:  # noqa: BLE001 - whatever it is, the kernel goes on without a room
                self._trouble(error)
            if self._welcomed:
                delay = FIRST_RETRY_SECONDS
            if self._stopping.is_set() or self._retry.is_set():
                continue
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(
                    self._until_stopping(self._retry.wait()), delay * random.uniform(0.5, 1)
                )
            delay = min(2 * delay, LAST_RETRY_SECONDS)

    def _trouble(self, error: Exception) -> None:
        text = str(error) or type(error).__name__
        logger.log(
            logging.INFO if self.trouble else logging.WARNING,  # once, not with each attempt
            "commdoc has no room: %s. The notebook works as without commdoc; it is tried again. See %%commdoc.",
            text,
        )
        self.trouble = text

    async def _until_stopping(self, work: Any) -> None:
        """Run `work` until it ends, or `stop` or `relocate` is called."""
        assert self._stopping is not None
        assert self._retry is not None
        tasks = [
            asyncio.ensure_future(work),
            asyncio.ensure_future(self._stopping.wait()),
            asyncio.ensure_future(self._retry.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                tasks[0].result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self) -> None:
        from websockets.asyncio.client import connect

        assert self._outgoing is not None
        endpoint = await _on_thread(self._locate)
        async with connect(
            endpoint.socket_url,
            additional_headers={"Authorization": f"Bearer {endpoint.token}"},
            max_size=frames.MAX_FRAME_BYTES,
            compression=None,
            proxy=None,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_TIMEOUT_SECONDS,
            close_timeout=1,
        ) as socket:
            hello = {
                "type": "hello",
                "protocol": [MIN_PROTOCOL_VERSION, PROTOCOL_VERSION],
                "client": self._client,
                "kernel": self._kernel,
            }
            await socket.send(frames.encode(hello))
            welcome = frames.decode(_binary(await asyncio.wait_for(socket.recv(), 30))).message
            if welcome["type"] != "welcome":
                msg = f"{welcome.get('code', welcome['type'])}: {welcome.get('reason', 'the room did not welcome us')}"
                raise CommdocError(msg)
            while not self._outgoing.empty():
                self._outgoing.get_nowait()
            self.endpoint, self.trouble, self._welcomed = endpoint, None, True
            reason = "the connection was closed"
            self._tell.up(welcome)
            sender = asyncio.ensure_future(self._send(socket))
            try:
                async for data in socket:
                    self._tell.message(frames.decode(_binary(data)).message)
                reason = socket.close_reason or reason
            finally:
                sender.cancel()
                if self._stopping is not None and self._stopping.is_set():
                    await self._send_rest(socket)
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(socket.close(), 1)
                self._tell.down(reason)
        raise CommdocError(reason)

    async def _send(self, socket: Any) -> None:
        assert self._outgoing is not None
        while True:
            await socket.send(await self._outgoing.get())

    async def _send_rest(self, socket: Any) -> None:
        assert self._outgoing is not None
        with contextlib.suppress(Exception):
            while not self._outgoing.empty():
                await asyncio.wait_for(socket.send(self._outgoing.get_nowait()), 1)


async def _on_thread(call: Callable[[], Endpoint]) -> Endpoint:
    """Run `call` on a thread that nobody waits for at the end: neither `stop` nor the interpreter."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Endpoint] = loop.create_future()

    def settle(endpoint: Endpoint | None, error: Exception | None) -> None:
        if result.done():
            return
        if endpoint is not None:
            result.set_result(endpoint)
        else:
            result.set_exception(error or CommdocError("no room was found"))

    def run() -> None:
        outcome: tuple[Endpoint | None, Exception | None]
        try:
            outcome = call(), None
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            outcome = None, error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="commdoc-locate", daemon=True).start()
    return await result


def _binary(data: str | bytes) -> bytes:
    if isinstance(data, str):
        msg = "a text message where a binary frame was due"
        raise ProtocolError(msg)
    return data
