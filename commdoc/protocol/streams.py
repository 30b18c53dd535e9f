r"""Stream text as a terminal shows it: what ``\r``, ``\b`` and ``\n`` do to text that is already there.

A bar that redraws its line ten thousand times is one line. The rules are those of JupyterLab's output area,
measured on 4.6.6: ``\r`` moves to the start of the line, what follows overwrites it character by character;
``\b`` deletes the character before; ``\n`` ends the last line, wherever in it the next character would have
gone.

No line before the last can change any more. So `StreamLine` keeps the last one only, and a write costs what is new,
not what is there. `StreamText` keeps all of it.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\n\b\r]")
_MOVES = re.compile(r"[\b\r]")


class StreamLine:
    """The last line of a stream, and where in it the next character goes.

    Parameters
    ----------
    line : str
        What is to be seen of it; the next character goes behind it.
    """

    __slots__ = ("_column", "_length", "_pieces")

    def __init__(self, line: str = "") -> None:
        self._pieces = [line]
        self._length = self._column = len(line)

    def write(self, text: str) -> tuple[int, str]:
        """Write more.

        Returns
        -------
        cut, added : int, str
            The text that is to be seen lost its last `cut` characters, all of the last line, and got `added`.
        """
        if self._column < self._length or _MOVES.search(text):
            return self._overwrite(text)
        start = text.rfind("\n") + 1
        if start:
            self._set(text[start:])
        else:
            self._pieces.append(text)
            self._length += len(text)
        self._column = self._length
        return 0, text

    def rewind(self) -> str:
        r"""Return what brings a line that was read as text into this state: nothing, or ``\r`` and its beginning."""
        return "" if self._column == self._length else f"\r{self._text()[: self._column]}"

    def _text(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def _set(self, line: str) -> None:
        self._pieces, self._length = [line], len(line)

    def _overwrite(self, text: str) -> tuple[int, str]:
        line = before = self._text()
        column, kept = self._column, len(before)
        finished: list[str] = []
        at = 0
        while at <= len(text):
            control = _CONTROL.search(text, at)
            piece = text[at : control.start() if control else len(text)]
            if piece:
                kept = min(kept, column) if column < len(line) and not finished else kept
                line = line[:column] + piece + line[column + len(piece) :]
                column += len(piece)
            if control is None:
                break
            at = control.end()
            if control.group() == "\n":
                finished.append(line + "\n")
                line, column = "", 0
            elif control.group() == "\r":
                column = 0
            elif column:
                # In the middle of a line JupyterLab deletes the next character, too.
                kept = kept if finished else min(kept, column - 1)
                line = line[: column - 1] + line[column + 1 :]
                column -= 1
        self._set(line)
        self._column = column
        return len(before) - kept, ("".join(finished) + line)[kept:]


class StreamText:
    """One stream output that grows.

    Parameters
    ----------
    text : str
        What was written so far, raw or as `raw` returned it.
    """

    def __init__(self, text: str = "") -> None:
        self._parts: list[str] = []
        self.line = StreamLine()
        self.write(text)

    def write(self, text: str) -> None:
        """Write more."""
        cut, added = self.line.write(text)
        cut_end(self._parts, cut)
        if added:
            self._parts.append(added)

    def text(self) -> str:
        """Return what is to be seen."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def raw(self) -> str:
        r"""Return a text that, written first, leads to this very state.

        It is what is to be seen, and where the next character does not go to its end, a ``\r`` and the part
        of the last line that is before it.
        """
        return self.text() + self.line.rewind()


def cut_end(parts: list[str], cut: int) -> int:
    """Take `cut` characters from the end of a text in parts; return how many it hadn't."""
    while cut and parts:
        last = parts.pop()
        if len(last) > cut:
            parts.append(last[:-cut])
            return 0
        cut -= len(last)
    return cut
