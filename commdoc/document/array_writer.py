"""Appending elements to the comms array and deleting them, planned first and written as one transaction.

The array is never read but at the start, and when somebody else wrote into it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from typing import Any

from pycrdt import Array, Doc, Subscription

from commdoc.document.elements import ROOT
from commdoc.document.foreign import describe, differences
from commdoc.document.loading import Index, load
from commdoc.document.slots import Slot
from commdoc.document.yupdate import ElementId, element_ids, elements, encode_update, own_clock
from commdoc.errors import CommdocError

_log = logging.getLogger(__name__)


class ArrayWriter:
    """Writes the array and keeps `Index.slots`, which says what stands in it.

    Parameters
    ----------
    fresh : bool
        Delete what the array holds, with the first write, instead of reading it.

    Raises
    ------
    SchemaError
        When the array can't be read.
    """

    def __init__(self, doc: Doc[Any], origin: Hashable, *, fresh: bool) -> None:
        self.on_foreign: Callable[[str], None] | None = None
        self.foreign = False
        """Whether somebody else has written into the array since the last write of ours."""
        self._doc = doc
        self._origin = origin
        self._array: Array[Any] = doc.get(ROOT, type=Array)
        ids = element_ids(self._array)
        self.index = Index() if fresh else load(ids, elements(self._array))
        self.clock = own_clock(doc)
        self._planned: dict[Slot, None] = {}
        self._deleted = ids if fresh else []
        self._tail = ids[-1] if ids else None
        self._subscription: Subscription | None = self._array.integrated.observe(self._observe)

    def dispose(self) -> None:
        """Stop observing. On the document's thread: there the subscription must be freed, too."""
        if self._subscription is not None:
            self._subscription.drop()
            self._subscription = None

    def append(self, text: str = "") -> Slot:
        """Plan an element; its text may be set until it is written."""
        slot = Slot(text)
        self._planned[slot] = None
        return slot

    def drop(self, *slots: Slot | None) -> None:
        """Plan to delete elements, planned ones too."""
        for slot in slots:
            if slot is None:
                continue
            if slot.id is None:
                del self._planned[slot]
            else:
                del self.index.slots[slot]
                self._deleted.append(slot.id)

    def write(self) -> None:
        """Write what is planned, if anything; undo foreign writes with it.

        When the transaction can't be begun, it stays planned.

        Raises
        ------
        ExceptionGroup
            What observers of the document raised; all is written then.
        """
        if self.foreign:
            self._plan_restore()
        if not self._planned and not self._deleted:
            return
        with self._doc.transaction(origin=self._origin):
            first = ElementId(self._doc.client_id, own_clock(self._doc))
            texts = [slot.text for slot in self._planned]
            self._doc.apply_update(encode_update(first, self._tail, texts, self._deleted))
            # Before the transaction ends: what its observers raise comes out there.
            self._settle(first)

    def _settle(self, first: ElementId) -> None:
        for n, slot in enumerate(self._planned):
            self._tail = slot.id = ElementId(first.client, first.clock + n)
        self.clock = first.clock + len(self._planned)
        self.index.slots.update(self._planned)
        self._planned.clear()
        self._deleted.clear()
        if own_clock(self._doc) != self.clock:
            msg = f"the document has clock {own_clock(self._doc)} where {self.clock} was due: an update is missing"
            raise CommdocError(msg)

    def _observe(self, event: Any) -> None:
        """See a transaction of the array. A raw event of pycrdt: wrapped, it would compute its delta each time."""
        try:
            if event.transaction.origin() == hash(self._origin):
                return
            self.foreign = True
            delta = event.delta
            del event  # of this thread: a traceback that is kept must not keep it
            reason = describe(delta)
            if self.on_foreign is None:
                _log.warning("%s; it is undone with the next batch", reason)
            else:
                self.on_foreign(reason)
        except Exception:  # noqa: BLE001 - what an observer raises ends up in somebody else's transaction
            _log.exception("on a foreign write into the comms map")

    def _plan_restore(self) -> None:
        foreign, lost = differences(self.index, element_ids(self._array))
        self._deleted += foreign
        self.drop(*lost)
        for slot in lost:
            slot.id = None
        self._planned = {**dict.fromkeys(lost), **self._planned}
        self.foreign = False
