"""The bridge's connection over a host's local socket: as `Wire`, without WebSocket, masks and HTTP."""

from __future__ import annotations

import socket
import time
from typing import Any, Final

from websockets.protocol import State

from commdoc.kernel.wire import CONNECT_SECONDS, READ_BYTES, Wire, WireClosedError
from commdoc.protocol import local
from commdoc.protocol.local import Decoder, Kind, LocalFrame

PING: Final = b""


class LocalWire(Wire):
    """One open connection.

    Parameters
    ----------
    path : str
        Of the socket.
    about : dict
        What is said of this side: ``token``, and ``room_id`` or ``kernel_id``.

    Raises
    ------
    OSError, ProtocolError, WireClosedError
        When there is no connection to be had.
    """

    def __init__(self, path: str, about: dict[str, str]) -> None:
        self._local = _Protocol()
        self._begin(self._local, _connected(path))
        try:
            self._introduce(about)
            self._watch_all()
        except BaseException:
            self._release()
            raise

    def _introduce(self, about: dict[str, str]) -> None:
        self._socket.sendall(local.GREETING + local.encode_json(Kind.AUTH, about))
        end = time.monotonic() + CONNECT_SECONDS
        while not self._local.ready:
            if self._local.state is State.CLOSED or time.monotonic() > end:
                raise WireClosedError(self._reason())
            data = self._socket.recv(READ_BYTES)
            if data:
                self._local.receive_data(data)
            else:
                self._local.receive_eof()

    def _message(self, frame: Any) -> bytes | None:
        """Return the content of a frame of the room's."""
        return frame.content if isinstance(frame, LocalFrame) and frame.kind is Kind.FRAME else None


class _Protocol:
    """What `Wire` asks of a protocol, in the words of `websockets`."""

    def __init__(self) -> None:
        self.state = State.OPEN
        self.close_exc: Exception | None = None
        self.ready = False
        self._decoder = Decoder()
        self._out: list[bytes] = []
        self._in: list[LocalFrame] = []

    def send_binary(self, message: bytes) -> None:
        self._out += local.encode(Kind.FRAME, message)

    def send_ping(self, content: bytes) -> None:
        self._out += local.encode(Kind.PING, content)

    def send_close(self, code: int) -> None:
        self._out.append(local.bye(code, ""))

    def data_to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def receive_data(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if frame.kind is Kind.BYE:
                said = local.read_json(frame)
                self._end(f"received {said.get('code')} ({said.get('reason')})")
            elif frame.kind is Kind.READY:
                self.ready = True
            else:
                self._in.append(frame)

    def receive_eof(self) -> None:
        self._end("no close frame received or sent")

    def _end(self, reason: str) -> None:
        if self.state is not State.CLOSED:
            self.state = State.CLOSED
            self.close_exc = WireClosedError(reason)

    def events_received(self) -> list[LocalFrame]:
        found, self._in = self._in, []
        return found


def _connected(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(CONNECT_SECONDS)
    try:
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection
