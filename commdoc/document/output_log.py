"""The outputs of one comm, as the writer of the comms array keeps them: in order, streams in chunks.

An output is one element, but for a stream that grows. That one gets further elements, its chunks. When those
behind the last large one have come to a sixteenth of the text, their own overhead counted, they become one, and it
is not merged again: a stream costs twice its text on the wire and an element per write, at any length, and
stays within a fifth above it in the document (``docs/decisions/0006-growing-streams.md``). The last line of a stream
that redraws it is a chunk by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from commdoc.document.elements import output_text
from commdoc.document.slots import Slot
from commdoc.errors import SchemaError
from commdoc.protocol.outputs import EncodedOutput, is_stream
from commdoc.protocol.streams import StreamLine, StreamText, cut_end
from commdoc.protocol.values import dumps

SMALL: Final = 8 * 1024
"""Characters of chunks, overhead counted, that are not worth rewriting yet, however short the stream is."""

LARGE: Final = 64 * 1024
"""Characters of chunks that are, however long the stream is: a piece that every window gets at once."""

SHARE: Final = 16
"""Between them, small chunks may come to one such part of the text: 6 % of overhead."""

OVERHEAD: Final = 64
"""Characters of an element around its text, about."""


class Pen(Protocol):
    """Plans elements."""

    def append(self, text: str) -> Slot:
        """Plan an element."""

    def drop(self, slots: Sequence[Slot]) -> None:
        """Plan to delete elements."""


class Stored:
    """One output: its elements, and what the open batch did to a stream's text that is not in them yet.

    Attributes
    ----------
    ordinal : int
        Its place: 1, 2, 3 …
    head : dict
        The output; of a stream without its text.
    slots : list of Slot
        Its element, or the chunks of a stream.
    whole : int
        How many of the chunks are not merged any more.
    small : int
        Characters of the other ones, overhead counted.
    length : int
        Characters of a stream's text.
    line : StreamLine or None
        Where a stream goes on, once it did.
    """

    __slots__ = ("_added", "_cut", "head", "length", "line", "ordinal", "slots", "small", "whole")

    def __init__(self, ordinal: int, output: EncodedOutput, slots: list[Slot]) -> None:
        self.ordinal = ordinal
        self.head = head_of(output)
        self.slots = slots
        self.whole = max((n for n, slot in enumerate(slots, 1) if len(slot.text) >= SMALL), default=0)
        self.small = sum(len(slot.text) for slot in slots[self.whole :])
        self.length = sum(len(slot.text) for slot in slots)
        self.line: StreamLine | None = None
        self._cut = 0
        self._added: list[str] = []

    @property
    def changed(self) -> bool:
        """Whether its elements are not what it is."""
        return bool(self._cut or self._added or not self.slots)

    def text(self) -> str:
        """Return a stream's text."""
        text = "".join(map(chunk_text, self.slots))
        return text[: len(text) - self._cut] + "".join(self._added)

    def encoded(self) -> EncodedOutput:
        """Return the output."""
        if is_stream(self.head):
            return {**self.head, "text": self.text()}
        body: EncodedOutput = json.loads(self.slots[0].text)[2]
        return body

    def edit(self, cut: int, added: str) -> None:
        """Take characters from the end of the text and put others there."""
        self._cut += cut_end(self._added, cut)
        if added:
            self._added.append(added)
        self.length += len(added) - cut

    def write(self, text: str) -> None:
        """Write more, as a terminal takes it."""
        if self.line is None:
            before = self.text()
            if "\r" in before or "\b" in before:
                # Somebody set a raw text; now that it is written on, it is a terminal's.
                seen = StreamText(before)
                self.edit(len(before), seen.text())
                self.line = seen.line
            else:
                self.line = StreamLine(before[before.rfind("\n") + 1 :])
        self.edit(*self.line.write(text))

    def take_edit(self) -> tuple[int, str]:
        """Return what is not in the elements yet: characters to cut, text to add; it is the caller's now."""
        cut, added = self._cut, "".join(self._added)
        self._cut, self._added = 0, []
        return cut, added


class OutputLog:
    """The outputs of one comm. The methods plan in the open batch; `flush` plans what streams did in it."""

    def __init__(self, comm_id: str) -> None:
        self._comm_id = comm_id
        self._items: list[Stored] = []
        self._changed: dict[Stored, None] = {}

    def __len__(self) -> int:
        return len(self._items)

    def load(self, parts: Mapping[int, Sequence[tuple[Slot, EncodedOutput | str]]]) -> None:
        """Take in what stands in the array: by ordinal, elements in their order.

        Raises
        ------
        SchemaError
            When one is missing or there twice.
        """
        for ordinal in range(1, len(parts) + 1):
            match parts.get(ordinal):
                case [(_, dict(output)), *more] if all(isinstance(body, str) for _, body in more) and (
                    not more or is_stream(output)
                ):
                    self._items.append(Stored(ordinal, output, [slot for slot, _ in parts[ordinal]]))
                case _:
                    msg = f"the comms map is damaged: output {ordinal} of comm {self._comm_id!r}"
                    raise SchemaError(msg)

    def elements(self) -> Iterator[list[Slot]]:
        """Yield the elements of each output."""
        return (stored.slots for stored in self._items)

    def encoded(self) -> list[EncodedOutput]:
        """Return the outputs, encoded; copies."""
        return [stored.encoded() for stored in self._items]

    # --- changes -------------------------------------------------------------------------------------------------

    def append(self, pen: Pen, output: EncodedOutput) -> None:
        """Append an output."""
        ordinal = len(self._items) + 1
        slot = pen.append(output_text(self._comm_id, output, ordinal))
        self._add(Stored(ordinal, output, [slot]))

    def write(self, name: str, text: str) -> None:
        """Continue the last output if it is a stream of that name, else append one."""
        last = self._items[-1] if self._items else None
        if last is None or not is_stream(last.head) or last.head["name"] != name:
            output = {"output_type": "stream", "name": name, "text": ""}
            last = Stored(len(self._items) + 1, output, [])
            self._add(last)
        last.write(text)
        self._changed[last] = None

    def replace(self, pen: Pen, index: int, output: EncodedOutput) -> bool:
        """Put an output in the place of another; of a stream, only what differs. Return whether it differs."""
        stored = self._items[index]
        stored.line = None
        if is_stream(output) and dumps(stored.head) == dumps(head_of(output)):
            old, new = stored.text(), str(output["text"])
            kept = common(old, new)
            if kept == len(old) == len(new):
                return False
            stored.edit(len(old) - kept, new[kept:])
            self._changed[stored] = None
            return True
        text = output_text(self._comm_id, output, index + 1)
        if [slot.text for slot in stored.slots] == [text]:
            return False
        slot = pen.append(text)
        pen.drop(stored.slots)
        self._changed.pop(stored, None)
        self._items[index] = Stored(index + 1, output, [slot])
        return True

    def assign(self, pen: Pen, outputs: Sequence[EncodedOutput]) -> bool:
        """Make the list this one; what is the same stays. Return whether it differs."""
        before = len(self._items)
        kept = min(before, len(outputs))
        differing = [index for index in range(kept) if self.replace(pen, index, outputs[index])]
        self.cut(pen, kept)
        for output in outputs[kept:]:
            self.append(pen, output)
        return bool(differing) or before != len(outputs)

    def cut(self, pen: Pen, length: int) -> None:
        """Remove all outputs but the first `length`."""
        for stored in self._items[length:]:
            self._changed.pop(stored, None)
            pen.drop(stored.slots)
        del self._items[length:]

    def flush(self, pen: Pen) -> None:
        """Plan the elements of the streams that were written to."""
        for stored in self._changed:
            if stored.changed:
                self._plan(pen, stored)
        self._changed.clear()

    def _add(self, stored: Stored) -> None:
        if self._items:
            self._items[-1].line = None
        self._items.append(stored)

    # --- chunks --------------------------------------------------------------------------------------------------

    def _plan(self, pen: Pen, stored: Stored) -> None:
        (cut, added), slots = stored.take_edit(), stored.slots
        at, whole, texts = len(slots), stored.whole, ["", added]
        if cut:
            at, rest = _cut_chunks(slots, cut)
            line = rest.rfind("\n") + 1
            texts = [rest[:line], rest[line:] + added]
        if at < whole:
            # A chunk that was whole lost its end; its finished lines are one again.
            whole = at + bool(texts[0])
        else:
            small = stored.small - sum(len(slot.text) for slot in slots[at:])
            size = small + sum(len(text) + OVERHEAD for text in texts if text)
            if size >= max(SMALL, min(stored.length // SHARE, LARGE)):
                joined = "".join([*map(chunk_text, slots[whole:at]), *texts])
                line = joined.rfind("\n") + 1 if cut else len(joined)
                at, texts = whole, [joined[:line], joined[line:]]
                whole += bool(texts[0])
        pen.drop(slots[at:])
        del slots[at:]
        for text in filter(None, texts):
            self._append_chunk(pen, stored, text)
        if not slots:
            self._append_chunk(pen, stored, "")
        stored.whole = whole
        stored.small = sum(len(slot.text) for slot in slots[whole:])

    def _append_chunk(self, pen: Pen, stored: Stored, text: str) -> None:
        body = text if stored.slots else {**stored.head, "text": text}
        stored.slots.append(pen.append(output_text(self._comm_id, body, stored.ordinal)))


def head_of(output: EncodedOutput) -> EncodedOutput:
    """Return a stream without its text; another output as it is."""
    return {**output, "text": ""} if is_stream(output) else output


def chunk_text(slot: Slot) -> str:
    """Return the text of a stream's element."""
    body = json.loads(slot.text)[2]
    return str(body if isinstance(body, str) else body["text"])


def common(one: str, other: str) -> int:
    """Return the length of the common beginning of two texts."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _cut_chunks(slots: Sequence[Slot], cut: int) -> tuple[int, str]:
    """Return from which chunk on a stream loses text, and what that one keeps."""
    at, rest = len(slots), ""
    while cut:
        at -= 1
        text = chunk_text(slots[at])
        rest = text[: max(len(text) - cut, 0)]
        cut -= len(text) - len(rest)
    return at, rest
