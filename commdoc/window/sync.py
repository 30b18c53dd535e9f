"""The y-protocols sync messages, as a window speaks them, and the clocks of a state vector.

Frame: varuint 0, varuint step, then the payload as varbytes. Step 1 carries a state vector and is answered by step 2,
an update with what the sender lacks; step *update* is one of its own accord.
"""

from __future__ import annotations

from typing import Any, Final

from pycrdt import Doc

from commdoc.errors import ProtocolError
from commdoc.protocol.frames import SYNC, read_varuint, write_varuint

STEP1: Final = 0
STEP2: Final = 1
UPDATE: Final = 2

EMPTY_UPDATE: Final = b"\x00\x00"

EMPTY_STATE: Final = b"\x00"
"""State vector of a document that has nothing."""


def read(frame: bytes) -> tuple[int, bytes]:
    """Return the step and the payload of a sync frame.

    Raises
    ------
    ProtocolError
        When it is cut off or of an unknown step.
    """
    _, at = read_varuint(frame, 0)
    step, at = read_varuint(frame, at)
    size, at = read_varuint(frame, at)
    if step not in (STEP1, STEP2, UPDATE) or at + size != len(frame):
        msg = f"no sync message: step {step}, {size} bytes claimed, {len(frame) - at} there"
        raise ProtocolError(msg)
    return step, frame[at:]


def write(step: int, payload: bytes) -> bytes:
    """Return a sync frame."""
    return b"".join((write_varuint(SYNC), write_varuint(step), write_varuint(len(payload)), payload))


def step1(doc: Doc[Any]) -> bytes:
    """Ask for what `doc` lacks."""
    return write(STEP1, doc.get_state())


def step2(doc: Doc[Any], state_vector: bytes) -> bytes:
    """Answer a step 1."""
    try:
        return write(STEP2, doc.get_update(state_vector))
    except (ValueError, RuntimeError) as error:
        msg = f"no state vector: {error}"
        raise ProtocolError(msg) from error


def apply(doc: Doc[Any], update: bytes) -> None:
    """Apply an update.

    Raises
    ------
    ProtocolError
        When it is not one.
    """
    if update == EMPTY_UPDATE:
        return
    try:
        doc.apply_update(update)
    except (ValueError, RuntimeError) as error:
        msg = f"no update: {error}"
        raise ProtocolError(msg) from error


def clock(doc: Doc[Any], client_id: int) -> int:
    """Return how many elements of `client_id` the document has."""
    vector = doc.get_state()
    count, at = read_varuint(vector, 0)
    for _ in range(count):
        client, at = read_varuint(vector, at)
        number, at = read_varuint(vector, at)
        if client == client_id:
            return number
    return 0
