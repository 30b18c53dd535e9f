"""The plugin's commands, its setting, and what JupyterLab itself does with the document's widgets: saving, its log."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.test_late_window import WIDGETS
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

STATE = "application/vnd.jupyter.widget-state+json"

PRINTING = """
button = w.Button(description="press")
button.on_click(lambda _: print("printed by a callback"))
display(button)
"""


SAID = """
() => {
  window.said = [];
  const item = document.querySelector(".commdoc-StatusItem");
  new MutationObserver(() => said.push(item.textContent)).observe(item, {childList: true});
}
"""
"""Keeps what the item in the status bar says, however short."""


def loaded(server: LabServer, open_window: OpenWindow, name: str, *, late: bool = False) -> LabWindow:
    window = open_window(server.add(name, [WIDGETS, PRINTING]))
    if late:
        window.run_all()
        window.expect_value("speed", 3)
    window.kernel_run("%load_ext commdoc")
    if not late:
        window.run_all()
    window.expect_live(3)
    return window


def see(page: Page) -> None:
    """Wait until the viewer shows the slider."""
    frame = page.frame_locator("iframe#frame")
    expect(frame.locator(".widget-readout").first).to_have_text("3", timeout=20_000)


def test_the_viewer_is_opened_and_its_link_copied(server: LabServer, open_window: OpenWindow) -> None:
    window = loaded(server, open_window, "viewer.ipynb")
    window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with window.context.expect_page() as opened:
        window.command("commdoc:open-viewer")
    see(opened.value)
    window.command("commdoc:copy-viewer-link")
    until(lambda: "/commdoc/rooms/" in window.page.evaluate("navigator.clipboard.readText()"))
    link = window.page.evaluate("navigator.clipboard.readText()")
    assert "#token=" in link
    stranger = window.page.context.browser
    assert stranger is not None
    page = stranger.new_page()
    try:
        page.goto(link)
        see(page)
    finally:
        page.context.close()


def test_a_setting_turns_it_on_for_every_kernel(server: LabServer, open_window: OpenWindow) -> None:
    window = open_window(server.add("every.ipynb", [WIDGETS]))
    item = window.page.locator(".commdoc-StatusItem")
    expect(item).to_have_text("commdoc: off")
    window.page.evaluate(
        """() => jupyterapp.serviceManager.settings.save("@commdoc/lab:plugin", '{"everyKernel": true}')"""
    )
    try:
        other = open_window(server.add("every-other.ipynb", [WIDGETS]))
        expect(other.page.locator(".commdoc-StatusItem")).to_contain_text("idle")
        other.run(0)
        other.expect_live(2)
        other.page.evaluate(SAID)
        other.page.evaluate("lab.panel().sessionContext.restartKernel()")
        other.page.wait_for_function("said.some(text => text.includes('no kernel'))")
        expect(other.page.locator(".commdoc-StatusItem")).to_contain_text("idle", timeout=20_000)
        other.run(0)
        other.expect_live(2)
    finally:
        window.page.evaluate("""() => jupyterapp.serviceManager.settings.save("@commdoc/lab:plugin", "{}")""")


@pytest.mark.parametrize("late", [False, True], ids=["made", "taken-over"])
def test_saved_widget_state_has_the_documents_models_also_of_a_dead_kernel(
    server: LabServer, open_window: OpenWindow, late: bool
) -> None:
    name = f"saved-{late}.ipynb"
    window = loaded(server, open_window, name, late=late)
    window.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")
    try:
        window.press("speed", "ArrowRight")
        window.expect_value("speed", 4)
        for end in (False, True):
            if end:
                window.page.evaluate("lab.panel().sessionContext.shutdown()")
                expect(window.widget("speed")).to_have_js_property("inert", True)
            window.save()
            saved: dict[str, Any] = json.loads(server.at(name).path.read_text(encoding="utf-8"))
            models = saved["metadata"]["widgets"][STATE]["state"]
            assert "comms" not in saved
            speeds = [each for each in models.values() if each["model_name"] == "IntSliderModel"]
            assert [each["state"]["value"] for each in speeds] == [4]
            outputs = [each for each in models.values() if each["model_name"] == "OutputModel"]
            assert [each["state"]["outputs"][0]["text"] for each in outputs] == ["captured\n"]
    finally:
        window.command("@jupyter-widgets/jupyterlab-manager:saveWidgetState")


def test_a_callbacks_print_is_in_the_log(server: LabServer, open_window: OpenWindow) -> None:
    window = loaded(server, open_window, "log.ipynb")
    window.command("logconsole:open")
    window.page.locator("button", has_text="press").click()
    expect(window.page.locator(".jp-LogConsolePanel")).to_contain_text("printed by a callback")
