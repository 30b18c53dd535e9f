"""The outputs of one comm, as a reader shows them: by ordinal, the chunks of a stream joined.

It is told which elements went and which came (`remove`, `add`), and at the end of the transaction (`settle`) says what
that did, in a few words: so that who shows the outputs need not do it all again. Nothing here depends on how long a
stream is, or how many outputs there are, when text is written or an output is appended.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from typing import Literal, NamedTuple

from commdoc.document.output_log import common, head_of
from commdoc.protocol.outputs import EncodedOutput, is_stream
from commdoc.protocol.values import dumps


class Edit(NamedTuple):
    """One of the things that happened to a list of outputs; to be taken one after the other.

    Attributes
    ----------
    what : str
        ``cut``: only the first `at` outputs are left. ``replaced``: output `at` is another one. ``stream``: the
        text of output `at` lost its last `cut` characters, none of them a line's end, and got `text`.
        ``added``: output `at` is new, and the last one.
    """

    what: Literal["cut", "replaced", "stream", "added"]
    at: int
    cut: int = 0
    text: str = ""


class Shown:
    """One output. Any thread may read it: text is appended to it, else another one takes its place."""

    __slots__ = ("_joined", "head", "parts")

    def __init__(self, head: EncodedOutput, parts: list[str]) -> None:
        self.head = head
        """The output; of a stream without its text."""
        self.parts = parts
        self._joined = 0, ""

    @property
    def encoded(self) -> EncodedOutput:
        """The output, encoded; not to be changed."""
        return {**self.head, "text": self._text()} if self.parts else self.head

    def _text(self) -> str:
        count, text = self._joined
        parts = self.parts[count:]
        if parts:
            text += "".join(parts)
            self._joined = count + len(parts), text
        return text


class _Elements:
    """The elements of one ordinal, in the order of the array: slot to body."""

    __slots__ = ("appended", "bodies", "rewritten", "shown")

    def __init__(self) -> None:
        self.bodies: dict[Hashable, EncodedOutput | str] = {}
        self.shown: Shown | None = None
        self.appended: list[EncodedOutput | str] = []
        """What came since the last `settle`."""
        self.rewritten = False
        """Whether something went."""

    def show(self) -> Shown | None:
        """Return the output that they make: of the last one that is whole, and the text behind it."""
        head: EncodedOutput | None = None
        parts: list[str] = []
        for body in self.bodies.values():
            if not isinstance(body, str):
                head, parts = body, [str(body["text"])] if is_stream(body) else []
            elif parts:
                parts.append(body)
        return None if head is None else Shown(head_of(head), parts)


class OutputList:
    """Outputs by ordinal.

    Attributes
    ----------
    shown : list of Shown
        Outputs are appended, or the list is replaced; so that whoever has it, on any thread, has a list that was.
    """

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self._elements: dict[int, _Elements] = {}
        self._ordinals: list[int] = []
        self._touched: dict[int, None] = {}

    def __bool__(self) -> bool:
        return bool(self._elements)

    def add(self, slot: Hashable, ordinal: int, body: EncodedOutput | str) -> None:
        """Take in an element, which is the last of the array."""
        elements = self._elements.get(ordinal)
        if elements is None:
            elements = self._elements[ordinal] = _Elements()
        elements.bodies[slot] = body
        elements.appended.append(body)
        self._touched[ordinal] = None

    def remove(self, slot: Hashable, ordinal: int) -> None:
        """Forget an element."""
        elements = self._elements[ordinal]
        del elements.bodies[slot]
        elements.rewritten = True
        self._touched[ordinal] = None

    def settle(self) -> list[Edit]:
        """Show what has happened since the last call, and tell it."""
        edits: list[Edit] = []
        came: list[int] = []
        went: list[int] = []
        news: dict[int, Shown] = {}
        for ordinal in sorted(self._touched):
            elements = self._elements[ordinal]
            was = elements.shown
            edit = self._settle(ordinal, elements)
            if elements.shown is None:
                if was is not None:
                    went.append(ordinal)
            elif was is None:
                came.append(ordinal)
            elif edit is not None:
                edits.append(edit)
                if elements.shown is not was:
                    news[ordinal] = elements.shown
            if not elements.bodies:
                del self._elements[ordinal]
        self._touched.clear()
        return self._arrange(edits, came, went, news)

    def _settle(self, ordinal: int, elements: _Elements) -> Edit | None:
        was, index = elements.shown, bisect_left(self._ordinals, ordinal)
        appended, rewritten = elements.appended, elements.rewritten
        elements.appended, elements.rewritten = [], False
        texts = [body for body in appended if isinstance(body, str)]
        if was is not None and not rewritten and len(texts) == len(appended):
            if not was.parts:
                return None
            was.parts.extend(texts)
            return Edit("stream", index, 0, "".join(texts))
        elements.shown = now = elements.show()
        if was is None or now is None:
            return None
        edit = _difference(index, was, now)
        if edit is None:
            elements.shown = was
        return edit

    def _arrange(
        self, edits: list[Edit], came: list[int], went: list[int], news: dict[int, Shown]
    ) -> list[Edit]:
        """Put into the list what came, went, or is another one now."""
        before = len(self.shown)
        kept = min((bisect_left(self._ordinals, ordinal) for ordinal in (*came, *went)), default=before)
        if kept < before:
            gone = set(went)
            self._ordinals = sorted([*(ordinal for ordinal in self._ordinals if ordinal not in gone), *came])
            self.shown = [shown for ordinal in self._ordinals if (shown := self._elements[ordinal].shown)]
        else:
            now = list(self.shown) if news else self.shown
            for ordinal, other in news.items():
                now[bisect_left(self._ordinals, ordinal)] = other
            self._ordinals += came
            now += [one for ordinal in came if (one := self._elements[ordinal].shown)]
            self.shown = now
        cut = [Edit("cut", kept)] if kept < before else []
        added = [Edit("added", index) for index in range(kept, len(self.shown))]
        return [*cut, *(edit for edit in edits if edit.at < kept), *added]


def _difference(index: int, was: Shown, now: Shown) -> Edit | None:
    if not (was.parts and now.parts and dumps(was.head) == dumps(now.head)):
        return None if dumps(was.encoded) == dumps(now.encoded) else Edit("replaced", index)
    same = 0
    for one, other in zip(was.parts, now.parts, strict=False):
        if one != other:
            break
        same += 1
    old, new = "".join(was.parts[same:]), "".join(now.parts[same:])
    kept = common(old, new)
    if kept == len(old) == len(new):
        return None
    if "\n" in old[kept:]:
        return Edit("replaced", index)
    return Edit("stream", index, len(old) - kept, new[kept:])
