"""Reads fields of messages from outside; what is not as `commdoc.protocol.messages` says is a `ProtocolError`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from commdoc.errors import ProtocolError

T = TypeVar("T")

MAX_NAME = 1_000
"""Longest id or name, in characters. Jupyter's are 32 to 36."""


def need(message: Mapping[str, Any], key: str, kind: type[T]) -> T:
    """Return a field that must be there and of this type; a bool is no int."""
    value = message.get(key)
    if type(value) is not kind:
        what = message.get("type") or message.get("op") or "message"
        msg = f"{what}: {key!r} must be {kind.__name__}, not {'missing' if value is None else type(value).__name__}"
        raise ProtocolError(msg)
    return value


def text(message: Mapping[str, Any], key: str) -> str:
    """Return an id or a name: a string of 1 to `MAX_NAME` characters that UTF-8 can carry."""
    value = need(message, key, str)
    if not 0 < len(value) <= MAX_NAME:
        msg = f"{key!r} has {len(value)} characters, 1 to {MAX_NAME} are allowed"
        raise ProtocolError(msg)
    try:
        value.encode()
    except UnicodeEncodeError:
        msg = f"{key!r} has a lone surrogate"
        raise ProtocolError(msg) from None
    return value


def maybe_text(message: Mapping[str, Any], key: str) -> str | None:
    """Return `text`, None when the field is missing or null."""
    return None if message.get(key) is None else text(message, key)


def items(message: Mapping[str, Any], key: str, kind: type[T]) -> list[T]:
    """Return a list field whose items are all of one type."""
    values = need(message, key, list)
    for value in values:
        if type(value) is not kind:
            msg = f"{key!r} has a {type(value).__name__} where {kind.__name__} was due"
            raise ProtocolError(msg)
    return values


def chosen(message: Mapping[str, Any], buffers: list[memoryview]) -> list[memoryview]:
    """Return the frame's buffers that the field ``buffers`` names."""
    indices = items(message, "buffers", int) if message.get("buffers") is not None else []
    if any(not 0 <= index < len(buffers) for index in indices):
        msg = f"buffers {indices!r:.80} of {len(buffers)}"
        raise ProtocolError(msg)
    return [buffers[index] for index in indices]
