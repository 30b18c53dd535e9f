"""Changes displays in the notebook's cells (``update_display_data``), where the room's document has them.

The output is found by what the bridge says of it, and only what a display with this id has shown before is changed:
in a cell that others have rewritten meanwhile, nothing. Whoever writes outputs into the document may be late, so a
place where nothing fits yet is looked at again for a while. Only a key of the output is set: when a front end does the
same, both have set the same, and nothing is there twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pycrdt import Array, Doc, Map

from commdoc.errors import BlobMissingError
from commdoc.protocol.outputs import shown_digest
from commdoc.protocol.values import BlobSentinel, decode
from commdoc.rooms import fields

log = logging.getLogger(__name__)

CELLS: Final = "cells"
"""The root of a notebook's document, as jupyter_ydoc names it."""

LATE_SECONDS: Final = 30.0
"""How long it is waited for an output that is not in the document yet."""

MAX_DUE: Final = 1_000


@dataclass
class _Due:
    cell_id: str
    ordinal: int
    digests: list[str]
    data: Any
    metadata: Any
    until: float


class Displays:
    """Changes outputs of cells.

    Parameters
    ----------
    get : callable
        Returns a blob's content.
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, doc: Doc[Any], get: Callable[[str], bytes | None], clock: Callable[[], float]) -> None:
        self._doc = doc
        self._get = get
        self._clock = clock
        self._due: dict[tuple[str, str, int], _Due] = {}

    @property
    def has_cells(self) -> bool:
        """Whether the document is a notebook's."""
        return CELLS in self._doc.keys()  # noqa: SIM118 - a Doc is no mapping

    def redisplay(self, op: Mapping[str, Any]) -> None:
        """Take a ``redisplay`` operation; `write` does it.

        Raises
        ------
        CommdocError
            When it is malformed, or names a blob that is not here.
        """
        display_id = fields.text(op, "display_id")
        output = fields.need(op, "output", dict)
        data, metadata = (decode(output.get(name) or {}, self._blob) for name in ("data", "metadata"))
        for place in fields.items(op, "places", dict):
            due = _Due(
                fields.text(place, "cell_id"),
                fields.need(place, "ordinal", int),
                fields.items(place, "digests", str),
                data,
                metadata,
                self._clock() + LATE_SECONDS,
            )
            self._due[display_id, due.cell_id, due.ordinal] = due
        for key in list(self._due)[:-MAX_DUE]:
            del self._due[key]

    def write(self) -> None:
        """Change what is there by now, in a transaction of its own."""
        if not self._due or not self.has_cells:
            self._due.clear()
            return
        now = self._clock()
        by_cell: dict[str, list[tuple[tuple[str, str, int], _Due]]] = {}
        for key, due in list(self._due.items()):
            if now > due.until:
                del self._due[key]
            else:
                by_cell.setdefault(due.cell_id, []).append((key, due))
        with self._doc.transaction():
            for cell in self._doc.get(CELLS, type=Array):
                if isinstance(cell, Map) and cell.get("id") in by_cell:
                    shown = _shown(cell)
                    for key, due in by_cell[cell["id"]]:
                        if due.ordinal < len(shown) and _change(shown[due.ordinal], due):
                            del self._due[key]

    def _blob(self, blob: BlobSentinel) -> bytes:
        content = self._get(blob["$blob"])
        if content is None:
            raise BlobMissingError(f"blob {blob['$blob']!r:.20} is not here")
        return content


def _shown(cell: Map[Any]) -> list[Any]:
    outputs = cell.get("outputs")
    if not isinstance(outputs, Array):
        return []
    return [it for it in outputs if isinstance(it, Map) and it.get("output_type") != "stream"]


def _change(output: Map[Any], due: _Due) -> bool:
    """Set what an output shows; False when it shows something else than the display did."""
    digest = shown_digest(_plain(output.get("data")))
    if digest == shown_digest(due.data):
        return True  # a front end was faster
    if digest not in due.digests:
        return False
    output["data"] = due.data
    output["metadata"] = due.metadata
    return True


def _plain(value: Any) -> Any:
    return value.to_py() if isinstance(value, Map | Array) else value
