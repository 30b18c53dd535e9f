"""A real ipykernel in a process of its own, and a plain Jupyter client that talks to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.conftest import ROOT, until

TIMEOUT = 60
QUIET_SECONDS = 1.0

Message = dict[str, Any]


class KernelProcess:
    """A kernel and its plain front end, which reads all the time, as a browser does.

    Attributes
    ----------
    iopub : list of dict
        Every message that the kernel published, in order.
    """

    def __init__(self, extra_arguments: list[str] | None = None) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(extra_arguments=extra_arguments or [], cwd=str(ROOT))
        self._context = zmq.Context()
        self._context.rcvhwm = 0  # a flood in the kernel must not cost the messages that tests wait for
        self.client: BlockingKernelClient = self.manager.client(context=self._context)
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT)
        self._idle: set[str] = set()
        self._heard_at = time.monotonic()
        self.iopub: list[Message] = []
        self._ending = False
        self._reader = threading.Thread(target=self._read, name="iopub-reader")
        self._reader.start()

    @property
    def pid(self) -> int:
        pid: int = self.manager.provisioner.pid  # type: ignore[union-attr]
        return pid

    def close(self) -> None:
        """End the kernel."""
        self._ending = True
        self._reader.join()
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self._context.destroy(0)

    def start(self, code: str) -> str:
        """Run a cell without waiting for it; returns its msg_id."""
        msg_id: str = self.client.execute(code)
        return msg_id

    def wait(self, msg_id: str, timeout: float = TIMEOUT) -> Message:
        """Wait for a cell to end; returns its reply."""
        end = time.monotonic() + timeout
        while True:
            reply = self._receive(self.client.shell_channel, end - time.monotonic())
            if reply is None:
                pytest.fail(f"no reply within {timeout} s")
            if reply["parent_header"].get("msg_id") == msg_id:
                self._heard_at = time.monotonic()
                break
        self._heard_all(msg_id)
        return reply

    def _heard_all(self, msg_id: str) -> None:
        """Wait for what was published before an answered request's idle.

        The kernel's own socket drops what it can't hand over on a busy machine, and may drop the idle: after an
        answer, a second of silence says the same.
        """
        until(
            lambda: msg_id in self._idle or time.monotonic() - self._heard_at > QUIET_SECONDS,
            timeout=TIMEOUT,
            what=f"idle after {msg_id}",
        )

    def idle(self, msg_id: str) -> None:
        """Wait until the kernel has published that it is idle after a request."""
        until(lambda: msg_id in self._idle, timeout=TIMEOUT, what=f"idle after {msg_id}")

    def run(
        self, code: str, *, metadata: dict[str, Any] | None = None, timeout: float = TIMEOUT
    ) -> list[Message]:
        """Run a cell that must not fail; returns what it published."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        request = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(request)
        msg_id = request["header"]["msg_id"]
        reply = self.wait(msg_id, timeout)
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"].get("traceback", []))
        return self.published(msg_id)

    def text(self, code: str) -> str:
        """Run a cell; returns what it printed."""
        streams = [each["content"]["text"] for each in self.run(code) if each["msg_type"] == "stream"]
        return "".join(streams)

    def value(self, expression: str) -> Any:
        """Return the value of an expression that JSON has."""
        return json.loads(self.text(f"import json as _json; print(_json.dumps({expression}))"))

    def published(self, msg_id: str) -> list[Message]:
        """Return what was published in answer to a request."""
        return [each for each in list(self.iopub) if each["parent_header"].get("msg_id") == msg_id]

    def comm(self, kind: str, content: dict[str, Any], **more: Any) -> str:
        """Send a comm message as a front end does, and wait until it was handled; returns its msg_id."""
        msg_id = self.start_comm(kind, content, **more)
        self.idle(msg_id)
        return msg_id

    def start_comm(
        self,
        kind: str,
        content: dict[str, Any],
        *,
        msg_id: str | None = None,
        username: str | None = None,
        buffers: list[bytes] | None = None,
        subshell_id: str | None = None,
    ) -> str:
        """Send a comm message; with `username` ``"commdoc"`` as a room does."""
        message = self.client.session.msg(f"comm_{kind}", content)
        if msg_id is not None:
            message["header"]["msg_id"] = message["msg_id"] = msg_id
        if username is not None:
            message["header"]["username"] = username
        if subshell_id is not None:
            message["header"]["subshell_id"] = subshell_id
        self.client.session.send(self.client.shell_channel.socket, message, buffers=buffers)
        return str(message["header"]["msg_id"])

    def update(self, comm_id: str, state: dict[str, Any], **more: Any) -> str:
        """Ask for a change of a widget's state, as a front end does."""
        data = {"method": "update", "state": state, "buffer_paths": more.pop("buffer_paths", [])}
        return self.comm("msg", {"comm_id": comm_id, "data": data}, **more)

    def control(self, kind: str, content: dict[str, Any] | None = None) -> Message:
        """Ask on the control channel; returns the reply's content."""
        message = self.client.session.msg(kind, content or {})
        self.client.control_channel.send(message)
        while True:
            reply = self._receive(self.client.control_channel, TIMEOUT)
            assert reply is not None, f"no reply to {kind}"
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                content_of: Message = reply["content"]
                return content_of

    def comm_messages(self, comm_id: str) -> list[Message]:
        """Return the content of comm messages of one comm."""
        return [
            each["content"]
            for each in list(self.iopub)
            if each["msg_type"].startswith("comm_") and each["content"]["comm_id"] == comm_id
        ]

    def _read(self) -> None:
        while not self._ending:
            if (message := self._receive(self.client.iopub_channel, 0.1)) is not None:
                self._heard_at = time.monotonic()
                self.iopub.append(message)
                if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                    self._idle.add(message["parent_header"].get("msg_id", ""))

    def _receive(self, channel: Any, timeout: float) -> Message | None:
        # The client's own methods start an event loop in each thread, and never close it.
        socket: zmq.Socket[bytes] = zmq.Socket.shadow(channel.socket.underlying)
        if not socket.poll(int(max(0, timeout) * 1000)):
            return None
        message: Message = self.client.session.recv(socket, mode=0)[1]
        return message


@contextmanager
def kernel_process(extra_arguments: list[str] | None = None) -> Iterator[KernelProcess]:
    """Run a kernel for the length of a block."""
    process = KernelProcess(extra_arguments)
    try:
        yield process
    finally:
        process.close()


def load(kernel: KernelProcess, url: str, *, token: str = "t") -> None:
    """Load commdoc in the kernel and have it find the room at `url`, whatever the machine has."""
    kernel.run(
        "import commdoc.kernel.extension as _extension, commdoc.kernel.link as _link\n"
        "_link.LAST_RETRY_SECONDS = 0.5\n"
        f"_extension._locate = lambda *_: _extension.Endpoint({url!r}, {token!r})\n"
        "get_ipython().run_line_magic('load_ext', 'commdoc')"
    )


def unload(kernel: KernelProcess) -> None:
    """Unload commdoc."""
    kernel.run("get_ipython().run_line_magic('unload_ext', 'commdoc')")


Condition = Callable[[], Any]
