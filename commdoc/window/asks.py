"""What a window may ask of the room, as frames: `docs/protocol.md`, *Window → room*."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, cast

from commdoc.errors import RequestError
from commdoc.protocol import frames, messages, values
from commdoc.window.outbox import MAX_BYTES, Ask


def new_id() -> str:
    """Return a new id of a request, a message or a comm."""
    return uuid.uuid4().hex


def encode(message: messages.FromWindow, buffers: Sequence[frames.Buffer] = ()) -> bytes:
    """Return the frame of a typed message."""
    return frames.encode(cast("dict[str, Any]", message), buffers)


def request(comm_id: str, state: Mapping[str, object], put: values.PutBlob) -> Ask:
    """Ask for a change of these keys.

    Parameters
    ----------
    put : callable
        Keeps the blobs of the values that the window shows meanwhile.

    Raises
    ------
    ValueEncodingError
        For a value that JSON can't carry.
    """
    buffers: list[bytes] = []
    message: messages.Request = {
        "type": "request",
        "request_id": new_id(),
        "comm_id": comm_id,
        "state": {key: values.encode_buffers(value, buffers) for key, value in state.items()},
    }
    shown = {key: values.encode(value, put) for key, value in state.items()}
    return Ask(message["request_id"], comm_id, encode(message, buffers), shown)


def comm_message(comm_id: str, data: object, buffers: Sequence[frames.Buffer]) -> Ask:
    """Send a comm message to the kernel, unchanged."""
    own: list[bytes] = []
    encoded = values.encode_buffers(data, own)
    message: messages.WindowMessage = {
        "type": "message",
        "message_id": new_id(),
        "comm_id": comm_id,
        "data": encoded,
        "buffers": list(range(len(own), len(own) + len(buffers))),
    }
    return Ask(message["message_id"], comm_id, encode(message, [*own, *buffers]))


def open_comm(comm_id: str, target_name: str, data: object, metadata: object = None) -> Ask:
    """Open a comm from this window."""
    buffers: list[bytes] = []
    message: messages.WindowOpen = {
        "type": "open",
        "message_id": new_id(),
        "comm_id": comm_id,
        "target_name": target_name,
        "data": values.encode_buffers(data, buffers),
    }
    if metadata is not None:
        message["metadata"] = values.encode_buffers(metadata, buffers)
    return Ask(message["message_id"], comm_id, encode(message, buffers))


def close_comm(comm_id: str, data: object = None) -> Ask:
    """Close a comm from this window."""
    buffers: list[bytes] = []
    message: messages.WindowClose = {"type": "close", "message_id": new_id(), "comm_id": comm_id}
    if data is not None:
        message["data"] = values.encode_buffers(data, buffers)
    return Ask(message["message_id"], comm_id, encode(message, buffers))


def check_size(ask: Ask, waiting: int, limits: messages.Limits | None) -> None:
    """Look whether an ask can be sent, behind so many bytes that wait already.

    Raises
    ------
    RequestError
        With code ``too_large`` when it is more than the room takes at once, or the window keeps.
    """
    if waiting and waiting + len(ask.frame) > MAX_BYTES:
        raise RequestError("too_large", f"{waiting} bytes wait in this window, the limit is {MAX_BYTES}")
    if limits is None:
        return
    for what, size, most in (
        ("bytes", len(ask.frame), limits.get("frame_bytes")),
        ("bytes of JSON", frames.text_bytes(ask.frame), limits.get("text_bytes")),
    ):
        if most is not None and size > most:
            raise RequestError("too_large", f"{size} {what}, the room takes {most} at once")
