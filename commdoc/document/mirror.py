"""The comms array in plain Python objects: every element, in order, and by the comm that it belongs to.

Kept up by the array's events. What it holds depends on the array alone: where somebody inserts between elements, which
the room never does, they are sorted anew.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from commdoc.document.elements import (
    Element,
    Kernel,
    NewerSchemaError,
    Opened,
    Output,
    Unknown,
    Updated,
    View,
    parse,
)
from commdoc.document.output_list import Edit, OutputList
from commdoc.errors import SchemaError

_log = logging.getLogger(__name__)

_T = TypeVar("_T")


class MirrorSlot:
    """One element of the array, damaged ones included; compared by identity."""

    __slots__ = ("element", "newer")

    def __init__(self, text: object) -> None:
        self.element: Element | None = None
        self.newer: NewerSchemaError | None = None
        try:
            self.element = parse(text)
        except NewerSchemaError as error:
            self.newer = error
        except SchemaError as error:
            _log.debug("skipped: %s", error)


@dataclass(slots=True)
class Parts:
    """The elements of one comm, each kind in its order. A second ``o`` or ``u`` is foreign: the last one counts."""

    openings: dict[MirrorSlot, Opened] = field(default_factory=dict)
    updates: dict[MirrorSlot, Updated] = field(default_factory=dict)
    outputs: OutputList = field(default_factory=OutputList)
    views: dict[MirrorSlot, View] = field(default_factory=dict)

    @property
    def opened(self) -> Opened | None:
        """The ``o`` that counts."""
        return _last(self.openings)

    @property
    def updated(self) -> Updated | None:
        """The ``u`` that counts."""
        return _last(self.updates)

    def is_empty(self) -> bool:
        """Say whether nothing of the comm is left."""
        return not (self.openings or self.updates or self.outputs or self.views)


@dataclass(slots=True)
class Touched:
    """What a transaction changed elements of.

    Attributes
    ----------
    comms : dict
        comm_id to the views that it had before.
    outputs : dict
        comm_id to what happened to its outputs.
    kernels : dict
        The kernels before, an ordered set.
    """

    comms: dict[str, list[View]]
    outputs: dict[str, list[Edit]]
    kernels: dict[Kernel, None]


class Mirror:
    """The elements of the array."""

    def __init__(self) -> None:
        self.parts: dict[str, Parts] = {}
        self.views: dict[MirrorSlot, View] = {}
        self.kernels: dict[MirrorSlot, Kernel] = {}
        self.newer: dict[MirrorSlot, NewerSchemaError] = {}
        self._slots: list[MirrorSlot] = []

    def __len__(self) -> int:
        return len(self._slots)

    def views_of(self, comm_id: str) -> list[View]:
        """Return the views of a comm."""
        parts = self.parts.get(comm_id)
        return list(parts.views.values()) if parts is not None else []

    def apply(self, delta: Sequence[dict[str, Any]]) -> Touched:
        """Follow a transaction of the array, given as its Yjs delta."""
        removed, added, appended = self._move(delta)
        comm_ids = dict.fromkeys(_comm_ids(removed) + _comm_ids(added))
        touched = Touched(
            comms={comm_id: self.views_of(comm_id) for comm_id in comm_ids},
            outputs={},
            kernels=dict.fromkeys(self.kernels.values()),
        )
        if not appended:
            # Somebody inserted between others: what has an order is sorted anew.
            new = set(added)
            removed, added = [*removed, *(slot for slot in self._slots if slot not in new)], self._slots
        for slot in removed:
            self._remove(slot)
        for slot in added:
            self._add(slot)
        for slot in (*removed, *added):
            if isinstance(slot.element, Output):
                touched.outputs[slot.element.comm_id] = []
        for comm_id in touched.outputs:
            touched.outputs[comm_id] = self.parts[comm_id].outputs.settle()
        for comm_id in comm_ids:
            if self.parts[comm_id].is_empty():
                del self.parts[comm_id]
        return touched

    def _move(self, delta: Sequence[dict[str, Any]]) -> tuple[list[MirrorSlot], list[MirrorSlot], bool]:
        """Bring the list of slots up to date. Return what went, what came, and whether all of that came at the end."""
        slots = self._slots
        removed: list[MirrorSlot] = []
        added: list[MirrorSlot] = []
        appended, at = True, 0
        for change in delta:
            if "retain" in change:
                at += change["retain"]
            elif "delete" in change:
                removed += slots[at : at + change["delete"]]
                del slots[at : at + change["delete"]]
            else:
                new = [MirrorSlot(text) for text in change["insert"]]
                appended = appended and at == len(slots)
                slots[at:at] = new
                added += new
                at += len(new)
        return removed, added, appended

    def _add(self, slot: MirrorSlot) -> None:
        element = slot.element
        if slot.newer is not None:
            self.newer[slot] = slot.newer
        elif isinstance(element, Kernel):
            self.kernels[slot] = element
        elif element is not None and not isinstance(element, Unknown):
            parts = self.parts.setdefault(element.comm_id, Parts())
            match element:
                case Opened():
                    parts.openings[slot] = element
                case Updated():
                    parts.updates[slot] = element
                case Output():
                    parts.outputs.add(slot, element.ordinal, element.body)
                case View():
                    parts.views[slot] = self.views[slot] = element

    def _remove(self, slot: MirrorSlot) -> None:
        element = slot.element
        if slot.newer is not None:
            del self.newer[slot]
        elif isinstance(element, Kernel):
            del self.kernels[slot]
        elif element is not None and not isinstance(element, Unknown):
            parts = self.parts[element.comm_id]
            if isinstance(element, Output):
                parts.outputs.remove(slot, element.ordinal)
            for kind in (parts.openings, parts.updates, parts.views, self.views):
                kind.pop(slot, None)


def _last(ordered: dict[MirrorSlot, _T]) -> _T | None:
    return ordered[next(reversed(ordered))] if ordered else None


def _comm_ids(slots: list[MirrorSlot]) -> list[str]:
    return [
        slot.element.comm_id
        for slot in slots
        if slot.element is not None and not isinstance(slot.element, Kernel | Unknown)
    ]
