"""JupyterLab shows the widgets of an exported notebook, whose kernel is gone (E5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import expect

import commdoc
from tests.browser.lab import LabServer
from tests.browser.notebook import Notebook
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.test_collaboration import TRUST
from tests.lab.test_late_window import WIDGETS

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("E5")]


@pytest.mark.parametrize("which", ["plain_server", "server"])
def test_an_exported_notebook_shows_its_widgets_without_their_kernel(
    request: pytest.FixtureRequest, open_window: OpenWindow, which: str
) -> None:
    server: LabServer = request.getfixturevalue(which)
    path: Path = server.folder / "exported.ipynb"
    notebook = Notebook()
    try:
        notebook.load()
        notebook.run(WIDGETS)
        notebook.wait_until_the_room_has_it()
        with commdoc.join(url=notebook.link) as window:
            done = commdoc.export(window, path)
        assert done.warnings == []
    finally:
        notebook.close()
    lab = open_window(server.at(path.name))
    lab.page.evaluate(TRUST)
    lab.expect_value("speed", 3)
    expect(lab.page.locator(".jp-OutputArea-output .widget-output")).to_contain_text("captured")


def test_a_shared_notebook_is_exported_with_its_cells(
    collaboration: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    lab = open_window(collaboration.add("shared.ipynb", [WIDGETS, "print('said')\n1 / 3"]))
    lab.kernel_run("%load_ext commdoc")
    lab.run(0)
    lab.run(1)
    lab.expect_value("speed", 3)

    def exported() -> Any:
        with commdoc.join(url=collaboration.room_link(lab.kernel_id)) as window:
            commdoc.export(window, tmp_path / "out.ipynb", force=True)
            page = commdoc.export(window, tmp_path / "out.html", force=True)
        content = nbformat.read(tmp_path / "out.ipynb", as_version=4)
        nbformat.validate(content)
        assert page.cells == len(content.cells)
        return content if content.cells[0].outputs else None

    content = until(exported, timeout=30, what="the cells' outputs are in the document")
    assert [cell.source for cell in content.cells[:2]] == [WIDGETS, "print('said')\n1 / 3"]
    [output] = content.cells[0].outputs
    model_id = output.data["application/vnd.jupyter.widget-view+json"]["model_id"]
    state = content.metadata.widgets["application/vnd.jupyter.widget-state+json"].state
    assert state[model_id].model_name == "VBoxModel"
