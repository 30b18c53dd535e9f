"""A room, or a file, as a notebook of nbformat 4 with the widgets in its metadata.

A room whose document is a notebook's gives its cells; one that has only comms, as a sidecar's, a code cell for each
cell that displayed something, without its source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pycrdt import Array, Doc, Map

from commdoc.document import CommsMap
from commdoc.document.widget_state import (
    VERSION_MAJOR,
    VERSION_MINOR,
    WIDGET_STATE_MIMETYPE,
    WIDGET_VIEW_MIMETYPE,
    to_widget_state,
)
from commdoc.errors import BlobMissingError, CommdocError
from commdoc.protocol.values import BlobSentinel, blob_sentinels
from commdoc.window.blocking import Window

NBFORMAT: Final = 4
NBFORMAT_MINOR: Final = 5

WITH_IDS: Final = 5
"""The minor version since which cells of a file have ids; those of a document always have."""

Notebook = dict[str, Any]
Warn = Callable[[str], object]

_KERNELSPEC: Final = {"name": "python3", "display_name": "Python 3", "language": "python"}

_OF_THE_DOCUMENT_ONLY: Final = ("execution_state",)
"""Keys of a cell that jupyter_ydoc has and nbformat has not."""


def read_notebook(path: Path) -> Notebook:
    """Read a notebook file.

    Raises
    ------
    CommdocError
        When there is none, or it is no notebook of nbformat 4.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommdocError(f"{path} can't be read as a notebook: {error}") from error
    is_one = isinstance(notebook, dict) and isinstance(notebook.get("cells"), list)
    if not is_one or notebook.get("nbformat") != NBFORMAT:
        raise CommdocError(f"{path} is no notebook of nbformat 4: JupyterLab writes one when it saves it")
    return notebook  # type: ignore[no-any-return]


def room_notebook(window: Window, *, warn: Warn) -> Notebook:
    """Return what a room has, as of now, its widgets' blobs fetched.

    Parameters
    ----------
    warn : callable
        Told, in words, of what is not to be had and left out.
    """
    doc = window.doc
    comms = CommsMap(doc)
    try:
        return _notebook(doc, comms, window, warn)
    finally:
        comms.dispose()


def without_widgets(notebook: Notebook) -> Notebook:
    """Return a notebook without the state of its widgets; the outputs that show them stay."""
    metadata = {key: value for key, value in notebook.get("metadata", {}).items() if key != "widgets"}
    return {**notebook, "metadata": metadata}


def widget_state_of(notebook: Notebook) -> dict[str, Any]:
    """Return the widget-state of a notebook; an empty one when it has none."""
    widgets = notebook.get("metadata", {}).get("widgets")
    state = widgets.get(WIDGET_STATE_MIMETYPE) if isinstance(widgets, dict) else None
    if isinstance(state, dict) and isinstance(state.get("state"), dict):
        return state
    return {"version_major": VERSION_MAJOR, "version_minor": VERSION_MINOR, "state": {}}


def _notebook(doc: Doc[Any], comms: CommsMap, window: Window, warn: Warn) -> Notebook:
    values = [value for comm in comms.values() if comm.has_state for value in comm.encoded_state.values()]
    found = window.fetch(list(blob_sentinels(values)))

    def blob(named: BlobSentinel) -> bytes:
        content = found.get(named["$blob"])
        if content is None:
            raise BlobMissingError(f"blob {named['$blob']} is not to be had")
        return content

    state = to_widget_state(comms, blob, warn=warn)
    cells: Any = doc.get("cells", type=Array).to_py() or []
    meta: Any = doc.get("meta", type=Map).to_py() or {}
    shown = list(_cells_of_document(cells, comms, warn) if cells else _cells_of_views(comms))
    metadata = _whole(meta.get("metadata") or {}) if cells else {"kernelspec": _KERNELSPEC}
    minor = int(meta.get("nbformat_minor", NBFORMAT_MINOR))
    if minor < WITH_IDS:
        shown = [{key: value for key, value in cell.items() if key != "id"} for cell in shown]
    return {
        "cells": shown,
        "metadata": {**metadata, "widgets": {WIDGET_STATE_MIMETYPE: state}},
        "nbformat": NBFORMAT,
        "nbformat_minor": minor,
    }


def _cells_of_document(cells: list[Any], comms: CommsMap, warn: Warn) -> Iterator[dict[str, Any]]:
    for index, content in enumerate(cells):
        cell = {key: value for key, value in _whole(content).items() if key not in _OF_THE_DOCUMENT_ONLY}
        cell["source"] = _text(cell.get("source", ""))
        cell.setdefault("id", f"cell-{index}")
        cell.setdefault("metadata", {})
        if not cell.get("attachments"):
            cell.pop("attachments", None)
        if cell.get("cell_type") == "code":
            cell.setdefault("execution_count", None)
            cell["outputs"] = list(_outputs(cell, comms, warn))
        yield cell


def _outputs(cell: Mapping[str, Any], comms: CommsMap, warn: Warn) -> Iterator[dict[str, Any]]:
    """Yield a cell's outputs; of those that a server keeps elsewhere the widgets, which the room knows."""
    elsewhere = 0
    for output in cell.get("outputs") or []:
        if _is_elsewhere(output):
            elsewhere += 1
            continue
        yield {**output, "text": _text(output["text"])} if "text" in output else output
    if elsewhere:
        views = [view for view in comms.views if view.get("cell_id") == cell["id"]]
        warn(
            f"cell {cell['id']}: the server keeps {elsewhere} outputs elsewhere, {len(views)} widgets of them are here"
        )
        yield from (_view_output(comms, view["comm_id"]) for view in views)


def _is_elsewhere(output: Mapping[str, Any]) -> bool:
    address = (output.get("metadata") or {}).get("url")
    return isinstance(address, str) and not any(output.get(key) for key in ("text", "data", "traceback"))


def _cells_of_views(comms: CommsMap) -> Iterator[dict[str, Any]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for view in comms.views:
        groups.setdefault(view.get("cell_id") or view["msg_id"], []).append(view)
    for number, views in enumerate(groups.values()):
        yield {
            "cell_type": "code",
            "id": f"displayed-{number}",
            "metadata": {},
            "source": "",
            "execution_count": views[-1].get("execution_count"),
            "outputs": [_view_output(comms, view["comm_id"]) for view in views],
        }


def _view_output(comms: CommsMap, comm_id: str) -> dict[str, Any]:
    view = {"model_id": comm_id, "version_major": VERSION_MAJOR, "version_minor": VERSION_MINOR}
    name = (comms[comm_id].model_name or "Widget").removesuffix("Model")
    return {
        "output_type": "display_data",
        "data": {WIDGET_VIEW_MIMETYPE: view, "text/plain": f"{name}()"},
        "metadata": {},
    }


def _whole(value: Any) -> Any:
    """Return a value of a Yjs document, whose numbers are doubles, as a file has it: 1.0 is 1, as in jupyter_ydoc."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _text(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
