"""Which document a room has: the notebook's, where one of the collaboration extensions shares it, else one of its own.

Both extensions keep their documents only while somebody has them open. `Documents.open` returns the one of now, and
`SharedDocument.is_current` says later whether it still is.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import pycrdt

from commdoc.document import CommsLog
from commdoc.errors import SchemaError
from commdoc.rooms.registry import Document
from commdoc.server.jupyter.twin import Twin

log = logging.getLogger(__name__)

Kind = Literal["own", "jupyter-collaboration", "jupyter-server-documents"]

OWN: Final[Kind] = "own"
COLLABORATION: Final = "jupyter_server_ydoc"
"""Under this name both extensions put their Python interface into the server's settings."""


class OwnDocument:
    """A document that nobody else has."""

    def __init__(self, *, may_move: bool = True) -> None:
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.may_move = may_move

    async def is_current(self, path: str | None) -> bool:
        """Say yes."""
        return True

    def close(self) -> None:
        """Do nothing."""


class SharedDocument:
    """The document of a collaboration extension.

    Parameters
    ----------
    twin : Twin
        Of the document.
    find : callable
        Returns the document of now of the notebook at a path, None when nobody has it open.
    """

    may_move = False

    def __init__(self, twin: Twin, find: Callable[[str], Awaitable[pycrdt.Doc[Any] | None]]) -> None:
        self.doc = twin.own
        self._twin = twin
        self._find = find

    async def is_current(self, path: str | None) -> bool:
        """Tell whether the notebook still has this document; one that nobody has open is still ours."""
        now = None if path is None else await self._find(path)
        return now is None or now is self._twin.theirs

    def close(self) -> None:
        """Write no more into it."""
        self._twin.close()


class Documents:
    """Opens documents of notebooks.

    Parameters
    ----------
    settings : dict
        Of the server's web application; the extensions that share documents are found there.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    @property
    def kind(self) -> Kind:
        """Whose the documents are."""
        if self._settings.get("yroom_manager") is not None:
            return "jupyter-server-documents"
        extension = self._settings.get(COLLABORATION)
        if extension is None or getattr(extension, "disable_rtc", False):
            return OWN
        return "jupyter-collaboration"

    async def open(self, path: str | None) -> Document:
        """Return the document of a notebook, opened if it is not; one of its own for a kernel without a notebook."""
        if path is None or self.kind == OWN:
            return OwnDocument(may_move=self.kind == OWN)
        theirs = await self._find(path, create=True)
        if theirs is None:
            log.warning("%s has no shared document; its widgets get one of their own", path)
            return OwnDocument()
        twin = await Twin.of(theirs)
        _drop_unreadable(twin.own, path)
        return SharedDocument(twin, self._find)

    async def _find(self, path: str, *, create: bool = False) -> pycrdt.Doc[Any] | None:
        if self.kind == "jupyter-server-documents":
            manager = self._settings["yroom_manager"]
            room_id = f"json:notebook:{self._settings['file_id_manager'].index(path)}"
            if not create and not manager.has_room(room_id):
                return None
            room = manager.get_room(room_id)
            doc: pycrdt.Doc[Any] | None = None if room is None else await room.get_ydoc()
            return doc
        extension = self._settings[COLLABORATION]
        notebook = await extension.get_document(
            path=path, content_type="notebook", file_format="json", copy=False, create=create
        )
        return None if notebook is None else notebook.ydoc


def _drop_unreadable(doc: pycrdt.Doc[Any], path: str) -> None:
    """Delete comms in a document that no writer could go on with: left behind damaged, or by a newer commdoc."""
    try:
        CommsLog(doc).dispose()
    except SchemaError as error:
        log.warning("%s: the comms in its document can't be read and are deleted: %s", path, error)
        comms = CommsLog(doc, fresh=True)
        with comms.batch():
            pass
        comms.dispose()
