"""Looks through a Yjs update (v1) from outside before the document gets it.

yrs takes memory for the counts that an update claims before it reads on (40 GB for one of 40 bytes), and takes in
structs of length 0, and subdocuments, that it can't write again, after which nobody could join; a client that comes
twice makes it go round for ever. So a window's update is read here first: every length and count must be true, every
kind known, nothing of length 0, no subdocument, no gap left to be filled (yrs panics at some), each client once. It is
not applied here and not judged by what it does.

    update: clients · (structs · client · clock · struct…)… · delete set
    delete set: clients · (client · ranges · (clock · length)…)…
    struct: info · [origin] · [right origin] · [parent · [key]] · content        all numbers are lib0 varuints
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from commdoc.errors import ProtocolError
from commdoc.protocol import frames

MAX_CLOCK: Final = 2**31
"""yrs counts in 32 bits. A document gets there after two billion elements."""

MAX_DEPTH: Final = 100
"""Of nested values; a reader that recurses has a stack."""

_ORIGIN, _RIGHT_ORIGIN, _KEY, _KIND = 0x80, 0x40, 0x20, 0x1F
_GC: Final = 0
_NAMED_TYPES = (3, 5)
_TYPES = range(7)
_PLAIN_VALUES: Final = {127: 0, 126: 0, 124: 4, 123: 8, 122: 8, 121: 0, 120: 0}
"""Tag to bytes of the values that are nothing but bytes."""


def check_update(update: bytes) -> None:
    """Read an update.

    Raises
    ------
    ProtocolError
        With what is wrong with it.
    """
    reader = _Reader(update)
    clients = set()
    for _ in range(reader.count("clients")):
        structs = reader.count("structs")
        reader.client = reader.number()
        if reader.client in clients:
            raise reader.wrong(f"the client {reader.client} twice")
        clients.add(reader.client)
        clock = reader.clock("a clock")
        for _ in range(structs):
            reader.own_clock = clock
            clock += reader.struct()
            if clock >= MAX_CLOCK:
                raise reader.wrong("structs beyond the largest clock")
    for _ in range(reader.count("clients that deleted")):
        reader.number()
        for _ in range(reader.count("deleted ranges")):
            if reader.clock("a deleted clock") + reader.length("deleted elements") >= MAX_CLOCK:
                raise reader.wrong("deletions beyond the largest clock")
    reader.end()


def check_state_vector(state: bytes) -> None:
    """Read a state vector: clients, then client and clock of each.

    Raises
    ------
    ProtocolError
        With what is wrong with it.
    """
    reader = _Reader(state, "state vector")
    for _ in range(reader.count("clients")):
        reader.number()
        reader.clock("a clock")
    reader.end()


class _Reader:
    """Reads lib0 values from offset `at` on."""

    def __init__(self, data: bytes, what: str = "update") -> None:
        self.data = data
        self.what = what
        self.client = self.own_clock = 0
        self.at = 0
        self._contents: dict[int, Callable[[], int]] = {
            1: lambda: self.length("deleted elements"),
            2: self._json_content,
            3: self._one(self.binary),
            4: self._text_content,
            5: self._one(self.json),
            6: self._format,
            7: self._type,
            8: self._any_content,
        }

    def wrong(self, what: str) -> ProtocolError:
        return ProtocolError(f"no Yjs {self.what}: {what}")

    def end(self) -> None:
        if self.at != len(self.data):
            raise self.wrong(f"{len(self.data) - self.at} bytes left over")

    def number(self) -> int:
        try:
            number, self.at = frames.read_varuint(self.data, self.at)
        except ProtocolError as error:
            raise self.wrong(str(error)) from None
        return number

    def clock(self, what: str) -> int:
        number = self.number()
        if number >= MAX_CLOCK:
            raise self.wrong(f"{what} of {number}")
        return number

    def length(self, what: str) -> int:
        number = self.clock(what)
        if number == 0:
            raise self.wrong(f"{what}: none")
        return number

    def count(self, what: str) -> int:
        # Each thing that is counted takes at least one byte.
        number = self.number()
        if number > len(self.data) - self.at:
            raise self.wrong(f"{number} {what} claimed, {len(self.data) - self.at} bytes are left")
        return number

    def skip(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise self.wrong(f"{size} bytes claimed, {len(self.data) - self.at} are left")
        self.at += size
        return self.data[self.at - size : self.at]

    def binary(self) -> bytes:
        return self.skip(self.number())

    def string(self) -> str:
        try:
            return self.binary().decode()
        except UnicodeDecodeError:
            raise self.wrong("a text that is not UTF-8") from None

    def json(self) -> None:
        text = self.string()
        if text != "undefined":
            try:
                json.loads(text)
            except (ValueError, RecursionError):
                raise self.wrong("a value that is not JSON") from None

    def any(self, depth: int = 0) -> None:
        tag = self.skip(1)[0]
        if tag in _PLAIN_VALUES:
            self.skip(_PLAIN_VALUES[tag])
        elif tag == 125:
            self._integer()
        elif tag == 119:
            self.string()
        elif tag == 116:
            self.binary()
        elif tag in (117, 118) and depth < MAX_DEPTH:
            for _ in range(self.count("values")):
                if tag == 118:
                    self.string()
                self.any(depth + 1)
        else:
            raise self.wrong(f"a value of kind {tag}")

    def struct(self) -> int:
        """Read one struct; return its length in elements."""
        info = self.skip(1)[0]
        kind = info & _KIND
        if kind == _GC:
            if info != kind:
                raise self.wrong(f"a struct of kind {info}")
            return self.length("elements of a gap")
        for bit in (_ORIGIN, _RIGHT_ORIGIN):
            if info & bit:
                self._id()
        if not info & (_ORIGIN | _RIGHT_ORIGIN):
            self._parent()
            if info & _KEY:
                self.string()
        content = self._contents.get(kind)
        if content is None:
            raise self.wrong(f"a content of kind {kind}")
        return content()

    def _id(self) -> None:
        client, clock = self.number(), self.clock("a clock")
        if client == self.client and clock >= self.own_clock:
            raise self.wrong("a struct that refers to a later one of its client")

    def _parent(self) -> None:
        named = self.number()
        if named == 1:
            self.string()
        elif named == 0:
            self._id()
        else:
            raise self.wrong(f"a parent of kind {named}")

    def _integer(self) -> None:
        while self.skip(1)[0] & 0x80:
            pass

    def _one(self, read: Callable[[], object]) -> Callable[[], int]:
        def content() -> int:
            read()
            return 1

        return content

    def _json_content(self) -> int:
        number = self.length("JSON values")
        for _ in range(self._true(number)):
            self.json()
        return number

    def _any_content(self) -> int:
        number = self.length("values")
        for _ in range(self._true(number)):
            self.any()
        return number

    def _true(self, number: int) -> int:
        if number > len(self.data) - self.at:
            raise self.wrong(f"{number} values claimed, {len(self.data) - self.at} bytes are left")
        return number

    def _text_content(self) -> int:
        # Yjs counts in UTF-16. An empty text is what yrs leaves of one that it has split inside a character.
        return len(self.string().encode("utf-16-le")) // 2

    def _format(self) -> int:
        self.string()
        self.json()
        return 1

    def _type(self) -> int:
        reference = self.number()
        if reference not in _TYPES:
            raise self.wrong(f"a type of kind {reference}")
        if reference in _NAMED_TYPES:
            self.string()
        return 1
