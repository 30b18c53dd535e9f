"""Frames on a Unix-domain socket, between processes of one user on one machine. No I/O.

    client  MAGIC, version            the first 8 bytes; the host answers with the same, or ends the connection
    both    length, kind, content     length: 4 bytes, big-endian, of kind and content together; kind: 1 byte

A client's first frame is `AUTH`: JSON with its token, and the room or the kernel whose bridge it is. The host answers
`READY`, or `BYE` with a code and a reason. Then each `FRAME` is what a WebSocket's binary message would be; `PING` is
answered with `PONG`; `BYE` ends the connection from either side, with the codes of the WebSocket.

Each kind has its limit. What is not as it must be is a `ProtocolError`; nothing of such a stream can be read further.
"""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any, Final, NamedTuple

from commdoc.errors import ProtocolError
from commdoc.protocol.frames import MAX_FRAME_BYTES

MAGIC: Final = b"commdoc"
VERSION: Final = 1
GREETING: Final = MAGIC + bytes([VERSION])
"""What both sides send first."""

_LENGTH_BYTES: Final = 4

MAX_PATH_BYTES: Final = 100
"""Longest path of a socket: `sun_path` has 108 bytes on Linux, 104 elsewhere, with a zero at its end."""


class Kind(IntEnum):
    """What a frame is."""

    AUTH = 1
    READY = 2
    FRAME = 3
    BYE = 4
    PING = 5
    PONG = 6


LIMITS: Final = {
    Kind.AUTH: 4_096,
    Kind.READY: 4_096,
    Kind.FRAME: MAX_FRAME_BYTES,
    Kind.BYE: 4_096,
    Kind.PING: 64,
    Kind.PONG: 64,
}
"""Most bytes of a frame's content."""


class LocalFrame(NamedTuple):
    """A frame that came in."""

    kind: Kind
    content: bytes


def encode(kind: Kind, content: bytes = b"") -> list[bytes]:
    """Return a frame as parts to be sent one after the other; a large content is not copied.

    Raises
    ------
    ProtocolError
        For a content beyond its limit.
    """
    if len(content) > LIMITS[kind]:
        msg = f"a local {kind.name} of {len(content)} bytes, {LIMITS[kind]} are allowed"
        raise ProtocolError(msg)
    head = (1 + len(content)).to_bytes(_LENGTH_BYTES, "big") + bytes([kind])
    return [head + content] if len(content) <= 65_536 else [head, content]


def encode_json(kind: Kind, content: dict[str, Any]) -> bytes:
    """Return a frame whose content is JSON."""
    return b"".join(encode(kind, json.dumps(content).encode()))


def bye(code: int, reason: str) -> bytes:
    """Return the frame that ends a connection; a reason that is too long is cut."""
    return encode_json(Kind.BYE, {"code": code, "reason": reason[:500]})


def read_json(frame: LocalFrame) -> dict[str, Any]:
    """Return the content of a frame that is JSON.

    Raises
    ------
    ProtocolError
        When it is no JSON object.
    """
    try:
        content = json.loads(frame.content)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        msg = f"a local {frame.kind.name} that is no JSON object"
        raise ProtocolError(msg)
    return content


class Decoder:
    """Reads one side's stream, however it is cut.

    Parameters
    ----------
    limits : dict, optional
        Other limits than `LIMITS`, by kind: before a client is known it may say little.
    """

    def __init__(self, limits: dict[Kind, int] | None = None) -> None:
        self.limits: dict[Kind, int] = {**LIMITS, **(limits or {})}
        self._buffer = bytearray()
        self._greeted = False

    @property
    def greeted(self) -> bool:
        """Whether the other side's greeting has come."""
        return self._greeted

    def feed(self, data: bytes | memoryview) -> list[LocalFrame]:
        """Take bytes; return the frames that are complete with them.

        Raises
        ------
        ProtocolError
            For another magic or version, an unknown kind, a length of nothing or beyond the kind's limit.
        """
        self._buffer += data
        if not self._greeted and not self._greet():
            return []
        found = []
        at = 0
        while (end := self._end_at(at)) is not None:
            found.append(
                LocalFrame(Kind(self._buffer[at + _LENGTH_BYTES]), bytes(self._buffer[at + 5 : end]))
            )
            at = end
        del self._buffer[:at]
        return found

    def _greet(self) -> bool:
        got = bytes(self._buffer[: len(GREETING)])
        if got[: len(MAGIC)] != MAGIC[: len(got)]:
            raise ProtocolError("what listens or speaks here is no commdoc: another magic")
        if len(got) < len(GREETING):
            return False
        if got != GREETING:
            msg = f"the local socket speaks version {got[-1]}, this side {VERSION}"
            raise ProtocolError(msg)
        del self._buffer[: len(GREETING)]
        self._greeted = True
        return True

    def _end_at(self, at: int) -> int | None:
        """Return where the frame that begins at `at` ends, None when it isn't all there."""
        if len(self._buffer) < at + _LENGTH_BYTES + 1:
            return None
        length = int.from_bytes(self._buffer[at : at + _LENGTH_BYTES], "big")
        number = self._buffer[at + _LENGTH_BYTES]
        if length == 0:
            raise ProtocolError("a local frame without a kind")
        try:
            kind = Kind(number)
        except ValueError:
            msg = f"a local frame of an unknown kind {number}"
            raise ProtocolError(msg) from None
        if length - 1 > self.limits[kind]:
            msg = f"a local {kind.name} of {length - 1} bytes, {self.limits[kind]} are allowed"
            raise ProtocolError(msg)
        end = at + _LENGTH_BYTES + length
        return end if len(self._buffer) >= end else None
