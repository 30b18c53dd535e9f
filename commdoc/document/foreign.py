"""Foreign writes into the comms array: what they were, and what undoes them.

A foreign peer is any other Yjs client in the notebook's room, or other code on the same document. Elements are told
apart by their Yjs ids: one that somebody deleted and wrote again, word for word, is foreign.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from commdoc.document.loading import Index
from commdoc.document.slots import Slot
from commdoc.document.yupdate import ElementId


def describe(delta: list[dict[str, Any]]) -> str:
    """Return what a transaction did to the array, for a person."""
    inserted = sum(len(change["insert"]) for change in delta if "insert" in change)
    deleted = sum(change["delete"] for change in delta if "delete" in change)
    return f"somebody else wrote into the comms map: {inserted} elements inserted, {deleted} deleted"


def differences(index: Index, present: Sequence[ElementId]) -> tuple[list[ElementId], list[Slot]]:
    """Compare the array with what should stand in it.

    Parameters
    ----------
    present : sequence of ElementId
        The elements of the array.

    Returns
    -------
    foreign : list of ElementId
        To be deleted.
    lost : list of Slot
        To be appended again, in this order. Behind a lost chunk of a stream they include its later ones: chunks
        have an order among themselves.
    """
    ours = {slot.id for slot in index.slots}
    foreign = [element_id for element_id in present if element_id not in ours]
    standing = set(present)
    lost = {slot: None for slot in index.slots if slot.id not in standing}
    for entry in index.entries.values():
        for chunks in entry.outputs.elements():
            gone = next((n for n, slot in enumerate(chunks) if slot in lost), None)
            for slot in chunks[gone:] if gone is not None else ():
                lost.pop(slot, None)
                if slot.id is not None:
                    lost[slot] = None
    return foreign, list(lost)
