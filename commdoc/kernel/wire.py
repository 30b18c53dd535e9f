"""A WebSocket client for two threads: one sends without waiting, one receives.

`send` writes to the socket at once and leaves to the receiving thread what the socket doesn't take. An
event loop would need four changes of thread for it; under a busy kernel each of them waits for the GIL and
takes it from user code. The protocol itself is `websockets`' own, without its I/O.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from typing import Any, Final

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from commdoc.errors import CommdocError, ProtocolError

CONNECT_SECONDS: Final = 10.0
READ_BYTES: Final = 256 * 1024

_WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class WireClosedError(CommdocError):
    """The connection has ended; the text is the reason."""


class Wire:
    """One open connection.

    Parameters
    ----------
    url : str
        ``ws://…`` or ``wss://…``
    token : str
        Sent as the bearer.
    max_bytes : int
        Largest message that is received.

    Raises
    ------
    OSError, websockets.exceptions.WebSocketException
        When there is no connection to be had.
    """

    _socket: socket.socket

    def __init__(self, url: str, token: str, max_bytes: int) -> None:
        address = parse_uri(url)
        protocol = ClientProtocol(address, max_size=max_bytes)
        self._begin(protocol, socket.create_connection((address.host, address.port), CONNECT_SECONDS))
        try:
            if address.secure:
                context = ssl.create_default_context()
                self._socket = context.wrap_socket(self._socket, server_hostname=address.host)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._shake_hands(token)
            self._watch_all()
        except BaseException:
            self._release()
            raise

    def _begin(self, protocol: Any, connection: socket.socket) -> None:
        self._lock = threading.Lock()
        self._protocol = protocol
        self._backlog: deque[memoryview] = deque()
        self._parts: list[bytes] = []
        self._socket = connection
        self._selector = selectors.DefaultSelector()
        self._waking, self._woken = socket.socketpair()
        self.closed = False
        """Whether `close` was called."""

    def _watch_all(self) -> None:
        for each in (self._socket, self._waking, self._woken):
            each.setblocking(False)
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def _shake_hands(self, token: str) -> None:
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {token}"
        self._protocol.send_request(request)
        self._socket.sendall(b"".join(self._protocol.data_to_send()))
        while self._protocol.state is State.CONNECTING:
            data = self._socket.recv(READ_BYTES)
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            if self._protocol.handshake_exc is not None:
                raise self._protocol.handshake_exc

    def send(self, message: bytes) -> None:
        """Send a binary message, or as much as the socket takes now; nothing on a connection that has ended."""
        with self._lock:
            if self._protocol.state is State.OPEN and not self.closed:
                self._protocol.send_binary(message)
                self._write()

    def ping(self) -> None:
        """Ask the other side for a sign of life."""
        with self._lock:
            if self._protocol.state is State.OPEN:
                self._protocol.send_ping(b"")
                self._write()

    def wake(self) -> None:
        """Make `receive` return."""
        with contextlib.suppress(OSError):
            self._waking.send(b"x")

    def receive(self, seconds: float) -> list[bytes] | None:
        """Return the messages that came; perhaps none, after `wake`; None when nothing came in so many seconds.

        Raises
        ------
        WireClosedError
            When the connection has ended.
        ProtocolError
            For a text message.
        """
        ready = self._selector.select(seconds)
        if not ready:
            return None
        with contextlib.suppress(*_WOULD_BLOCK):
            while self._woken.recv(4096):
                pass
        with self._lock:
            self._read()
            self._write()
            events = self._protocol.events_received()
            state, reason = self._protocol.state, self._reason()
        messages = [data for frame in events if (data := self._message(frame)) is not None]
        if not messages and state is State.CLOSED:
            raise WireClosedError(reason)
        return messages

    def close(self, seconds: float) -> None:
        """Send what waits, say goodbye, and give the other side some seconds for its own."""
        end = time.monotonic() + seconds
        with self._lock:
            self.closed = True
            with contextlib.suppress(Exception):
                if self._protocol.state is State.OPEN:
                    self._protocol.send_close(1000)
                self._write()
        with contextlib.suppress(Exception):
            while time.monotonic() < end:
                self.receive(max(0.0, end - time.monotonic()))
        self._release()

    def _release(self) -> None:
        self._selector.close()
        for each in (self._socket, self._waking, self._woken):
            each.close()

    def _reason(self) -> str:
        error = self._protocol.close_exc if self._protocol.state is State.CLOSED else None
        return str(error) if error is not None else "the connection was closed"

    def _read(self) -> None:
        while self._protocol.state is not State.CLOSED:
            try:
                data = self._socket.recv(READ_BYTES)
            except _WOULD_BLOCK:
                return
            except OSError:
                data = b""
            if not data:
                self._protocol.receive_eof()
                return
            self._protocol.receive_data(data)

    def _write(self) -> None:
        """Give the socket what it takes; the rest when the receiving thread sees that it takes more."""
        self._backlog.extend(memoryview(data) for data in self._protocol.data_to_send() if data)
        waiting = bool(self._backlog)
        while self._backlog:
            data = self._backlog[0]
            try:
                sent = self._socket.send(data)
            except _WOULD_BLOCK:
                break
            except OSError:
                self._backlog.clear()  # the reading side finds out that the connection has ended
                break
            if sent == len(data):
                self._backlog.popleft()
            else:
                self._backlog[0] = data[sent:]
        if waiting:
            self._watch(writable=bool(self._backlog))

    def _watch(self, *, writable: bool) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        if self._selector.get_key(self._socket).events != events:
            self._selector.modify(self._socket, events)
            self.wake()

    def _message(self, frame: Any) -> bytes | None:
        """Return a message when its last frame has come."""
        if not isinstance(frame, Frame) or frame.opcode not in (Opcode.BINARY, Opcode.CONT, Opcode.TEXT):
            return None
        if frame.opcode is Opcode.TEXT:
            msg = "a text message where a binary frame was due"
            raise ProtocolError(msg)
        if frame.fin and not self._parts:
            return bytes(frame.data)
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return None
        message = b"".join(self._parts)
        self._parts.clear()
        return message
