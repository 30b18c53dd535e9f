"""Planning elements of the comms array, the blobs that they name counted."""

from __future__ import annotations

from collections.abc import Sequence

from commdoc.document.array_writer import ArrayWriter
from commdoc.document.slots import BlobRefs, Slot


class Pen:
    """Appends elements and drops them."""

    def __init__(self, array: ArrayWriter, refs: BlobRefs) -> None:
        self._array = array
        self._refs = refs

    def append(self, text: str) -> Slot:
        """Plan an element."""
        slot = self._array.append(text)
        self._refs.add([text])
        return slot

    def drop(self, slots: Sequence[Slot]) -> None:
        """Plan to delete elements."""
        self._array.drop(*slots)
        self._refs.release(slot.text for slot in slots)
