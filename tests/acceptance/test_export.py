"""E5: a notebook goes through a room and comes out as it was. E4: a page from the disk shows what the live one does."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import Browser, Frame, Page
from pycrdt import Array, Map, Text

import commdoc
from commdoc.document.widget_state import (
    WIDGET_STATE_MIMETYPE,
    file_epoch,
    from_widget_state,
    write_file_comms,
)
from commdoc.protocol.messages import BlobType
from commdoc.protocol.values import BlobSentinel, sentinel
from commdoc.window import Exported
from tests.acceptance import notebooks
from tests.acceptance.nbclient_side import AwakeOutputWidget
from tests.browser.conftest import chromium as chromium  # noqa: PLC0414 - a fixture
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import ROOT, until
from tests.interop.host import Host, a_host

pytestmark = [pytest.mark.kernel, pytest.mark.acceptance("E5"), pytest.mark.timeout(90)]

SCHEMA = json.loads((ROOT / "tests/schemas/widget_state_v2.schema.json").read_text(encoding="utf-8"))

OTHERS = """\
import ipycanvas
from IPython.display import HTML, display
display(HTML("<img alt='far' src='http://localhost:9/far.png'><script>document.title = 'ran'</script>"))
display(ipycanvas.Canvas(width=40, height=40))
"""

WITH_BUFFERS = """\
import ipywidgets, anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = '''
    export default { render({ model, el }) {
      const button = document.createElement("button");
      const show = () => { button.textContent = `count is ${model.get("count")}`; };
      button.onclick = () => { model.set("count", model.get("count") + 1); model.save_changes(); };
      model.on("change:count", show);
      show();
      el.append(button, new TextDecoder().decode(model.get("raw")));
    } };
    ''' + "//" * 600
    count = traitlets.Int(3).tag(sync=True)
    raw = traitlets.Bytes(b"from bytes").tag(sync=True)

counter = Counter()
image = ipywidgets.Image(value=bytes(range(256)) * 9)
a, b = ipywidgets.IntSlider(4, description="a"), ipywidgets.IntSlider(4, description="b")
link = ipywidgets.jslink((a, "value"), (b, "value"))
display(counter, image, a, b)
"""


def execute(path: Path, name: str, code: str = WITH_BUFFERS) -> Path:
    """Run a notebook as nbclient does, which writes widget-state by itself: what it wrote is what must come back."""
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    if name:
        content = nbformat.read(notebooks.in_folder() / f"{name}.ipynb", as_version=4)
    for cell in content.cells:
        if cell.cell_type == "code" and cell.source.startswith("%pip"):
            cell.source = ""
    # As JupyterLab does when a kernel is chosen; one of the files lacks its name.
    content.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    resources = {"metadata": {"path": str(path)}}
    client = NotebookClient(content, allow_errors=True, store_widget_state=True, resources=resources)
    client.widget_registry["@jupyter-widgets/output"]["OutputModel"] = AwakeOutputWidget
    client.execute()
    file = path / f"{name or 'with-buffers'}.ipynb"
    nbformat.write(content, file)
    return file


@pytest.fixture(scope="module", params=[*notebooks.NAMES, ""])
def executed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return execute(tmp_path_factory.mktemp("executed"), request.param)


def fill(host: Host, notebook: dict[str, Any]) -> None:
    """Put a file into a room, cells as jupyter_ydoc has them."""

    def put(content: bytes, kind: BlobType) -> BlobSentinel:
        host.room.blobs.add(content)
        return sentinel(content, kind)

    state = notebook["metadata"].get("widgets", {}).get(WIDGET_STATE_MIMETYPE)
    if state is not None:
        comms = from_widget_state(state, put, warn=pytest.fail)
        with host.room.comms.batch():
            write_file_comms(host.room.comms, comms, kernel_id="file", epoch=file_epoch(state))
    metadata = {key: value for key, value in notebook["metadata"].items() if key != "widgets"}
    numbers = {"nbformat": notebook["nbformat"], "nbformat_minor": notebook["nbformat_minor"]}
    host.room.doc["meta"] = Map({**numbers, "metadata": Map(metadata)})
    host.room.doc["cells"] = Array(
        [Map(shared({"id": f"id-{index}", **cell})) for index, cell in enumerate(notebook["cells"])]
    )


def shared(cell: dict[str, Any]) -> dict[str, Any]:
    parts = {**cell, "source": Text("".join(cell["source"])), "metadata": Map(cell["metadata"])}
    if "outputs" in cell:
        parts["outputs"] = Array([Map(output) for output in cell["outputs"]])
        parts["execution_state"] = "idle"
    return parts


def read(path: Path) -> dict[str, Any]:
    content = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(content)
    notebook: dict[str, Any] = json.loads(json.dumps(content))
    state = notebook["metadata"].get("widgets", {}).get(WIDGET_STATE_MIMETYPE)
    if state is not None:
        jsonschema.validate(state, SCHEMA)
        for model in state["state"].values():
            model.get("buffers", []).sort(key=lambda buffer: str(buffer["path"]))
            if not model.get("buffers"):
                model.pop("buffers", None)
    return notebook


async def test_a_notebook_comes_out_of_a_room_as_it_went_in(executed: Path, tmp_path: Path) -> None:
    before = read(executed)
    written = tmp_path / "again.ipynb"
    async with a_host() as host:
        fill(host, before)

        def save() -> Any:
            with commdoc.join(url=host.link("viewer")) as window:
                page = commdoc.export(window, tmp_path / "page.html")
                assert page.widgets == commdoc.export(window, written).widgets
                return page.warnings

        assert await asyncio.to_thread(save) == []
    after = read(written)
    assert after["cells"] == before["cells"]
    state = before["metadata"].pop("widgets", {}).get(WIDGET_STATE_MIMETYPE, {"state": {}})
    assert after["metadata"].pop("widgets")[WIDGET_STATE_MIMETYPE]["state"] == state["state"]
    assert after["metadata"] == before["metadata"]
    # The page has the very same in it; its cells have ids, whatever the file's have.
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    raw = json.loads(written.read_text(encoding="utf-8"))
    assert embedded(html, "widgets") == raw["metadata"]["widgets"][WIDGET_STATE_MIMETYPE]
    for cell, file_cell in zip(embedded(html, "notebook")["cells"], raw["cells"], strict=True):
        assert {**cell, "id": ""} == {**file_cell, "id": ""}


async def test_a_blob_that_the_room_has_lost_is_named_and_the_rest_is_written(tmp_path: Path) -> None:
    lost, kept = b"lost" * 500, b"kept" * 500
    model = {"model_name": "M", "model_module": "m", "model_module_version": "1"}
    buffers = {"lost": lost, "kept": kept}
    models = {
        name: {**model, "state": {"n": 1}, "buffers": [buffer_of("value", content)]}
        for name, content in buffers.items()
    }
    state = {"version_major": 2, "version_minor": 0, "state": models}
    metadata = {"widgets": {WIDGET_STATE_MIMETYPE: state}}
    cell = {"id": "a", "cell_type": "markdown", "metadata": {}, "source": "text"}
    async with a_host() as host:
        fill(host, {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
        host.store.delete(sentinel(lost, "bytes")["$blob"])

        def save() -> Exported:
            with commdoc.join(url=host.link("viewer")) as window:
                return commdoc.export(window, tmp_path / "out.ipynb")

        [warning] = (await asyncio.to_thread(save)).warnings
    assert "model lost (M)" in warning
    saved = read(tmp_path / "out.ipynb")["metadata"]["widgets"][WIDGET_STATE_MIMETYPE]["state"]
    assert saved["lost"]["state"]["n"] == 1
    assert "buffers" not in saved["lost"]
    assert saved["kept"]["buffers"] == models["kept"]["buffers"]


def buffer_of(key: str, content: bytes) -> dict[str, Any]:
    return {"path": [key], "encoding": "base64", "data": base64.b64encode(content).decode()}


def embedded(html: str, name: str) -> Any:
    return json.loads(html.partition(f'id="{name}">')[2].partition("</script>")[0])


def test_nbconvert_takes_the_notebook(tmp_path: Path) -> None:
    source = execute(tmp_path, "")
    commdoc.export(source, tmp_path / "copy.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(tmp_path / "copy.ipynb")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "application/vnd.jupyter.widget-state+json" in (tmp_path / "copy.html").read_text(encoding="utf-8")


SHOWN = """() => [...document.querySelectorAll("[data-comm-id]")].map((el) => [
  el.dataset.commId,
  [...el.classList].sort().join(" "),
  [...el.querySelectorAll("input, textarea, select, progress")].map((it) =>
    it.type === "file" ? "" : it.type === "checkbox" ? it.checked : it.value),
  [...el.querySelectorAll(".widget-readout, .widget-html-content, .jupyter-button")].map((it) => it.textContent),
])"""


def shown(page: Page | Frame) -> dict[str, Any]:
    return {comm_id: rest for comm_id, *rest in page.evaluate(SHOWN)}


class SavedPage:
    """A page from the disk, and what it did beside showing."""

    def __init__(self, browser: Browser, path: Path) -> None:
        self.console: list[str] = []
        self.asked: list[str] = []
        self.context = browser.new_context(viewport={"width": 1100, "height": 900})
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def close(self) -> None:
        self.context.close()

    def expect_clean(self, path: Path) -> None:
        assert self.console == []
        assert [url for url in self.asked if not url.startswith(("data:", "blob:"))] == [path.as_uri()]


@pytest.fixture
def kernel() -> Iterator[Notebook]:
    with closing(Notebook()) as notebook:
        yield notebook.load()


@pytest.mark.browser
@pytest.mark.acceptance("E4")
def test_the_page_from_the_disk_shows_what_the_live_one_shows(
    chromium: Browser, kernel: Notebook, tmp_path: Path
) -> None:
    notebooks.run(kernel, "ipywidgets-widget-list")
    kernel.wait_until_the_room_has_it()
    path = tmp_path / "page.html"
    with commdoc.join(url=kernel.link) as window:
        done = commdoc.export(window, path)
        assert done.widgets == sum(model.model_name is not None for model in window.comms.values()) > 250
    with closing(RoomPage(chromium, kernel.link)) as live, closing(SavedPage(chromium, path)) as saved:
        [frame] = live.page.frames[1:]
        until(lambda: len(shown(frame)) > 80 and shown(saved.page) == shown(frame), what="both show the same")
        saved.expect_clean(path)


@pytest.mark.browser
@pytest.mark.acceptance("E4")
def test_widgets_of_a_page_from_the_disk_work_without_a_kernel(chromium: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    commdoc.export(execute(tmp_path, ""), path)
    with closing(SavedPage(chromium, path)) as saved:
        button = saved.page.get_by_role("button", name="count is 3")
        button.click()
        saved.page.get_by_role("button", name="count is 4").wait_for()
        saved.page.locator("[data-comm-id]", has_text="from bytes").wait_for()
        handles = saved.page.locator(".noUi-handle")
        handles.first.press("ArrowRight")
        until(lambda: saved.page.locator(".widget-readout").all_inner_texts() == ["5", "5"])
        size = "async image => (await (await fetch(image.src)).arrayBuffer()).byteLength"
        assert saved.page.locator("img.widget-image").evaluate(size) == 256 * 9
        saved.expect_clean(path)


@pytest.mark.browser
def test_what_a_page_from_the_disk_has_not_is_named_and_nothing_is_asked_for(
    chromium: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    commdoc.export(execute(tmp_path, "", OTHERS), path)
    with closing(SavedPage(chromium, path)) as saved:
        lack = saved.page.locator('[data-commdoc-fallback="ipycanvas"]')
        lack.get_by_text("CanvasModel can't be drawn here").wait_for()
        saved.page.get_by_text("Canvas(height=40", exact=False).first.wait_for()
        far = saved.page.get_by_role("link", name="far")
        assert far.get_attribute("href") == "http://localhost:9/far.png"
        assert saved.page.title() == "page"
        saved.expect_clean(path)
