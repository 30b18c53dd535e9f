"""The two ways to join late, timed and counted: a window of commdoc, and `request_states` of plain Jupyter.

Both clients are lean. The plain one does what JupyterLab's widget manager does, over ZMQ and without a Jupyter
server between: it opens a comm to ``jupyter.widget.control``, sends ``request_states``, awaits ``update_states`` on
iopub, parses it and puts the buffers in their places. Its sockets are connected before the clock starts. commdoc's
clock starts before the connection is made, and ends when every value of every comm is decoded, blobs included.

Bytes are those of the ZMQ messages' parts, and those that the WebSocket's TCP connection carried.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import zmq
from jupyter_client.session import Session
from websockets.asyncio.client import ClientConnection

from commdoc.protocol import values
from commdoc.window import AsyncWindow
from commdoc.window.address import find
from commdoc.window.core import WindowCore
from tests.browser.notebook import Notebook
from tests.interop.node import NodeProgram

CONTROL_VERSION = "1.0.0"
PATIENCE_SECONDS = 120.0


class Joined(NamedTuple):
    """One late join.

    Attributes
    ----------
    ready : float
        Seconds until all models were there; their blobs may not be.
    seconds : float
        Until everything was, decoded.
    ready_bytes, wire : int
        On the wire until then, both directions.
    cpu : float
        Seconds of both sides: of kernel and client, or of sidecar and client.
    """

    ready: float
    seconds: float
    ready_bytes: int
    wire: int
    models: int
    cpu: float


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process; to the nanosecond where Linux tells."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except (OSError, ValueError):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)


class PlainClient:
    """A plain Jupyter front end on a kernel: it runs cells, and joins as JupyterLab does."""

    def __init__(self, connection_file: str, kernel_pid: int) -> None:
        info = json.loads(Path(connection_file).read_text(encoding="utf-8"))
        self._kernel_pid = kernel_pid
        self._session = Session(key=info["key"].encode(), signature_scheme=info["signature_scheme"])
        self._context: zmq.Context[Any] = zmq.Context()
        self._shell = self._context.socket(zmq.DEALER)
        self._shell.connect(f"tcp://{info['ip']}:{info['shell_port']}")
        self._iopub = self._context.socket(zmq.SUB)
        self._iopub.rcvhwm = 0
        self._iopub.subscribe(b"")
        self._iopub.connect(f"tcp://{info['ip']}:{info['iopub_port']}")
        self._hear_something()

    def close(self) -> None:
        self._context.destroy(linger=0)

    def start(self, code: str) -> str:
        """Start a cell; return its msg_id when the kernel is at it."""
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}}
        msg_id, _ = self._send("execute_request", content)
        self._status(msg_id, "busy")
        return msg_id

    def finish(self, msg_id: str) -> None:
        """Wait for the end of a cell."""
        self._status(msg_id, "idle")

    def number(self, expression: str) -> float:
        """Return the value of an expression in the kernel."""
        content = {
            "code": "",
            "silent": False,
            "store_history": False,
            "user_expressions": {"it": expression},
        }
        msg_id, _ = self._send("execute_request", content)
        while True:
            parts = self._shell.recv_multipart()
            at = parts.index(b"<IDS|MSG>")
            if json.loads(parts[at + 3]).get("msg_id") == msg_id:
                answer = json.loads(parts[at + 5])["user_expressions"]["it"]
                return float(answer["data"]["text/plain"])

    def join(self, patience: float = PATIENCE_SECONDS) -> Joined:
        """Ask for all states. Raises `TimeoutError` when no answer comes."""
        self._drain()
        cpu = -time.process_time() - cpu_seconds(self._kernel_pid)
        began = time.perf_counter()
        comm_id = uuid.uuid4().hex
        opening = {"comm_id": comm_id, "target_name": "jupyter.widget.control", "data": {}}
        wire = self._send("comm_open", opening, version=CONTROL_VERSION)[1]
        wire += self._send("comm_msg", {"comm_id": comm_id, "data": {"method": "request_states"}})[1]
        while True:
            parts = self._receive(began + patience - time.perf_counter())
            wire += sum(map(len, parts))
            at = parts.index(b"<IDS|MSG>")
            if json.loads(parts[at + 2])["msg_type"] != "comm_msg":
                continue
            content = json.loads(parts[at + 5])
            if content["comm_id"] == comm_id:
                break
        data = content["data"]
        for path, buffer in zip(data["buffer_paths"], parts[at + 6 :], strict=True):
            inner = data["states"]
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = buffer
        seconds = time.perf_counter() - began
        cpu += time.process_time() + cpu_seconds(self._kernel_pid)
        msg_id, size = self._send("comm_close", {"comm_id": comm_id, "data": {}})
        self._status(msg_id, "idle")
        return Joined(seconds, seconds, wire + size, wire + size, len(data["states"]), cpu)

    def _send(self, msg_type: str, content: dict[str, Any], **metadata: Any) -> tuple[str, int]:
        message = self._session.msg(msg_type, content, metadata=metadata)
        parts = self._session.serialize(message)
        self._shell.send_multipart(parts)
        return message["header"]["msg_id"], sum(map(len, parts))

    def _receive(self, patience: float) -> list[bytes]:
        if not self._iopub.poll(max(0, int(patience * 1000))):
            raise TimeoutError("nothing came on iopub")
        return list(self._iopub.recv_multipart())

    def _status(self, msg_id: str, status: str) -> None:
        end = time.perf_counter() + PATIENCE_SECONDS
        while True:
            parts = self._receive(end - time.perf_counter())
            at = parts.index(b"<IDS|MSG>")
            if (
                json.loads(parts[at + 2])["msg_type"] == "status"
                and json.loads(parts[at + 3]).get("msg_id") == msg_id
                and json.loads(parts[at + 5])["execution_state"] == status
            ):
                return

    def _hear_something(self) -> None:
        """Return when the subscription has reached the kernel."""
        end = time.perf_counter() + PATIENCE_SECONDS
        while time.perf_counter() < end:
            self._send("kernel_info_request", {})
            if self._iopub.poll(200):
                time.sleep(0.2)
                self._drain()
                return
        raise TimeoutError("the kernel publishes nothing")

    def _drain(self) -> None:
        for socket in (self._iopub, self._shell):
            while socket.poll(0):
                socket.recv_multipart()


class WireCount:
    """Bytes that the WebSockets of this process have carried.

    Parameters
    ----------
    text : bytes
        Counted in the messages that windows received, inflated.
    """

    def __init__(self, text: bytes = b"") -> None:
        self._text = text
        self.texts = 0
        self.received = 0
        self.sent = 0
        self._connection: type[Any] = ClientConnection
        self._core: type[Any] = WindowCore

    @property
    def total(self) -> int:
        return self.received + self.sent

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        received, made = self._connection.data_received, self._connection.connection_made
        receive = self._core.receive

        def received_by_core(core: WindowCore, frame: bytes) -> None:
            self.texts += frame.count(self._text) if self._text else 0
            receive(core, frame)

        def data_received(connection: Any, data: bytes) -> None:
            self.received += len(data)
            received(connection, data)

        def connection_made(connection: Any, transport: Any) -> None:
            made(connection, transport)
            write = connection.transport.write

            def counted(data: Any) -> None:
                self.sent += len(data)
                write(data)

            connection.transport.write = counted

        self._connection.data_received = data_received
        self._connection.connection_made = connection_made
        self._core.receive = received_by_core
        try:
            yield
        finally:
            self._connection.data_received = received
            self._connection.connection_made = made
            self._core.receive = receive


async def join_window(link: str, sidecar_pid: int) -> Joined:
    """Join as a Python window and read everything."""
    count = WireCount()
    with count.counting():
        cpu = -time.process_time() - cpu_seconds(sidecar_pid)
        began = time.perf_counter()
        window = await AsyncWindow.join(url=link, timeout=PATIENCE_SECONDS)
        comms = window.comms
        ready, ready_bytes = time.perf_counter() - began, count.total
        named = [
            blob
            for comm in comms.values()
            for blob in values.blob_sentinels(list(comm.entry.encoded_state.values()))
        ]
        if named:
            fetched = await window.fetch(named, PATIENCE_SECONDS)
            assert len(fetched) == len({blob["$blob"] for blob in named})
        models = sum(1 for comm in comms.values() if comm.state)
        seconds = time.perf_counter() - began
        cpu += time.process_time() + cpu_seconds(sidecar_pid)
        await window.close()
    return Joined(ready, seconds, ready_bytes, count.total, models, cpu)


class NodeJoins(NodeProgram):
    """Joins in a Node process, one after the other."""

    script = "../bench/join.mjs"

    async def join(self, link: str) -> Joined:
        """Join and read everything; without the CPU time."""
        it = await self.do("join", url=link)
        return Joined(it["ready"], it["seconds"], it["ready_bytes"], it["wire"], it["models"], 0.0)


@dataclass
class Subject:
    """A kernel with commdoc and widgets, its sidecar, a plain client, and one window that stays."""

    notebook: Notebook
    plain: PlainClient
    window: AsyncWindow
    sidecar_pid: int
    kernel_pid: int

    @property
    def link(self) -> str:
        return self.notebook.link

    async def join(self) -> Joined:
        return await join_window(self.link, self.sidecar_pid)

    def kill(self) -> None:
        os.kill(self.kernel_pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def subject(make: str, *, before: str = "") -> AsyncIterator[Subject]:
    """Run a kernel; `before` is a cell that runs before commdoc is loaded, `make` makes the widgets."""
    notebook = Notebook()
    plain = window = None
    try:
        if before:
            notebook.run(before)
        notebook.load()
        notebook.run(make, timeout=PATIENCE_SECONDS)
        kernel_pid = int(notebook.value("__import__('os').getpid()"))
        notebook.client.stop_channels()  # only the plain client hears the kernel from now on
        plain = PlainClient(notebook.manager.connection_file, kernel_pid)
        window = await AsyncWindow.join(url=notebook.link, timeout=PATIENCE_SECONDS)
        sidecar_pid = find(kernel_id=notebook.kernel_id).pid
        it = Subject(notebook, plain, window, sidecar_pid, kernel_pid)
        models = plain.join().models
        await window.wait_until(lambda: widgets(it.window) == models, PATIENCE_SECONDS)
        yield it
    finally:
        if window is not None:
            await window.close()
        if plain is not None:
            plain.close()
        notebook.close()


def widgets(window: AsyncWindow) -> int:
    """Return how many widgets a window has."""
    return sum(1 for comm in window.core.comms.values() if comm.target_name == "jupyter.widget")
