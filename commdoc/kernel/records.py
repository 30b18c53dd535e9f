"""What the hook notes down of a message, and how it keeps the values as they were at that moment.

A record is a plain tuple, its first item the kind: building one costs 30 ns, a NamedTuple's ten times as
much, and the hook runs for every message of the kernel. `freeze` takes immutable scalars as they are and
copies containers, since user code may change them before the flush thread encodes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any, Final

from jupyter_client.jsonutil import json_default

from commdoc.protocol.values import MAX_DEPTH


class Kind(IntEnum):
    """First item of a record; the comment tells the other items.

    `parent` is the Jupyter message that was being handled (a dict with ``header`` and ``metadata``) or None.
    """

    UPDATE = 1  # comm_id, state, buffer_paths, buffers, parent, thread id, rest | None
    OPEN = 2  # comm_id, target_name, data, buffers, metadata
    CLOSE = 3  # comm_id, whether the kernel declined to open it (default: no)
    MESSAGE = 4  # comm_id, data, buffers
    BEGIN = 5  # token, comm_id, keys, thread id: the kernel's values are about to be read
    TRUTH = 6  # token, comm_id, state (buffers in place), request_id | None, error | None
    VIEW = 7  # comm_id, parent
    CLEAR = 8  # parent: the execution's output is gone
    LOG = 9  # stream name, text, parent
    INPUT = 10  # parent, execution_count
    STATUS = 11  # "busy" | "idle", parent
    REPLY = 12  # parent, status of the execution
    CAPTURED = 13  # comm_id of an Output widget, `outputs.Captured`
    SHOWN = 14  # display_id, ordinal among the outputs of its execution that are no streams, shown, parent
    REDISPLAYED = 15  # display_id, shown
    CELLS = 16  # whether the room has the notebook's cells
    HANDLED = 17  # comm_id, msg_id of a message of the room's, error | None
    ADOPT = 18  # comm_ids | None for all: read the state of these comms
    UP = 19  # a room answers and wants to be told everything
    DOWN = 20  # no room answers
    READY = 21  # the link can take a batch again
    STOP = 22  # the flush thread ends
    INTERRUPTED = 23  # an execution was interrupted, perhaps between what it set and what would have told it


Record = tuple[Any, ...]

SCALARS: Final = frozenset((str, int, float, bool, type(None)))
"""Types that never change and that JSON has."""

Parent = dict[str, Any]


class Refused:
    """Stands for a value that can't be frozen: plain Jupyter would refuse it, too.

    Attributes
    ----------
    reason : str
        What was wrong with it.
    """

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


def freeze(value: Any) -> Any:
    """Return a copy of `value` that nobody else can change, or a `Refused`; never raises.

    Lists and dicts of scalars are copied at C speed. Bytes-like objects become bytes, also non-contiguous
    ones. What is neither goes through the session's own JSON conversion (dates, numpy scalars).
    """
    try:
        return _freeze(value, 0)
    except Exception as error:  # noqa: BLE001 - objects of users: anything can come out of them
        return Refused(_reason(error))


def freeze_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with each value frozen for itself: one that is refused costs no other."""
    state = state.copy()
    for key, value in state.items():
        if value.__class__ not in SCALARS:
            state[key] = freeze(value)
    return state


def freeze_buffers(buffers: Sequence[Any] | None) -> list[bytes]:
    """Return copies of a message's buffers."""
    return [each if each.__class__ is bytes else memoryview(each).tobytes() for each in buffers or ()]


def parent_id(parent: Parent | None) -> str | None:
    """Return the ``msg_id`` of a parent message, or None."""
    header = parent.get("header") if parent else None
    return header.get("msg_id") if header else None


def parent_type(parent: Parent | None) -> str | None:
    """Return the ``msg_type`` of a parent message, or None."""
    header = parent.get("header") if parent else None
    return header.get("msg_type") if header else None


def _freeze(value: Any, depth: int) -> Any:
    kind = value.__class__
    if kind in SCALARS or kind is bytes:
        return value
    if depth > MAX_DEPTH:
        # Ends the whole value: a list that holds itself twice has 2 ** MAX_DEPTH ways down.
        msg = f"nested deeper than {MAX_DEPTH}, or a cycle"
        raise ValueError(msg)
    if kind is list or kind is tuple:
        if SCALARS.issuperset(map(type, value)):
            return list(value)
        return [_freeze(item, depth + 1) for item in value]
    if kind is dict:
        if SCALARS.issuperset(map(type, value.values())):
            return value.copy()
        return {key: _freeze(item, depth + 1) for key, item in value.copy().items()}
    return _freeze_other(value, depth)


def _freeze_other(value: Any, depth: int) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, dict):
        return _freeze(dict(value), depth)
    if isinstance(value, list | tuple):
        return _freeze(list(value), depth)
    return json.loads(json.dumps(value, default=_to_json))


def _to_json(value: Any) -> Any:
    if isinstance(value, Iterator):
        # The session's own conversion is going to read it; two can't.
        msg = "an iterator can be read only once"
        raise TypeError(msg)
    return json_default(value)


def _reason(error: Exception) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 - an error whose text raises
        return type(error).__name__
