"""The reader of the comms array: a map of the comms, kept up with the document as it changes.

`CommsMap` mirrors the array's elements, in plain Python objects, from the events of the array; so any thread may
read it, and reading costs no access to the document. What it shows depends on the array alone, not on how the updates
came: one by one, merged, or all at once. An element that is damaged or of an unknown kind is skipped; a ``u``, ``out``
or ``v`` that comes before its ``o`` waits for it. A document of a newer schema is refused as a whole.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeVar

from pycrdt import Array, Doc

from commdoc.document.comm import Comm, merged_state
from commdoc.document.elements import (
    ROOT,
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
from commdoc.document.yupdate import elements
from commdoc.errors import SchemaError
from commdoc.protocol.messages import Encoded, State
from commdoc.protocol.values import GetBlob, dumps

_log = logging.getLogger(__name__)

_EXACT_TYPES: Final = (str, int, bool, type(None))


class Change(NamedTuple):
    """What a transaction did to one comm, or to a kernel (`comm_id` is its kernel_id then).

    Attributes
    ----------
    kind : str
        ``refused`` says that the document now has a newer schema: see `CommsMap.error`.
    keys : tuple of str
        State keys that were opened or updated.
    """

    kind: Literal["opened", "updated", "closed", "outputs", "views", "kernel", "refused"]
    comm_id: str
    keys: tuple[str, ...] = ()


class _Slot:
    """One element of the array; compared by identity."""

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
class _Parts:
    """The elements of one comm, each kind in its order. A second ``o`` or ``u`` is foreign: the last one counts."""

    opened: dict[_Slot, Opened] = field(default_factory=dict)
    updated: dict[_Slot, Updated] = field(default_factory=dict)
    outputs: dict[_Slot, dict[str, Encoded]] = field(default_factory=dict)
    views: dict[_Slot, View] = field(default_factory=dict)

    def is_empty(self) -> bool:
        return not (self.opened or self.updated or self.outputs or self.views)


class CommsMap(Mapping[str, Comm]):
    """The comms of a document: comm_id to `Comm`, in seq order (same seq, of other epochs: by comm_id).

    Parameters
    ----------
    doc : pycrdt.Doc
        Any document; it need not have a comms map yet.
    get_blob : callable, optional
        Returns a blob's bytes, or raises `BlobMissingError`. Called when a value is read, on the thread that reads.

    Notes
    -----
    Reading raises `SchemaError` while `error` is set.
    """

    def __init__(self, doc: Doc[Any], *, get_blob: GetBlob | None = None) -> None:
        self.error: SchemaError | None = None
        """Why the document is refused, or None."""
        self._get_blob = get_blob
        self._slots: list[_Slot] = []
        self._parts: dict[str, _Parts] = {}
        self._comms: dict[str, Comm] = {}
        self._views: dict[_Slot, View] = {}
        self._kernels: dict[_Slot, Kernel] = {}
        self._newer: dict[_Slot, NewerSchemaError] = {}
        self._generation = 0
        self._ordered: tuple[int, dict[str, Comm]] = 0, {}
        self._callbacks: dict[object, Callable[[list[Change]], None]] = {}
        array: Array[Any] = doc.get(ROOT, type=Array)
        self._apply([{"insert": elements(array)}])
        # The raw event of pycrdt: wrapping it costs as much again, for a target and a path that are known.
        self._subscription = array.integrated.observe(self._observe)

    def dispose(self) -> None:
        """Stop following the document."""
        self._subscription.drop()

    # --- reading -------------------------------------------------------------------------------------------------

    def __getitem__(self, comm_id: str) -> Comm:
        self._check()
        return self._comms[comm_id]

    def __contains__(self, comm_id: object) -> bool:
        self._check()
        return comm_id in self._comms

    def __len__(self) -> int:
        self._check()
        return len(self._comms)

    def __iter__(self) -> Iterator[str]:
        return iter(self._snapshot())

    def keys(self) -> KeysView[str]:
        """Return the comm ids as they are now, in seq order."""
        return self._snapshot().keys()

    def values(self) -> ValuesView[Comm]:
        """Return the comms as they are now, in seq order: what closes meanwhile is still met."""
        return self._snapshot().values()

    def items(self) -> ItemsView[str, Comm]:
        """Return ids and comms as they are now, in seq order."""
        return self._snapshot().items()

    @property
    def kernels(self) -> dict[str, Kernel]:
        """The kernels by kernel_id; a copy."""
        self._check()
        return {kernel.kernel_id: kernel for kernel in list(self._kernels.values())}

    @property
    def views(self) -> list[dict[str, Any]]:
        """The displayed views ``{comm_id, msg_id, cell_id?, execution_count?}``, in the order of displaying; a copy."""
        self._check()
        views = list(self._views.values())
        return [{"comm_id": view.comm_id, **view.view} for view in views if view.comm_id in self._comms]

    def to_py(self) -> dict[str, dict[str, Any]]:
        """Return the plain nested map, values decoded."""
        return {comm_id: comm.to_py() for comm_id, comm in self.items()}

    def observe(self, callback: Callable[[list[Change]], None]) -> Callable[[], None]:
        """Call `callback` with the changes of each transaction, on the document's thread, while the transaction ends.

        The map has them already. The callback must not write into the document. What it raises is logged.

        Returns
        -------
        callable
            Ends it.
        """
        token = object()
        self._callbacks[token] = callback
        return lambda: self._callbacks.pop(token, None) and None

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    def _snapshot(self) -> dict[str, Comm]:
        self._check()
        generation = self._generation
        if self._ordered[0] != generation:
            comms = sorted(self._comms.values(), key=lambda comm: (comm.seq, comm.comm_id))
            self._ordered = generation, {comm.comm_id: comm for comm in comms}
        return self._ordered[1]

    # --- following -----------------------------------------------------------------------------------------------

    def _observe(self, event: Any) -> None:
        try:
            changes = self._apply(event.delta)
        except Exception:  # noqa: BLE001 - what an observer raises ends up in somebody else's transaction
            _log.exception("reading a change of the comms map")
            return
        if not changes:
            return
        for callback in list(self._callbacks.values()):
            try:
                callback(list(changes))
            except Exception:  # noqa: BLE001 - one callback must not stop the others
                _log.exception("in a callback on changes of the comms map")

    def _apply(self, delta: list[dict[str, Any]]) -> list[Change]:
        """Bring the mirror up to date and return what that changed."""
        slots = self._slots
        removed: list[_Slot] = []
        added: list[_Slot] = []
        appended, at = True, 0
        for change in delta:
            if "retain" in change:
                at += change["retain"]
            elif "delete" in change:
                removed += slots[at : at + change["delete"]]
                del slots[at : at + change["delete"]]
            else:
                new = [_Slot(text) for text in change["insert"]]
                appended = appended and at == len(slots)
                slots[at:at] = new
                added += new
                at += len(new)
        comm_ids = dict.fromkeys(_comm_ids(removed) + _comm_ids(added))
        shown = {comm_id: self._views_of(comm_id) for comm_id in comm_ids}
        kernels = dict.fromkeys(self._kernels.values())
        if appended:
            for slot in removed:
                self._remove(slot)
            for slot in added:
                self._add(slot)
        else:
            self._rebuild()
        return self._changes(comm_ids, removed + added, shown, kernels)

    def _rebuild(self) -> None:
        """Sort the elements anew: somebody inserted between them, which the room never does."""
        for parts in (self._parts, self._views, self._kernels, self._newer):
            parts.clear()
        for slot in self._slots:
            self._add(slot)
        for comm_id, comm in self._comms.items():
            comm._outputs = self._parts.get(comm_id, _Parts()).outputs

    def _add(self, slot: _Slot) -> None:
        element = slot.element
        if slot.newer is not None:
            self._newer[slot] = slot.newer
        elif isinstance(element, Kernel):
            self._kernels[slot] = element
        elif element is not None and not isinstance(element, Unknown):
            parts = self._parts.setdefault(element.comm_id, _Parts())
            match element:
                case Opened():
                    parts.opened[slot] = element
                case Updated():
                    parts.updated[slot] = element
                case Output():
                    parts.outputs[slot] = element.output
                case View():
                    parts.views[slot] = self._views[slot] = element

    def _remove(self, slot: _Slot) -> None:
        element = slot.element
        if slot.newer is not None:
            del self._newer[slot]
        elif isinstance(element, Kernel):
            del self._kernels[slot]
        elif element is not None and not isinstance(element, Unknown):
            parts = self._parts[element.comm_id]
            for kind in (parts.opened, parts.updated, parts.outputs, parts.views, self._views):
                kind.pop(slot, None)
            if parts.is_empty():
                del self._parts[element.comm_id]

    def _views_of(self, comm_id: str) -> list[View]:
        parts = self._parts.get(comm_id)
        return list(parts.views.values()) if parts is not None else []

    def _changes(
        self,
        comm_ids: dict[str, None],
        slots: list[_Slot],
        shown: dict[str, list[View]],
        kernels: dict[Kernel, None],
    ) -> list[Change]:
        """Bring the comms up to date with their elements, and tell how they differ from before."""
        captured = {slot.element.comm_id for slot in slots if isinstance(slot.element, Output)}
        changes: list[Change] = []
        differing = dict.fromkeys(self._kernels.values()).keys() ^ kernels.keys()
        changes += [
            Change("kernel", kernel_id) for kernel_id in dict.fromkeys(k.kernel_id for k in differing)
        ]
        for comm_id in comm_ids:
            changes += self._refresh(comm_id)
            if comm_id in self._comms:
                if comm_id in captured:
                    changes.append(Change("outputs", comm_id))
                if shown[comm_id] != self._views_of(comm_id):
                    changes.append(Change("views", comm_id))
        error = next(iter(self._newer.values()), None)
        if error is not None and self.error is None:
            changes = [Change("refused", "")]
        self.error = error
        return changes

    def _refresh(self, comm_id: str) -> Iterator[Change]:
        parts = self._parts.get(comm_id)
        comm = self._comms.get(comm_id)
        opened = _last(parts.opened) if parts is not None else None
        if comm is not None and (opened is None or opened.head != comm._opened.head):
            del self._comms[comm_id]
            comm.closed = True
            comm._outputs = dict(comm._outputs)
            self._generation += 1
            yield Change("closed", comm_id)
            comm = None
        if parts is None or opened is None:
            return
        updated = _last(parts.updated)
        state = merged_state(opened, updated.state if updated is not None else None)
        if comm is None:
            comm = Comm(opened, self._get_blob)
            comm._state, comm._outputs = state, parts.outputs
            self._comms[comm_id] = comm
            self._generation += 1
            yield Change("opened", comm_id, tuple(state))
            return
        keys = _differing(comm._state, state)
        comm._opened, comm._state, comm._outputs = opened, state, parts.outputs
        if keys:
            yield Change("updated", comm_id, keys)


_T = TypeVar("_T")


def _last(ordered: dict[_Slot, _T]) -> _T | None:
    return ordered[next(reversed(ordered))] if ordered else None


def _comm_ids(slots: list[_Slot]) -> list[str]:
    return [
        slot.element.comm_id
        for slot in slots
        if slot.element is not None and not isinstance(slot.element, Kernel | Unknown)
    ]


def _differing(old: State, new: State) -> tuple[str, ...]:
    """Return the keys whose values differ as JSON texts do: 5 is not 5.0, and True is not 1."""
    keys = [key for key, value in new.items() if key not in old or not _same(old[key], value)]
    return (*keys, *(key for key in old if key not in new))


def _same(old: Encoded, new: Encoded) -> bool:
    if old is new:
        return True
    if type(old) is not type(new):
        return False
    return bool(old == new) if isinstance(new, _EXACT_TYPES) else dumps(old) == dumps(new)
