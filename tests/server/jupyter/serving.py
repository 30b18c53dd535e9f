"""A real Jupyter server in a process of its own, with real kernels that are started through its REST API.

with jupyter_server(folder) as server:
    kernel = server.start("a.ipynb")
    kernel.run("%load_ext commdoc")
    room = server.room(kernel_id=kernel.kernel_id)
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import nbformat
from jupyter_client.blocking.client import BlockingKernelClient

from commdoc.window import Window, join
from tests.conftest import until

TOKEN = "of-the-tests"
BASE = "/user/me/"
READY_SECONDS = 90.0

OPTIONS = (
    "--ServerApp.open_browser=False",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    f"--ServerApp.base_url={BASE}",
)
ENABLED = "--ServerApp.jpserver_extensions={'commdoc': True}"
DISABLED = "--ServerApp.jpserver_extensions={'commdoc': False}"


class Answer(NamedTuple):
    """What the server answered."""

    status: int
    text: str
    headers: Any

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Server:
    """A running server; `restart` makes the next one in its place."""

    def __init__(
        self,
        folder: Path,
        options: Sequence[str] = (ENABLED,),
        *,
        python: str = sys.executable,
        env: dict[str, str] | None = None,
        port: int = 0,
        config: str = "",
    ) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir(exist_ok=True)
        self._python, self._options, self._env = python, list(options), env or {}
        if config:
            path = folder / "jupyter_server_config.py"
            path.write_text(config, encoding="utf-8")
            self._options.append(f"--config={path}")
        self.kernels: list[Kernel] = []
        self._log = folder / "server.log"
        self.start_process(port)

    def start_process(self, port: int = 0) -> None:
        command = [self._python, "-m", "jupyter_server", *OPTIONS, *self._options]
        command += [
            f"--ServerApp.port={port}",
            f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={self.root}",
        ]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.root,
                env={**os.environ, **self._env},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        runtime = {**os.environ, **self._env}["JUPYTER_RUNTIME_DIR"]
        self.info = Path(runtime, f"jpserver-{self.process.pid}.json")
        try:
            until(self._answers, timeout=READY_SECONDS, what="the Jupyter server answers")
        except BaseException:
            self.close()
            raise

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log()[-2000:]
        try:
            self.url: str = json.loads(self.info.read_text(encoding="utf-8"))["url"]
            return self.ask("GET", "api").status == 200
        except (
            FileNotFoundError,
            ValueError,
            URLError,
        ):  # the file is there before its content, that before it listens
            return False

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Ask under the base URL, with Jupyter's token unless another, or None, is given."""
        all_headers = {
            **({"Authorization": f"Bearer {token}"} if token is not None else {}),
            **(headers or {}),
        }
        data = json.dumps(body).encode() if body is not None else (b"" if method == "POST" else None)
        request = Request(self.url + path, data, all_headers, method=method)
        try:
            with urlopen(request, timeout=30) as answer:
                return Answer(answer.status, answer.read().decode(), answer.headers)
        except HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), error.headers)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status < 300, answer
        return answer.json if answer.text else None

    def write(self, name: str) -> str:
        """Write an empty notebook."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nbformat.v4.new_notebook(), path)
        return name

    def start(self, name: str | None = None, kernel_name: str = "python3") -> Kernel:
        """Start a kernel: of a notebook, which is written if it is not there, or of nothing."""
        if name is None:
            kernel_id = self.api("POST", "api/kernels", {"name": kernel_name})["id"]
            session_id = None
        else:
            if not (self.root / name).exists():
                self.write(name)
            about = {
                "path": name,
                "name": Path(name).name,
                "type": "notebook",
                "kernel": {"name": kernel_name},
            }
            session = self.api("POST", "api/sessions", about)
            kernel_id, session_id = session["kernel"]["id"], session["id"]
        kernel = Kernel(kernel_id, session_id, Path(self.info.parent, f"kernel-{kernel_id}.json"))
        self.kernels.append(kernel)
        return kernel

    def room(self, **which: str) -> dict[str, Any]:
        """Return the room of a kernel or path, as a window asks for it."""
        found: dict[str, Any] = self.api("POST", "commdoc/api/rooms", which)
        return found

    def link(self, room_id: str, role: str = "window") -> str:
        """Return a link to a room."""
        url: str = self.api("POST", f"commdoc/api/rooms/{room_id}/links", {"role": role})["url"]
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{url}"

    def window(self, room_id: str, role: str = "window", timeout: float = 20.0) -> Window:
        """Join a room."""
        return join(url=self.link(room_id, role), timeout=timeout)

    def kill(self) -> None:
        """End the process as the system does when memory is short."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        for kernel in self.kernels:
            kernel.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


class Kernel:
    """A kernel of a server, and a plain client of it."""

    def __init__(self, kernel_id: str, session_id: str | None, connection_file: Path) -> None:
        self.kernel_id = kernel_id
        self.session_id = session_id
        self._file = connection_file
        self._client: BlockingKernelClient | None = None

    @property
    def client(self) -> BlockingKernelClient:
        if self._client is None:
            until(self._file.exists, timeout=30, what="the kernel has a connection file")
            self._client = BlockingKernelClient(connection_file=str(self._file))
            self._client.load_connection_file()
            self._client.start_channels(hb=False)  # on a busy machine it misses beats
            self._client.wait_for_ready(timeout=60)
        return self._client

    def run(self, code: str, timeout: float = 60.0) -> str:
        """Run a cell that must not fail; return what it printed."""
        printed: list[str] = []

        def note(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self.client.execute_interactive(code, timeout=timeout, output_hook=note)
        assert reply["content"]["status"] == "ok", reply["content"].get("traceback")
        return "".join(printed)

    def run_cell(self, code: str, cell_id: str) -> None:
        """Run a cell of the notebook, as a front end does that names it."""
        session, channel = self.client.session, self.client.shell_channel
        message = session.msg("execute_request", {"code": code}, metadata={"cellId": cell_id})
        channel.send(message)
        until(lambda: self._is_reply(self.client.get_shell_msg(timeout=60), message), timeout=60)

    @staticmethod
    def _is_reply(reply: dict[str, Any], message: dict[str, Any]) -> bool:
        return bool(reply["parent_header"].get("msg_id") == message["header"]["msg_id"])

    def load(self, code: str = "") -> None:
        """Load commdoc, and open a slider `s`."""
        self.run(f"import ipywidgets as w\n%load_ext commdoc\n{code or 's = w.IntSlider()'}")

    def forget(self) -> None:
        """Let go of the client: the kernel is another process now."""
        self.close()
        self._client = None

    def close(self) -> None:
        if self._client is not None:
            self._client.stop_channels()


@contextmanager
def jupyter_server(folder: Path, options: Sequence[str] = (ENABLED,), **more: Any) -> Iterator[Server]:
    server = Server(folder, options, **more)
    try:
        yield server
    finally:
        server.close()


def joined(server: Server, kernel: Kernel, timeout: float = 30.0) -> dict[str, Any]:
    """Return a kernel's room once its bridge is there and has told all that the last cell did."""
    end = time.monotonic() + timeout
    while True:
        room = server.room(kernel_id=kernel.kernel_id)
        if room["kernel"]["status"] == "idle" and room["kernel"]["kernel_id"] == kernel.kernel_id:
            return room
        assert time.monotonic() < end, f"{room}\n{server.log()[-3000:]}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
