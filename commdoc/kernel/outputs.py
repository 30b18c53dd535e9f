"""The list of outputs that an Output widget holds, as JupyterLab's output area builds it from the messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from commdoc.kernel.records import SCALARS, Refused, freeze
from commdoc.protocol.streams import StreamText

Output = dict[str, Any]
"""An output as nbformat 4 has it."""

OUTPUT_TYPES: Final = frozenset({"stream", "display_data", "execute_result", "error"})


@dataclass(slots=True, eq=False)
class Captured:
    """One message that an Output widget took instead of the cell.

    Attributes
    ----------
    kind : str
        An output type, ``clear_output`` or ``update_display_data``.
    content : dict
        Frozen: of `stream` ``name`` and ``text``, of `clear_output` ``wait``, else as nbformat has it.
    display_id : str or None
        Of a display.
    held : bool
        Whether the kernel's list has it already.
    skip : bool
        Whether the room was told the list that has it: it must not be told again.
    """

    kind: str
    content: dict[str, Any]
    display_id: str | None = None
    held: bool = False
    skip: bool = False


@dataclass(frozen=True)
class OutputsNow:
    """An Output widget's list at one moment, and what messages that are still to come refer to.

    Attributes
    ----------
    outputs : tuple of dict
        The list.
    displays : dict
        ``display_id`` to the places where it is shown.
    clear_next : bool
        Whether the next output clears the list first.
    rewind : str
        What is to be written first to a stream that goes on, where its next character doesn't go to its end.
    """

    outputs: tuple[Output, ...] = ()
    displays: dict[str, list[int]] = field(default_factory=dict)
    clear_next: bool = False
    rewind: str = ""


class OutputList:
    """Outputs in order; grows by messages. Cost per message: what is new in it."""

    def __init__(self, outputs: Iterable[Output] = ()) -> None:
        self._outputs: list[Output] = []
        self._stream: StreamText | None = None
        self._displays: dict[str, list[int]] = {}
        self._clear_next = False
        self.replace(outputs)

    def replace(self, outputs: Iterable[Output]) -> None:
        """Begin anew with these."""
        self._outputs = list(outputs)
        self._displays = {}
        self._clear_next = False
        self._stream = None

    def apply(self, message: Captured) -> bool:
        """Take a message; return whether the list is another one now."""
        if message.kind == "clear_output":
            if message.content["wait"]:
                self._clear_next = True
                return False
            before = len(self._outputs)
            self.replace(())
            return before > 0
        if message.kind == "update_display_data":
            places = self._displays.get(message.display_id or "", ())
            for index in places:
                self._outputs[index] = {"output_type": "display_data", **message.content}
            return len(places) > 0
        if self._clear_next:
            self.replace(())
        self._append(message)
        return True

    def outputs(self) -> tuple[Output, ...]:
        """Return the list as it is."""
        if self._stream is not None and self._outputs:
            self._outputs[-1] = {**self._outputs[-1], "text": self._stream.text()}
        return tuple(self._outputs)

    def now(self) -> OutputsNow:
        """Return all there is to know."""
        displays = {name: list(places) for name, places in self._displays.items()}
        rewind = self._stream.line.rewind() if self._stream is not None else ""
        return OutputsNow(self.outputs(), displays, self._clear_next, rewind)

    def _append(self, message: Captured) -> None:
        if message.kind == "stream":
            last = self._outputs[-1] if self._outputs else {}
            if last.get("output_type") == "stream" and last.get("name") == message.content["name"]:
                if self._stream is None:  # a text that was set stays as it is until it is written on
                    self._stream = StreamText(_text(last.get("text", "")))
                self._stream.write(message.content["text"])
                return
            self._settle()
            self._stream = StreamText(message.content["text"])
            self._outputs.append({"output_type": "stream", "name": message.content["name"], "text": ""})
            return
        self._settle()
        if message.display_id is not None:
            self._displays.setdefault(message.display_id, []).append(len(self._outputs))
        self._outputs.append({"output_type": message.kind, **message.content})

    def _settle(self) -> None:
        """Write the text of a stream that is not the last output any more."""
        if self._stream is not None:
            self.outputs()
            self._stream = None


def tellable(output: Output) -> Output:
    """Return a copy of an output that can be told; for one that Jupyter refuses a text stands in its place."""
    frozen = freeze(output)
    if isinstance(frozen, dict) and can_be_sent(frozen):
        return frozen
    reason = frozen.reason if isinstance(frozen, Refused) else "it has a lone surrogate, or no text for a key"
    return {"output_type": "stream", "name": "stderr", "text": f"[output left out: {reason}]\n"}


def can_be_sent(value: Any) -> bool:
    """Whether a frozen value can go through JSON and UTF-8; what can't is refused by Jupyter, too."""
    kind = value.__class__
    if kind is str:
        return value.isascii() is True or sendable(value) == value
    if kind is dict:
        return SCALARS.issuperset(map(type, value)) and all(map(can_be_sent, (*value, *value.values())))
    return all(map(can_be_sent, value)) if kind is list else kind is not Refused


def sendable(text: str) -> str:
    """Return a text that UTF-8 can carry: a lone surrogate becomes a question mark, as in a terminal."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def weight(value: Any) -> int:
    """Return about how many bytes of JSON a frozen value is."""
    kind = value.__class__
    if kind is str:
        return 2 + len(value)
    if kind is dict:
        return 2 + sum(weight(key) + weight(item) for key, item in value.items())
    if kind is list or kind is tuple:
        return 2 + sum(map(weight, value))
    return 4


def _text(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)
