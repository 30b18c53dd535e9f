"""The bridge's connection to the room: finds it, connects, reconnects with back-off. One thread.

What it promises: `submit` never blocks; frames leave in order; `up` is called with each welcome, `down`
once when a connection that was up has ended. What it leaves to others: what is in a frame, and what to say
after `up`.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from commdoc.errors import CommdocError
from commdoc.kernel.sidecar import Endpoint
from commdoc.kernel.wire import Wire, WireClosedError
from commdoc.protocol import frames
from commdoc.protocol.messages import KernelInfo
from commdoc.protocol.version import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION

FIRST_RETRY_SECONDS: Final = 0.2
LAST_RETRY_SECONDS: Final = 15.0

WELCOME_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 1.0

PING_SECONDS: Final = 30.0
SILENCE_SECONDS: Final = 600.0
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
        self._key = uuid.uuid4().hex[:12]  # whose messages they are, over all connections
        self._wire: Wire | None = None
        self._behind_welcome: list[bytes] = []
        self._welcomed = False
        self._stopping = False
        self._leaving = False
        self._signal = threading.Event()
        self._thread = threading.Thread(target=self._main, name="commdoc-link", daemon=True)
        self.endpoint: Endpoint | None = None
        """Where the room answers, once it has."""
        self.trouble: str | None = None
        """Why there is no connection; None while there is one."""

    def start(self) -> None:
        """Start the thread; returns at once."""
        self._thread.start()

    def submit(self, frame: bytes) -> None:
        """Send a frame, when the connection of now is still there. From any thread but the user's."""
        wire = self._wire
        if wire is not None and self._welcomed:
            wire.send(frame)

    def relocate(self, locate: Callable[[], Endpoint]) -> None:
        """Leave the room of now and join the one that `locate` finds."""
        self._locate = locate
        self._leave()

    def stop(self, timeout: float = 5.0) -> None:
        """Send what was submitted, close, and end the thread."""
        self._stopping = True
        self._leave()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _leave(self) -> None:
        self._leaving = True
        self._signal.set()
        wire = self._wire
        if wire is not None:
            wire.wake()

    def _main(self) -> None:
        delay = FIRST_RETRY_SECONDS
        while not self._stopping:
            self._signal.clear()
            self._leaving = self._stopping
            self._welcomed = False
            try:
                self._connection()
            except Exception as error:  # noqa: BLE001 - whatever it is, the kernel goes on without a room
                self._trouble(error)
            if self._welcomed:
                delay = FIRST_RETRY_SECONDS
            if not self._leaving and not self._signal.wait(delay * random.uniform(0.5, 1)):
                delay = min(2 * delay, LAST_RETRY_SECONDS)

    def _trouble(self, error: Exception) -> None:
        text = str(error) or type(error).__name__
        logger.log(
            logging.INFO if self.trouble else logging.WARNING,  # once, not with each attempt
            "commdoc has no room: %s. The notebook works as without commdoc; it is tried again. See %%commdoc.",
            text,
        )
        self.trouble = text

    def _connection(self) -> None:
        """Find the room and stay connected until it ends, or `stop` or `relocate` is called."""
        endpoint = self._found()
        if endpoint is None:
            return
        wire = self._wire = _connect(endpoint)
        try:
            welcome = self._welcome(wire)
            if welcome is not None:
                self.endpoint, self.trouble = endpoint, None
                self._stay(wire, welcome)
        finally:
            self._wire = None
            wire.close(CLOSE_SECONDS)

    def _found(self) -> Endpoint | None:
        """Return where the room is; None when `stop` or `relocate` did not want to wait for it."""
        result: queue.SimpleQueue[Endpoint | Exception] = queue.SimpleQueue()
        locate = self._locate

        def run() -> None:
            try:
                result.put(locate())
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                result.put(error)
            self._signal.set()

        # On a thread of its own, for which nobody waits: neither `stop` nor the interpreter.
        threading.Thread(target=run, name="commdoc-locate", daemon=True).start()
        while result.empty():
            self._signal.wait()
            self._signal.clear()
            if self._leaving:
                return None
        found = result.get()
        if isinstance(found, Exception):
            raise found
        return found

    def _welcome(self, wire: Wire) -> dict[str, Any] | None:
        """Introduce the bridge; returns the welcome, or None when nobody wants to wait for it any more."""
        hello = {
            "type": "hello",
            "protocol": [MIN_PROTOCOL_VERSION, PROTOCOL_VERSION],
            "client": self._client,
            "key": self._key,
            "kernel": self._kernel,
        }
        wire.send(frames.encode(hello))
        end = time.monotonic() + WELCOME_SECONDS
        while not self._leaving:
            received = wire.receive(max(0.0, end - time.monotonic()))
            if received is None:
                msg = f"the room has not answered for {WELCOME_SECONDS:g} s"
                raise CommdocError(msg)
            if received:
                self._behind_welcome = received[1:]
                return _welcome_in(received[0])
        return None

    def _stay(self, wire: Wire, welcome: dict[str, Any]) -> None:
        reason = "the room was left"
        self._welcomed = True
        self._tell.up(welcome)
        try:
            for data in self._messages(wire):
                self._tell.message(frames.decode(data).message)
        except Exception as error:
            reason = str(error)
            raise
        finally:
            self._tell.down(reason)

    def _messages(self, wire: Wire) -> Iterator[bytes]:
        heard = time.monotonic()
        early, self._behind_welcome = self._behind_welcome, []
        yield from early
        while not self._leaving:
            received = wire.receive(PING_SECONDS)
            if received is not None:
                heard = time.monotonic()
                yield from received
            elif time.monotonic() - heard > SILENCE_SECONDS:
                msg = f"the room has not been heard of for {SILENCE_SECONDS:g} s"
                raise WireClosedError(msg)
            else:
                wire.ping()


def _connect(endpoint: Endpoint) -> Wire:
    """Return a connection: by the host's local socket, where it has one and lets us in, else by the WebSocket."""
    if endpoint.local is not None:
        from commdoc.kernel.local_wire import LocalWire

        try:
            return LocalWire(endpoint.local, {**endpoint.about, "token": endpoint.token})
        except (OSError, CommdocError) as error:
            logger.info("the local socket %s was not to be had: %s", endpoint.local, error)
    return Wire(endpoint.socket_url, endpoint.token, frames.MAX_FRAME_BYTES)


def _welcome_in(data: bytes) -> dict[str, Any]:
    message = frames.decode(data).message
    if message["type"] != "welcome":
        msg = (
            f"{message.get('code', message['type'])}: {message.get('reason', 'the room did not welcome us')}"
        )
        raise CommdocError(msg)
    return message
