"""The room's page of a notebook that a collaboration extension shares: its cells, with widgets in their places (D6)."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.axe import violations
from tests.browser.lab import TOKEN, LabNotebook, LabServer
from tests.browser.room_page import RoomPage
from tests.browser.test_accessibility import LOOKS
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.test_collaboration import TRUST
from tests.lab.test_late_window import BUSY
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

WIDGETS = """
import ipywidgets as w, os, time
speed = w.IntSlider(value=3, description="speed")
print("before")
display(speed)
print("after")
"""

RICH = """
from IPython.display import HTML, SVG, display
display(HTML("<b id='bold'>bold</b><script>document.body.dataset.ran = 'yes'</script>"))
drawing = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
display({"image/svg+xml": drawing, "text/plain": "a drawing"}, raw=True)
6 * 7
"""

FAILS = "1 / 0"

KEPT = """() => lab.panel().content.model.sharedModel.getCell(0).setOutputs([0, 1].map(n => (
    {output_type: 'display_data', metadata: {url: `/api/outputs/file/cell/${n}.output`}})))"""

OpenRoomPage = Callable[..., RoomPage]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenRoomPage]:
    """Open the page of the room that a JupyterLab window's kernel has; pages are closed at the end."""
    pages: list[RoomPage] = []

    def opened(server: LabServer, window: LabWindow, role: str = "window", **how: Any) -> RoomPage:
        room = asked(server, "rooms", {"kernel_id": window.kernel_id})
        path = asked(server, f"rooms/{room['room_id']}/links", {"role": role})["url"]
        page = RoomPage(chromium, server.url.removesuffix("/lab") + path, **how)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()


def asked(server: LabServer, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        f"{server.url.removesuffix('lab')}commdoc/api/{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"token {TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def cell(page: RoomPage, index: int) -> Locator:
    return page.frame.locator("#cells > .cell").nth(index)


def sources(page: RoomPage) -> list[str]:
    return page.frame.locator("#cells > .cell .source").all_inner_texts()


def story(server: LabServer, name: str) -> LabNotebook:
    """Write a notebook with cells of all kinds."""
    notebook = server.add(name, [WIDGETS, RICH, FAILS])
    content = nbformat.read(notebook.path, as_version=4)
    text = nbformat.v4.new_markdown_cell("# A title\n\nwith *words*, $x^2$ and ![dot](attachment:dot.png)")
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    text["attachments"] = {"dot.png": {"image/png": dot}}
    content.cells = [text, *content.cells, nbformat.v4.new_raw_cell("as it is")]
    nbformat.write(content, notebook.path)
    return notebook


@pytest.mark.acceptance("D6")
def test_a_page_that_joins_while_a_cell_runs_shows_the_notebook_and_its_widgets(
    collaboration: LabServer, open_window: OpenWindow, open_page: OpenRoomPage, tmp_path: Path
) -> None:
    flag = tmp_path / "enough"
    notebook = story(collaboration, "story.ipynb")
    content = nbformat.read(notebook.path, as_version=4)
    content.cells.append(nbformat.v4.new_code_cell(BUSY.format(flag=str(flag)) + "\nprint('done')"))
    nbformat.write(content, notebook.path)
    window = open_window(notebook)
    window.kernel_run("%load_ext commdoc")
    for index in (1, 2):
        window.run(index)
    window.start(3)
    window.expect_text(3, "ZeroDivisionError")
    window.start(5)
    window.expect_running(5)
    page = open_page(collaboration, window)
    assert page.page.title().startswith("story.ipynb")
    expect(page.frame.get_by_role("heading", name="A title")).to_be_visible()
    expect(cell(page, 0).locator(".katex").first).to_be_visible()
    assert cell(page, 0).locator("img").evaluate("image => image.complete && image.naturalWidth") == 1
    expect(cell(page, 1).locator(".prompt")).to_have_text("In [1]")
    page.expect_readout("speed", "3")
    outputs = cell(page, 1).locator(".jp-OutputArea-child")
    assert [it.strip() for it in outputs.all_inner_texts()] == ["before", "speed\n3", "after"]
    expect(cell(page, 2).locator("#bold")).to_have_text("bold")
    expect(cell(page, 2)).to_contain_text("a drawing")
    expect(cell(page, 2)).to_contain_text("42")
    expect(cell(page, 3)).to_contain_text("ZeroDivisionError: division by zero")
    expect(cell(page, 4).locator(".source")).to_have_text("as it is")
    expect(cell(page, 5).locator(".prompt")).to_have_text("In [*]")
    page.press("speed", "ArrowRight", 2)
    window.expect_value("speed", 5)
    for scheme, width in LOOKS:
        look = open_page(collaboration, window, scheme=scheme, size=(width, 1400))
        look.expect_readout("speed", "5")
        expect(cell(look, 0).locator(".katex").first).to_be_visible()
        assert look.page.frames[1].evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert violations(look) == []
        look.picture(f"cells-{scheme}-{width}")
        look.expect_clean()
    flag.touch()
    expect(cell(page, 5).locator(".prompt")).to_have_text(re.compile(r"In \[\d+\]"))
    expect(cell(page, 5)).to_contain_text("done")
    until(lambda: window.value("speed.value") == 5, what="the kernel has it")
    page.expect_clean()


def test_what_is_done_in_jupyterlab_appears_and_a_slider_under_a_hand_stays(
    collaboration: LabServer, open_window: OpenWindow, open_page: OpenRoomPage
) -> None:
    notebook = collaboration.add("edited.ipynb", [WIDGETS, "print('second')"])
    window = open_window(notebook)
    window.kernel_run("%load_ext commdoc")
    window.run(0)
    page = open_page(collaboration, window)
    page.expect_readout("speed", "3")
    page.handle("speed").focus()
    page.page.frames[1].evaluate("window.kept = document.activeElement")
    window.run(1)
    expect(cell(page, 1)).to_contain_text("second")
    window.page.evaluate("lab.panel().content.model.sharedModel.getCell(1).setSource('print(\"other\")')")
    expect(cell(page, 1).locator(".source")).to_have_text('print("other")')
    window.run(1)
    expect(cell(page, 1).locator(".jp-OutputArea")).to_have_text("other\n")
    window.page.evaluate(
        "lab.panel().content.model.sharedModel.insertCell(0, {cell_type: 'markdown', source: '## New'})"
    )
    expect(page.frame.get_by_role("heading", name="New")).to_be_visible()
    window.page.evaluate("lab.panel().content.model.sharedModel.moveCell(2, 0)")
    expect(cell(page, 0).locator(".source")).to_have_text('print("other")')
    window.page.evaluate("lab.panel().content.model.sharedModel.deleteCell(1)")
    expect(page.frame.locator("#cells > .cell")).to_have_count(2)
    still = page.page.frames[1].evaluate("window.kept === document.activeElement && window.kept.isConnected")
    assert still, "the slider is what it was, and has the focus"
    page.page.keyboard.press("ArrowRight")
    window.expect_value("speed", 4)
    window.page.evaluate("lab.panel().content.model.sharedModel.getCell(0).clearOutputs()")
    expect(cell(page, 0).locator(".jp-OutputArea-child")).to_have_count(0)
    page.expect_clean()


@pytest.mark.scenario("S50")
def test_scripts_of_a_notebook_that_nobody_vouches_for_do_not_run(
    collaboration: LabServer, open_window: OpenWindow, open_page: OpenRoomPage
) -> None:
    notebook = collaboration.add("downloaded.ipynb", [RICH])
    content = nbformat.read(notebook.path, as_version=4)
    evil = "<b id='bold'>bold</b><script>document.body.dataset.ran = 'yes'</script>"
    drawing = "<svg xmlns='http://www.w3.org/2000/svg' onload='document.body.dataset.ran = 1'/>"
    content.cells[0].metadata.trusted = True  # what a file says of itself counts for nothing
    content.cells[0].outputs = [
        nbformat.v4.new_output("display_data", {"text/html": evil}),
        nbformat.v4.new_output("display_data", {"image/svg+xml": drawing, "text/plain": "a drawing"}),
        nbformat.v4.new_output("display_data", {"application/javascript": evil, "text/plain": "a script"}),
    ]
    nbformat.write(content, notebook.path)
    window = open_window(notebook)
    window.kernel_run("%load_ext commdoc")
    page = open_page(collaboration, window)
    outputs = cell(page, 0).locator(".jp-OutputArea")
    expect(outputs.locator("#bold, b")).to_have_text("bold")
    expect(outputs).to_contain_text("a drawing")
    expect(outputs).to_contain_text("a script")
    expect(outputs.locator("svg, img, script")).to_have_count(0)
    expect(page.frame.locator("body")).not_to_have_attribute("data-ran", re.compile("."))
    window.run(0)  # then a front end vouches for it
    expect(page.frame.locator("body")).to_have_attribute("data-ran", "yes")
    expect(outputs.locator(".jp-RenderedSVG")).to_have_count(1)


def test_with_jupyter_server_documents_outputs_are_there_and_one_that_it_keeps_to_itself_is_said(
    server_documents: LabServer, open_window: OpenWindow, open_page: OpenRoomPage
) -> None:
    notebook = server_documents.add("kept.ipynb", [WIDGETS])
    window = open_window(notebook)
    window.kernel_run("%load_ext commdoc")
    window.page.evaluate(TRUST)
    window.start(0)
    window.expect_value("speed", 3, seconds=20)
    page = open_page(server_documents, window)
    outputs = cell(page, 0).locator(".jp-OutputArea-child")
    expect(outputs).to_have_count(3)
    page.expect_readout("speed", "3")
    # As its outputs service leaves them, for whoever has switched that on.
    window.page.evaluate(KEPT)
    expect(cell(page, 0)).to_contain_text("2 outputs of this cell are not in the shared document")
    page.expect_readout("speed", "3")
    page.press("speed", "ArrowRight")
    until(lambda: window.value("speed.value") == 4, what="the kernel has it")
    page.picture("cells-kept-elsewhere")
    page.expect_clean()
