"""`Requests` with a document, a kernel and a clock that a test can see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from commdoc.protocol.messages import State
from commdoc.rooms.kernel_link import KernelLinkError
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.requests import Requests
from commdoc.rooms.waiting import Sender, ToKernel

LIMITS = RoomLimits(
    request_seconds=10,
    lost_seconds=30,
    gap_seconds=2,
    waiting_bytes=1_000_000,
    peer_waiting_bytes=100_000,
    in_flight=4,
    in_flight_bytes=50_000,
)


class Desk:
    """`Requests` with a document, a kernel and a clock that a test can see."""

    def __init__(self) -> None:
        self.now = 0.0
        self.document: State = {"value": 0, "step": 1}
        self.sent: list[str] = []
        self.answers: list[tuple[str, str, str]] = []
        self.messages: list[dict[str, Any]] = []
        self.link_broken = False
        self.requests = Requests(self._send, self._answer, lambda: self.now, LIMITS)
        self.requests.connected()

    def _send(self, msg_type: str, content: dict[str, Any], buffers: Sequence[bytes], msg_id: str) -> None:
        if self.link_broken:
            raise KernelLinkError("broken")
        self.sent.append(msg_id)

    def _answer(self, peer_id: str, message: dict[str, Any]) -> None:
        ident = message.get("request_id") or message.get("message_id") or ""
        self.answers.append((peer_id, message.get("code") or message["type"], ident))
        self.messages.append(message)

    @property
    def reasons(self) -> list[str]:
        return [message.get("reason", "") for message in self.messages]

    def ask(self, ident: str, peer: str = "A", window: str = "w", comm: str = "c", **state: Any) -> None:
        message = ToKernel("comm_msg", {"comm_id": comm, "data": {"state": state}}, [])
        self.document |= self.requests.ask(Sender(peer, window), ident, comm, state, message, self.document)

    def pass_on(self, ident: str, peer: str = "A", window: str = "w", comm: str = "c", size: int = 0) -> None:
        message = ToKernel("comm_msg", {"comm_id": comm, "data": {}}, [bytes(size)])
        self.requests.pass_on(Sender(peer, window), ident, comm, message)

    def handle(self, ident: str, comm: str = "c", error: str | None = None) -> None:
        self.requests.handled(comm, ident, error)

    def update(self, cause: str | None = None, **state: Any) -> None:
        self.document |= self.requests.update("c", state, cause)

    def settle(self, ident: str, error: str | None = None, **state: Any) -> None:
        self.document |= self.requests.settled("c", ident, state, error)

    def expire(self, now: float) -> None:
        self.now = now
        self.document |= self.requests.expire().get("c", {})

    def heard(self, ident: str) -> list[str]:
        return [what for _, what, name in self.answers if name == ident]
