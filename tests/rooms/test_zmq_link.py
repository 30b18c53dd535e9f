"""The way to a real kernel's shell channel."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipykernel.comm.comm import BaseComm
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from commdoc.protocol import values
from commdoc.rooms.kernel_link import KernelLinkError
from commdoc.rooms.zmq_link import ZmqLink
from tests.rooms.parties import until

pytestmark = pytest.mark.kernel

TARGET = """
from comm import get_comm_manager
heard = []
def opened(comm, message):
    comm.on_msg(lambda m: heard.append((m["header"]["msg_id"], m["content"]["data"], [bytes(b) for b in m["buffers"]])))
get_comm_manager().register_target("test", opened)
"""


class Kernel:
    """A kernel that repeats what it heard."""

    def __init__(self) -> None:
        self.manager = KernelManager()
        self.manager.start_kernel()
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.run(TARGET)

    def run(self, code: str) -> str:
        texts: list[str] = []

        def output(message: dict[str, Any]) -> None:
            texts.append(
                message["content"].get("text", "") + "\n".join(message["content"].get("traceback", []))
            )

        self.client.execute_interactive(code, timeout=60, output_hook=output)
        return "".join(texts).strip()

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.end()


def message(state: dict[str, Any], comm_id: str) -> tuple[dict[str, Any], list[bytes]]:
    state, paths, buffers = values.take_buffers(state)
    data = {"method": "update", "state": state, "buffer_paths": paths}
    return {"comm_id": comm_id, "data": data}, buffers


@pytest.mark.scenario("S19")
async def test_what_a_window_asks_arrives_as_it_is_under_the_request_s_id(kernel: Kernel) -> None:
    link = ZmqLink(Path(kernel.manager.connection_file), lambda msg_id: None)
    comm_id, request_id = uuid.uuid4().hex, uuid.uuid4().hex
    link.send("comm_open", {"comm_id": comm_id, "target_name": "test", "data": {}}, [], uuid.uuid4().hex)
    state = {
        "nan": math.nan,
        "inf": -math.inf,
        "int": 2**70,
        "exact": 2**53 + 1,
        "float": 5.0,
        "zero": -0.0,
        "text": "Ω📊中",
        "$blob": {"$blob": 1},
        "image": b"\x00\xff",
        "list": [1, b"", None],
    }
    content, buffers = message(state, comm_id)
    link.send("comm_msg", content, buffers, request_id)
    got = await until(lambda: eval(kernel.run("print(heard)"), {"nan": math.nan, "inf": math.inf}))
    [(msg_id, data, heard_buffers)] = got
    assert msg_id == request_id
    assert (data["buffer_paths"], heard_buffers) == ([["image"], ["list", 1]], [b"\x00\xff", b""])
    heard = values.put_buffers(data["state"], data["buffer_paths"], heard_buffers)
    assert repr(sorted(heard.items())) == repr(sorted(state.items()))
    link.close()


@pytest.mark.skipif(
    not hasattr(BaseComm, "_reply_subshell_for"), reason="this ipykernel has comm messages on no subshell"
)
async def test_a_message_for_a_subshell_that_has_gone_is_noticed(kernel: Kernel) -> None:
    lost: list[str] = []
    link = ZmqLink(Path(kernel.manager.connection_file), lost.append)
    comm_id = uuid.uuid4().hex
    link.send("comm_open", {"comm_id": comm_id, "target_name": "test", "data": {}}, [], uuid.uuid4().hex)
    await until(lambda: "True" in kernel.run(f"print({comm_id!r} in get_comm_manager().comms)"))
    kernel.run(f"get_comm_manager().comms[{comm_id!r}]._reply_subshell_id = 'gone'; heard.clear()")
    link.send("comm_msg", message({"x": 1}, comm_id)[0], [], "request-1")
    await until(lambda: lost == ["request-1"])
    kernel.run(f"get_comm_manager().comms[{comm_id!r}]._reply_subshell_id = None")
    link.send("comm_msg", message({"x": 1}, comm_id)[0], [], "request-1")
    await until(lambda: "request-1" in kernel.run("print(heard)"))
    link.close()


@pytest.mark.scenario("S48")
async def test_a_kernel_that_takes_nothing_is_noticed_and_nobody_waits(tmp_path: Path) -> None:
    info = {
        "key": "k",
        "signature_scheme": "hmac-sha256",
        "transport": "tcp",
        "ip": "127.0.0.1",
        "shell_port": 1,
    }
    file = tmp_path / "kernel-x.json"
    file.write_text(json.dumps(info))
    link = ZmqLink(file, lambda msg_id: None)
    begin = asyncio.get_running_loop().time()
    sent = 0
    with contextlib.suppress(KernelLinkError):
        for sent in range(100):
            link.send("comm_msg", {}, [b"x" * 2_000_000], str(sent))
    assert sent < 50
    with pytest.raises(KernelLinkError, match=f"has not taken the last {sent} messages"):
        link.send("comm_msg", {}, [], "another")
    assert asyncio.get_running_loop().time() - begin < 2
    link.close()


@pytest.mark.parametrize("content", ["", "{}", "[]", None])
async def test_a_connection_file_that_is_none_is_told(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "kernel-x.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(KernelLinkError, match="can't be used"):
        ZmqLink(file, lambda msg_id: None)


async def test_half_an_emoji_arrives_as_a_browser_sends_it(kernel: Kernel) -> None:
    link = ZmqLink(Path(kernel.manager.connection_file), lambda msg_id: None)
    comm_id, message_id = uuid.uuid4().hex, uuid.uuid4().hex
    link.send("comm_open", {"comm_id": comm_id, "target_name": "test", "data": {}}, [], uuid.uuid4().hex)
    link.send("comm_msg", {"comm_id": comm_id, "data": {"\ud83d": "\ud83d é"}}, [], message_id)
    asked = f"print(any(m[0] == {message_id!r} and m[1] == {{'\\ud83d': '\\ud83d é'}} for m in heard))"
    try:
        for _ in range(500):
            if await asyncio.to_thread(kernel.run, asked) == "True":
                break
        else:
            pytest.fail("the message has not arrived")
    finally:
        link.close()
