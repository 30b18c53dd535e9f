"""A real session with the hook installed, and a socket on which what was sent arrives."""

from __future__ import annotations

from typing import Any

import zmq
from jupyter_client.session import Session

from commdoc.kernel.hook import SendHook

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
EXECUTE = {
    "header": {"msg_id": "m", "msg_type": "execute_request"},
    "metadata": {},
    "content": {},
    "parent_header": {},
}
COMM = {"header": {"msg_id": "r", "msg_type": "comm_msg"}, "metadata": {}, "content": {}, "parent_header": {}}


class Harness:
    """A real session on a real socket, with the hook installed."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.PAIR)
        self.far = self.context.socket(zmq.PAIR)
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.far.connect(f"tcp://127.0.0.1:{port}")
        self.session = Session(key=b"secret")
        self.records: list[tuple[Any, ...]] = []
        self.urged = 0
        self.errors: list[BaseException] = []
        self.hook = SendHook(self.session, self.records.append, self._urge, self.errors.append)
        self.hook.install()

    def _urge(self) -> None:
        self.urged += 1

    def update(self, state: dict[str, Any], **more: Any) -> None:
        paths = more.pop("buffer_paths", [])
        self.comm({"method": "update", "state": state, "buffer_paths": paths}, **more)

    def comm(self, data: Any, comm_id: str = "c", **more: Any) -> None:
        self.session.send(self.socket, "comm_msg", {"comm_id": comm_id, "data": data}, **more)

    def whole(self, msg_type: str, content: dict[str, Any], parent: dict[str, Any]) -> None:
        """Send as the kernel's display machinery does: a whole message that has its parent's header."""
        self.session.send(self.socket, self.session.msg(msg_type, content, parent=parent["header"]))

    def arrived(self) -> dict[str, Any]:
        assert self.far.poll(5000)
        message: Any = self.session.recv(self.far)[1]
        return message

    def close(self) -> None:
        self.socket.close(0)
        self.far.close(0)
        self.context.term()
