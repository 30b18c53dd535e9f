"""The server is gone and comes back, at its address or another one; the kernel has lived on."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.conftest import until
from tests.server.jupyter.lasting import ADOPTING, lasting_kernels
from tests.server.jupyter.serving import ENABLED, Server, free_port, joined

pytestmark = pytest.mark.kernel


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server's, which knows kernels of the name ``lasting``."""
    return lasting_kernels(tmp_path, monkeypatch)


@pytest.mark.scenario("S09")
def test_the_bridge_comes_back_by_itself(folder: Path) -> None:
    port = free_port()
    server = Server(folder, (ENABLED,), config=ADOPTING, port=port)
    pid = 0
    try:
        kernel = server.start("a.ipynb", kernel_name="lasting")
        kernel.load("s = w.IntSlider(value=1)")
        pid = int(kernel.run("import os; print(os.getpid())"))
        room = joined(server, kernel)
        with server.window(room["room_id"]) as window:
            assert window.find("IntSliderModel")[0]["value"] == 1

            token = server.api("POST", "commdoc/api/bridge", {"kernel_id": kernel.kernel_id})["token"]
            server.kill()
            until(lambda: window.kernel.status == "disconnected", timeout=20)
            assert window.find("IntSliderModel")[0]["value"] == 1, "what was last seen stays"
            kernel.run("s.value = 2")

            server.start_process(port)
            answer = server.ask("GET", f"commdoc/bridge/{kernel.kernel_id}", token=token)
            assert answer.status == 200, "what the kernel was given is good for the next server, too"
            again = joined(server, kernel)
            assert again["kernel"]["epoch"] == room["kernel"]["epoch"]
            until(lambda: [m["value"] for m in window.find("IntSliderModel")] == [2], timeout=30)
            window.find("IntSliderModel")[0].set(value=3)
            assert kernel.run("print(s.value)") == "3\n"

            server.kill()
            server.start_process()
            assert server.port != port
            kernel.run("s.value = 4")
            joined(server, kernel)
            until(lambda: [m["value"] for m in window.find("IntSliderModel")] == [4], timeout=30)
        assert "no room" not in kernel.run("%commdoc")
    finally:
        if pid:
            psutil.Process(pid).kill()
        server.close()
