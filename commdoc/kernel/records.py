"""What the hook notes down of a message, and how it keeps the values as they were at that moment.

A record is a plain tuple, its first item the kind: building one costs 30 ns, a NamedTuple's ten times as
much, and the hook runs for every message of the kernel. `freeze` takes immutable scalars as they are and
copies containers, since user code may change them before the flush thread encodes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, Final

from jupyter_client.jsonutil import json_default

from commdoc.protocol.values import MAX_DEPTH


class Kind(IntEnum):
    """First item of a record; the comment tells the other items.

    `parent` is the Jupyter message that was being handled (a dict with ``header`` and ``metadata``) or None.
    """

    UPDATE = 1  # comm_id, state, buffer_paths, buffers, parent, thread id
    OPEN = 2  # comm_id, target_name, data, buffers, metadata
    CLOSE = 3  # comm_id
    MESSAGE = 4  # comm_id, data, buffers
    BEGIN = 5  # token, comm_id, keys: the kernel's values of the keys are about to be read
    TRUTH = 6  # token, comm_id, state (buffers in place), request_id | None, error | None
    VIEW = 7  # comm_id, parent
    CLEAR = 8  # parent: the execution's output is gone
    LOG = 9  # stream name, text, parent
    INPUT = 10  # parent, execution_count
    STATUS = 11  # "busy" | "idle", parent
    REPLY = 12  # parent, status of the execution
    ADOPT = 13  # comm_ids | None for all: read the state of these comms
    UP = 14  # a room answers and wants to be told everything
    DOWN = 15  # no room answers
    READY = 16  # the link can take a batch again
    STOP = 17  # the flush thread ends


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


def freeze(value: Any, depth: int = 0) -> Any:
    """Return a copy of `value` that nobody else can change; never raises.

    Lists and dicts of scalars are copied at C speed. Bytes-like objects become bytes, also non-contiguous
    ones. What is neither goes through the session's own JSON conversion (dates, numpy scalars), or becomes
    `Refused`.
    """
    kind = value.__class__
    if kind in SCALARS or kind is bytes:
        return value
    if depth > MAX_DEPTH:
        return Refused(f"nested deeper than {MAX_DEPTH}, or a cycle")
    if kind is list or kind is tuple:
        if SCALARS.issuperset(map(type, value)):
            return list(value)
        return [freeze(item, depth + 1) for item in value]
    if kind is dict:
        if SCALARS.issuperset(map(type, value.values())):
            return value.copy()
        return {key: freeze(item, depth + 1) for key, item in value.copy().items()}
    if kind is memoryview or kind is bytearray:
        return bytes(value)
    return _freeze_other(value, depth)


def freeze_buffers(buffers: Sequence[Any] | None) -> list[bytes]:
    """Return copies of a message's buffers."""
    return [bytes(buffer) for buffer in buffers] if buffers else []


def parent_id(parent: Parent | None) -> str | None:
    """Return the ``msg_id`` of a parent message, or None."""
    header = parent.get("header") if parent else None
    return header.get("msg_id") if header else None


def parent_type(parent: Parent | None) -> str | None:
    """Return the ``msg_type`` of a parent message, or None."""
    header = parent.get("header") if parent else None
    return header.get("msg_type") if header else None


def refused_reason(value: Any) -> str | None:
    """Return the reason of the first `Refused` inside a frozen value, or None."""
    if value.__class__ is Refused:
        return str(value.reason)
    items: Iterable[Any] = ()
    if value.__class__ is list:
        items = value
    elif value.__class__ is dict:
        items = value.values()
    for item in items:
        if item.__class__ not in SCALARS and (reason := refused_reason(item)) is not None:
            return reason
    return None


def _freeze_other(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        return freeze(dict(value), depth)
    if isinstance(value, list | tuple):
        return freeze(list(value), depth)
    try:
        return json.loads(json.dumps(value, default=json_default))
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        return Refused(str(error))
