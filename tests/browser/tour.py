"""The cells of ``notebooks/tour.ipynb``, run in a notebook's kernel as a person runs them."""

from __future__ import annotations

import nbformat

from tests.browser.notebook import Notebook
from tests.conftest import ROOT

BUSY = "time.sleep(0.1)"
"""What the cell that keeps the kernel busy does."""


def cells() -> list[str]:
    """The tour's code cells, without those that only load commdoc and say where it is."""
    notebook = nbformat.read(ROOT / "notebooks" / "tour.ipynb", as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return [source for source in code if not source.startswith("%")]


def run_until_busy(notebook: Notebook) -> str:
    """Run the tour's cells up to the busy one, and send that; return its message id."""
    for number, source in enumerate(cells()):
        if BUSY in source:
            return notebook.start(source, cell_id=f"tour-{number}")
        notebook.run(source, cell_id=f"tour-{number}")
    raise AssertionError("the tour has no busy cell")
