"""What the bridge's operations do: to the document, to open requests, to the windows.

One `OpsWriter` belongs to one life (epoch) of a kernel. It is called inside a batch of the comms log; events that
it emits are sent when the batch is in the document. A bad operation is skipped with a reason; the others go on.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from commdoc.document import CommsLog
from commdoc.errors import CommdocError, ProtocolError
from commdoc.protocol import values
from commdoc.protocol.messages import Encoded, State
from commdoc.protocol.outputs import OUTPUTS
from commdoc.rooms import fields
from commdoc.rooms.blobs import RoomBlobs
from commdoc.rooms.output_ops import OutputOps
from commdoc.rooms.requests import Requests

log = logging.getLogger(__name__)

REMEMBERED_CLOSED: Final = 10_000
"""Closed comms whose late updates are ignored; an update for a comm that is neither open nor here was missed."""

WRITES: Final = frozenset(
    {"open", "update", "close", "settled", "truth", "output", "stream", "outputs", "set_output"}
)
"""Operations that change what a comm's earlier message must be seen with."""


@dataclass
class Heard:
    """Up to which number a room has had the messages of a bridge: one that lost its connection repeats the last.

    Attributes
    ----------
    source : str
        The key of the bridge.
    """

    source: str = ""
    number: int = 0

    def from_source(self, key: str) -> None:
        """A bridge is there; another one begins to count anew."""
        if key != self.source:
            self.source, self.number = key, 0

    def is_new(self, number: int) -> bool:
        """Tell whether a message was not had before, and note it."""
        new = number > self.number
        self.number = max(self.number, number)
        return new


class RoomNews(Protocol):
    """What an operation has to say to others."""

    def emit(self, message: dict[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Send an event to all windows behind this batch."""

    def resync(self, comm_ids: list[str]) -> None:
        """Ask the bridge to read these comms again."""

    def kernel_status(self, status: str) -> None:
        """Tell everybody whether the kernel is busy."""

    def new_blob(self, digest: str) -> None:
        """Push a blob that the room made itself."""

    def redisplay(self, op: Mapping[str, Any]) -> None:
        """Change a display in the notebook's cells, after this batch."""


class OpsWriter:
    """Applies operations.

    Parameters
    ----------
    epoch : str
        With which new comms are tagged.
    heard : Heard
        Which messages the room has had.
    """

    def __init__(
        self,
        comms: CommsLog,
        requests: Requests,
        blobs: RoomBlobs,
        news: RoomNews,
        epoch: str,
        heard: Heard | None = None,
    ) -> None:
        self._comms = comms
        self._requests = requests
        self._blobs = blobs
        self._news = news
        self._epoch = epoch
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._messaged: set[str] = set()
        self._heard = heard or Heard()
        self._resync: dict[str, None] = {}
        self._outputs = OutputOps(comms, blobs, news.new_blob, self._ask_again)
        self._table: dict[str, Callable[[Mapping[str, Any], list[memoryview]], None]] = {
            "open": self._open,
            "update": self._update,
            "close": self._close,
            "message": self._message,
            "settled": self._settled,
            "handled": self._handled,
            "truth": self._truth,
            "view": self._view,
            "clear_views": self._clear_views,
            "status": self._status,
            "cell_end": self._cell_end,
            "log": self._log,
            "adopted": self._adopted,
            "output": self._output,
            "stream": self._output,
            "outputs": self._output,
            "set_output": self._output,
            "redisplay": self._redisplay,
        }

    def begin(self) -> None:
        """Begin a transaction."""
        self._messaged.clear()

    def end(self) -> None:
        """End a transaction: ask for what was found missing."""
        if self._resync:
            self._news.resync(list(self._resync))
            self._resync.clear()

    def splits(self, op: object) -> bool:
        """Tell whether `op` must be in a later transaction: its comm's message is to be seen with the state before."""
        return isinstance(op, dict) and op.get("op") in WRITES and op.get("comm_id") in self._messaged

    def apply(self, op: object, buffers: list[memoryview]) -> None:
        """Apply one operation.

        Raises
        ------
        CommdocError
            With the reason why it was skipped.
        """
        if not isinstance(op, dict):
            msg = f"an op is an object, not {type(op).__name__}"
            raise ProtocolError(msg)
        handle = self._table.get(fields.text(op, "op"))
        if handle is None:
            if op["op"].startswith("x-"):
                return
            msg = f"unknown op {op['op']!r:.60}"
            raise ProtocolError(msg)
        handle(op, buffers)

    def write(self, comm_id: str, state: State) -> None:
        """Write what a request's end changed, if the comm is still there."""
        if state and comm_id in self._comms:
            self._comms.update(comm_id, state)

    # --- one method per op ---------------------------------------------------------------------------------------

    def _open(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        comm_id = fields.text(op, "comm_id")
        target = fields.text(op, "target_name")
        state, outputs = None, None
        if op.get("state") is not None:
            state, outputs = self._outputs.taken(comm_id, fields.need(op, "state", dict), opens=True)
            state = self._present(comm_id, state)
            if comm_id in self._comms:
                shown = self._requests.update(comm_id, state, None)
                known = self._comms.state(comm_id)
                state = {key: shown.get(key, known.get(key, value)) for key, value in state.items()}
        data, metadata = op.get("data"), op.get("metadata")
        self._present(comm_id, {"data": data, "metadata": metadata})
        self._closed.pop(comm_id, None)
        self._comms.open(
            comm_id, epoch=self._epoch, target_name=target, state=state, data=data, metadata=metadata
        )
        self._outputs.put_back(comm_id, outputs)

    def _update(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        comm_id, state = self._known(op)
        if comm_id is not None:
            self.write(comm_id, self._requests.update(comm_id, state, fields.maybe_text(op, "cause")))

    def _truth(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        comm_id, state = self._known(op)
        if comm_id is not None:
            self.write(comm_id, self._requests.update(comm_id, state, None))

    def _settled(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        comm_id = fields.text(op, "comm_id")
        request_id = fields.text(op, "request_id")
        state, outputs = self._outputs.taken(comm_id, fields.need(op, "state", dict))
        state = self._present(comm_id, state)
        self._outputs.put_back(comm_id, outputs)
        answer = state if outputs is None else {**state, OUTPUTS: self._comms.outputs(comm_id)}
        error = op.get("error")
        shown = self._requests.settled(comm_id, request_id, answer, None if error is None else str(error))
        self.write(comm_id, shown)

    def _handled(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        error = fields.maybe_text(op, "error")
        self._requests.handled(fields.text(op, "comm_id"), fields.text(op, "message_id"), error)

    def _close(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        comm_id = fields.text(op, "comm_id")
        self._closed[comm_id] = None
        while len(self._closed) > REMEMBERED_CLOSED:
            self._closed.popitem(last=False)
        self._requests.closed(comm_id)
        self._comms.close(comm_id)

    def _message(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        comm_id = fields.text(op, "comm_id")
        number = fields.need(op, "number", int) if "number" in op else None
        taken = fields.chosen(op, buffers)
        if number is not None and not self._heard.is_new(number):
            return
        message: dict[str, Any] = {"type": "message", "comm_id": comm_id, "buffers": list(range(len(taken)))}

        def move(index: int) -> Encoded:
            if not 0 <= index < len(buffers):
                msg = f"message: buffer {index} of {len(buffers)}"
                raise ProtocolError(msg)
            taken.append(buffers[index])
            return {"$buffer": len(taken) - 1}

        message["data"] = values.map_buffers(op.get("data"), move)
        if number is not None:
            message |= {"source": self._heard.source, "number": number}
        self._messaged.add(comm_id)
        self._news.emit(message, taken)

    def _view(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        comm_id = fields.text(op, "comm_id")
        view: dict[str, Any] = {"msg_id": fields.text(op, "msg_id")}
        if (cell_id := fields.maybe_text(op, "cell_id")) is not None:
            view["cell_id"] = cell_id
        if op.get("execution_count") is not None:
            view["execution_count"] = fields.need(op, "execution_count", int)
        self._comms.set_view(comm_id, view)

    def _clear_views(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        self._comms.clear_views(fields.text(op, "msg_id"))

    def _status(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        status = fields.text(op, "status")
        if status not in ("busy", "idle"):
            msg = f"status: {status!r:.40} is neither busy nor idle"
            raise ProtocolError(msg)
        self._news.kernel_status(status)

    def _cell_end(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        names = ("msg_id", "cell_id", "execution_count", "status")
        fields.text(op, "msg_id")
        self._news.emit(
            {"type": "cell_end", **{name: op[name] for name in names if op.get(name) is not None}}
        )

    def _log(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        message = {"type": "log", "name": fields.text(op, "name"), "text": fields.need(op, "text", str)}
        self._news.emit({**message, "cause": fields.maybe_text(op, "cause")})

    def _adopted(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        kept = set(fields.items(op, "comm_ids", str))
        for comm_id in self._comms.comm_ids(self._epoch):
            if comm_id not in kept:
                self._close({"comm_id": comm_id}, buffers)

    def _output(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        if self._is_open(fields.text(op, "comm_id")):
            self._outputs.apply(op)

    def _redisplay(self, op: Mapping[str, Any], buffers: list[memoryview]) -> None:
        self._news.redisplay(op)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _known(self, op: Mapping[str, Any]) -> tuple[str | None, State]:
        comm_id = fields.text(op, "comm_id")
        state = fields.need(op, "state", dict)
        if not self._is_open(comm_id):
            return None, {}
        state, outputs = self._outputs.taken(comm_id, state)
        state = self._present(comm_id, state)
        self._outputs.put_back(comm_id, outputs)
        return comm_id, state

    def _is_open(self, comm_id: str) -> bool:
        if comm_id in self._comms:
            return True
        if comm_id not in self._closed:
            self._ask_again(comm_id)
        return False

    def _ask_again(self, comm_id: str) -> None:
        self._resync[comm_id] = None

    def _present(self, comm_id: str, state: State) -> State:
        """Leave out keys that name a blob which is not here: windows count on what the document names."""
        present: State = {}
        for key, value in state.items():
            missing = None
            for blob in values.blob_sentinels(value):
                digest = blob["$blob"]
                if not (self._blobs.touch(digest)):
                    missing = digest
            if missing is None:
                present[key] = value
            else:
                log.warning(
                    "comm %s: %s names the blob %.16s, which is not here; asked again", comm_id, key, missing
                )
                self._ask_again(comm_id)
        return present


def skipped(op: object, error: CommdocError) -> str:
    """Return the reason the bridge is told for an operation that was skipped."""
    name = op.get("op") if isinstance(op, dict) else None
    comm_id = op.get("comm_id") if isinstance(op, dict) else None
    return f"op {name!r:.40} of comm {comm_id!r:.80} skipped: {error}"
