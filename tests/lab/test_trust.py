"""What came with a file or from elsewhere runs nothing before the notebook is trusted; a kernel's own runs (C11)."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import anywidget
import nbformat
import pycrdt
import pytest
from ipywidgets.embed import dependency_state
from playwright.sync_api import expect

from tests.browser.lab import TOKEN, LabNotebook, LabServer, lab_server
from tests.conftest import until
from tests.lab.conftest import OpenWindow, with_commdoc
from tests.lab.windows import LabWindow
from tests.server.jupyter.environments import Name, python_of
from tests.server.jupyter.yjs_client import YjsClient, yjs_client

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

WIDGET: Final = "application/vnd.jupyter.widget-view+json"
STATE: Final = "application/vnd.jupyter.widget-state+json"

MODULE: Final = """
globalThis.ran = [...(globalThis.ran ?? []), NAME];
export default { render({ el }) { el.classList.add(NAME); el.textContent = `this is ${NAME}`; } };
"""
"""A module whose running is seen, whether its view is there or not."""

LIVE: Final = f"""
%load_ext commdoc
import anywidget
class Live(anywidget.AnyWidget):
    _esm = {MODULE.replace("NAME", '"live"')!r}
live = Live()
display(live)
"""


def saved_widgets(name: str) -> tuple[str, dict[str, Any]]:
    """Return the id of an anywidget, and what a notebook's metadata has of it and its layout."""
    widget = anywidget.AnyWidget(_esm=MODULE.replace("NAME", json.dumps(name)))
    try:
        return widget.model_id, json.loads(json.dumps(dependency_state(widget, drop_defaults=False)))
    finally:
        widget.layout.close()
        widget.close()


def shows(model_id: str) -> Any:
    data = {"text/plain": "a widget", WIDGET: {"model_id": model_id, "version_major": 2, "version_minor": 0}}
    return nbformat.v4.new_output("display_data", data)


def downloaded(
    server: LabServer, path: str, *, saved: bool = True
) -> tuple[LabNotebook, str, dict[str, Any]]:
    """Write a notebook that nobody here has trusted; return it with what its first cell shows."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    model_id, models = saved_widgets("saved")
    shown = nbformat.v4.new_code_cell("shown", outputs=[shows(model_id)])
    # What the file says of trust doesn't count.
    notebook.cells = [shown, nbformat.v4.new_code_cell(LIVE), nbformat.v4.new_markdown_cell("text")]
    for cell in notebook.cells:
        cell.metadata["trusted"] = True
    if saved:
        notebook.metadata.widgets = {STATE: {"version_major": 2, "version_minor": 0, "state": models}}
    nbformat.write(notebook, server.folder / path)
    return server.at(path), model_id, models


def ran(window: LabWindow) -> list[str]:
    """Return which modules have run, when those that were on the way have come."""
    window.page.evaluate(
        """async () => {
            await jupyterapp.restored;
            const manager = await lab.manager();
            while (!manager.restoredStatus) await new Promise(resolve => setTimeout(resolve, 20));
            await Promise.all(Object.values(manager._models));
            for (let n = 0; n < 5; n += 1)
                await import(URL.createObjectURL(new Blob(["export {}"], {type: "text/javascript"})));
        }"""
    )
    return list(window.page.evaluate("globalThis.ran ?? []"))


def trust(window: LabWindow) -> None:
    """Do as a person does who trusts the notebook."""
    window.page.evaluate("() => { jupyterapp.commands.execute('notebook:trust'); }")
    window.page.locator(".jp-Dialog").get_by_role("button", name="Trust").click()


def expect_status(window: LabWindow, text: str) -> None:
    expect(window.page.locator(".commdoc-StatusItem")).to_contain_text(text)


@pytest.mark.scenario("S50")
def test_a_downloaded_notebook_runs_no_module_before_it_is_trusted(
    server: LabServer, open_window: OpenWindow
) -> None:
    notebook, _, models = downloaded(server, "downloaded.ipynb")
    window = open_window(notebook)
    assert ran(window) == []
    expect_status(window, "2 widget models not trusted")
    window.run(1)
    expect(window.page.locator(".live")).to_have_text("this is live")
    expect_status(window, "2 not trusted")
    assert ran(window) == ["live"], "what a kernel here has made runs, in a notebook that isn't trusted too"
    window.expect_text(0, "a widget")

    state = window.page.evaluate("lab.manager().then(manager => manager.get_state_sync({}).state)")
    assert {id_: state[id_] for id_ in models} == models, "what is withheld is saved again"

    trust(window)
    expect(window.page.locator(".saved")).to_have_text("this is saved")
    assert ran(window) == ["live", "saved"]
    expect(window.page.locator(".commdoc-StatusItem")).not_to_contain_text("not trusted")
    assert window.console == []

    again = open_window(notebook)
    expect(again.page.locator(".saved")).to_have_text("this is saved")
    assert "saved" in ran(again), "it was saved as trusted"


@pytest.mark.scenario("S50")
def test_a_cell_that_is_trusted_alone_says_in_words_what_is_to_be_done(
    server: LabServer, open_window: OpenWindow
) -> None:
    notebook, _, _ = downloaded(server, "partly.ipynb")
    window = open_window(notebook)
    window.page.evaluate("lab.panel().content.model.cells.get(0).trusted = true")
    window.expect_text(0, "trust the notebook to show it")
    assert ran(window) == []
    window.page.evaluate("lab.panel().content.model.cells.get(1).trusted = true")
    expect(window.page.locator(".saved")).to_have_text("this is saved")


def test_without_commdoc_a_downloaded_notebook_runs_its_modules(
    plain_server: LabServer, open_window: OpenWindow
) -> None:
    notebook, _, _ = downloaded(plain_server, "downloaded.ipynb")
    window = open_window(notebook)
    window.expect_text(0, "a widget")
    assert ran(window) == ["saved"], "JupyterLab shows it not, but runs it"


ASK = """
async ([base, room]) => {
  const socket = new WebSocket(`${base.replace("http", "ws")}commdoc/rooms/${room}/ws`);
  const opened = new Promise(resolve => {
    socket.onopen = () => { socket.close(); resolve(true); };
    socket.onerror = () => resolve(false);
  });
  const ask = (path, method, body) =>
    fetch(`${base}commdoc/${path}`, { method, body, credentials: "include", mode: "no-cors" });
  await ask("api/rooms", "GET");
  await ask("api/rooms", "POST", JSON.stringify({ path: "trusting.ipynb" }));
  await ask(`api/rooms/${room}/links`, "POST", JSON.stringify({ role: "window" }));
  return opened;
}
"""


@contextmanager
def elsewhere() -> Iterator[str]:
    """Serve a page at another port of the same host: to its requests a browser adds the cookies."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as it:
        thread = threading.Thread(target=it.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{it.server_port}"
        finally:
            it.shutdown()
            thread.join()


@pytest.mark.scenario("S47")
def test_a_page_of_another_origin_gets_nothing_with_a_person_s_cookies(
    server: LabServer, open_window: OpenWindow
) -> None:
    window = open_window(server.add("trusting.ipynb", [LIVE]))
    window.run(0)
    expect(window.page.locator(".live")).to_be_visible()
    base = server.url.removesuffix("lab")
    room = window.page.evaluate(
        "base => fetch(base + 'commdoc/api/rooms').then(answer => answer.json()).then(({rooms}) => "
        "rooms.find(({path}) => path === 'trusting.ipynb').room_id)",
        base,
    )
    evil = window.context.new_page()
    answers: list[tuple[str, int]] = []
    with elsewhere() as origin:
        evil.goto(origin)
        evil.on("response", lambda answer: answers.append((answer.request.method, answer.status)))
        assert evil.evaluate(ASK, [base, room]) is False
    assert answers == [("GET", 403), ("POST", 404), ("POST", 404)]
    said = server.log()
    assert f"403 GET /commdoc/rooms/{room}/ws from 127.0.0.1: origin '{origin}'" in said
    assert "403 GET /commdoc/api/rooms from 127.0.0.1: a page of another origin" in said
    for path in ("api/rooms", f"api/rooms/{room}/links"):
        assert re.search(rf"Blocking Cross Origin API request for /commdoc/{path}\. +Origin: {origin}", said)
    assert window.page.evaluate(ASK, [base, room]) is True, "its own page comes in"


# --- a document that is shared ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["collaboration", "documents"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, labextensions: Path
) -> Iterator[LabServer]:
    """A JupyterLab with a collaboration extension, commdoc and anywidget's front end."""
    third_parties = tmp_path_factory.mktemp("third-parties")
    installed = Path(sysconfig.get_path("data"), "share", "jupyter", "labextensions", "anywidget")
    shutil.copytree(installed, third_parties / "anywidget")
    options = [*with_commdoc(labextensions), f"--LabApp.extra_labextensions_path={third_parties}"]
    name: Name = request.param
    with lab_server(tmp_path_factory.mktemp(name), options=options, python=python_of(name)) as it:
        yield it


def listens(base: str) -> bool:
    """Tell whether a server, which has said where it will, listens already."""
    with socket.socket() as probe:
        return probe.connect_ex((urlsplit(base).hostname, urlsplit(base).port)) == 0


def file_id(base: str, path: str) -> tuple[str, str]:
    """Return a file's id and the server's session, as the extension's front end asks for them."""

    def ask(method: str, path: str, content: bytes = b"") -> Any:
        request = Request(base + path, content, {"Authorization": f"token {TOKEN}"}, method=method)
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    if ask("GET", "commdoc/api/status")["document"] == "jupyter-server-documents":
        return ask("POST", f"api/fileid/index?path={path}")["id"], ""
    about = json.dumps({"format": "json", "type": "notebook"}).encode()
    session = ask("PUT", f"api/collaboration/session/{path}", about)
    return session["fileId"], session["sessionId"]


@contextmanager
def client_of(server: LabServer, path: str) -> Iterator[YjsClient]:
    """Join a notebook's shared document, as one who may write into it."""
    base = server.url.removesuffix("lab")
    until(lambda: listens(base), what="the server listens")
    with yjs_client(base, TOKEN, path, *file_id(base, path)) as client:
        yield client


def write_comms(client: YjsClient, models: dict[str, Any]) -> None:
    """Write comms of a kernel that no server here has had."""
    epoch, kernel = "of-elsewhere", {"kernel_id": "elsewhere", "name": "python3"}
    elements: list[Any] = [
        ["k", "", {"schema_version": 1, "epoch": epoch, "kernel": kernel, "status": "live"}]
    ]
    for seq, (id_, model) in enumerate(models.items(), 1):
        head = {key: model[key] for key in ("model_name", "model_module", "model_module_version")}
        rest = {"target_name": "jupyter.widget", "seq": seq, "epoch": epoch, "state": model["state"]}
        elements.append(["o", id_, {**head, **rest}])
    array = client.doc.get("comms", type=pycrdt.Array)
    client.write(lambda: array.extend([json.dumps(element) for element in elements]))


@pytest.mark.scenario("S50")
def test_comms_in_a_shared_document_that_no_kernel_here_has_made_run_no_module(
    shared: LabServer, open_window: OpenWindow
) -> None:
    notebook, _, models = downloaded(shared, "foreign.ipynb", saved=False)
    with client_of(shared, "foreign.ipynb") as client:
        write_comms(client, models)
        window = open_window(notebook)
        assert ran(window) == []
        expect_status(window, "2 widget models not trusted")
        assert not set(window.models()) & set(models)

        trust(window)
        expect(window.page.locator(".saved")).to_have_text("this is saved")
        assert ran(window) == ["saved"]
