"""What the room is told of Output widgets: operations on their lists, in step with what was taken for them.

A list that was set otherwise than by capturing, or that is read because a room has to be told everything,
is told whole; what is in it and has not been told yet is not told again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from commdoc.kernel.capture import Captures
from commdoc.kernel.outputs import Captured, Output, OutputsNow, tellable
from commdoc.protocol.outputs import OUTPUTS, is_output_model

PendingOp = dict[str, Any]


class OutputMirror:
    """All Output widgets of the kernel.

    Parameters
    ----------
    captures : Captures
        What they hold.
    emit : callable
        Takes an operation; drops it while no room answers.
    """

    def __init__(self, captures: Captures, emit: Callable[[PendingOp], None]) -> None:
        self._captures = captures
        self._emit = emit
        self._ops: dict[str, OutputOps] = {}

    def opened(self, comm_id: str, state: dict[str, Any]) -> None:
        """Take in a comm whose state is going to be told."""
        if not is_output_model(state.get("_model_module"), state.get("_model_name")):
            return
        self._ops[comm_id] = ops = OutputOps(comm_id, self._emit)
        holder = self._captures.holders.get(comm_id)
        if holder is not None:
            state[OUTPUTS] = ops.told(holder.read())

    def closed(self, comm_id: str) -> None:
        """Forget a comm."""
        self._ops.pop(comm_id, None)

    def changed(self, comm_id: str, state: dict[str, Any]) -> None:
        """Take out of a changed state what is told by operations of its own."""
        if comm_id not in self._ops:
            return
        if state.pop(OUTPUTS, None) is not None:
            self._tell_all(comm_id)

    def captured(self, comm_id: str, message: Captured) -> None:
        """Tell what a message does to a widget's list."""
        ops, holder = self._ops.get(comm_id), self._captures.holders.get(comm_id)
        if holder is not None and holder.telling(message) and ops is not None:
            ops.apply(message)

    def _tell_all(self, comm_id: str) -> None:
        holder = self._captures.holders.get(comm_id)
        if holder is not None:
            outputs = self._ops[comm_id].told(holder.read())
            self._emit({"op": "outputs", "comm_id": comm_id, "outputs": outputs})


class OutputOps:
    """What the room is told of one Output widget's list: remembers places, not contents.

    Parameters
    ----------
    comm_id : str
        The widget's.
    emit : callable
        Takes an operation.
    """

    def __init__(self, comm_id: str, emit: Callable[[dict[str, Any]], None]) -> None:
        self._comm_id = comm_id
        self._emit = emit
        self._count = 0
        self._stream: str | None = None
        self._displays: dict[str, list[int]] = {}
        self._clear_next = False
        self._rewind = ""

    def told(self, now: OutputsNow) -> list[Output]:
        """Go on from this list, which the room is told; returns a copy for it."""
        outputs = list(map(tellable, now.outputs))
        self._count = len(outputs)
        last = outputs[-1] if outputs else {}
        self._stream = last.get("name") if last.get("output_type") == "stream" else None
        self._displays = now.displays
        self._clear_next = now.clear_next
        self._rewind = now.rewind
        return outputs

    def apply(self, message: Captured) -> None:
        """Tell the room what a message does to the list."""
        if message.kind == "clear_output":
            if message.content["wait"]:
                self._clear_next = True
            else:
                self._clear()
        elif message.kind == "update_display_data":
            output = {"output_type": "display_data", **message.content}
            for index in self._displays.get(message.display_id or "", ()):
                self._tell("set_output", index=index, output=output)
        else:
            if self._clear_next:
                self._clear()
            self._append(message)

    def _append(self, message: Captured) -> None:
        if message.kind == "stream":
            name = message.content["name"]
            rewind, self._rewind = self._rewind, ""
            if name != self._stream:
                self._count += 1
                self._stream, rewind = name, ""
            self._tell("stream", name=name, text=rewind + message.content["text"])
            return
        self._stream = None
        if message.display_id is not None:
            self._displays.setdefault(message.display_id, []).append(self._count)
        self._count += 1
        self._tell("output", output={"output_type": message.kind, **message.content})

    def _clear(self) -> None:
        if self._count:
            self._tell("outputs", outputs=[])
        self.told(OutputsNow())

    def _tell(self, op: str, **fields: Any) -> None:
        self._emit({"op": op, "comm_id": self._comm_id, **fields})
