"""A room that writes down what a bridge tells it: a real WebSocket server, on a thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from commdoc.protocol import frames, values
from tests.conftest import until


class RecordingRoom:
    """Welcomes bridges, records their operations, acknowledges batches.

    Attributes
    ----------
    ops : list of dict
        In order, values decoded, buffers of messages in place as bytes.
    blobs_sent : list of str
        Hashes as they arrived: a blob that is sent twice is here twice.
    hellos : list of dict
        One for each connection.
    reading : threading.Event
        While it is not set the room reads nothing more, until the bridge's socket is full.
    """

    def __init__(self, port: int = 0) -> None:
        self.ops: list[dict[str, Any]] = []
        self.batches: list[list[dict[str, Any]]] = []
        self.blobs_sent: list[str] = []
        self.hellos: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.authorizations: list[str | None] = []
        self.departed = 0
        self.acknowledging = True
        self.welcoming: dict[str, Any] = {"type": "welcome"}
        self.behind_welcome: list[dict[str, Any]] = []
        self.reading = threading.Event()
        self.reading.set()
        self._blobs: dict[str, bytes] = {}
        self._last_batch = 0
        self._peers: list[ServerConnection] = []
        self._server: Server = serve(
            self._serve,
            "127.0.0.1",
            port,
            max_size=None,
            compression=None,
            close_timeout=1,  # so long an acknowledgement waits that comes after the bridge's farewell
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="recording-room")
        self._thread.start()
        self.port: int = self._server.socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/commdoc/rooms/r/"

    def close(self) -> None:
        """End; bridges see a lost connection."""
        self.reading.set()
        self._server.shutdown()
        self.drop()
        self._thread.join(10)

    def drop(self) -> None:
        """End all connections, without a farewell."""
        for peer in self._peers:
            with contextlib.suppress(OSError):  # it may have left
                peer.socket.shutdown(socket.SHUT_RDWR)  # a close alone would not wake who reads
            peer.socket.close()
        self._peers.clear()

    def send(self, message: dict[str, Any]) -> None:
        """Tell the bridge."""
        self._peers[-1].send(frames.encode(message))

    def acknowledge(self) -> None:
        """Answer every batch, those that came meanwhile too."""
        self.acknowledging = True
        self._applied(self._peers[-1])

    # --- what was told -------------------------------------------------------------------------------------------

    def of(self, kind: str, comm_id: str | None = None) -> list[dict[str, Any]]:
        """Return the operations of a kind, perhaps of one comm."""
        return [
            op for op in list(self.ops) if op["op"] == kind and (comm_id is None or op["comm_id"] == comm_id)
        ]

    def states(self) -> dict[str, dict[str, Any]]:
        """Return comm id to state, as a room would show it that has no requests open."""
        states: dict[str, dict[str, Any]] = {}
        for op in list(self.ops):
            kind = op["op"]
            if kind == "open":
                states[op["comm_id"]] = dict(op.get("state") or {})
            elif kind in ("update", "truth", "settled") and op["comm_id"] in states:
                states[op["comm_id"]].update(op["state"])
            elif kind == "close":
                states.pop(op["comm_id"], None)
            elif kind == "adopted":
                states = {key: value for key, value in states.items() if key in op["comm_ids"]}
        return states

    def state(self, comm_id: str) -> dict[str, Any]:
        """Return the state of one comm; empty when it is not there."""
        return self.states().get(comm_id, {})

    def wait_for(self, condition: Callable[[], Any], what: str = "", timeout: float = 10.0) -> Any:
        """Return what `condition` returns once it is true."""
        return until(condition, what=f"{what} (the last ops: {self.ops[-5:]})", timeout=timeout)

    # --- the server ----------------------------------------------------------------------------------------------

    def _serve(self, peer: ServerConnection) -> None:
        self.authorizations.append(peer.request.headers.get("Authorization") if peer.request else None)
        try:
            self.hellos.append(frames.decode(_bytes(peer.recv())).message)
            self._peers.append(peer)  # before the bridge can know that it is here
            with peer.send_context():  # in one packet
                for message in (self.welcoming, *self.behind_welcome):
                    peer.protocol.send_binary(frames.encode(message))
            for data in peer:
                self.reading.wait()
                self._take(peer, _bytes(data))
        except (ConnectionClosed, OSError):
            return
        finally:
            self.departed += 1

    def _take(self, peer: ServerConnection, data: bytes) -> None:
        message, buffers = frames.decode(data)
        if message["type"] != "ops":
            self.answers.append(message)
            return
        for header, content in zip(message["blobs"], buffers, strict=False):
            self._blobs[header["hash"]] = bytes(content)
            self.blobs_sent.append(header["hash"])
        batch = [self._decoded(op, buffers) for op in message["ops"]]
        self.batches.append(batch)
        self.ops += batch
        if self.acknowledging:
            self._applied(peer, message["batch"])
        self._last_batch = message["batch"]

    def _applied(self, peer: ServerConnection, batch: int | None = None) -> None:
        batch = self._last_batch if batch is None else batch
        with contextlib.suppress(ConnectionClosed):  # what it sent before it left is still to be read
            peer.send(frames.encode({"type": "applied", "batch": batch}))

    def _decoded(self, op: dict[str, Any], buffers: list[memoryview]) -> dict[str, Any]:
        def get(blob: values.BlobSentinel) -> bytes:
            return self._blobs[blob["$blob"]]

        op = dict(op)
        for field in ("state", "data"):
            if field in op:
                op[field] = values.decode(op[field], get)
        if "buffers" in op:
            op["buffers"] = [bytes(buffers[index]) for index in op["buffers"]]
        return op


@contextmanager
def recording_room(port: int = 0) -> Iterator[RecordingRoom]:
    """Run a room for the length of a block."""
    room = RecordingRoom(port)
    try:
        yield room
    finally:
        room.close()


def _bytes(data: str | bytes) -> bytes:
    assert isinstance(data, bytes)
    return data
