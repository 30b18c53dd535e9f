"""What windows ask of the kernel: one request per comm in flight, and what the document shows meanwhile.

    window asks      the value is written into the document at once (others see it while the kernel is busy);
                     what the kernel has is kept beside it as the *truth* of each key
    its turn         the comm's queue has nothing before it and nothing in flight: it goes to the kernel
    kernel changes   because of a request of ours: truth changes, the document goes on showing the newest open request;
                     because of anything else: newer than the request, both change
    settled          the request is over: a key of it that no open request has is shown as its truth; the next one goes

Requests are never merged: two that are valid only one after the other stay two. One that waits is dropped when all
of its keys are in later ones and no message stands between. Messages, opens and closes keep their place among what
their window has asked of the comm; windows take turns, but for one key in the order in which they have asked, and none
has more than its share at the kernel (`shares`). What a window repeats after it has rejoined is not done again, and
answered as before (`answers`).

No I/O: what goes out is passed to callbacks. What is written is written by the caller, who holds the transaction.
"""

from __future__ import annotations

import itertools
import logging
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from commdoc.protocol.messages import FailureCode, State
from commdoc.rooms.answers import Answers
from commdoc.rooms.held_back import HeldBack
from commdoc.rooms.kernel_link import KernelLinkError
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.shares import Shares
from commdoc.rooms.waiting import CommQueue, Sender, ToKernel, Waiting, differs

log = logging.getLogger(__name__)

CAUSES: Final = 10_000
"""Ids of what was given to the kernel that are kept: what the kernel does because of them is no change of its own."""

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
        self._open: dict[tuple[str, str], Waiting] = {}
        self._answers = Answers()
        self._causes: OrderedDict[str, None] = OrderedDict()
        self._shares = Shares(limits)
        self._held_back = HeldBack(self._comms)
        self._freed: dict[str, None] = {}
        self._arrivals = itertools.count()
        self._disconnected_at: float | None = clock()
        self._dead = False
        self._tells = True
        self._idle_since: float | None = None

    # --- from windows --------------------------------------------------------------------------------------------

    def ask(
        self, sender: Sender, request_id: str, comm_id: str, state: State, message: ToKernel, current: State
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
        if self._repeated(sender, request_id):
            return {}
        waiting = Waiting(
            request_id, comm_id, sender, message, self._clock(), message.size(), frozenset(state)
        )
        if not self._admit(waiting):
            return {}
        comm = self._comms.setdefault(comm_id, CommQueue())
        shown = {key: value for key, value in state.items() if key in current}
        for key in shown:
            comm.truth.setdefault(key, current[key])
        queue = comm.add(waiting)
        self._remember(waiting, {"type": "accepted", "request_id": request_id})
        self._supersede(comm, queue)
        self._pump(comm_id, comm)
        return shown

    def pass_on(self, sender: Sender, message_id: str, comm_id: str, message: ToKernel) -> None:
        """Take a message, an open or a close: it goes to the kernel when all before it is settled."""
        if self._repeated(sender, message_id):
            return
        waiting = Waiting(message_id, comm_id, sender, message, self._clock(), message.size())
        if self._admit(waiting):
            comm = self._comms.setdefault(comm_id, CommQueue())
            comm.add(waiting)
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
        ours = cause is not None and cause in self._causes
        shown: State = {}
        for key, value in state.items():
            if key not in comm.truth:
                shown[key] = value
            elif differs(comm.truth[key], value):
                comm.truth[key] = value
                if not ours:
                    shown[key] = value
                    shown.update(self._written_since(comm, key))
        self._let_go()
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
        if waiting is None or waiting.msg_id != request_id:
            self._pump(comm_id, comm)
            return shown
        comm.in_flight = None
        self._end(waiting, _with_error({"type": "settled", **waiting.name(), "state": state}, error))
        shown.update(self._released(comm, waiting))
        self._landed(waiting)
        self._pump(comm_id, comm)
        self._let_go()
        return shown

    def landed(self, comm_id: str, message_id: str) -> None:
        """The kernel is done with a message: the next may go to it. `handled` comes when what it did is written."""
        comm = self._comms.get(comm_id)
        waiting = None if comm is None else comm.flying.get(message_id)
        if waiting is not None:
            self._landed(waiting)
            self._let_go()

    def handled(self, comm_id: str, message_id: str, error: str | None) -> None:
        """The kernel has handled a message, an open or a close."""
        comm = self._comms.get(comm_id)
        waiting = None if comm is None else comm.flying.pop(message_id, None)
        if comm is None or waiting is None:
            return
        self._end(waiting, _with_error({"type": "settled", **waiting.name()}, error))
        self._landed(waiting)
        self._pump(comm_id, comm)
        self._let_go()

    def closed(self, comm_id: str) -> None:
        """End what waits for a comm that the kernel closed; of the messages that it has it will say so."""
        self._fail_comm(comm_id, "no_such_comm", f"the comm {comm_id} was closed", flying=False)
        self._let_go()

    def subshell_lost(self, request_id: str) -> str | None:
        """Return the comm whose reply subshell must be forgotten, None when it was before or the request is over."""
        for comm_id, comm in self._comms.items():
            waiting = comm.flying.get(request_id, comm.in_flight)
            if waiting is not None and waiting.msg_id == request_id and not waiting.resent:
                waiting.resent = True
                return comm_id
        return None

    def forgotten(self, comm_id: str, request_id: str) -> None:
        """Send a request once more now that its comm's subshell is forgotten."""
        comm = self._comms.get(comm_id)
        waiting = None if comm is None else comm.flying.get(request_id, comm.in_flight)
        if waiting is not None and waiting.msg_id == request_id:
            try:
                self._send(*waiting.message, waiting.msg_id)
            except KernelLinkError as error:
                log.warning("comm %s: %s is lost: %s", comm_id, waiting.ident, error)

    # --- the connection ------------------------------------------------------------------------------------------

    def connected(self, *, tells: bool = True) -> None:
        """The bridge is there: what waits may go to the kernel.

        A bridge that `tells` says of each message when the kernel has handled it; with another one a message is over
        when it was sent.
        """
        self._tells = tells
        self._disconnected_at = None
        self._dead = False
        for comm_id, comm in list(self._comms.items()):
            self._pump(comm_id, comm)

    def disconnected(self) -> None:
        """The bridge is gone, the kernel perhaps not: what waits waits, for a while."""
        self._disconnected_at = self._clock()
        self._idle_since = None
        for comm in self._comms.values():
            for waiting in comm.all():
                waiting.over_gap = True

    def status(self, idle: bool) -> None:
        """The kernel said that it is idle, or busy."""
        self._idle_since = self._clock() if idle else None

    def end_all(self, reason: str, *, dead: bool) -> dict[str, State]:
        """Fail everything: this life of the kernel is over. Returns what the document shows then, by comm."""
        self._dead = dead
        shown = {comm_id: self._fail_comm(comm_id, "kernel_gone", reason) for comm_id in list(self._comms)}
        self._held_back.clear()
        self._freed.clear()
        return {comm_id: state for comm_id, state in shown.items() if state}

    def expire(self) -> dict[str, State]:
        """Fail what has waited too long; returns what the document shows then, by comm."""
        now = self._clock()
        shown: dict[str, State] = {}
        for comm_id, comm in list(self._comms.items()):
            for waiting in comm.all():
                if reason := self._expired(comm, waiting, now):
                    changed = self._fail(comm, waiting, "expired", reason)
                    shown.setdefault(comm_id, {}).update(changed)
            self._pump(comm_id, comm)
        self._let_go()
        return shown

    def open_count(self) -> int:
        """Return how many requests and messages are not over."""
        return len(self._open)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _repeated(self, sender: Sender, ident: str) -> bool:
        waiting = self._open.get((sender.key, ident))
        answers = self._answers.get(sender.key, ident)
        if waiting is not None:
            waiting.sender = sender
        for answer in answers or ():
            self._answer(sender.peer_id, dict(answer))
        return waiting is not None or answers is not None

    def _admit(self, waiting: Waiting) -> bool:
        peer_id, name = waiting.sender.peer_id, waiting.name()
        if self._dead:
            self.refuse(peer_id, name, "kernel_gone", "the kernel is gone")
            return False
        if (refusal := self._shares.refusal(waiting)) is not None:
            self.refuse(peer_id, name, "too_large", refusal)
            return False
        self._shares.queued(waiting)
        self._open[waiting.key, waiting.ident] = waiting
        waiting.arrival = next(self._arrivals)
        return True

    def _remember(self, waiting: Waiting, answer: dict[str, Any] | None) -> None:
        self._answers.note(waiting.key, waiting.ident, answer)
        if answer is not None:
            self._answer(waiting.sender.peer_id, dict(answer))

    def _end(self, waiting: Waiting, answer: dict[str, Any]) -> None:
        """Say what came of something that is neither waiting nor in flight any more."""
        self._open.pop((waiting.key, waiting.ident), None)
        silent = answer["type"] == "settled" and waiting.keys is None and not waiting.sender.told
        self._remember(waiting, None if silent else answer)

    def _supersede(self, comm: CommQueue, queue: deque[Waiting]) -> None:
        later: set[str] = set()
        newest = queue[-1]
        for waiting in reversed(list(queue)):
            if waiting.keys is None:
                return
            if waiting.keys <= later and waiting is not newest:  # it may have no keys at all
                comm.remove(waiting)
                self._shares.left(waiting)
                reason = "later requests have all of its keys"
                self._end(
                    waiting, {"type": "failed", **waiting.name(), "code": "superseded", "reason": reason}
                )
            later |= waiting.keys

    def _pump(self, comm_id: str, comm: CommQueue) -> None:
        """Give the kernel what may go: windows in turn, until a request is in flight or their shares are used up."""
        while comm.queues and comm.in_flight is None and self._disconnected_at is None:
            waiting = comm.next(self._may_go)
            if waiting is None:
                for key, queue in comm.queues.items():
                    if not self._may_go(queue[0]):  # else it waits for another window's, in this comm alone
                        self._held_back.add(key, queue[0].arrival, comm_id)
                break
            if not self._give(waiting):
                comm.put_back(waiting)
                break
            if waiting.keys is not None:
                comm.in_flight = waiting
            elif self._tells:
                comm.flying[waiting.msg_id] = waiting
            else:
                self._landed(waiting)
                self._end(waiting, {"type": "settled", **waiting.name()})
        if comm.is_over():
            self._comms.pop(comm_id, None)

    def _may_go(self, waiting: Waiting) -> bool:
        return self._shares.has_room(waiting.key) and not self._held_back.has_older(
            waiting.key, waiting.arrival
        )

    def _give(self, waiting: Waiting) -> bool:
        # Two windows may have chosen the same id; the kernel must be able to tell them apart.
        waiting.msg_id = uuid.uuid4().hex if waiting.ident in self._causes else waiting.ident
        try:
            self._send(*waiting.message, waiting.msg_id)
        except KernelLinkError as error:
            # Not lost: the caller's clock fails it like any other that the kernel doesn't take.
            log.debug("comm %s: %s is kept: %s", waiting.comm_id, waiting.ident, error)
            if waiting.stuck_at is None:
                waiting.stuck_at = self._clock()
            return False
        self._causes[waiting.msg_id] = None
        while len(self._causes) > CAUSES:
            self._causes.popitem(last=False)
        self._shares.left(waiting)
        self._shares.went(waiting)
        waiting.landed = False
        waiting.sent_at, waiting.stuck_at = self._clock(), None
        return True

    def _landed(self, waiting: Waiting) -> None:
        if waiting.landed:
            return
        waiting.landed = True
        self._shares.landed(waiting)
        if waiting.key in self._held_back:
            self._freed[waiting.key] = None

    def _let_go(self) -> None:
        """Give the kernel what the shares of windows held back, where they have room again."""
        while self._freed:
            key, _ = self._freed.popitem()
            while self._shares.has_room(key) and (comm_id := self._held_back.take(key)) is not None:
                self._pump(comm_id, self._comms[comm_id])

    @staticmethod
    def _released(comm: CommQueue, waiting: Waiting) -> State:
        shown: State = {}
        for key in waiting.keys or ():
            if key in comm.truth and not comm.holds(key):
                shown[key] = comm.truth.pop(key)
        return shown

    def _fail(self, comm: CommQueue, waiting: Waiting, code: FailureCode, reason: str) -> State:
        landed = True
        if comm.in_flight is waiting:
            comm.in_flight = None
        elif waiting.msg_id and comm.flying.get(waiting.msg_id) is waiting:
            del comm.flying[waiting.msg_id]
        elif comm.remove(waiting):
            landed = False
            self._shares.left(waiting)
        else:
            return {}
        self._end(waiting, {"type": "failed", **waiting.name(), "code": code, "reason": reason})
        if landed:
            self._landed(waiting)  # the caller lets go what that makes room for
        return self._released(comm, waiting)

    def _fail_comm(self, comm_id: str, code: FailureCode, reason: str, *, flying: bool = True) -> State:
        comm = self._comms.get(comm_id)
        shown: State = {}
        if comm is not None:
            for waiting in comm.all():
                if flying or waiting.msg_id not in comm.flying:
                    shown.update(self._fail(comm, waiting, code, reason))
            comm.truth.clear()
            if comm.is_over():
                self._comms.pop(comm_id, None)
        return shown

    def _written_since(self, comm: CommQueue, key: str) -> State:
        """Fail the requests for a key that the kernel wrote after a gap: they may have been handled, or never be."""
        shown: State = {}
        for waiting in comm.open_requests():
            if waiting.over_gap and key in (waiting.keys or ()):
                reason = f"the connection to the kernel was lost, and the kernel has written {key!r} since"
                shown.update(self._fail(comm, waiting, "expired", reason))
        return shown

    def _expired(self, comm: CommQueue, waiting: Waiting, now: float) -> str | None:
        if self._disconnected_at is not None:
            if now - max(self._disconnected_at, waiting.asked_at) >= self._limits.request_seconds:
                return f"no connection to the kernel for {self._limits.request_seconds:g} s"
        elif waiting.stuck_at is not None and now - waiting.stuck_at >= self._limits.request_seconds:
            return f"the kernel has taken no message for {self._limits.request_seconds:g} s"
        elif comm.has(waiting) and self._idle_since is not None:
            # What the bridge said while there was no connection is lost, its acknowledgements, too.
            limit = self._limits.gap_seconds if waiting.over_gap else self._limits.lost_seconds
            if now - max(self._idle_since, waiting.sent_at) >= limit:
                return f"the kernel has been idle for {limit:g} s and has said nothing of it"
        return None


def _with_error(answer: dict[str, Any], error: str | None) -> dict[str, Any]:
    return answer if error is None else {**answer, "error": error}
