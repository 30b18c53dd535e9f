"""What the bridge's operations do to the outputs of Output widgets.

    output, stream, outputs, set_output      what was captured, as it happened
    open, update, truth, settled             a state that carries `outputs`: the whole list

The document has the outputs as elements of their own, so they are taken out of a state before anything else sees it.
They are the kernel's alone: a window's request for `outputs` goes to the kernel and is not shown before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from commdoc.document import CommsLog
from commdoc.errors import BlobMissingError, CommdocError, ProtocolError
from commdoc.protocol.messages import BlobType, Encoded, State
from commdoc.protocol.outputs import (
    MSG_ID,
    OUTPUTS,
    EncodedOutput,
    decode_outputs,
    encode_output,
    inline_text,
    is_output_model,
)
from commdoc.protocol.values import BlobSentinel, blob_sentinels
from commdoc.rooms import fields
from commdoc.rooms.blobs import RoomBlobs

log = logging.getLogger(__name__)


class OutputOps:
    """Applies operations on outputs, inside a batch of the comms log.

    Parameters
    ----------
    new_blob : callable
        Told the hash of each blob that is made here.
    ask_again : callable
        Told the comm of which the bridge must be asked again.
    """

    def __init__(
        self,
        comms: CommsLog,
        blobs: RoomBlobs,
        new_blob: Callable[[str], None],
        ask_again: Callable[[str], None],
    ) -> None:
        self._comms = comms
        self._blobs = blobs
        self._new_blob = new_blob
        self._ask_again = ask_again

    def apply(self, op: Mapping[str, Any]) -> None:
        """Apply ``output``, ``stream``, ``outputs`` or ``set_output`` of an open comm.

        Raises
        ------
        ProtocolError
            When it is malformed, or the comm is no Output widget.
        ValueEncodingError
            When a text has a lone surrogate.
        """
        comm_id = fields.text(op, "comm_id")
        entry = self._comms.entry(comm_id)
        if entry is None or not entry.is_output_model:
            msg = f"{op['op']}: comm {comm_id} is no Output widget"
            raise ProtocolError(msg)
        match op["op"]:
            case "stream":
                self._comms.write_stream(comm_id, fields.text(op, "name"), fields.need(op, "text", str))
            case "output":
                self._comms.append_output(comm_id, self._present(comm_id, fields.need(op, "output", dict)))
            case "outputs":
                outputs = fields.items(op, "outputs", dict)
                self._comms.set_outputs(comm_id, [self._present(comm_id, output) for output in outputs])
            case "set_output":
                self._set(comm_id, fields.need(op, "index", int), fields.need(op, "output", dict))

    def taken(
        self, comm_id: str, state: State, *, opens: bool = False
    ) -> tuple[State, list[EncodedOutput] | None]:
        """Split a state of the kernel's into what is stored as state, and outputs; None when it carries none.

        Parameters
        ----------
        opens : bool
            Whether the state is a whole one, which says by itself what model it is of.
        """
        if OUTPUTS not in state and MSG_ID not in state:
            return state, None
        entry = self._comms.entry(comm_id)
        is_output = entry is not None and entry.is_output_model
        if opens:
            is_output = is_output_model(state.get("_model_module"), state.get("_model_name"))
        if not is_output:
            return state, None
        rest = {key: "" if key == MSG_ID else value for key, value in state.items() if key != OUTPUTS}
        return rest, self._outputs(comm_id, state[OUTPUTS]) if OUTPUTS in state else None

    def put_back(self, comm_id: str, outputs: list[EncodedOutput] | None) -> None:
        """Write what was taken out of a state."""
        if outputs is not None:
            self._comms.set_outputs(comm_id, outputs)

    # --- values --------------------------------------------------------------------------------------------------

    def _outputs(self, comm_id: str, encoded: Encoded) -> list[EncodedOutput] | None:
        """Return the outputs of a state, which come as any value does, with the blobs that outputs have."""
        try:
            return [encode_output(output, self._put) for output in decode_outputs(encoded, self._get)]
        except BlobMissingError as error:
            log.warning("comm %s: outputs: %s; asked again", comm_id, error)
            self._ask_again(comm_id)
        except CommdocError as error:
            log.warning("comm %s: outputs left out: %s", comm_id, error)
        return None

    def _set(self, comm_id: str, index: int, output: EncodedOutput) -> None:
        present = self._present(comm_id, output)
        try:
            self._comms.set_output(comm_id, index, present)
        except IndexError:
            self._ask_again(comm_id)
            msg = f"set_output: comm {comm_id} has no output {index}; it is asked for again"
            raise ProtocolError(msg) from None

    def _present(self, comm_id: str, output: EncodedOutput) -> EncodedOutput:
        """Leave out what names a blob that is not here; an output keeps its place."""
        missing = {blob["$blob"] for blob in blob_sentinels(output) if not self._blobs.touch(blob["$blob"])}
        if missing:
            log.warning(
                "comm %s: an output names %d blobs that are not here; asked again", comm_id, len(missing)
            )
            self._ask_again(comm_id)
            output = _without(output, missing)
        return inline_text(output, self._get)

    def _get(self, blob: BlobSentinel) -> bytes:
        content = self._blobs.get(blob["$blob"])
        if content is None:
            msg = f"blob {blob['$blob']!r:.20} is not here"
            raise BlobMissingError(msg)
        return content

    def _put(self, content: bytes, kind: BlobType) -> BlobSentinel:
        digest, new = self._blobs.add(content)
        if new:
            self._new_blob(digest)
        return {"$blob": digest, "size": len(content), "type": kind}


def _without(encoded: Encoded, missing: set[str]) -> Any:
    if isinstance(encoded, list):
        return [_without(item, missing) for item in encoded if not _is_missing(item, missing)]
    if isinstance(encoded, dict):
        return {
            key: _without(item, missing) for key, item in encoded.items() if not _is_missing(item, missing)
        }
    return encoded


def _is_missing(encoded: Encoded, missing: set[str]) -> bool:
    return isinstance(encoded, dict) and encoded.get("$blob") in missing
