"""The shell channel of a kernel behind a gateway: over the WebSocket that the gateway has for front ends.

The server has no ports of such a kernel. What is sent waits while the connection is lost, up to a limit; of what comes
back, which is all that the kernel publishes, only a reply matters that says that a comm's subshell has gone.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from jupyter_client.session import Session
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.services.kernels.connection.base import serialize_binary_message
from jupyter_server.utils import url_path_join
from tornado.escape import url_escape
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from commdoc.rooms.kernel_link import KernelLinkError, SubshellLost
from commdoc.rooms.zmq_link import MAX_UNSENT, MAX_UNSENT_BYTES

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS: Final = 0.2
LAST_RETRY_SECONDS: Final = 15.0

LOST: Final = "UnknownSubshellError"


class GatewayLink:
    """A front end's connection to a kernel of the gateway. Needs a running loop."""

    def __init__(self, kernel_id: str, subshell_lost: SubshellLost) -> None:
        self._kernel_id = kernel_id
        self._subshell_lost = subshell_lost
        self._session = Session(username="commdoc")
        self._unsent: deque[str | bytes] = deque()
        self._unsent_bytes = 0
        self._come = asyncio.Event()
        self._task = asyncio.ensure_future(self._run())

    def send(
        self, msg_type: str, content: dict[str, Any], buffers: Sequence[bytes | memoryview], msg_id: str
    ) -> None:
        """Send a message; returns at once. Raises `KernelLinkError` when too much waits."""
        if len(self._unsent) >= MAX_UNSENT or self._unsent_bytes >= MAX_UNSENT_BYTES:
            raise KernelLinkError(f"the gateway has not taken the last {len(self._unsent)} messages")
        header = self._session.msg_header(msg_type)
        header["msg_id"] = msg_id
        content = dict(content)
        metadata = content.pop("metadata", None) if msg_type == "comm_open" else None
        message = self._session.msg(msg_type, content, header=header, metadata=metadata)
        message["channel"] = "shell"
        # Through JSON for the dates in it; NaN and the infinities pass, as they do without a gateway.
        plain = json.dumps(message, default=str)
        payload = _with_buffers(json.loads(plain), buffers) if buffers else plain
        self._unsent.append(payload)
        self._unsent_bytes += len(payload)
        self._come.set()

    def close(self) -> None:
        """Drop what was not taken and close the connection."""
        self._task.cancel()

    async def _run(self) -> None:
        delay = FIRST_RETRY_SECONDS
        while True:
            try:
                connection = await websocket_connect(self._request())
            except Exception as error:  # noqa: BLE001 - whatever keeps us from it, it is tried again
                log.warning("no way through the gateway to the kernel %s: %r", self._kernel_id, error)
            else:
                delay = FIRST_RETRY_SECONDS
                await self._serve(connection)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LAST_RETRY_SECONDS)

    def _request(self) -> HTTPRequest:
        client: Any = GatewayClient.instance()
        url = url_path_join(
            client.ws_url or "", client.kernels_endpoint, url_escape(self._kernel_id), "channels"
        )
        session = url_escape(self._session.session)
        return HTTPRequest(f"{url}?session_id={session}", **client.load_connection_args())

    async def _serve(self, connection: WebSocketClientConnection) -> None:
        """Send and read until the connection ends."""
        sending = asyncio.ensure_future(self._send_all(connection))
        try:
            while (data := await connection.read_message()) is not None:
                self._note(data)
        finally:
            sending.cancel()
            connection.close()

    async def _send_all(self, connection: WebSocketClientConnection) -> None:
        while True:
            while self._unsent:
                payload = self._unsent[0]
                try:
                    await connection.write_message(payload, binary=isinstance(payload, bytes))
                except WebSocketClosedError:
                    return  # it goes with the next connection
                self._unsent.popleft()
                self._unsent_bytes -= len(payload)
            self._come.clear()
            await self._come.wait()

    def _note(self, data: str | bytes) -> None:
        if isinstance(data, bytes) or LOST not in data:
            return  # replies about subshells are small and have no buffers
        try:
            reply = json.loads(data)
            if reply["channel"] == "shell" and reply["content"].get("ename") == LOST:
                self._subshell_lost(reply["parent_header"]["msg_id"])
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            log.warning("a reply of the gateway can't be read: %r", error)


def _with_buffers(message: dict[str, Any], buffers: Sequence[bytes | memoryview]) -> bytes:
    serialize: Any = serialize_binary_message
    payload: bytes = serialize({**message, "buffers": [bytes(each) for each in buffers]})
    return payload
