"""Where in the notebook's cells each display stands, so that the room can change it there.

A front end changes what is displayed in a cell when ``update_display_data`` comes, as long as the one that ran the cell
is open. In a room that has the notebook's cells the document is right without it, too. An output in a document carries
no display_id, so it is found by its cell, its place among the cell's outputs that are no streams, and what it shows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from commdoc.kernel.records import Parent, parent_id
from commdoc.protocol.outputs import shown_digest

MAX_DISPLAYS: Final = 1_000
"""Ids that are remembered, those that were displayed last; so many places are remembered of each, too."""

REMEMBERED_DIGESTS: Final = 8
"""Of what a display has shown before: what wrote the document may be some updates behind."""


class Place(NamedTuple):
    """An output of a cell: the one with this number, of its outputs that are no streams."""

    cell_id: str
    ordinal: int


class Displays:
    """Remembers places of displays.

    Parameters
    ----------
    cell_of : callable
        Returns the id of the cell that an execution runs, None when it is not known.
    emit : callable
        Takes an operation.
    """

    def __init__(self, cell_of: Callable[[str], str | None], emit: Callable[[dict[str, Any]], None]) -> None:
        self._cell_of = cell_of
        self._emit = emit
        self._places: OrderedDict[str, OrderedDict[Place, list[str]]] = OrderedDict()
        self._has_cells = False

    def follow(self, has_cells: bool) -> None:
        """Take whether the room has cells; without them it is told nothing."""
        self._has_cells = has_cells

    def shown(self, display_id: str, ordinal: int, shown: dict[str, Any], parent: Parent | None) -> None:
        """A cell displays something that may be changed later."""
        cell_id = self._cell_of(parent_id(parent) or "")
        if cell_id is None or (digest := shown_digest(shown["data"])) is None:
            return
        places = self._places.pop(display_id, OrderedDict())
        places[Place(cell_id, ordinal)] = [digest]
        self._places[display_id] = places
        if len(places) > MAX_DISPLAYS:
            places.popitem(last=False)
        if len(self._places) > MAX_DISPLAYS:
            self._places.popitem(last=False)

    def redisplayed(self, display_id: str, shown: dict[str, Any]) -> None:
        """What has this id shows something else now."""
        places = self._places.get(display_id)
        if not places or (digest := shown_digest(shown["data"])) is None:
            return
        if self._has_cells:
            named = [
                {"cell_id": place.cell_id, "ordinal": place.ordinal, "digests": list(digests)}
                for place, digests in places.items()
            ]
            output = {"output_type": "display_data", **shown}
            self._emit({"op": "redisplay", "display_id": display_id, "places": named, "output": output})
        for digests in places.values():
            if digest not in digests:
                digests.append(digest)
                del digests[:-REMEMBERED_DIGESTS]

    def cleared(self, cell_id: str) -> None:
        """Forget what a cell has shown."""
        for display_id, places in list(self._places.items()):
            for place in [place for place in places if place.cell_id == cell_id]:
                del places[place]
            if not places:
                del self._places[display_id]
