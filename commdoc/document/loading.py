"""Reading a comms array that was there before its writer: all of it, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from commdoc.document.elements import (
    Element,
    Kernel,
    Opened,
    Output,
    Unknown,
    Updated,
    View,
    key_texts,
    parse,
)
from commdoc.document.output_log import OutputLog
from commdoc.document.records import Entry
from commdoc.document.slots import Slot
from commdoc.document.views import ViewIndex, key_of
from commdoc.document.yupdate import ElementId
from commdoc.errors import SchemaError
from commdoc.protocol.outputs import EncodedOutput
from commdoc.protocol.values import dumps


@dataclass(slots=True)
class Index:
    """What stands in the array: the writer's index.

    Attributes
    ----------
    slots : dict
        The elements that are written, in their order; an ordered set.
    seqs : dict
        Epoch to the next seq.
    """

    slots: dict[Slot, None] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    kernels: dict[str, tuple[Slot, Kernel]] = field(default_factory=dict)
    seqs: dict[str, int] = field(default_factory=dict)
    views: ViewIndex = field(default_factory=ViewIndex)


def load(ids: Sequence[ElementId], texts: Sequence[object]) -> Index:
    """Read an array.

    Parameters
    ----------
    ids, texts : sequences of the same length
        Of its elements, in order.

    Raises
    ------
    SchemaError
        When one element is damaged or newer, is there twice, or belongs to no comm.
    """
    index = Index()
    parsed = [(Slot(str(text), at), parse(text)) for at, text in zip(ids, texts, strict=True)]
    for first in (True, False):
        for slot, element in parsed:
            if isinstance(element, Opened | Kernel) is first:
                _take(index, slot, element)
    outputs: dict[str, dict[int, list[tuple[Slot, EncodedOutput | str]]]] = {}
    for slot, element in parsed:
        if isinstance(element, Output):
            _owner(index, element)
            parts = outputs.setdefault(element.comm_id, {})
            parts.setdefault(element.ordinal, []).append((slot, element.body))
    for comm_id, parts in outputs.items():
        index.entries[comm_id].outputs.load(parts)
    index.slots = {slot: None for slot, _ in parsed}
    return index


def _take(index: Index, slot: Slot, element: Element) -> None:
    match element:
        case Opened():
            _once(element.comm_id not in index.entries, f"comm {element.comm_id!r}")
            index.entries[element.comm_id] = _entry(slot, element)
            index.seqs[element.epoch] = max(index.seqs.get(element.epoch, 1), element.seq + 1)
        case Kernel():
            _once(element.kernel_id not in index.kernels, f"kernel {element.kernel_id!r}")
            index.kernels[element.kernel_id] = slot, element
        case View():
            _owner(index, element)
            _once(index.views.get(key_of(element)) is None, f"a view of comm {element.comm_id!r}")
            index.views.put(slot, element)
        case Updated():
            entry = _owner(index, element)
            _once(entry.updated is None, f"the update of comm {element.comm_id!r}")
            entry.updated, entry.overlay = slot, key_texts(element.state)
        case Unknown():
            if element.comm_id in index.entries:
                index.entries[element.comm_id].unknown.append(slot)


def _entry(slot: Slot, opened: Opened) -> Entry:
    given = {"data": opened.data, "metadata": opened.metadata}
    return Entry(
        comm_id=opened.comm_id,
        target_name=opened.target_name,
        model=opened.model,
        seq=opened.seq,
        epoch=opened.epoch,
        base=None if opened.state is None else key_texts(opened.state),
        extra={name: dumps(value) for name, value in given.items() if value is not None},
        opened=slot,
        outputs=OutputLog(opened.comm_id),
    )


def _owner(index: Index, element: Updated | Output | View) -> Entry:
    entry = index.entries.get(element.comm_id)
    if entry is None:
        msg = f"the comms map is damaged: an element of comm {element.comm_id!r}, which is not open"
        raise SchemaError(msg)
    return entry


def _once(first: bool, what: str) -> None:
    if not first:
        msg = f"the comms map is damaged: {what} is there twice"
        raise SchemaError(msg)
