"""Writes a room, or a notebook file, as a file that needs neither: ``commdoc.export(window, "page.html")``."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Final

from commdoc.errors import CommdocError
from commdoc.window.blocking import Window
from commdoc.window.notebook_file import (
    Notebook,
    read_notebook,
    room_notebook,
    widget_state_of,
    without_widgets,
)
from commdoc.window.saved_page import saved_page

FORMATS: Final = {".html": "html", ".ipynb": "notebook"}
"""What can be written, by the file's suffix."""


class UnknownFormatError(CommdocError):
    """The suffix of a file's name says nothing that can be written."""


class FileThereError(CommdocError):
    """There is a file of that name already."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    path : str
        The file.
    format : str
        ``"html"`` or ``"notebook"``.
    cells, widgets : int
        How many are in it.
    bytes : int
        Its size.
    warnings : list of str
        What is not in it, and why.
    """

    path: str
    format: str
    cells: int
    widgets: int
    bytes: int
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready, as ``docs/schemas/export.schema.json`` describes it."""
        return asdict(self)


def export(
    source: Window | str | PathLike[str],
    path: str | PathLike[str],
    *,
    widgets: bool = True,
    force: bool = False,
) -> Exported:
    """Write what a window shows, or a notebook file has, into one file.

    Parameters
    ----------
    source : Window or path
        A window that has joined, as `commdoc.join` gives it; or an ``.ipynb`` file.
    path : path
        ``….html`` for a page that opens without a server and without a network, ``….ipynb`` for a notebook.
    widgets : bool
        Whether the state of the widgets is in it.
    force : bool
        Write over a file that is there.

    Raises
    ------
    CommdocError
        `UnknownFormatError` for another suffix, `FileThereError` for a file that is there, or when the source can't be
        read. What was there before stays as it was.
    """
    target = Path(path)
    kind = check_target(target, force=force)
    warnings: list[str] = []
    if isinstance(source, Window):
        notebook = room_notebook(source, warn=warnings.append)
    else:
        notebook = read_notebook(Path(source))
    if not widgets:
        notebook = without_widgets(notebook)
    title = target.stem
    text = (
        saved_page(_with_ids(notebook), title=title, widgets=widgets) if kind == "html" else _text(notebook)
    )
    size = _write(target, text)
    count = len(widget_state_of(notebook)["state"])
    return Exported(str(target), kind, len(notebook["cells"]), count, size, warnings)


def check_target(path: Path, *, force: bool) -> str:
    """Return the format of a file that may be written.

    Raises
    ------
    UnknownFormatError, FileThereError
        When it may not.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UnknownFormatError(f"{path} is neither .html nor .ipynb: a page or a notebook can be written")
    if path.exists() and not force:
        raise FileThereError(f"{path} is there already; --force (force=True) writes over it")
    return kind


def _with_ids(notebook: Notebook) -> Notebook:
    """Return a notebook whose cells have ids: before nbformat 4.5 they have none."""
    cells = [{"id": f"cell-{index}", **cell} for index, cell in enumerate(notebook["cells"])]
    return {**notebook, "cells": cells}


def _text(notebook: Notebook) -> str:
    """Return a notebook's text as Jupyter writes it."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> int:
    """Write a file at once or not at all; return its size in bytes."""
    content = text.encode("utf-8", "surrogatepass")
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise CommdocError(f"{path} can't be written: {error.strerror}") from error
    half = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
        half.chmod(mode & 0o777)
        half.replace(path)
    except OSError as error:
        raise CommdocError(f"{path} can't be written: {error.strerror}") from error
    finally:
        half.unlink(missing_ok=True)
    return len(content)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
