"""What a store kept of a room's comms, put into the document that the room begins with.

A room that comes back has a document of its own making: windows begin afresh with it (`Room.document_id`), since one
that was cut off may have more of the old one than was kept. So nothing of the old one's history is needed: the elements
of the comms array are written into the new one as one run. Cells are not: they are the notebook's file's, or belong to
the extension that shares it.
"""

from __future__ import annotations

import logging
from typing import Any

from pycrdt import Array, Doc

from commdoc.document import CommsLog
from commdoc.document.elements import ROOT, NewerSchemaError
from commdoc.document.yupdate import ElementId, elements, encode_update, own_clock
from commdoc.errors import SchemaError
from commdoc.rooms.store.base import Shelf

log = logging.getLogger(__name__)


def restore(shelf: Shelf, doc: Doc[Any]) -> bool:
    """Put what a shelf has into a document, unless that has comms already: then those are newer.

    What can't be read is kept as ``*.corrupt``.

    Returns
    -------
    bool
        Whether the document's comms are those of the shelf.

    Raises
    ------
    SchemaError
        When a newer commdoc has written it; it stays as it is, and must not be written over.
    OSError
        When it can't be read now.
    """
    stored = shelf.load()
    if stored is None or len(doc.get(ROOT, type=Array)):
        return False
    try:
        texts = _texts(list(stored.updates))
    except NewerSchemaError:
        raise
    except SchemaError as error:
        shelf.refuse(str(error))
        return False
    if texts:
        # One run, written as an update: 5,000 texts by the array's own methods would stop the host for a second.
        doc.apply_update(encode_update(ElementId(doc.client_id, own_clock(doc)), None, texts, ()))
    return bool(texts)


def _texts(updates: list[bytes]) -> list[str]:
    """Return the elements that these updates leave. Raises `SchemaError` when they are no comms map."""
    kept: Doc[Any] = Doc()
    array = kept.get(ROOT, type=Array)
    try:
        for update in updates:
            kept.apply_update(update)
    except BaseException as error:
        # yrs panics at some updates; that is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise SchemaError(f"no Yjs updates: {error}") from None
    CommsLog(kept).dispose()
    return [str(text) for text in elements(array)]
