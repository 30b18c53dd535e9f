"""The shell channel of a real kernel, for a room: a DEALER of the room's own on the kernel's shell port.

What it sends is signed like any front end's, with the request's id as header `msg_id`, so that it runs where comm
messages run and with the right parent. It never waits: what the socket doesn't take yet is kept, up to a limit. Of
what comes back only one thing matters: a reply that says that the comm's subshell has gone and the message with
it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import zmq
import zmq.asyncio
from jupyter_client.session import Session

from commdoc.protocol.messages import KernelInfo
from commdoc.rooms.kernel_link import ConnectKernel, KernelLinkError, SubshellLost
from commdoc.rooms.limits import MB

log = logging.getLogger(__name__)

CURVE: Final = ("curve_publickey", "curve_secretkey")

MAX_UNSENT: Final = 10_000
MAX_UNSENT_BYTES: Final = 64 * MB
"""Messages that a kernel hasn't taken, because it hangs or its process is gone."""


def pack(value: object) -> bytes:
    """Return the JSON of a message's part.

    Unlike the packer of `Session` this one keeps NaN and the infinities: Python's JSON reader, which is what a
    kernel has, takes them, and a trait gets the float and not the string ``"nan"``. A lone surrogate (half of
    an emoji that a browser has cut) is escaped, as browsers do.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), default=str).encode()


class ZmqLink:
    """A DEALER on a kernel's shell port. Needs a running loop.

    Parameters
    ----------
    connection_file : Path
        The kernel's; read anew for each link, since a restarted kernel may have another key.
    subshell_lost : callable
        Told the msg_id of a message that was dropped with its subshell.

    Raises
    ------
    KernelLinkError
        When the connection file can't be read.
    """

    def __init__(self, connection_file: Path, subshell_lost: SubshellLost) -> None:
        try:
            info = json.loads(connection_file.read_text(encoding="utf-8"))
            self.session = Session(
                key=info["key"].encode(),
                signature_scheme=info["signature_scheme"],
                username="commdoc",
                pack=pack,
            )
            address = _address(info)
            keys = [info[name].encode() for name in CURVE if name in info]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise KernelLinkError(
                f"the connection file {connection_file} can't be used: {error!r}"
            ) from error
        self._subshell_lost = subshell_lost
        self._unsent_bytes = self._unsent = 0
        self._socket: zmq.asyncio.Socket = zmq.asyncio.Context.instance().socket(zmq.DEALER)
        self._socket.linger = 0
        # Messages wait in `_pending`, where they are counted, rather than in ZMQ's buffer.
        self._socket.sndhwm = 100
        if len(keys) == len(CURVE):
            # Encrypted with the file's own pair, as in jupyter_client: who may read the file may talk to the kernel.
            self._socket.curve_publickey, self._socket.curve_secretkey = keys
            self._socket.curve_serverkey = keys[0]
        self._socket.connect(address)
        self._queue: asyncio.Queue[list[Any]] = asyncio.Queue()
        self._tasks = [asyncio.ensure_future(self._send_all()), asyncio.ensure_future(self._read_all())]

    def send(
        self, msg_type: str, content: dict[str, Any], buffers: Sequence[bytes | memoryview], msg_id: str
    ) -> None:
        """Send a message; returns at once. Raises `KernelLinkError` when too much waits."""
        if self._unsent >= MAX_UNSENT or self._unsent_bytes >= MAX_UNSENT_BYTES:
            raise KernelLinkError(f"the kernel has not taken the last {self._unsent} messages")
        header = self.session.msg_header(msg_type)
        header["msg_id"] = msg_id
        content = dict(content)
        # A front end's comm_open has its metadata, ipywidgets' protocol version, in the message, not in the content.
        metadata = content.pop("metadata", None) if msg_type == "comm_open" else None
        message = self.session.msg(msg_type, content, header=header, metadata=metadata)
        parts = [*self.session.serialize(message), *buffers]
        self._unsent += 1
        self._unsent_bytes += sum(map(len, parts))
        self._queue.put_nowait(parts)

    def close(self) -> None:
        """Drop what was not taken and close the socket."""
        for task in self._tasks:
            task.cancel()
        self._socket.close()

    async def _send_all(self) -> None:
        while True:
            parts = await self._queue.get()
            try:
                await self._socket.send_multipart(parts)
            except zmq.ZMQError as error:
                log.warning("a message for the kernel is lost: %s", error)
            self._unsent -= 1
            self._unsent_bytes -= sum(map(len, parts))

    async def _read_all(self) -> None:
        while True:
            parts = await self._socket.recv_multipart()
            try:
                _, frames = self.session.feed_identities(parts)
                reply = self.session.deserialize(frames)
                if reply["content"].get("ename") == "UnknownSubshellError":
                    self._subshell_lost(reply["parent_header"]["msg_id"])
            except Exception as error:  # noqa: BLE001 - whatever the kernel sends, requests go on
                log.warning("a reply of the kernel can't be read: %r", error)


def connect(connection_file: Path) -> ConnectKernel:
    """Return what makes a room's links to its kernels: by the file that a kernel names, else by this one."""

    def make(kernel: KernelInfo, subshell_lost: SubshellLost) -> ZmqLink:
        return ZmqLink(Path(kernel.get("connection_file", connection_file)), subshell_lost)

    return make


def _address(info: dict[str, Any]) -> str:
    transport, ip, port = info["transport"], info["ip"], info["shell_port"]
    return f"{transport}://{ip}:{port}" if transport == "tcp" else f"{transport}://{ip}-{port}"
