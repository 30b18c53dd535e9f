"""The notebooks of the repository run, with commdoc loaded, and a late window has all their comms."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from jupyter_core.paths import jupyter_runtime_dir
from nbclient import NotebookClient

from commdoc.window.verify import verify
from tests.conftest import ROOT

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(120)]

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

SAYS_AT_THE_END = {
    "anywidget-author": "5 2",
    "late-join": "12 | 12 squared is 144",
    "output-capture": "4 lines | 100.00 % |====================| | 'done' 'done' | the other half | True False",
    "tour": "speed 30 power 20 left 4 right 4 drops 1",
}


def source_changes(source: str) -> str:
    """The tour's busy cell need not be busy for 20 seconds here."""
    return source.replace("SECONDS = 20", "SECONDS = 1")


def texts(cells: list[Any]) -> str:
    """Return all plain text of the cells' outputs."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs_and_a_late_window_has_what_the_kernel_has(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = source_changes(cell.source)
    last = notebook.cells[-1]
    question = nbformat.v4.new_code_cell("print(*sorted(get_ipython().kernel.comm_manager.comms))")
    notebook.cells.append(question)
    kernel_id = str(uuid.uuid4())
    file = Path(jupyter_runtime_dir(), f"kernel-{kernel_id}.json")
    client = NotebookClient(
        notebook,
        km=KernelManager(kernel_name="python3", connection_file=str(file)),
        timeout=60,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    with client.setup_kernel(cleanup_kc=True):
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        comm_ids = set(texts([question]).split())
        compared = verify(kernel_id=kernel_id)
    assert (compared.differences, compared.notes) == ([], [])
    assert compared.comms == len(comm_ids) > 2
    assert SAYS_AT_THE_END[path.stem] in texts([last])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_is_tracked_without_outputs(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.id for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
