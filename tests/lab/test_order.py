"""A view that is displayed before its widget is there waits, and appears (P2, C5)."""

from __future__ import annotations

import pytest

from tests.browser.lab import LabServer
from tests.lab.conftest import OpenWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

VIEW = """
import ipywidgets as w
early = "0123456789abcdef0123456789abcdef"
mime = "application/vnd.jupyter.widget-view+json"
display({mime: {"version_major": 2, "version_minor": 0, "model_id": early}, "text/plain": "a view"}, raw=True)
"""

WIDGET = "fresh = w.IntSlider(value=20, description='fresh', model_id=early)"


def test_a_view_waits_for_its_widget(server: LabServer, open_window: OpenWindow) -> None:
    notebook = server.add("order.ipynb", [VIEW])
    first = open_window(notebook)
    first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.save()
    second = open_window(notebook)
    for window in (first, second):
        window.expect_text(0, "This widget is not there (yet)", seconds=20)
    first.kernel_run(WIDGET)
    for window in (first, second):
        window.expect_value("fresh", 20)
    second.press("fresh", "ArrowRight")
    first.expect_value("fresh", 21)


def test_without_commdoc_it_stays_broken(plain_server: LabServer, open_window: OpenWindow) -> None:
    window = open_window(plain_server.add("order.ipynb", [VIEW]))
    window.run(0)
    window.expect_text(0, "model not found")
    window.kernel_run(WIDGET + "; shown = w.IntSlider(description='shown')\ndisplay(shown)")
    window.wait_for("async () => (await lab.models()).length >= 6")
    window.expect_text(0, "model not found")
