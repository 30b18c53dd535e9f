"""What windows ask of the kernel: one request per comm in flight, and what the document shows meanwhile.

    window asks      the value is written into the document at once (others see it while the kernel is busy);
                     what the kernel has is kept beside it as the *truth* of each key
    its turn         the comm's queue has nothing before it and nothing in flight: it goes to the kernel
    kernel changes   because of a request of ours: truth changes, the document goes on showing the newest open request;
                     because of anything else: newer than the request, both change
    settled          the request is over: a key of it that no open request has is shown as its truth; the next one goes

Requests are never merged: two that are valid only one after the other stay two. One that waits is dropped when all
of its keys are in later ones and no message stands between. Messages, opens and closes of windows keep their place
in the comm's queue. A request's id is remembered, so that a window that rejoins may ask again and gets what was
answered before.

No I/O: what goes out is passed to callbacks. What is written is written by the caller, who holds the transaction.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

from commdoc.protocol.messages import FailureCode, State
from commdoc.rooms.kernel_link import KernelLinkError
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.waiting import CommQueue, ToKernel, Waiting, differs

log = logging.getLogger(__name__)

REMEMBERED: Final = 10_000
"""Ids kept to answer a repeated request as before: a window repeats what it had open, which is a handful."""

Answer = Callable[[str, dict[str, Any]], None]
"""Sends a message to the peer with this id, after the transaction."""

Send = Callable[[str, dict[str, Any], Sequence[bytes], str], None]
"""Gives msg_type, content, buffers and msg_id to the kernel; raises `KernelLinkError`."""


class Requests:
    """All requests and messages from windows of one room.

    Parameters
    ----------
    send, answer : callable
        To the kernel, to a peer.
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, send: Send, answer: Answer, clock: Callable[[], float], limits: RoomLimits) -> None:
        self._send = send
        self._answer = answer
        self._clock = clock
        self._limits = limits
        self._comms: dict[str, CommQueue] = {}
        self._seen: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        self._waiting_bytes = 0
        self._disconnected_at: float | None = clock()
        self._dead = False
        self._idle_since: float | None = None

    # --- from windows --------------------------------------------------------------------------------------------

    def ask(
        self, peer_id: str, request_id: str, comm_id: str, state: State, message: ToKernel, current: State
    ) -> State:
        """Take a request.

        Parameters
        ----------
        state : State
            The keys as they go into the document.
        message : ToKernel
            The same for the kernel.
        current : State
            What the document has for the comm's keys; a key that is not there is left to the kernel.

        Returns
        -------
        State
            What to write into the document.
        """
        if self._repeated(peer_id, request_id):
            return {}
        waiting = Waiting(
            request_id, comm_id, peer_id, message, self._clock(), message.size(), frozenset(state)
        )
        if not self._admit(waiting):
            return {}
        comm = self._comms.setdefault(comm_id, CommQueue())
        shown = {key: value for key, value in state.items() if key in current}
        for key in shown:
            comm.truth.setdefault(key, current[key])
        comm.queue.append(waiting)
        self._remember(waiting, {"type": "accepted", "request_id": request_id})
        self._supersede(comm)
        self._pump(comm_id, comm)
        return shown

    def pass_on(self, peer_id: str, message_id: str, comm_id: str, message: ToKernel) -> None:
        """Take a message, an open or a close: it goes to the kernel when all before it is settled."""
        if self._repeated(peer_id, message_id):
            return
        waiting = Waiting(message_id, comm_id, peer_id, message, self._clock(), message.size())
        if self._admit(waiting):
            comm = self._comms.setdefault(comm_id, CommQueue())
            comm.queue.append(waiting)
            self._remember(waiting, None)
            self._pump(comm_id, comm)

    def refuse(self, peer_id: str, name: dict[str, str], code: FailureCode, reason: str) -> None:
        """Answer a request or message that is not taken; it may be asked again."""
        self._answer(peer_id, {"type": "failed", **name, "code": code, "reason": reason})

    # --- from the kernel -----------------------------------------------------------------------------------------

    def update(self, comm_id: str, state: State, cause: str | None) -> State:
        """Return what of the kernel's new values the document shows."""
        comm = self._comms.get(comm_id)
        if comm is None:
            return state
        ours = cause is not None and cause in self._seen
        shown: State = {}
        for key, value in state.items():
            if key not in comm.truth:
                shown[key] = value
            elif differs(comm.truth[key], value):
                comm.truth[key] = value
                if not ours:
                    shown[key] = value
                    shown.update(self._written_since(comm_id, comm, key))
        return shown

    def settled(self, comm_id: str, request_id: str, state: State, error: str | None) -> State:
        """Return what the document shows now that the kernel has handled a request."""
        comm = self._comms.get(comm_id)
        if comm is None:
            return state
        shown: State = {}
        for key, value in state.items():
            if key in comm.truth:
                comm.truth[key] = value
            else:
                shown[key] = value
        waiting = comm.in_flight
        if waiting is None or waiting.ident != request_id:
            self._pump(comm_id, comm)
            return shown
        comm.in_flight = None
        answer: dict[str, Any] = {"type": "settled", "request_id": request_id, "state": state}
        if error is not None:
            answer["error"] = error
        self._remember(waiting, answer)
        shown.update(self._released(comm_id, comm, waiting))
        self._pump(comm_id, comm)
        return shown

    def closed(self, comm_id: str) -> None:
        """End everything that is open for a comm that the kernel closed."""
        self._fail_comm(comm_id, "no_such_comm", f"the comm {comm_id} was closed")

    def subshell_lost(self, request_id: str) -> str | None:
        """Return the comm whose reply subshell must be forgotten, None when it was before or the request is over."""
        for comm_id, comm in self._comms.items():
            waiting = comm.in_flight
            if waiting is not None and waiting.ident == request_id and not waiting.resent:
                waiting.resent = True
                return comm_id
        return None

    def forgotten(self, comm_id: str, request_id: str) -> State:
        """Send a request once more now that its comm's subshell is forgotten; returns what the document then shows."""
        comm = self._comms.get(comm_id)
        if comm is None or comm.in_flight is None or comm.in_flight.ident != request_id:
            return {}
        waiting, comm.in_flight = comm.in_flight, None
        comm.queue.appendleft(waiting)
        self._waiting_bytes += waiting.size
        self._pump(comm_id, comm)
        return {}

    # --- the connection ------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """The bridge is there: what waits may go to the kernel."""
        self._disconnected_at = None
        self._dead = False
        for comm_id, comm in list(self._comms.items()):
            self._pump(comm_id, comm)

    def disconnected(self) -> None:
        """The bridge is gone, the kernel perhaps not: what waits waits, for a while."""
        self._disconnected_at = self._clock()
        self._idle_since = None
        for comm in self._comms.values():
            for waiting in comm.open_requests():
                waiting.over_gap = True

    def status(self, idle: bool) -> None:
        """The kernel said that it is idle, or busy."""
        self._idle_since = self._clock() if idle else None

    def end_all(self, reason: str, *, dead: bool) -> dict[str, State]:
        """Fail everything: this life of the kernel is over. Returns what the document shows then, by comm."""
        self._dead = dead
        return {
            comm_id: shown
            for comm_id in list(self._comms)
            if (shown := self._fail_comm(comm_id, "kernel_gone", reason))
        }

    def expire(self) -> dict[str, State]:
        """Fail what has waited too long; returns what the document shows then, by comm."""
        now = self._clock()
        shown: dict[str, State] = {}
        for comm_id, comm in list(self._comms.items()):
            for waiting in comm.all():
                if reason := self._expired(comm, waiting, now):
                    changed = self._fail(comm_id, comm, waiting, "expired", reason)
                    shown.setdefault(comm_id, {}).update(changed)
            self._pump(comm_id, comm)
        return shown

    def open_count(self) -> int:
        """Return how many requests and messages are not over."""
        return sum(len(comm.queue) + (comm.in_flight is not None) for comm in self._comms.values())

    # --- inside ---------------------------------------------------------------------------------------------------

    def _repeated(self, peer_id: str, ident: str) -> bool:
        if ident not in self._seen:
            return False
        for comm in self._comms.values():
            for waiting in comm.all():
                if waiting.ident == ident:
                    waiting.peer_id = peer_id
        for answer in self._seen[ident]:
            self._answer(peer_id, dict(answer))
        return True

    def _admit(self, waiting: Waiting) -> bool:
        if self._dead:
            self.refuse(waiting.peer_id, waiting.name(), "kernel_gone", "the kernel is gone")
        elif self._waiting_bytes + waiting.size > self._limits.waiting_bytes:
            reason = (
                f"{self._waiting_bytes} bytes wait for the kernel, the limit is {self._limits.waiting_bytes}"
            )
            self.refuse(waiting.peer_id, waiting.name(), "too_large", reason)
        else:
            self._waiting_bytes += waiting.size
            return True
        return False

    def _remember(self, waiting: Waiting, answer: dict[str, Any] | None) -> None:
        answers = self._seen.setdefault(waiting.ident, [])
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        if answer is not None:
            answers.append(answer)
            self._answer(waiting.peer_id, dict(answer))

    def _supersede(self, comm: CommQueue) -> None:
        later: set[str] = set()
        for waiting in reversed(list(comm.queue)):
            if waiting.keys is None:
                return
            if waiting.keys <= later:
                comm.queue.remove(waiting)
                self._waiting_bytes -= waiting.size
                reason = "later requests have all of its keys"
                self._remember(
                    waiting,
                    {"type": "failed", "request_id": waiting.ident, "code": "superseded", "reason": reason},
                )
            later |= waiting.keys

    def _pump(self, comm_id: str, comm: CommQueue) -> None:
        while comm.queue and comm.in_flight is None and self._disconnected_at is None:
            waiting = comm.queue.popleft()
            self._waiting_bytes -= waiting.size
            try:
                self._send(*waiting.message, waiting.ident)
            except KernelLinkError as error:
                # Not lost: the caller's clock fails it like any other that the kernel doesn't take.
                log.debug("comm %s: %s is kept: %s", waiting.comm_id, waiting.ident, error)
                comm.queue.appendleft(waiting)
                self._waiting_bytes += waiting.size
                if waiting.stuck_at is None:
                    waiting.stuck_at = self._clock()
                return
            if waiting.keys is not None:
                waiting.sent_at = self._clock()
                comm.in_flight = waiting
        if not comm.queue and comm.in_flight is None and not comm.truth:
            self._comms.pop(comm_id, None)

    def _released(self, comm_id: str, comm: CommQueue, waiting: Waiting) -> State:
        shown: State = {}
        for key in waiting.keys or ():
            if key in comm.truth and not comm.holds(key):
                shown[key] = comm.truth.pop(key)
        return shown

    def _fail(self, comm_id: str, comm: CommQueue, waiting: Waiting, code: FailureCode, reason: str) -> State:
        if comm.in_flight is waiting:
            comm.in_flight = None
        elif waiting in comm.queue:
            comm.queue.remove(waiting)
            self._waiting_bytes -= waiting.size
        else:
            return {}
        self._remember(waiting, {"type": "failed", **waiting.name(), "code": code, "reason": reason})
        return self._released(comm_id, comm, waiting)

    def _fail_comm(self, comm_id: str, code: FailureCode, reason: str) -> State:
        comm = self._comms.get(comm_id)
        shown: State = {}
        if comm is not None:
            for waiting in comm.all():
                shown.update(self._fail(comm_id, comm, waiting, code, reason))
            self._comms.pop(comm_id, None)
        return shown

    def _written_since(self, comm_id: str, comm: CommQueue, key: str) -> State:
        """Fail the requests for a key that the kernel wrote after a gap: they may have been handled, or never be."""
        shown: State = {}
        for waiting in comm.open_requests():
            if waiting.over_gap and key in (waiting.keys or ()):
                reason = f"the connection to the kernel was lost, and the kernel has written {key!r} since"
                shown.update(self._fail(comm_id, comm, waiting, "expired", reason))
        return shown

    def _expired(self, comm: CommQueue, waiting: Waiting, now: float) -> str | None:
        if self._disconnected_at is not None:
            if now - max(self._disconnected_at, waiting.asked_at) >= self._limits.request_seconds:
                return f"no connection to the kernel for {self._limits.request_seconds:g} s"
        elif waiting.stuck_at is not None and now - waiting.stuck_at >= self._limits.request_seconds:
            return f"the kernel has taken no message for {self._limits.request_seconds:g} s"
        elif comm.in_flight is waiting and self._idle_since is not None:
            # What the bridge said while there was no connection is lost, its acknowledgements, too.
            limit = self._limits.gap_seconds if waiting.over_gap else self._limits.lost_seconds
            if now - max(self._idle_since, waiting.sent_at) >= limit:
                return f"the kernel has been idle for {limit:g} s and has said nothing of it"
        return None
