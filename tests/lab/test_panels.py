"""Panels beside the notebook: an output's own view, consoles, and what is left when all are closed."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.lab import TOKEN, LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.test_late_window import WIDGETS
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

CONSOLE = """
async ([kernel, code]) => {
  const preference = kernel ? {id: kernel} : {name: "python3", shouldStart: true, canStart: true};
  const panel = await jupyterapp.commands.execute(
    "console:create", {kernelPreference: preference, activate: true, name: "console", path: `${Math.random()}`});
  await panel.sessionContext.ready;
  for (const each of code) await panel.console.inject(each);
}
"""

IN_CONSOLE = "import ipywidgets as w; own = w.IntSlider(value=44, description='own'); display(own)"


def rooms(server: LabServer) -> list[dict[str, Any]]:
    """Return what the server says of its rooms."""
    url = f"{server.url.removesuffix('lab')}commdoc/api/rooms"
    request = urllib.request.Request(url, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)["rooms"]
    return found


def loaded(server: LabServer, open_window: OpenWindow, name: str) -> LabWindow:
    window = open_window(server.add(name, ["%load_ext commdoc", WIDGETS]))
    window.run_all()
    window.expect_live(2)
    return window


def test_an_output_in_a_panel_of_its_own_is_live(server: LabServer, open_window: OpenWindow) -> None:
    window = loaded(server, open_window, "linked.ipynb")
    window.page.evaluate("() => { lab.panel().content.activeCellIndex = 1; }")
    window.command("notebook:create-output-view")
    linked = window.page.locator(".jp-LinkedOutputView .widget-readout").first
    expect(linked).to_have_text("3")
    window.page.locator(".jp-LinkedOutputView .noUi-handle").first.focus()
    window.page.keyboard.press("ArrowRight")
    expect(linked).to_have_text("4")
    expect(window.page.locator(".jp-Notebook .widget-readout").first).to_have_text("4")


def test_a_console_on_the_notebooks_kernel_shares_its_widgets(
    server: LabServer, open_window: OpenWindow
) -> None:
    window = loaded(server, open_window, "shared.ipynb")
    other = open_window(server.at("shared.ipynb"))
    window.page.evaluate(CONSOLE, [window.kernel_id, [IN_CONSOLE, "display(speed)"]])
    readouts = window.page.locator(".jp-CodeConsole .widget-readout")
    expect(readouts).to_have_text(["44", "3"])
    window.page.locator(".jp-CodeConsole .noUi-handle").nth(1).focus()
    window.page.keyboard.press("ArrowRight")
    until(lambda: any(model["state"].get("value") == 4 for model in other.models().values()))
    expect(readouts).to_have_text(["44", "4"])


def test_a_console_with_a_kernel_of_its_own_has_a_room(server: LabServer, open_window: OpenWindow) -> None:
    before = {each["room_id"] for each in rooms(server)}
    window = open_window(server.add("beside.ipynb"))
    window.page.evaluate(CONSOLE, [None, ["%load_ext commdoc", IN_CONSOLE]])
    own = window.page.locator(".jp-CodeConsole [data-comm-id] .widget-readout")
    expect(own).to_have_text("44")
    expect(window.page.locator(".commdoc-StatusItem")).to_contain_text("1 window · idle")
    new = [each for each in rooms(server) if each["room_id"] not in before]
    assert len(new) == 2, "one of the notebook, one of the console"


def test_nothing_is_left_of_a_panel_that_was_closed(server: LabServer, open_window: OpenWindow) -> None:
    window = loaded(server, open_window, "closed.ipynb")

    def windows() -> int:
        return sum(each["windows"] for each in rooms(server) if each["path"] == "closed.ipynb")

    assert windows() == 1
    kernel = window.kernel_id
    for _ in range(3):
        window.page.evaluate(
            """() => {
                window.gone = [...(window.gone ?? []), new WeakRef(lab.panel())];
                lab.panel().dispose();
            }"""
        )
        until(lambda: windows() == 0, what="the window left the room")
        window.command("docmanager:open", path="closed.ipynb")
        window.page.wait_for_function("lab.kernel() != null")
        assert window.kernel_id == kernel
        window.page.evaluate("lab.panel().sessionContext.ready")
        window.expect_live(0)
        until(lambda: windows() == 1, what="it is back")
