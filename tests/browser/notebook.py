"""A notebook's kernel for the browser tests: a real ipykernel with commdoc, cells run as a front end runs them."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import queue
import random
import signal
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_core.paths import jupyter_runtime_dir

from tests.conftest import until

GRACE_SECONDS = "1.5"
"""How long the sidecar stays after kernel and windows are gone: shorter than the leak check waits."""

ROOM_HAS_IT = """
import time
for _ in range(500):
    time.sleep(0.02)
    status = get_ipython().kernel._commdoc_bridge.status()
    if not status.waiting and not status.unapplied:
        break
else:
    raise TimeoutError(status)
"""


PORTS = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")

QUIET_PORTS = range(15_000, 30_000)
"""Below those that systems give to who asks for any."""


def quiet_ports(count: int) -> list[int]:
    """Return free ports that nobody is given by chance before a kernel has them.

    jupyter_client asks the system for any, lets them go, and a second later the kernel takes them: a connection that
    somebody opens in between may have one by then, and the kernel ends.
    """
    with contextlib.ExitStack() as held:
        found: list[int] = []
        while len(found) < count:
            it = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                it.bind(("127.0.0.1", random.choice(QUIET_PORTS)))
                found.append(it.getsockname()[1])
        return found


class CellError(AssertionError):
    """A cell raised; the text is its traceback."""


class Notebook:
    """Starts the kernel; `close` ends it. `link` is there once `load` was called.

    Parameters
    ----------
    path : Path, optional
        Of the notebook, as a Jupyter server tells its kernels.
    python : str, optional
        The interpreter, of another environment.
    """

    def __init__(self, path: Path | None = None, *, python: str = sys.executable) -> None:
        runtime = Path(jupyter_runtime_dir())
        runtime.mkdir(parents=True, exist_ok=True)
        self.kernel_id = str(uuid.uuid4())
        self.manager = KernelManager(
            kernel_name="python3",
            connection_file=str(runtime / f"kernel-{self.kernel_id}.json"),
            cache_ports=False,
            **dict(zip(PORTS, quiet_ports(len(PORTS)), strict=True)),
        )
        spec = self.manager.kernel_spec
        assert spec is not None
        spec.argv[0] = python
        env = {**os.environ, "COMMDOC_SIDECAR_GRACE": GRACE_SECONDS}
        if path is not None:
            env["JPY_SESSION_NAME"] = str(path)
        self.manager.start_kernel(env=env)
        self._context = zmq.Context()
        self._context.rcvhwm = (
            0  # a flood that nobody reads yet waits here, and the idle behind it is not dropped
        )
        self.client: BlockingKernelClient = self.manager.client(context=self._context)
        self.client.start_channels()
        self.link = ""
        self._metadata: dict[str, Any] = {}
        try:
            self.client.wait_for_ready(timeout=60)
        except RuntimeError:
            # Nobody has it yet who could close it.
            self.close()
            raise

    def load(self) -> Notebook:
        """Load commdoc and wait for the room's link."""
        self.run("%load_ext commdoc")
        self.link = until(self._find_link, timeout=30, what="the bridge is in its room")
        return self

    def _find_link(self) -> str:
        # Where its room was another kernel's before, it is announced a moment later.
        is_there = "in Python:" in self.run("%commdoc") and self._announcement.exists()
        return self._announced("window") if is_there else ""

    @property
    def _announcement(self) -> Path:
        return Path(jupyter_runtime_dir(), f"commdoc-{self.kernel_id}.json")

    def reading_link(self) -> str:
        """Return the room's link for somebody who may only look."""
        return self._announced("viewer")

    def _announced(self, role: str) -> str:
        announced = json.loads(self._announcement.read_text(encoding="utf-8"))
        return f"{announced['url']}#token={announced['tokens'][role]}"

    def run(self, code: str, *, timeout: float = 60, cell_id: str | None = None) -> str:
        """Run a cell; return what it printed."""
        return self.finish(self.start(code, cell_id=cell_id), timeout=timeout)

    def start(self, code: str, *, cell_id: str | None = None) -> str:
        """Send a cell to the kernel; return its message id at once."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        session = self.client.session
        metadata = {"cellId": cell_id} if cell_id else {}
        message = session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def finish(self, msg_id: str, *, timeout: float = 60) -> str:
        """Wait until a cell is done; return what it printed."""
        printed: list[str] = []
        failed = ""
        end = time.monotonic() + timeout
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=min(1.0, max(0.01, end - time.monotonic())))
            except queue.Empty:
                if self._answered(msg_id):
                    break  # the kernel's own socket dropped the idle; a second of silence after the answer says it
                if time.monotonic() > end:
                    raise
                continue
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            elif message["msg_type"] == "error":
                failed = "\n".join(content["traceback"])
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
        if failed:
            raise CellError(failed)
        return "".join(printed)

    def _answered(self, msg_id: str) -> bool:
        while self.client.shell_channel.msg_ready():
            reply = self.client.get_shell_msg(timeout=1)
            if reply["parent_header"].get("msg_id") == msg_id:
                return True
        return False

    @contextlib.contextmanager
    def busy(self, *, then: str = "", holding: bool = False) -> Iterator[list[str]]:
        """Keep the kernel busy with one cell, which runs, as long as the block does; `then` is its last line.

        `holding` keeps the interpreter lock in long C calls, too. Yields a list that has what the cell printed, after.
        """
        with tempfile.TemporaryDirectory() as folder:
            begun, flag = Path(folder, "begun"), Path(folder, "enough")
            step = "sum(itertools.repeat(1, 50_000_000))" if holding else "time.sleep(0.02)"
            code = (
                f"import itertools, os, time\nopen({str(begun)!r}, 'w').close()\n"
                f"while not os.path.exists({str(flag)!r}):\n    {step}\n{then}"
            )
            msg_id = self.start(code)
            printed: list[str] = []
            try:
                # What a window asks comes by another way, and could be there before the cell.
                until(begun.exists, what="the cell runs")
                yield printed
            finally:
                flag.touch()
                printed.append(self.finish(msg_id))

    def wait_until_the_room_has_it(self) -> None:
        """Wait, in the kernel, until the room has applied all that the kernel has done."""
        # An execution is something that the kernel does, too: looked at from outside it never comes to rest.
        self.run(ROOM_HAS_IT)

    def value(self, expression: str) -> Any:
        """Return what an expression is in the kernel now; it must have a literal for its repr."""
        msg_id = self.client.execute("", user_expressions={"it": f"repr({expression})"}, store_history=False)
        while True:
            reply = self.client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == msg_id:
                break
        answer = reply["content"]["user_expressions"]["it"]
        if answer["status"] != "ok":
            raise CellError(answer["evalue"])
        # IPython shortens what it prints, but no text: it gets a text.
        return ast.literal_eval(ast.literal_eval(answer["data"]["text/plain"]))

    def kill(self) -> None:
        """End the kernel as the kernel of the operating system ends it."""
        os.kill(self.value("__import__('os').getpid()"), signal.SIGKILL)

    def restart(self, *, now: bool = True) -> None:
        """Restart the kernel, at once or when it has shut down; commdoc is not loaded in its new life."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=now)
        self.client = self.manager.client(context=self._context)
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def close(self) -> None:
        """End kernel and client."""
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self._context.destroy(0)
