"""The notebook's file: saved, read again, renamed, copied, changed by another program; its widgets stay (C9).

Without jupyter-collaboration a notebook is a file to each window; with it, a document that they share.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.test_collaboration import TRUST
from tests.lab.test_commands import STATE
from tests.lab.test_late_window import BUSY, WIDGETS
from tests.lab.test_panels import rooms
from tests.lab.test_trust import trust
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("C9")]

SAVE_STATE = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"


@pytest.fixture(scope="module", params=["server", "collaboration"])
def jupyter(request: pytest.FixtureRequest) -> LabServer:
    """A JupyterLab with commdoc; without and with jupyter-collaboration."""
    found: LabServer = request.getfixturevalue(request.param)
    return found


def two_windows(
    server: LabServer, open_window: OpenWindow, name: str, *cells: str, load: bool = True
) -> list[LabWindow]:
    """Open a notebook in two windows; its cell has run, and it is saved."""
    first = open_window(server.add(name, [WIDGETS, *cells]))
    if load:
        first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.expect_value("speed", 3)
    first.save()
    second = open_window(server.at(name))
    second.page.evaluate(TRUST)
    second.expect_value("speed", 3)
    save(first)
    return [first, second]


def save(window: LabWindow) -> None:
    """Save the notebook, and wait until it is: with jupyter-collaboration the server does it."""
    window.save()
    until(lambda: not is_dirty(window), what="the notebook is saved")


def is_dirty(window: LabWindow) -> bool:
    return bool(window.page.evaluate("lab.panel().context.model.dirty"))


def path_of(window: LabWindow) -> str:
    """Return where the window thinks that its notebook is."""
    return str(window.page.evaluate("lab.panel().context.path"))


def move(windows: Sequence[LabWindow], value: int, *, idle: bool = True) -> int:
    """Move the slider from here by one in each window, which all the others follow; return where it is then."""
    for window in windows:
        window.press("speed", "ArrowRight")
        value += 1
        for each in windows:
            each.expect_value("speed", value)
    if idle:
        until(lambda: windows[0].value("speed.value") == value, what="the kernel has it")
    windows[0].expect_same(*windows[1:])
    return value


def room_at(server: LabServer, path: str) -> dict[str, Any]:
    """Return the one room of a notebook."""
    [found] = [each for each in rooms(server) if each["path"] == path]
    return found


def read(path: Path) -> dict[str, Any]:
    """Read a notebook that must be one as everybody knows it."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(notebook)
    assert set(notebook) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert not set(notebook["metadata"]) - {"kernelspec", "language_info", "widgets"}
    return notebook


# --- saving ----------------------------------------------------------------------------------------------------------


def test_a_notebook_stays_as_it_was_saved_while_its_widgets_move(
    jupyter: LabServer, open_window: OpenWindow
) -> None:
    """As without commdoc; there the state that is saved is that of the window which saves."""
    windows = first, second = two_windows(jupyter, open_window, "saved.ipynb")
    path = jupyter.at("saved.ipynb").path
    before = path.read_bytes()
    assert "widgets" not in read(path)["metadata"]
    value = move(windows, 3)
    assert not is_dirty(first)
    assert not is_dirty(second)
    assert path.read_bytes() == before

    first.command(SAVE_STATE)
    try:
        first.save()
        until(lambda: STATE in path.read_text(encoding="utf-8"), what="the widgets are saved, too")
    finally:
        first.command(SAVE_STATE)
    models = read(path)["metadata"]["widgets"][STATE]["state"].values()
    speeds = [each["state"]["value"] for each in models if each["model_name"] == "IntSliderModel"]
    outputs = [each["state"]["outputs"] for each in models if each["model_name"] == "OutputModel"]
    assert speeds == [value]
    assert [each["text"] for each in outputs[0] if each["output_type"] == "stream"] == ["captured\n"]


# --- reading it again ------------------------------------------------------------------------------------------------


def test_widgets_are_there_again_when_a_page_is_reloaded_or_a_notebook_opened_again(
    jupyter: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    """Without commdoc as long as the kernel is idle."""
    flag = tmp_path / "enough"
    windows = two_windows(jupyter, open_window, "again.ipynb", BUSY.format(flag=str(flag)))
    first, second = windows
    value = move(windows, 3)
    first.page.reload()
    first.wait_ready()
    first.expect_value("speed", value)
    value = move(windows, value)

    first.start(1)
    first.expect_running(1)
    value = move(windows, value, idle=False)
    second.page.reload()
    second.wait_open()
    second.expect_live(2)
    second.expect_value("speed", value)
    value = move(windows, value, idle=False)
    first.expect_running(1)
    flag.touch()
    first.expect_done(1)
    value = move(windows, value)

    kernel = first.kernel_id
    save(first)
    first.page.evaluate("lab.panel().close()")
    second.press("speed", "ArrowRight")
    until(lambda: second.value("speed.value") == value + 1, what="the kernel has it")
    second.page.evaluate("lab.panel().close()")
    until(lambda: room_at(jupyter, "again.ipynb")["windows"] == 0, what="nobody has it open")
    first.command("docmanager:open", path="again.ipynb")
    first.wait_ready()
    assert first.kernel_id == kernel, "it was not shut down"
    first.expect_value("speed", value + 1)
    third = open_window(jupyter.at("again.ipynb"))
    third.page.evaluate(TRUST)
    third.expect_value("speed", value + 1)
    move([first, third], value + 1)


def test_without_commdoc_a_page_that_is_reloaded_waits_for_the_cell(
    plain_server: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "enough"
    windows = two_windows(
        plain_server, open_window, "reloaded.ipynb", BUSY.format(flag=str(flag)), load=False
    )
    first, second = windows
    first.start(1)
    first.expect_running(1)
    second.page.reload()
    second.wait_open()
    until(second.told_kernel, timeout=20, what="the window asks the kernel for the widgets")
    second.expect_text(0, "Loading widget...")
    first.expect_running(1)
    flag.touch()
    second.expect_value("speed", 3, seconds=20)


# --- another path ----------------------------------------------------------------------------------------------------


def rename_from_outside(server: LabServer, old: str, new: str) -> None:
    server.api(f"contents/{old}", "PATCH", {"path": new})


def test_widgets_stay_when_the_notebook_is_renamed(jupyter: LabServer, open_window: OpenWindow) -> None:
    """By whomever; windows that don't hear of it, and one that gets a kernel of its own at the new path, have them."""
    windows = first, second = two_windows(jupyter, open_window, "untitled.ipynb")
    room = room_at(jupyter, "untitled.ipynb")["room_id"]

    def open_at(path: str, value: int) -> None:
        late = open_window(jupyter.at(path))
        late.page.evaluate(TRUST)
        late.expect_value("speed", value)
        windows.append(late)

    first.page.evaluate("lab.panel().context.rename('named.ipynb')")
    value = move(windows, 3)
    open_at("named.ipynb", value)
    until(lambda: path_of(second) == "named.ipynb", timeout=30, what="JupyterLab looks every ten seconds")
    value = move(windows, value)
    assert room_at(jupyter, "named.ipynb")["room_id"] == room

    rename_from_outside(jupyter, "named.ipynb", "renamed.ipynb")
    value = move(windows, value)
    open_at("renamed.ipynb", value)
    move(windows, value)
    after = room_at(jupyter, "renamed.ipynb")
    assert after["room_id"] == room
    assert after["windows"] == 4
    assert not {"untitled.ipynb", "named.ipynb"} & {each["path"] for each in rooms(jupyter)}


def copied(window: LabWindow, name: str) -> None:
    """Save the notebook as another, which JupyterLab opens with a kernel of its own; choose the kernel it had."""
    kernel = window.kernel_id
    window.page.evaluate("() => { jupyterapp.commands.execute('docmanager:save-as'); }")
    dialog = window.page.locator(".jp-Dialog")
    dialog.locator("input").fill(name)
    dialog.get_by_role("button", name="Save").click()
    window.page.wait_for_function("name => lab.panel()?.context?.path === name", arg=name)
    window.wait_ready()
    window.expect_text(0, "model not found")
    assert window.kernel_id != kernel
    window.page.evaluate("id => lab.panel().sessionContext.changeKernel({id}).then(() => null)", kernel)
    window.page.evaluate(TRUST)


def test_a_notebook_that_was_saved_as_another_has_its_widgets_with_its_kernel(
    jupyter: LabServer, open_window: OpenWindow
) -> None:
    windows = first, second = two_windows(jupyter, open_window, "original.ipynb")
    value = move(windows, 3)
    copied(first, "copy.ipynb")
    first.expect_live(2)
    first.expect_value("speed", value)
    move(windows, value)
    assert path_of(second) == "original.ipynb"
    assert room_at(jupyter, "original.ipynb")["windows"] == 2


def test_without_commdoc_they_are_gone_at_another_path(
    plain_server: LabServer, open_window: OpenWindow
) -> None:
    """Unless a window has renamed the notebook."""
    first, second = two_windows(plain_server, open_window, "untitled.ipynb", load=False)
    first.page.evaluate("lab.panel().context.rename('named.ipynb')")
    value = move([first, second], 3)
    copied(first, "copy.ipynb")
    first.wait_for("async () => (await lab.models()).some(([, model]) => model.get('value') === 5)")
    assert value == 5, "it has the models"
    first.expect_text(0, "model not found")

    rename_from_outside(plain_server, "named.ipynb", "renamed.ipynb")
    third = open_window(plain_server.at("renamed.ipynb"))
    third.expect_text(0, "model not found")


# --- another program -------------------------------------------------------------------------------------------------


def add_from_outside(path: Path) -> None:
    """Add a cell to the file, later than JupyterLab's clock takes for the same time."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("from outside"))
    nbformat.write(notebook, path)
    later = time.time() + 10
    os.utime(path, (later, later))


def test_widgets_stay_when_the_file_is_read_again(server: LabServer, open_window: OpenWindow) -> None:
    """As without commdoc: what another program wrote, JupyterLab shows when it is trusted."""
    windows = two_windows(server, open_window, "reverted.ipynb", "pass")
    first = windows[0]
    source = first.cell(1).locator(".cm-content")
    first.page.evaluate("lab.panel().content.model.cells.get(1).sharedModel.setSource('unsaved')")
    expect(source).to_have_text("unsaved")
    first.page.evaluate("lab.panel().context.revert()")
    expect(source).to_have_text("pass")
    value = move(windows, 3)

    add_from_outside(server.at("reverted.ipynb").path)
    first.page.evaluate("lab.panel().content.model.cells.get(1).sharedModel.setSource('unsaved')")
    first.page.evaluate("() => { jupyterapp.commands.execute('docmanager:save'); }")
    first.page.locator(".jp-Dialog").get_by_role("button", name="Revert").click()
    expect(first.cell(2)).to_contain_text("from outside")
    first.expect_text(0, "VBox(")
    trust(first)
    first.expect_live(2)
    move(windows, value)


def test_widgets_stay_when_a_shared_file_is_changed_by_another_program(
    collaboration: LabServer, open_window: OpenWindow
) -> None:
    """As without commdoc."""
    windows = two_windows(collaboration, open_window, "merged.ipynb")
    value = move(windows, 3)
    add_from_outside(collaboration.at("merged.ipynb").path)
    for window in windows:
        expect(window.cell(1)).to_contain_text("from outside")
    move(windows, value)
    save(windows[1])
    assert len(read(collaboration.at("merged.ipynb").path)["cells"]) == 2
