"""Frames of the y-protocols *sync* message, byte for byte: type 0, sub-type, varbytes."""

from __future__ import annotations

from enum import IntEnum

from commdoc.errors import ProtocolError
from commdoc.protocol import frames


class Sync(IntEnum):
    """Sub-types of a sync message: a state vector, what its sender lacked, what happened since."""

    STEP1 = 0
    STEP2 = 1
    UPDATE = 2


def sync_frame(kind: Sync, payload: bytes) -> bytes:
    """Return the frame of a sync message."""
    return b"".join((bytes((frames.SYNC, kind)), frames.write_varuint(len(payload)), payload))


def read_sync(frame: bytes) -> tuple[Sync, bytes]:
    """Return the sub-type and payload of a sync frame.

    Raises
    ------
    ProtocolError
        When it is cut off, has bytes left over, or is of an unknown sub-type.
    """
    kind, at = frames.read_varuint(frame, 1)
    if kind not in (0, 1, 2):
        msg = f"unknown sync message {kind}"
        raise ProtocolError(msg)
    size, at = frames.read_varuint(frame, at)
    if size != len(frame) - at:
        msg = f"a sync message claims {size} bytes, {len(frame) - at} are there"
        raise ProtocolError(msg)
    return Sync(kind), frame[at:]
