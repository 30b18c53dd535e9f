"""Encodes operations into frames for the room, each blob once.

What the room already has is not sent again: the bridge remembers a blob for `BLOB_MEMORY_SECONDS` after it
last sent or named it, the room keeps an unnamed one for longer (60 s). A value that has no place in the
document is left out and reported once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any, Final

from commdoc.errors import ValueEncodingError
from commdoc.kernel.coalescer import PendingOp
from commdoc.kernel.outputs import sendable
from commdoc.kernel.records import Refused
from commdoc.protocol import frames
from commdoc.protocol.messages import BlobType
from commdoc.protocol.outputs import encode_output
from commdoc.protocol.values import BLOB_THRESHOLD, EXACT_INT, BlobSentinel, encode, encode_buffers, sentinel

BLOB_MEMORY_SECONDS: Final = 20.0
"""A third of the room's grace time for unnamed blobs."""

FRAME_BYTES: Final = 8 * 1024 * 1024
"""A frame is closed when it has grown past this: the room stays responsive between frames."""

PLAIN_TEXT: Final = 128
"""A text of so many ASCII characters is no blob, whatever their escapes."""

OP_BYTES: Final = 192 * 1024 * 1024
"""Of blobs and buffers of one operation; with what is in its frame already it stays below what the room takes. A larger
frame would end the connection, and the next adoption would send it again.
"""

MAX_REPORTED: Final = 1_000
"""Keys whose refusal is remembered, so that it is reported once."""

logger = logging.getLogger(__name__)


class BatchEncoder:
    """Turns operations into frames.

    Parameters
    ----------
    clock : callable
        Seconds, monotonic.
    report : callable, optional
        Takes an exception that is no fault of a value; the operation is left out. Default: it is raised.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        report: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._clock = clock
        self._report = report
        self._sent: dict[str, float] = {}
        self._reported: set[tuple[str, str]] = set()
        self.batch = 0
        """Number of the last batch."""
        self.blob_threshold = BLOB_THRESHOLD
        """Bytes of the longest JSON text that is no blob."""

    def reset(self) -> None:
        """Forget what the room has: it may be another one."""
        self._sent.clear()

    def encode(self, ops: list[PendingOp]) -> Iterator[bytes]:
        """Yield the frames of `ops`, in order; at least one operation each."""
        self._forget()
        building = _Building()
        for op in ops:
            try:
                if op["op"] == "update" and _is_plain(op["state"]):
                    building.ops.append(op)
                    building.size += 64 * len(op["state"])
                else:
                    self._add(building, op)
            except Exception as error:
                if self._report is None:
                    raise
                self._report(error)
            if building.size > FRAME_BYTES:
                yield self._frame(building)
                building = _Building()
        if building.ops:
            yield self._frame(building)

    def _frame(self, building: _Building) -> bytes:
        self.batch += 1
        shift = len(building.blobs)
        for op in building.messages:
            op["buffers"] = [index + shift for index in op["buffers"]]
        message = {"type": "ops", "batch": self.batch, "ops": building.ops, "blobs": building.headers}
        return frames.encode(message, [*building.blobs, *building.buffers])

    def _add(self, building: _Building, op: PendingOp) -> None:
        building.op_bytes = 0

        def put(content: bytes, kind: BlobType) -> BlobSentinel:
            named = sentinel(content, kind)
            digest = named["$blob"]
            if digest not in self._sent:
                _check_size(building.op_bytes + len(content))
                building.op_bytes += len(content)
                building.blobs.append(content)
                building.headers.append({"hash": digest, "size": len(content), "type": kind})
                building.size += len(content)
            self._sent[digest] = self._clock()
            return named

        if "state" in op:
            op["state"] = self._state(op["comm_id"], op["state"], put)
            if op["op"] in ("update", "truth") and not op["state"]:
                return
            building.size += 64 * len(op["state"])
        self._add_outputs(building, op, put)
        if op["op"] == "message":
            if not self._message(building, op):
                return
        elif op["op"] == "open" and "data" in op:
            op.pop("buffers", None)
            for field in ("data", "metadata"):
                if field in op:
                    op[field] = self._value(op["comm_id"], field, op[field], put)
        building.ops.append(op)

    def _state(self, comm_id: str, state: dict[str, Any], put: Any) -> dict[str, Any]:
        out = {}
        for key, value in state.items():
            try:
                out[_text(key)] = encode(value, put, self.blob_threshold)
            except ValueEncodingError as error:
                self._refuse(comm_id, str(key), value, error)
        return out

    def _add_outputs(self, building: _Building, op: PendingOp, put: Any) -> None:
        if op["op"] in ("output", "set_output", "redisplay"):
            op["output"] = self._output(op.get("comm_id", "(cell)"), op["output"], put)
            building.size += 256
        elif op["op"] == "outputs":
            op["outputs"] = [self._output(op["comm_id"], output, put) for output in op["outputs"]]
            building.size += 256 * len(op["outputs"])
        elif op["op"] == "stream":
            op["text"] = sendable(op["text"])
            building.size += len(op["text"])

    def _output(self, comm_id: str, output: dict[str, Any], put: Any) -> Any:
        try:
            return encode_output(output, put, self.blob_threshold)
        except ValueEncodingError as error:
            self._refuse(comm_id, "(output)", output, error)
            return {"output_type": "stream", "name": "stderr", "text": f"[output left out: {error}]\n"}

    def _value(self, comm_id: str, key: str, value: Any, put: Any) -> Any:
        try:
            return encode(value, put, self.blob_threshold)
        except ValueEncodingError as error:
            self._refuse(comm_id, key, value, error)
            return None

    def _message(self, building: _Building, op: PendingOp) -> bool:
        inner: list[bytes] = []
        try:
            op["data"] = encode_buffers(op["data"], inner)
        except ValueEncodingError as error:
            self._refuse(op["comm_id"], "(message)", op["data"], error)
            return False
        if inner:  # plain Jupyter has no bytes in JSON either: it would send them as base64 text
            self._refuse(op["comm_id"], "(message)", None, ValueEncodingError("bytes outside of buffers"))
            return False
        parts = op["buffers"]
        try:
            _check_size(sum(map(len, parts)))
        except _TooLargeError as error:
            self._refuse(op["comm_id"], "(message)", None, error)
            return False
        first = len(building.buffers)
        building.buffers.extend(parts)
        building.size += sum(map(len, parts)) + 256
        op["buffers"] = list(range(first, first + len(parts)))
        building.messages.append(op)
        return True

    def _refuse(self, comm_id: str, key: str, value: Any, error: ValueEncodingError) -> None:
        if (comm_id, key) in self._reported:
            return
        if len(self._reported) >= MAX_REPORTED:
            self._reported.clear()
        self._reported.add((comm_id, key))
        logger.warning(
            "%r of comm %s is not in the document: %s. Jupyter's own front ends %s.",
            key,
            comm_id,
            value.reason if isinstance(value, Refused) else error,
            "have it" if isinstance(error, _TooLargeError) else "don't get such a value either",
        )

    def _forget(self) -> None:
        before = self._clock() - BLOB_MEMORY_SECONDS
        if any(when < before for when in self._sent.values()):
            self._sent = {digest: when for digest, when in self._sent.items() if when >= before}


class _Building:
    """A frame that grows."""

    def __init__(self) -> None:
        self.ops: list[PendingOp] = []
        self.blobs: list[bytes] = []
        self.headers: list[dict[str, Any]] = []
        self.buffers: list[bytes] = []
        self.messages: list[PendingOp] = []
        self.size = 0
        self.op_bytes = 0


def _is_plain(state: dict[str, Any]) -> bool:
    """Whether a state's encoding is the state itself: most updates are one number or a short text."""
    for key, value in state.items():
        if key.__class__ is not str or not key.isascii():
            return False
        kind = value.__class__
        if kind is int:
            if not -EXACT_INT <= value <= EXACT_INT:
                return False
        elif kind is str:
            if len(value) > PLAIN_TEXT or not value.isascii():
                return False
        elif kind is float:
            if not isfinite(value):
                return False
        elif kind is not bool and value is not None:
            return False
    return True


class _TooLargeError(ValueEncodingError):
    """An operation has more bytes than a frame may."""


def _check_size(size: int) -> None:
    if size > OP_BYTES:
        msg = f"with it there would be {size:,} bytes in one message, {OP_BYTES:,} are mirrored"
        raise _TooLargeError(msg)


def _text(key: object) -> str:
    if isinstance(key, str):
        try:
            key.encode()
        except UnicodeEncodeError:
            msg = "a key with a lone surrogate"
            raise ValueEncodingError(msg) from None
        return key
    return str(key)
