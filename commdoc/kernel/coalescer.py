"""From what the hook noted to what the room is told: one order, and the last value of each key wins.

Records go in (`feed`), operations come out (`take`), at most one update per comm between two barriers. No
thread, no clock, no I/O: the flush thread around it decides when. Values stay Python values; `batch`
encodes the few that are left.

The rules of convergence that live here:

1. One FIFO for the hook's records, the truths and the barriers; a truth replaces pending values of its keys.
2. A truth is the kernel's value, read between its `BEGIN` and its `TRUTH` record. A key that was sent, or
   began to be read again, in between is not taken from it. A key that was *sent* in between is read once
   more (`read_again`), since nobody can say whether that send was newer than the reading.

Two threads that send the same comm may send in another order than they set: such a comm is read again, too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from commdoc.errors import ValueEncodingError
from commdoc.kernel.hook import CONTROL_TARGET
from commdoc.kernel.records import Kind, Parent, Record, parent_id, parent_type
from commdoc.kernel.truth import WIDGET_TARGET
from commdoc.protocol.values import put_buffers

MAX_WAITING_EVENTS: Final = 20_000
"""Custom messages kept while no room answers; beyond, the oldest go and it is reported once."""

MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""Bytes of buffers in those messages."""

MAX_EXECUTIONS: Final = 256
"""Executions of which the cell id and count are remembered, for late output of theirs."""

PendingOp = dict[str, Any]
"""An op of `commdoc.protocol.messages` whose ``state`` and ``data`` hold Python values."""


@dataclass
class _Reading:
    """A truth that is being read: the keys that may still be taken from it."""

    comm_id: str
    keys: set[str]
    sent_meanwhile: set[str] = field(default_factory=set)


class Coalescer:
    """Merges records into operations.

    Parameters
    ----------
    read_again : callable
        ``read_again(comm_id, keys)`` asks for `Kind.BEGIN` and `Kind.TRUTH` records of these keys.
    report : callable
        Takes a text about something that had to be left out.
    """

    def __init__(self, read_again: Callable[[str, list[str]], None], report: Callable[[str], None]) -> None:
        self._read_again = read_again
        self._report = report
        self._ops: list[PendingOp] = []
        self._updates: dict[str, PendingOp] = {}
        self._targets: dict[str, str] = {}
        self._readings: dict[int, _Reading] = {}
        self._reading_comms: dict[str, int] = {}
        self._senders: dict[str, int] = {}
        self._earlier_senders: dict[str, int] = {}
        self._executions: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._ended: dict[str, str] = {}
        self._views: dict[tuple[str, str], PendingOp] = {}
        self._captures: dict[str, str] = {}
        self._status_now = "idle"
        self._event_bytes = 0
        self._feeds: dict[int, Callable[..., None]] = {
            Kind.UPDATE: self._update,
            Kind.OPEN: self._open,
            Kind.CLOSE: self._close,
            Kind.MESSAGE: self._message,
            Kind.BEGIN: self._begin,
            Kind.TRUTH: self._truth,
            Kind.VIEW: self._view,
            Kind.CLEAR: self._clear,
            Kind.LOG: self._log,
            Kind.INPUT: self._input,
            Kind.STATUS: self._status,
            Kind.REPLY: self._reply,
        }
        self.linked = False
        """Whether a room takes operations. While it is False nothing of the state is kept: it is read when
        a room answers.
        """

    def __len__(self) -> int:
        """Return the number of operations that wait."""
        return len(self._ops)

    def feed(self, record: Record) -> None:
        """Take one record, in order."""
        self._feeds[record[0]](*record[1:])

    def take(self) -> list[PendingOp]:
        """Return the waiting operations in order, and forget them."""
        ops, self._ops = self._ops, []
        self._updates = {}
        self._earlier_senders, self._senders = self._senders, {}
        self._event_bytes = 0
        return ops

    def link(self) -> None:
        """Begin to keep state: a room answers. Messages that waited stay, behind the adopted comms."""
        self.linked = True

    def unlink(self) -> None:
        """No room answers: only messages go on waiting."""
        self.linked = False
        self._ops = [op for op in self._ops if op["op"] == "message"]
        self._updates = {}

    def adopt(self, comm_id: str, target_name: str, state: dict[str, Any] | None) -> None:
        """Take in a comm whose state was just read; it stands before messages that waited for a room."""
        self._targets[comm_id] = target_name
        if not self.linked:
            return
        op: PendingOp = {"op": "open", "comm_id": comm_id, "target_name": target_name}
        if state is None:
            op["data"] = {}
        else:
            op["state"] = state
            self._capture(comm_id, state)
        self._barrier(op)

    def adopted(self, comm_ids: list[str]) -> None:
        """All comms of the kernel have been taken in: forget others, show the views again."""
        if not self.linked:
            return
        live = set(comm_ids)
        self._targets = {comm_id: name for comm_id, name in self._targets.items() if comm_id in live}
        self._views = {key: view for key, view in self._views.items() if key[0] in live}
        self._barrier({"op": "adopted", "comm_ids": comm_ids})
        self._barrier({"op": "status", "status": self._status_now})
        for view in self._views.values():
            self._barrier(dict(view))
        waiting = [op for op in self._ops if op["op"] == "message" and op.get("waited")]
        if waiting:
            self._ops = [op for op in self._ops if not op.get("waited")]
            self._ops += [op for op in waiting if op["comm_id"] in live]

    def knows(self, comm_id: str) -> bool:
        """Whether the comm was adopted or seen to open, and not to close."""
        return comm_id in self._targets

    def remember_view(self, comm_id: str, execution_count: int) -> None:
        """Note a view that was displayed before anybody listened."""
        self._executions[f"execution-{execution_count}"] = {"execution_count": execution_count}
        self._view(comm_id, {"header": {"msg_id": f"execution-{execution_count}"}})

    def _barrier(self, op: PendingOp) -> None:
        self._ops.append(op)
        self._updates = {}

    def _update(  # noqa: PLR0917 - the items of a record
        self,
        comm_id: str,
        state: dict[str, Any],
        paths: Any,
        buffers: Any,
        parent: Parent | None,
        thread: int,
    ) -> None:
        target = self._targets.get(comm_id)
        if target is None:
            return  # not adopted yet: its state is going to be read
        if target != WIDGET_TARGET:
            data = {"method": "update", "state": state, "buffer_paths": paths}
            self._message(comm_id, data, buffers)
            return
        if paths:
            try:
                state = put_buffers(state, paths, buffers)
            except ValueEncodingError as error:
                self._report(f"update of comm {comm_id} left out: {error}")
                return
        if "msg_id" in state:
            self._capture(comm_id, state)
        if comm_id in self._reading_comms:
            self._sent_while_reading(comm_id, state)
        earlier = self._senders.get(comm_id) or self._earlier_senders.get(comm_id)
        self._senders[comm_id] = thread
        if earlier is not None and earlier != thread:
            self._read_again(comm_id, list(state))
        if not self.linked:
            return
        cause = parent_id(parent) if parent_type(parent) == "comm_msg" else None
        op = self._updates.get(comm_id)
        if op is not None and op.get("cause") == cause:
            op["state"].update(state)
            return
        op = {"op": "update", "comm_id": comm_id, "state": dict(state)}
        if cause is not None:
            op["cause"] = cause
        self._ops.append(op)
        self._updates[comm_id] = op

    def _open(self, comm_id: str, target_name: str, data: Any, buffers: Any, metadata: Any) -> None:
        self._targets[comm_id] = target_name
        op: PendingOp = {"op": "open", "comm_id": comm_id, "target_name": target_name}
        if target_name == WIDGET_TARGET and isinstance(data, dict):
            try:
                op["state"] = put_buffers(data.get("state") or {}, data.get("buffer_paths") or [], buffers)
            except ValueEncodingError as error:
                self._report(f"buffers of comm {comm_id} left out: {error}")
                op["state"] = data.get("state") or {}
            self._capture(comm_id, op["state"])
        else:
            op["data"] = data
            if buffers:
                op["buffers"] = buffers
            if metadata:
                op["metadata"] = metadata
        if self.linked:
            self._barrier(op)

    def _close(self, comm_id: str) -> None:
        if self._targets.pop(comm_id, None) is None:
            return
        self._views = {key: view for key, view in self._views.items() if key[0] != comm_id}
        self._captures = {parent: owner for parent, owner in self._captures.items() if owner != comm_id}
        if self.linked:
            self._barrier({"op": "close", "comm_id": comm_id})

    def _message(self, comm_id: str, data: Any, buffers: list[bytes]) -> None:
        if self._targets.get(comm_id) == CONTROL_TARGET:
            return
        op: PendingOp = {"op": "message", "comm_id": comm_id, "data": data, "buffers": buffers}
        if not self.linked:
            op["waited"] = True
        self._barrier(op)
        self._event_bytes += sum(map(len, buffers))
        if self._event_bytes > MAX_WAITING_BYTES or len(self._ops) > MAX_WAITING_EVENTS:
            self._drop_oldest_event()

    def _drop_oldest_event(self) -> None:
        for index, op in enumerate(self._ops):
            if op["op"] == "message":
                del self._ops[index]
                self._event_bytes -= sum(map(len, op["buffers"]))
                self._report(
                    "the room has not taken custom messages for too long: the oldest are left out "
                    f"(limits: {MAX_WAITING_EVENTS} messages, {MAX_WAITING_BYTES} bytes)"
                )
                return

    def _begin(self, token: int, comm_id: str, keys: list[str]) -> None:
        for reading in self._readings.values():
            if reading.comm_id == comm_id:
                reading.keys.difference_update(keys)
                reading.sent_meanwhile.difference_update(keys)
        self._readings[token] = _Reading(comm_id, set(keys))
        self._reading_comms[comm_id] = self._reading_comms.get(comm_id, 0) + 1

    def _sent_while_reading(self, comm_id: str, state: dict[str, Any]) -> None:
        for reading in self._readings.values():
            if reading.comm_id == comm_id:
                reading.sent_meanwhile |= reading.keys.intersection(state)
                reading.keys.difference_update(state)

    def _truth(
        self,
        token: int | None,
        comm_id: str,
        state: dict[str, Any],
        request_id: str | None,
        error: str | None,
    ) -> None:
        reading = self._readings.pop(token, None) if token is not None else None
        if reading is not None:
            left = self._reading_comms[comm_id] - 1
            if left:
                self._reading_comms[comm_id] = left
            else:
                del self._reading_comms[comm_id]
            state = {key: value for key, value in state.items() if key in reading.keys}
            if reading.sent_meanwhile:
                self._read_again(comm_id, sorted(reading.sent_meanwhile))
        if not self.linked:
            return
        op: PendingOp = {"op": "truth", "comm_id": comm_id, "state": state}
        if request_id is not None:
            op |= {"op": "settled", "request_id": request_id}
            if error is not None:
                op["error"] = error
        elif not state or comm_id not in self._targets:
            return
        self._barrier(op)

    def _capture(self, comm_id: str, state: dict[str, Any]) -> None:
        """Note which execution's output an Output widget takes: that is not the cell's."""
        if (
            state.get("_model_name") == "OutputModel"
            or comm_id in self._captures.values()
            or "msg_id" in state
        ):
            self._captures = {parent: owner for parent, owner in self._captures.items() if owner != comm_id}
            if state.get("msg_id"):
                self._captures[state["msg_id"]] = comm_id

    def _view(self, comm_id: str, parent: Parent | None) -> None:
        execution = parent_id(parent)
        if execution is None or execution in self._captures:
            return
        known = self._executions.get(execution, {})
        op: PendingOp = {"op": "view", "comm_id": comm_id, "msg_id": execution, **known}
        self._views[comm_id, known.get("cell_id", "")] = op
        if self.linked:
            self._barrier(dict(op))

    def _clear(self, parent: Parent | None) -> None:
        execution = parent_id(parent)
        if execution is None or execution in self._captures:
            return
        shown = [key for key, view in self._views.items() if view["msg_id"] == execution]
        for key in shown:
            del self._views[key]
        if shown and self.linked:
            self._barrier({"op": "clear_views", "msg_id": execution})

    def _log(self, name: str, text: str, parent: Parent) -> None:
        execution = parent_id(parent)
        if self.linked and execution is not None and execution not in self._captures:
            self._barrier({"op": "log", "name": name, "text": text, "cause": execution})

    def _input(self, parent: Parent | None, execution_count: int) -> None:
        execution = parent_id(parent)
        if execution is None or parent is None:
            return
        known: dict[str, Any] = {"execution_count": execution_count}
        cell_id = (parent.get("metadata") or {}).get("cellId")
        if isinstance(cell_id, str):
            known["cell_id"] = cell_id
        self._executions[execution] = known
        while len(self._executions) > MAX_EXECUTIONS:
            self._executions.popitem(last=False)

    def _reply(self, parent: Parent | None, status: str) -> None:
        execution = parent_id(parent)
        if execution is not None and parent_type(parent) == "execute_request":
            self._ended[execution] = status

    def _status(self, status: str, parent: Parent | None) -> None:
        execution = parent_id(parent)
        if execution is not None and status == "idle":
            ended = self._ended.pop(execution, "aborted")
            if self.linked:
                known = self._executions.get(execution, {})
                self._barrier({"op": "cell_end", "msg_id": execution, "status": ended, **known})
        if status not in ("busy", "idle"):
            return
        self._status_now = status
        if self.linked:
            self._barrier({"op": "status", "status": status})
