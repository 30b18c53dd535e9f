"""Frames of the commdoc socket: bytes in, bytes out, no I/O.

A frame is one binary WebSocket message. It begins with a lib0 *varuint*: 0 is a y-protocols sync message, 1
is y-protocols awareness, 100 is a message of our own: a JSON object with a ``type``, and buffers. Sync and
awareness frames pass through here untouched; only their first byte is looked at.

    varuint 100 · varuint n · n bytes of UTF-8 JSON · varuint count · count x (varuint m · m bytes)

A reader may conclude from `decode` returning that every length in the frame was true. Nothing is allocated
for a claimed length.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from commdoc.errors import ProtocolError

SYNC: Final = 0
AWARENESS: Final = 1
MESSAGE: Final = 100

MAX_FRAME_BYTES: Final = 256 * 1024 * 1024
"""Largest frame that is read: a window that joins a room with 50 MB of buffers is far below it."""

MAX_BUFFERS: Final = 65_536
"""Most buffers of one frame."""

_MAX_VARUINT_BYTES: Final = 8

Buffer = bytes | bytearray | memoryview


class Frame(NamedTuple):
    """A decoded frame of type `MESSAGE`.

    Attributes
    ----------
    message : dict
        The JSON object; has a string ``type``.
    buffers : list of memoryview
        Views of the frame's bytes.
    """

    message: dict[str, Any]
    buffers: list[memoryview]


def write_varuint(number: int) -> bytes:
    """Return `number` (>= 0) as a lib0 varuint: 7 bits a byte, low bits first."""
    out = bytearray()
    while number > 0x7F:
        out.append(0x80 | (number & 0x7F))
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varuint(data: Buffer, at: int) -> tuple[int, int]:
    """Return the varuint at offset `at` and the offset behind it.

    Raises
    ------
    ProtocolError
        When it is cut off or longer than 53 bits can be.
    """
    number = shift = 0
    for n in range(_MAX_VARUINT_BYTES):
        if at + n >= len(data):
            msg = "cut off inside a length"
            raise ProtocolError(msg)
        byte = data[at + n]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at + n + 1
        shift += 7
    msg = "a length of more than 53 bits"
    raise ProtocolError(msg)


def frame_type(data: Buffer) -> int:
    """Return the type of a frame: `SYNC`, `AWARENESS` or `MESSAGE`.

    Raises
    ------
    ProtocolError
        When the frame is empty or of a type that commdoc doesn't know.
    """
    kind, _ = read_varuint(data, 0)
    if kind not in (SYNC, AWARENESS, MESSAGE):
        msg = f"unknown frame type {kind}"
        raise ProtocolError(msg)
    return kind


def encode(message: dict[str, Any], buffers: Sequence[Buffer] = ()) -> bytes:
    """Return the frame of a message.

    Parameters
    ----------
    message : dict
        JSON-ready, with a string ``type``. A lone surrogate, which values don't have but a log line may, becomes "?".
    buffers : sequence of bytes-like
        One-dimensional, C-contiguous.
    """
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    content = text.encode("utf-8", "replace")
    parts: list[Buffer] = [
        write_varuint(MESSAGE),
        write_varuint(len(content)),
        content,
        write_varuint(len(buffers)),
    ]
    for buffer in buffers:
        parts.append(write_varuint(buffer.nbytes if isinstance(buffer, memoryview) else len(buffer)))
        parts.append(buffer)
    return b"".join(parts)


def text_bytes(data: Buffer) -> int:
    """Return how long the JSON text of a frame of type `MESSAGE` claims to be, in bytes."""
    _, at = read_varuint(data, 0)
    return read_varuint(data, at)[0]


def decode(data: Buffer, *, max_bytes: int = MAX_FRAME_BYTES, max_text: int = MAX_FRAME_BYTES) -> Frame:
    """Read a frame of type `MESSAGE`.

    Parameters
    ----------
    max_bytes, max_text : int
        Longest frame, and longest JSON text in it: reading JSON takes thirty times its length in memory.

    Raises
    ------
    ProtocolError
        With the reason: too long, cut off, bytes left over, not UTF-8, not JSON, not an object, no ``type``.
    """
    if len(data) > max_bytes:
        msg = f"frame of {len(data)} bytes, {max_bytes} are allowed"
        raise ProtocolError(msg)
    view = memoryview(data)
    kind, at = read_varuint(view, 0)
    if kind != MESSAGE:
        msg = f"frame type {kind} where a commdoc message ({MESSAGE}) was due"
        raise ProtocolError(msg)
    text, at = _slice(view, at, "the message")
    if len(text) > max_text:
        msg = f"{len(text)} bytes of JSON, {max_text} are allowed; binary data goes into buffers"
        raise ProtocolError(msg)
    count, at = read_varuint(view, at)
    if count > MAX_BUFFERS:
        msg = f"{count} buffers, {MAX_BUFFERS} are allowed"
        raise ProtocolError(msg)
    buffers = []
    for n in range(count):
        buffer, at = _slice(view, at, f"buffer {n}")
        buffers.append(buffer)
    if at != len(view):
        msg = f"{len(view) - at} bytes left over behind the frame"
        raise ProtocolError(msg)
    return Frame(_json_object(text), buffers)


def _slice(view: memoryview, at: int, what: str) -> tuple[memoryview, int]:
    size, at = read_varuint(view, at)
    if size > len(view) - at:
        msg = f"{what} claims {size} bytes, {len(view) - at} are there"
        raise ProtocolError(msg)
    return view[at : at + size], at + size


def _json_object(text: memoryview) -> dict[str, Any]:
    try:
        message = json.loads(str(text, "utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        msg = f"the message is not UTF-8: {error.reason} at byte {error.start}"
        raise ProtocolError(msg) from None
    except (ValueError, RecursionError) as error:
        msg = f"the message is not JSON: {error}"
        raise ProtocolError(msg) from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        msg = "the message is not a JSON object with a type"
        raise ProtocolError(msg)
    return message


def _no_constant(name: str) -> Any:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
