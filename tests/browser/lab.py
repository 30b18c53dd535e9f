"""A real JupyterLab server on loopback, and its page in Chromium, as a person sees it.

    with lab_server(folder) as server:
        page = LabPage(chromium, server.add("a.ipynb", sources))
        page.kernel_run("%load_ext commdoc")     # or not: then it is plain Jupyter
        page.run_all()
        page.output_models()                     # what each Output widget's model holds, in the order of their opening

What a test reads of models comes from the application object that ``--LabApp.expose_app_in_browser`` gives to the page;
what a person sees, from the DOM.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import nbformat
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    ElementHandle,
    Locator,
    Page,
    Request,
    expect,
)

from tests.conftest import until

READY_SECONDS: Final = 60.0
"""A server and a page with cold caches, on a machine with more to do than cores."""

SETTINGS: Final[dict[str, dict[str, Any]]] = {
    # All cells are in the DOM, also those that one would have to scroll to.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none", "autoStartDefaultKernel": True},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}

OPTIONS: Final = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
    "--ServerApp.port_retries=0",
    "--LabApp.extension_manager=readonly",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)
"""The server asks nothing of anybody by itself."""

TOKEN: Final = "lab-of-the-tests"


def for_each_app(option: str, value: object) -> list[str]:
    """Set an option of JupyterLab and of Notebook, whose pages get settings and extensions from the former."""
    return [f"--{app}.{option}={value}" for app in ("LabApp", "JupyterNotebookApp")]


@dataclass(frozen=True)
class Front:
    """An application that shows notebooks: the module that starts it, where it shows a notebook, its settings."""

    module: str
    page: str
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)


COMMAND_MODE: Final = ".jp-Notebook.jp-mod-commandMode:not(.jp-mod-readWrite) :focus"

JUPYTERLAB: Final = Front("jupyterlab", "lab/tree/{name}?reset&")
NOTEBOOK: Final = Front(
    "notebook",
    "notebooks/{name}?",
    # Notebook by itself takes these keys from a slider that has the focus.
    {
        "@jupyterlab/shortcuts-extension/shortcuts": {
            "shortcuts": [
                {"command": command, "keys": [key], "selector": COMMAND_MODE, "disabled": True}
                for command, key in [
                    ("notebook:move-cursor-heading-above-or-collapse", "ArrowLeft"),
                    ("notebook:move-cursor-heading-below-or-expand", "ArrowRight"),
                ]
            ]
        }
    },
)


@dataclass(frozen=True)
class LabNotebook:
    """A notebook that a server has, and the link that opens it."""

    path: Path
    link: str


class LabServer:
    """A running JupyterLab, or another `Front`; see `lab_server`.

    Attributes
    ----------
    url : str
        JupyterLab's: it ends with ``/lab``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        env: dict[str, str] | None = None,
        options: Sequence[str] = (),
        python: str = sys.executable,
        front: Front = JUPYTERLAB,
    ) -> None:
        self.front = front
        self.folder = folder / "notebooks"
        settings, runtime = folder / "settings", Path(os.environ["JUPYTER_RUNTIME_DIR"])
        self.folder.mkdir()
        for name, values in {**SETTINGS, **front.settings}.items():
            path = settings / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        self._log = (folder / "server.log").open("wb")
        command = [python, "-m", front.module, *OPTIONS, *options]
        command += [
            f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={self.folder}",
            *for_each_app("expose_app_in_browser", True),
            *for_each_app("user_settings_dir", settings),
            *for_each_app("workspaces_dir", folder / "workspaces"),
        ]
        self.process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._info = runtime / f"jpserver-{self.process.pid}.json"
        try:
            until(self._answers, timeout=READY_SECONDS, what="JupyterLab's server answers")
        except BaseException:
            self.close()
            raise
        self.url: str = json.loads(self._info.read_text(encoding="utf-8"))["url"].rstrip("/") + "/lab"

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log()[-2000:]
        return self._info.exists() and self._info.read_text(encoding="utf-8").rstrip().endswith("}")

    def log(self) -> str:
        """Return what the server has logged."""
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def add(self, name: str, sources: Sequence[str] = ()) -> LabNotebook:
        """Write a notebook with these code cells."""
        notebook = nbformat.v4.new_notebook()
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(notebook, self.folder / name)
        return self.at(name)

    def at(self, name: str) -> LabNotebook:
        """Return a notebook that is there."""
        page = self.front.page.format(name=name)
        return LabNotebook(self.folder / name, f"{self.url.removesuffix('lab')}{page}token={TOKEN}")

    def api(self, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
        """Ask the server's REST API, e.g. ``"sessions"``."""
        return self._ask(f"api/{path}", method, body)

    def room_link(self, kernel_id: str) -> str:
        """Wait until a kernel's bridge is in its room; return the link of that room's page."""

        def bridged() -> str:
            room = self._ask("commdoc/api/rooms", "POST", {"kernel_id": kernel_id})
            here = room["kernel"]["kernel_id"] == kernel_id and room["kernel"]["status"] == "idle"
            return str(room["room_id"]) if here else ""

        room_id = until(bridged, timeout=READY_SECONDS, what="the kernel's bridge is in its room")
        link = self._ask(f"commdoc/api/rooms/{room_id}/links", "POST", {"role": "window"})["url"]
        return urljoin(self.url, link)

    def _ask(self, path: str, method: str, body: dict[str, Any] | None) -> Any:
        request = urllib.request.Request(
            f"{self.url.removesuffix('lab')}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def connection_file(self, kernel_id: str) -> str:
        """Return the connection file of one of its kernels."""
        return str(Path(os.environ["JUPYTER_RUNTIME_DIR"], f"kernel-{kernel_id}.json"))

    def close(self) -> None:
        """End the server and its kernels."""
        self.process.terminate()
        try:
            self.process.wait(READY_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            self._log.close()


@contextmanager
def lab_server(folder: Path, **how: Any) -> Iterator[LabServer]:
    """Run a JupyterLab for the length of a block; its notebooks, settings and log are in `folder`."""
    server = LabServer(folder, **how)
    try:
        yield server
    finally:
        server.close()


# --- the page --------------------------------------------------------------------------------------------------------

_HELPERS: Final = """
window.lab = {
  panel: () => window.jupyterapp.shell.currentWidget,
  kernel: () => lab.panel().sessionContext.session?.kernel,
  async manager() {
    const renderer = lab.panel().content.rendermime.createRenderer('application/vnd.jupyter.widget-view+json');
    const manager = await renderer._manager.promise;
    renderer.dispose();
    return manager;
  },
  async models() {
    const models = Object.entries((await lab.manager())._models);
    return Promise.all(models.map(async ([id, model]) => [id, await model]));
  },
  async ready() {
    await window.jupyterapp.restored;
    const panel = lab.panel();
    await panel.context.ready;
    await panel.sessionContext.ready;
    await lab.kernel().info;
  },
  async run(index) {
    const notebook = lab.panel().content;
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    await window.jupyterapp.commands.execute('notebook:run-cell');
  },
  async silently(code) {
    const future = lab.kernel().requestExecute({ code, silent: true, store_history: false });
    let failed = null;
    future.onIOPub = message => {
      if (message.header.msg_type === 'error') failed = message.content.traceback.join('\\n');
    };
    await future.done;
    if (failed) throw new Error(failed);
  },
  // The reply is enough: that the kernel is idle then may get lost in a flood of other messages.
  ask(expressions) {
    const future = lab.kernel().requestExecute(
      { code: '', silent: true, store_history: false, user_expressions: expressions });
    return new Promise(resolve => {
      future.onReply = reply => resolve(reply.content.user_expressions);
    });
  },
  // The element that shows a model.
  async viewOf(id) {
    const model = await (await lab.manager()).get_model(id);
    const views = await Promise.all(Object.values(model.views ?? {}));
    return views.map(view => view.el).find(element => document.contains(element));
  },
  async outputModels() {
    const found = {};
    for (const [id, model] of await lab.models()) {
      if (model.get('_model_name') === 'OutputModel') found[id] = model.outputs.toJSON();
    }
    return found;
  },
  // Views of Output widgets that are in the page: what each output is rendered as, and its text.
  async outputViews() {
    const shown = {};
    for (const [id, model] of await lab.models()) {
      if (model.get('_model_name') !== 'OutputModel') continue;
      shown[id] = [];
      for (const view of await Promise.all(Object.values(model.views ?? {}))) {
        if (!document.contains(view.el)) continue;
        const area = view.el.querySelector('.jp-OutputArea');
        const outputs = [...area.children].map(child => child.querySelector(':scope > .jp-OutputArea-output'));
        shown[id].push(outputs.map(each => [each?.dataset.mimeType ?? null, each?.innerText ?? '']));
      }
    }
    return shown;
  },
};
"""


class LabPage:
    """A notebook in JupyterLab, in a browser context of its own, so that two of them share nothing.

    Attributes
    ----------
    console : list of str
        Errors that the page logged, without those that are `stock`.
    foreign : list of str
        Addresses of other hosts that it asked for.
    """

    def __init__(
        self,
        browser: Browser,
        notebook: LabNotebook,
        *,
        size: tuple[int, int] = (1280, 1400),
        wait: bool = True,
        script: str = "",
        before: Callable[[], None] | None = None,
        stock: Sequence[str] = (),
    ) -> None:
        self._stock = stock
        self.console: list[str] = []
        self.foreign: list[str] = []
        self._host = notebook.link.split("/")[2]
        self.context: BrowserContext = browser.new_context(viewport={"width": size[0], "height": size[1]})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(READY_SECONDS * 1000)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._log(f"pageerror: {error}"))
        self.page.on("request", self._on_request)
        self.page.add_init_script(script)
        if before is not None:
            before()  # a route that is set when the page has begun may miss what it is for
        self.page.goto(notebook.link, wait_until="commit")
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the notebook is open and its kernel has answered."""
        self.page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.sessionContext !== undefined")
        self.page.evaluate(_HELPERS)
        self.page.wait_for_function("lab.kernel() != null")
        self.page.evaluate("lab.ready()")

    def wait_for(self, condition: str, *, seconds: float = READY_SECONDS) -> None:
        """Wait until an asynchronous function returns true; Playwright's own waiting takes its promise for that."""
        until(lambda: self.page.evaluate(condition), timeout=seconds, what=condition)

    # --- what a person does ---------------------------------------------------------------------------------------

    def run(self, index: int) -> None:
        """Run one cell, and wait for its end."""
        self.page.evaluate("index => lab.run(index)", index)

    def run_all(self) -> None:
        """Run all cells, also behind one that fails."""
        for index in range(self.page.evaluate("lab.panel().content.model.cells.length")):
            self.run(index)

    def command(self, name: str, **arguments: Any) -> None:
        """Carry out one of JupyterLab's commands, e.g. ``"notebook:restart-kernel"``."""
        self.page.evaluate(
            "([name, arguments]) => jupyterapp.commands.execute(name, arguments).then(() => null)",
            [name, arguments],
        )

    def cell(self, index: int) -> Locator:
        """One of the cells."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def expect_text(self, index: int, text: str | re.Pattern[str], *, seconds: float = 10.0) -> None:
        """Wait until a cell's outputs show a text."""
        outputs = self.cell(index).locator(".jp-Cell-outputArea")
        expect(outputs).to_contain_text(text, timeout=seconds * 1000)

    # --- what a test asks -----------------------------------------------------------------------------------------

    def kernel_run(self, code: str) -> None:
        """Run code in the kernel that no cell shows and that counts nothing."""
        self.page.evaluate("code => lab.silently(code)", code)

    def value(self, expression: str) -> Any:
        """Return the value of an expression in the kernel that JSON has."""
        asked = {"it": f"__import__('json').dumps({expression})"}
        answer = self.page.evaluate("asked => lab.ask(asked)", asked)["it"]
        assert answer["status"] == "ok", answer
        return json.loads(_literal(answer["data"]["text/plain"]))

    @property
    def kernel_id(self) -> str:
        """The kernel of the notebook."""
        return str(self.page.evaluate("lab.kernel().id"))

    def view(self, model_id: str) -> ElementHandle:
        """The element that shows a model."""
        drawn = self.page.evaluate_handle("id => lab.viewOf(id)", model_id).as_element()
        assert drawn is not None, f"JupyterLab shows no view of {model_id}"
        return drawn

    def output_models(self) -> dict[str, list[dict[str, Any]]]:
        """Return comm id to what the model of each Output widget holds."""
        found: dict[str, list[dict[str, Any]]] = self.page.evaluate("lab.outputModels()")
        return found

    def output_views(self) -> dict[str, list[list[tuple[str | None, str]]]]:
        """Return comm id to its views in the page; a view is a list of (mime type, text that is to be seen)."""
        found = self.page.evaluate("lab.outputViews()")
        return {
            id_: [[(mime, text) for mime, text in view] for view in views] for id_, views in found.items()
        }

    def cell_outputs(self) -> list[list[dict[str, Any]]]:
        """Return the outputs of the cells."""
        found: list[list[dict[str, Any]]] = self.page.evaluate(
            "[...lab.panel().content.model.cells].map(cell => cell.outputs?.toJSON() ?? [])"
        )
        return found

    def close(self) -> None:
        """Close the window."""
        self.context.close()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._log(f"{message.type}: {message.text}")

    def _log(self, error: str) -> None:
        if error not in self._stock:
            self.console.append(error)

    def _on_request(self, request: Request) -> None:
        if re.match(r"(https?|wss?):", request.url) and request.url.split("/")[2] != self._host:
            self.foreign.append(request.url)


def _literal(text: str) -> str:
    return str(ast.literal_eval(text))
