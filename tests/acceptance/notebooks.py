"""The acceptance notebooks, which stand beside the repository, and how they are run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.browser.notebook import CellError, Notebook
from tests.conftest import ROOT

FOLDER = ROOT.parent / "shared" / "acceptance"

NAMES = (
    "ipywidgets-widget-list",
    "ipywidgets-output-widget",
    "nbclient-output",
    "nbclient-other-comms",
)


def cells(name: str) -> list[str]:
    """Return the source of the code cells, `%pip` ones left out."""
    path = FOLDER / f"{name}.ipynb"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [source for source in sources if source.strip() and not _installs(source)]


def run(notebook: Notebook, name: str) -> list[str]:
    """Run a notebook's cells; return the errors of those that failed."""
    errors = []
    for source in cells(name):
        try:
            notebook.run(source)
        except CellError as error:
            errors.append(re.sub(r"\x1b\[[0-9;]*m", "", str(error).splitlines()[-1]))
    return errors


def in_folder() -> Path:
    """Return where the notebooks stand."""
    return FOLDER


def _installs(source: str) -> bool:
    return any(line.startswith("%pip") for line in source.splitlines())
