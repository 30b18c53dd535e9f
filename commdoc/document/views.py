"""The displayed views that the writer of the comms array knows, found by comm, execution or cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from commdoc.document.elements import View
from commdoc.document.slots import Slot

Key: TypeAlias = tuple[str, str | None]
"""comm_id and cell_id: a comm has at most one view per cell, and one of no cell."""

Facet: TypeAlias = Literal["comm", "execution", "cell"]


def key_of(view: View) -> Key:
    """Return what a view replaces when it is displayed again."""
    return view.comm_id, view.cell_id


class ViewIndex:
    """Views by `Key`, in the order in which they were put."""

    def __init__(self) -> None:
        self._views: dict[Key, tuple[Slot, View]] = {}
        self._found: dict[tuple[Facet, str], dict[Key, None]] = {}

    def __iter__(self) -> Iterator[View]:
        return (view for _, view in self._views.values())

    def get(self, key: Key) -> View | None:
        """Return the view of a comm in a cell."""
        return self._views[key][1] if key in self._views else None

    def find(self, facet: Facet, value: str) -> list[Key]:
        """Return the keys of the views of a comm, an execution (its msg_id) or a cell."""
        return list(self._found.get((facet, value), ()))

    def put(self, slot: Slot, view: View) -> None:
        """Add a view; there must be none of its key."""
        key = key_of(view)
        self._views[key] = slot, view
        for facet in _facets(view):
            self._found.setdefault(facet, {})[key] = None

    def pop(self, key: Key) -> Slot:
        """Remove a view and return its slot."""
        slot, view = self._views.pop(key)
        for facet in _facets(view):
            found = self._found[facet]
            del found[key]
            if not found:
                del self._found[facet]
        return slot


def _facets(view: View) -> Iterator[tuple[Facet, str]]:
    yield "comm", view.comm_id
    yield "execution", view.msg_id
    if view.cell_id is not None:
        yield "cell", view.cell_id
