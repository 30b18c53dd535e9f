"""Merges what the hook noted into what the room is told: one order, and the last value of each key wins.

Records go in (`feed`), operations come out (`take`), at most one update per comm between two barriers. No
thread, no clock, no I/O: the flush thread around it decides when. Values stay Python values; `batch`
encodes the few that are left.

The rules of convergence that live here:

1. One FIFO for the hook's records, the truths and the barriers; a truth replaces pending values of its keys.
2. A truth is the kernel's value, read between its `BEGIN` and its `TRUTH` record. A key that was sent, or
   began to be read again, in between is not taken from it. A key that was *sent* in between is read once
   more (`read_again`), since nobody can say whether that send was newer than the reading.

A trait may be a command: plotly sets one to what front ends are to do, and to None at once. Merged, nobody would hear
of it. So a dict or list of which the next value is None, before it was told, goes out as two messages with these
updates, as plain front ends get them; the document has None. Late windows get none of it.

A thread may be overtaken between reading a trait and sending it: when another thread than the last writes a key, it
is read again, too.

While no room answers, state is not kept but read when one does. Events (custom messages, and the
acknowledgements of what windows asked) wait, and follow the comms that were read. Messages are numbered: those that
were on their way when the connection ended are said again, and who has had them knows them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from commdoc.errors import ValueEncodingError
from commdoc.kernel.capture import Captures
from commdoc.kernel.cells import Cells, PendingOp
from commdoc.kernel.hook import CONTROL_TARGET, WIDGET_TARGET
from commdoc.kernel.output_ops import OutputMirror
from commdoc.kernel.records import Kind, Parent, Record
from commdoc.protocol.values import put_buffers, take_buffers

MAX_WAITING: Final = 20_000
"""Operations that wait for a room; beyond, state is read again later and the oldest events are left out."""

MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""The same for what these operations hold."""

EVENTS: Final = frozenset({"message", "settled", "handled"})
"""Operations that are kept while no room answers."""

__all__ = ["EVENTS", "Coalescer", "PendingOp"]


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
    captures : Captures
        What Output widgets hold.
    """

    def __init__(
        self,
        read_again: Callable[[str, list[str]], None],
        report: Callable[[str], None],
        captures: Captures | None = None,
    ) -> None:
        self._read_again = read_again
        self._report = report
        self._ops: list[PendingOp] = []
        self._updates: dict[str, PendingOp] = {}
        self._events: deque[PendingOp] = deque()
        self._event_bytes = 0
        self._number = 0
        self._weighed = self._weight = self._weighty = 0
        self._targets: dict[str, str] = {}
        self._readings: dict[int, _Reading] = {}
        self._reading_comms: dict[str, int] = {}
        self._asked: dict[str, set[str]] = {}
        self._first_writers: dict[str, int] = {}
        self._writers: dict[str, dict[str, int]] = {}
        self._outputs = outputs = OutputMirror(captures or Captures(lambda _: None), self._emit)
        self._cells = cells = Cells(self._emit)
        self.remember_view = cells.remember_view
        self.recall_views = cells.recall
        self.views = cells.shown
        self._feeds: dict[int, Callable[..., None]] = {
            Kind.UPDATE: self._update,
            Kind.OPEN: self._open,
            Kind.CLOSE: self._close,
            Kind.MESSAGE: self._message,
            Kind.BEGIN: self._begin,
            Kind.TRUTH: self._truth,
            Kind.VIEW: cells.view,
            Kind.CLEAR: cells.clear,
            Kind.LOG: cells.log,
            Kind.INPUT: cells.input,
            Kind.STATUS: cells.status,
            Kind.REPLY: cells.reply,
            Kind.SHOWN: cells.displays.shown,
            Kind.REDISPLAYED: cells.displays.redisplayed,
            Kind.CELLS: cells.displays.follow,
            Kind.CAPTURED: outputs.captured,
            Kind.HANDLED: self._handled,
        }
        self._adopting = False
        self.linked = False
        """Whether a room takes operations."""
        self.urgent = False
        """Whether somebody waits for one of the operations that wait."""

    def __len__(self) -> int:
        """Return the number of operations and events that wait."""
        return len(self._ops) + len(self._events)

    def feed(self, record: Record) -> None:
        """Take one record, in order."""
        self._feeds[record[0]](*record[1:])

    def take(self) -> list[PendingOp]:
        """Return the waiting operations in order, and forget them."""
        ops, self._ops = self._ops, []
        self._updates, self.urgent = {}, False
        self._weighed = self._weight = self._weighty = 0
        return ops

    def overfull(self) -> bool:
        """Whether so much waits that reading everything again, later, is better than keeping it."""
        for op in self._ops[self._weighed :]:
            if op["op"] != "open":  # what is open is in memory anyway, and is read again in the same size
                self._weighty += 1
                self._weight += _size(op)
        self._weighed = len(self._ops)
        return self._weighty > MAX_WAITING or self._weight > MAX_WAITING_BYTES

    # --- the room ------------------------------------------------------------------------------------------------

    def link(self, *, adopting: bool = False) -> None:
        """Begin to keep state: a room answers.

        With `adopting`, the comms are about to be read: events wait until `adopted` or `release`.
        """
        self.linked = True
        self._adopting = adopting

    def unlink(self, unheard: Iterable[PendingOp] = ()) -> None:
        """No room answers: from now on only events are kept, behind those of which nobody knows whether it has them."""
        self.linked = self._adopting = False
        for op in [*unheard, *self.take()]:
            if op["op"] == "settled":
                self._wait({**op, "state": {}})  # the values are told by the next adoption
            elif op["op"] in EVENTS and not self._is_command(op):
                self._wait(op)

    def adopt(self, comm_id: str, target_name: str, state: dict[str, Any] | None) -> None:
        """Take in a comm whose state was just read."""
        self._targets[comm_id] = target_name
        if state is not None:
            self._outputs.opened(comm_id, state)
        if self.linked:
            op: PendingOp = {"op": "open", "comm_id": comm_id, "target_name": target_name}
            op |= {"data": {}} if state is None else {"state": state}
            self._barrier(op)

    def adopted(self, comm_ids: list[str]) -> None:
        """All comms of the kernel have been taken in: forget others, show views again, let events go."""
        live = set(comm_ids)
        for comm_id in self._targets.keys() - live:
            self._forget(comm_id)
        if self.linked:
            self._barrier({"op": "adopted", "comm_ids": comm_ids})
            self._cells.replay(live)
            self.release()

    def release(self) -> None:
        """Let the events go that waited for the comms to be read."""
        self._adopting = False
        for op in self._events:
            if op["op"] != "message" or op["comm_id"] in self._targets:
                self._barrier(op)
        self._events.clear()
        self._event_bytes = 0

    @property
    def targets(self) -> Mapping[str, str]:
        """The comms that are known, and their target names."""
        return self._targets

    def knows(self, comm_id: str) -> bool:
        """Whether the comm was adopted or seen to open, and not to close."""
        return comm_id in self._targets

    # --- records -------------------------------------------------------------------------------------------------

    def _barrier(self, op: PendingOp) -> None:
        self._ops.append(op)
        self._updates = {}

    def _emit(self, op: PendingOp) -> None:
        if self.linked:
            self._barrier(op)

    def _update(
        self,
        comm_id: str,
        state: dict[str, Any],
        paths: Any,
        buffers: Any,
        parent: Parent | None,
        thread: int,
        rest: dict[str, Any] | None = None,
    ) -> None:
        target = self._targets.get(comm_id)
        if target is None:
            return  # not adopted yet: its state is going to be read
        if target != WIDGET_TARGET:
            rest = rest or {"method": "update", "buffer_paths": list(paths)}
            self._message(comm_id, {**rest, "state": state}, buffers)
            return
        if paths:
            try:
                state = put_buffers(state, paths, buffers)
            except ValueEncodingError as error:
                self._report(f"update of comm {comm_id} left out: {error}")
                return
        else:
            state = state.copy()  # the hook may still be writing into this one, and puts it here once more
        self._outputs.changed(comm_id, state)
        if comm_id in self._reading_comms:
            self._sent_while_reading(comm_id, state)
        if self._first_writers.get(comm_id) != thread or comm_id in self._writers:
            overtaken = self._written(comm_id, state, thread)
            if overtaken:
                self._ask(comm_id, overtaken)
        if not self.linked or not state:
            return
        header = parent.get("header") if parent else None
        cause = header["msg_id"] if header and header.get("msg_type") == "comm_msg" else None
        op = self._updates.get(comm_id)
        if op is not None and op.get("cause") == cause:
            commands = {
                key: op["state"][key]
                for key, value in state.items()
                if value is None and op["state"].get(key).__class__ in (dict, list)
            }
            op["state"].update(state)
            if commands:
                self._command(comm_id, commands)
            return
        op = {"op": "update", "comm_id": comm_id, "state": state}
        if cause is not None:
            op["cause"] = cause
        self._ops.append(op)
        self._updates[comm_id] = op

    def _command(self, comm_id: str, state: dict[str, Any]) -> None:
        """Tell values that were taken back at once, and that they were; to who is there now, or nobody."""
        if self._adopting:
            return  # what waits would come behind values that are newer
        state, paths, buffers = take_buffers(state)
        self._message(comm_id, {"method": "update", "state": state, "buffer_paths": paths}, buffers)
        self._message(comm_id, {"method": "update", "state": dict.fromkeys(state)}, [])

    def _is_command(self, op: PendingOp) -> bool:
        data = op.get("data")
        is_update = isinstance(data, dict) and data.get("method") == "update"
        return is_update and self._targets.get(op["comm_id"]) == WIDGET_TARGET

    def _open(self, comm_id: str, target_name: str, data: Any, buffers: Any, metadata: Any) -> None:
        self._targets[comm_id] = target_name
        op: PendingOp = {"op": "open", "comm_id": comm_id, "target_name": target_name}
        if target_name == WIDGET_TARGET and isinstance(data, dict):
            op["state"] = state = data.get("state") or {}
            try:
                op["state"] = put_buffers(state, data.get("buffer_paths") or [], buffers)
            except ValueEncodingError as error:
                self._report(f"buffers of comm {comm_id} left out: {error}")
            self._outputs.opened(comm_id, op["state"])
        else:
            op["data"] = data
            if metadata:
                op["metadata"] = metadata
        self._emit(op)

    def _close(self, comm_id: str, declined: bool = False) -> None:
        if comm_id in self._targets:
            self._forget(comm_id)
            self._emit({"op": "close", "comm_id": comm_id})
        elif declined:
            self._emit({"op": "close", "comm_id": comm_id})

    def _forget(self, comm_id: str) -> None:
        del self._targets[comm_id]
        self._asked.pop(comm_id, None)
        self._first_writers.pop(comm_id, None)
        self._writers.pop(comm_id, None)
        self._cells.forget(comm_id)
        self._outputs.closed(comm_id)

    def _message(self, comm_id: str, data: Any, buffers: list[bytes]) -> None:
        if self._targets.get(comm_id) == CONTROL_TARGET:
            return
        self._number += 1
        op: PendingOp = {
            "op": "message",
            "comm_id": comm_id,
            "data": data,
            "buffers": buffers,
            "number": self._number,
        }
        self._event(op)

    def _handled(self, comm_id: str, message_id: str, error: str | None) -> None:
        op: PendingOp = {"op": "handled", "comm_id": comm_id, "message_id": message_id}
        self._event(op if error is None else {**op, "error": error})

    def _event(self, op: PendingOp) -> None:
        if self.linked and not self._adopting:
            self._barrier(op)
            self.urgent = True
        else:
            self._wait(op)

    def _wait(self, op: PendingOp) -> None:
        """Keep an event until the comms have been read; the oldest go when there are too many."""
        self._events.append(op)
        self._event_bytes += _size(op)
        while len(self._events) > MAX_WAITING or self._event_bytes > MAX_WAITING_BYTES:
            self._event_bytes -= _size(self._events.popleft())
            self._report(
                "the room has not taken custom messages for too long: the oldest are left out "
                f"(limits: {MAX_WAITING} messages, {MAX_WAITING_BYTES} bytes)"
            )

    # --- readings ------------------------------------------------------------------------------------------------

    def _ask(self, comm_id: str, keys: set[str]) -> None:
        """Have keys read, unless that is going to happen: a busy kernel does it when it is free."""
        asked = self._asked.setdefault(comm_id, set())
        if not keys <= asked:
            asked |= keys
            self._read_again(comm_id, sorted(keys))

    def _written(self, comm_id: str, keys: Iterable[str], thread: int) -> set[str]:
        """Note who wrote the keys last; return those that another thread had written before."""
        first = self._first_writers.setdefault(comm_id, thread)
        if first == thread and comm_id not in self._writers:
            return set()
        writers = self._writers.setdefault(comm_id, {})
        others = {key for key in keys if writers.get(key, first) != thread}
        writers.update(dict.fromkeys(keys, thread))
        return others

    def _begin(self, token: int, comm_id: str, keys: list[str], thread: int) -> None:
        self._written(comm_id, keys, thread)
        if comm_id in self._asked:
            self._asked[comm_id].difference_update(keys)
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
            left = self._reading_comms.pop(comm_id) - 1
            if left:
                self._reading_comms[comm_id] = left
            state = {key: value for key, value in state.items() if key in reading.keys}
            self._outputs.changed(comm_id, state)
            if reading.sent_meanwhile:
                self._ask(comm_id, reading.sent_meanwhile)
        if request_id is None:
            if state and comm_id in self._targets:
                self._emit({"op": "truth", "comm_id": comm_id, "state": state})
            return
        op: PendingOp = {"op": "settled", "comm_id": comm_id, "state": state, "request_id": request_id}
        if error is not None:
            op["error"] = error
        if self.linked:
            self._barrier(op)
            self.urgent = True
        else:
            self._wait({**op, "state": {}})


def _size(value: Any) -> int:
    """Return about how many bytes a frozen value keeps."""
    kind = value.__class__
    if kind is bytes or kind is str:
        return 64 + len(value)
    if kind is dict:
        return 64 + sum(map(_size, value.values()))
    if kind is list:
        return 64 + sum(map(_size, value))
    return 32
