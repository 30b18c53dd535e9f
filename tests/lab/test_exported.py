"""JupyterLab shows the widgets of an exported notebook, whose kernel is gone (E5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

import commdoc
from tests.browser.lab import LabServer
from tests.browser.notebook import Notebook
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
