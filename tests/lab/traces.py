"""What a window and its kernel say about comms on JupyterLab's own socket, with ids that two runs share."""

from __future__ import annotations

import itertools
import json
from typing import Any, Final

from playwright.sync_api import WebSocket

TOLD: Final = ("comm_open", "comm_msg", "comm_close", "comm_info_request", "comm_info_reply")


class Trace:
    """Listens to a page's sockets; to be made before they are.

    Attributes
    ----------
    sent, received : list of str
        One line for each message about comms.
    """

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.received: list[str] = []
        self._names: dict[str, str] = {}

    def watch(self, socket: WebSocket) -> None:
        """Listen to a socket, if it is a kernel's."""
        if "/api/kernels/" in socket.url:
            socket.on("framesent", lambda frame: self._take(frame, self.sent))
            socket.on("framereceived", lambda frame: self._take(frame, self.received))

    def _take(self, frame: str | bytes, into: list[str]) -> None:
        header, content = read(frame)
        if header["msg_type"] in TOLD:
            into.append(f"{header['msg_type']} {json.dumps(self._named(content), sort_keys=True)}")

    def _named(self, value: Any) -> Any:
        """Replace ids by names in the order of their first appearance."""
        if isinstance(value, dict):
            return {self._named(key): self._named(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._named(each) for each in value]
        if isinstance(value, str):
            model = value.removeprefix("IPY_MODEL_")
            if len(model) in (32, 36) and not set(model) - set("0123456789abcdef-"):
                name = self._names.setdefault(model, f"id {len(self._names)}")
                return value.replace(model, name)
        return value


def read(frame: str | bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and content of a frame of ``v1.kernel.websocket.jupyter.org``, or of the older JSON form."""
    if isinstance(frame, str):
        message = json.loads(frame)
        return message["header"], message["content"]
    count = int.from_bytes(frame[:8], "little")
    ends = [int.from_bytes(frame[8 * n : 8 * n + 8], "little") for n in range(1, count + 1)]
    parts = [frame[begin:end] for begin, end in itertools.pairwise(ends)]
    return json.loads(parts[1]), json.loads(parts[4])
