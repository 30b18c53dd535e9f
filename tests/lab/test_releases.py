"""The oldest JupyterLab that the plugin is for, and Notebook 7: late windows, dead kernels, the plugin's item."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import expect

from tests.browser.lab import JUPYTERLAB, NOTEBOOK, Front, LabNotebook, LabServer, lab_server
from tests.conftest import until
from tests.lab import test_dead_kernel, test_late_window
from tests.lab.conftest import OpenWindow, with_commdoc
from tests.lab.test_commands import see
from tests.lab.test_late_window import WIDGETS
from tests.lab.windows import LabWindow
from tests.server.jupyter.environments import Name, python_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kernel,
    pytest.mark.timeout(900),  # the first run makes the environments
]

RELEASES: Final[dict[str, tuple[Name, Front]]] = {
    "JupyterLab 4.2": ("lab42", JUPYTERLAB),
    "Jupyter Notebook 7.6": ("notebook7", NOTEBOOK),
}
in_notebook = pytest.mark.parametrize("server", ["Jupyter Notebook 7.6"], indirect=True)

STOCK: Final = [
    # Notebook looks for its shortcuts, now and then before their settings are loaded.
    "pageerror: Cannot read properties of undefined (reading 'schema')",
    # The kernel has ended while a window's debugger asked it.
    "error: Could not restore the debugger state: Canceled future for debug_request message before replies were done",
]
"""Errors of these releases' own: commdoc has no part in them."""


@pytest.fixture(scope="module", params=RELEASES)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, labextensions: Path
) -> Iterator[LabServer]:
    """One of the releases, with commdoc."""
    environment, front = RELEASES[request.param]
    python, options = python_of(environment), with_commdoc(labextensions)
    with lab_server(tmp_path_factory.mktemp("release"), options=options, python=python, front=front) as it:
        yield it


@pytest.fixture
def open_quiet(open_window: OpenWindow, request: pytest.FixtureRequest) -> Iterator[OpenWindow]:
    """Open windows of the release that the test is for; nothing is to be on their consoles."""
    release: str = request.node.callspec.params["server"]
    windows: list[LabWindow] = []

    def opened(notebook: LabNotebook, **how: Any) -> LabWindow:
        windows.append(open_window(notebook, stock=STOCK, **how))
        return windows[-1]

    yield opened
    for window in windows:
        assert window.console == []
        version = window.page.evaluate("`${jupyterapp.name} ${jupyterapp.version}`")
        assert version.startswith(f"{release}.")


def test_a_window_that_opens_while_a_cell_runs_is_live(
    server: LabServer, open_quiet: OpenWindow, tmp_path: Path
) -> None:
    test_late_window.test_widgets_are_live_in_a_window_that_opens_while_a_cell_runs(
        server, open_quiet, tmp_path
    )


def test_widgets_of_a_kernel_that_has_ended_are_marked(server: LabServer, open_quiet: OpenWindow) -> None:
    notebook = server.add("ended.ipynb", test_dead_kernel.CELLS)
    first = open_quiet(notebook)
    first.run_all()
    first.expect_live(1)
    first.save()
    second = open_quiet(notebook)
    second.press("speed", "ArrowRight", 4)
    first.expect_value("speed", 7)
    until(lambda: second.value("speed.value") == 7, what="the kernel has it")
    test_dead_kernel.shut_down(first)
    for window in (first, second, open_quiet(notebook, wait=False)):
        test_dead_kernel.expect_marked(window, 7)
        expect(window.page.locator("[data-comm-id][inert]").first).to_have_css("opacity", "0.6")


@in_notebook
def test_what_the_document_has_is_said_beside_the_menus(server: LabServer, open_quiet: OpenWindow) -> None:
    window = open_quiet(server.add("menus.ipynb", [WIDGETS]))
    item = window.page.locator("#menu-panel").get_by_text("commdoc:")
    expect(item).to_have_text("commdoc: off")
    item.click()
    expect(item).to_have_text("commdoc: 0 widget models · 1 window · idle")
    window.run(0)
    window.expect_live(2)
    window.press("speed", "ArrowRight")
    expect(item).to_have_text(re.compile(r"commdoc: 13 widget models · 1 window · idle · <?\d+ ms"))
    test_dead_kernel.restart(window)
    expect(item).to_have_text("commdoc: 13 widget models · 1 window · no kernel")


@in_notebook
def test_the_commands_are_in_the_palette(server: LabServer, open_quiet: OpenWindow) -> None:
    window = open_quiet(server.add("palette.ipynb", [WIDGETS]))
    expect(window.page.locator(".commdoc-StatusItem")).to_have_text("commdoc: off")
    choose(window, "commdoc: turn on for this kernel")
    expect(window.page.locator(".commdoc-StatusItem")).to_contain_text("idle")
    window.run(0)
    window.expect_live(2)
    with window.context.expect_page() as viewer:
        choose(window, "commdoc: open viewer")
    see(viewer.value)


def choose(window: LabWindow, command: str) -> None:
    """Take a command from the palette."""
    window.page.keyboard.press("Control+Shift+C")
    window.page.locator(".lm-CommandPalette-input").fill(command)
    window.page.locator(".lm-CommandPalette-item:not(.lm-mod-disabled)", has_text=command).click()
