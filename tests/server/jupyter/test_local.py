"""The local socket of a real Jupyter server: kernels and Python windows take it by themselves."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import commdoc
from commdoc.server import announce
from commdoc.window.local import LocalChannel, connect_local
from tests.conftest import until
from tests.server.jupyter.serving import Kernel, Server, joined, jupyter_server
from tests.server.serving import with_local_socket

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]

WIRE = "print(type(get_ipython().kernel._commdoc_bridge._link._wire).__name__)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with jupyter_server(folder, env=with_local_socket(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def kernel(server: Server) -> Kernel:
    kernel = server.start("a.ipynb")
    kernel.load()
    joined(server, kernel)
    return kernel


def announced(kernel: Kernel) -> Any:
    return json.loads(announce.path_of(kernel.kernel_id).read_text(encoding="utf-8"))


def test_bridge_and_windows_take_it_by_themselves(server: Server, kernel: Kernel) -> None:
    assert kernel.run(WIRE).strip() == "LocalWire"
    assert "http" in kernel.run("%commdoc")
    with commdoc.join(kernel_id=kernel.kernel_id) as window:
        assert isinstance(window._window._connection._channel, LocalChannel)
        slider = window.wait_for("IntSliderModel")
        assert slider.set(value=7) == {"value": 7}
        kernel.run("s.value = 8")
        window.wait_until(lambda: slider["value"] == 8)
    assert kernel.run("print(s.value)").strip() == "8"


async def test_tokens_are_good_for_what_they_were_made_for(server: Server, kernel: Kernel) -> None:
    about = announced(kernel)
    window, path, room_id = about["tokens"]["window"], about["local"], about["room_id"]
    other = server.start("other.ipynb")
    other.load()
    joined(server, other)
    with pytest.raises(ConnectionError, match="forbidden"):
        await connect_local(path, announced(other)["room_id"], window)
    with pytest.raises(ConnectionError, match="forbidden"):
        await connect_local(path, room_id, "wrong")
    channel = await connect_local(path, room_id, window)
    await channel.close()


def test_a_kernel_that_ends_is_noticed(server: Server) -> None:
    kernel = server.start("killed.ipynb")
    kernel.load()
    room_id = joined(server, kernel)["room_id"]
    with server.window(room_id) as window:
        kernel.run("import os; pid = os.getpid()")
        os.kill(int(kernel.run("print(pid)")), 9)
        until(lambda: window.kernel.status == "dead" or not window.kernel.live, timeout=15)


def test_it_goes_with_the_server(server: Server, kernel: Kernel) -> None:
    path = Path(announced(kernel)["local"])
    assert path.exists()
    server.close()
    assert not path.exists()
