"""How the commands print: tables that fit a terminal of 80 columns, ids that are short and still tell one from another.

Colours and live displays are rich's: none where the output is no terminal, or ``NO_COLOR`` is set.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SHORTEST: Final = 8
"""Characters of an id, at least."""


def console() -> Console:
    """Return where to print; a NO_COLOR that is not empty takes the colours away."""
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR"))
    return Console(highlight=False, markup=False, no_color=plain or None, emoji=False)


def table(*columns: str, right: Sequence[str] = (), wide: str = "") -> Table:
    """Return a table without frame; a cell that is too long ends with an ellipsis, no line is broken.

    Parameters
    ----------
    columns : str
        The headings.
    right : sequence of str
        Those of numbers.
    wide : str
        The one that takes what is left, and is cut when that is not enough; see `print_table`.
    """
    from rich.table import Table

    it = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        it.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if name == wide else None,
        )
    return it


def print_table(out: Console, it: Table) -> None:
    """Print a table: only its wide column gives way, all others are as wide as what is in them."""
    for column in it.columns:
        if column.ratio is None:
            column.min_width = max(out.measure(cell).maximum for cell in (column.header, *column.cells))
    out.print(it)


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return each id's beginning: all equally long, and as long as it takes to tell them apart."""
    known = list(dict.fromkeys(ids))
    length = SHORTEST
    while len({each[:length] for each in known}) < len(known):
        length += 1
    return {each: each[:length] for each in known}


def size(count: float) -> str:
    """Return bytes as a person reads them."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def one_line(text: str) -> str:
    """Return text without what moves the cursor or ends a line: a widget's value is anybody's text."""
    return "".join(each if each.isprintable() else " " for each in text)
