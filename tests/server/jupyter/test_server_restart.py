"""The server is gone and comes back, at its address or another one; the kernel has lived on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import until
from tests.server.jupyter.serving import ENABLED, Server, free_port, joined

pytestmark = pytest.mark.kernel

ADOPTING = """
import json
from pathlib import Path
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server._tz import utcnow

class Adopting(AsyncMappingKernelManager):
    def list_kernels(self):
        for path in Path(self.connection_dir).glob("kernel-*.json"):
            kernel_id = path.stem.removeprefix("kernel-")
            if kernel_id not in self._kernels:
                manager = self.kernel_manager_factory(parent=self, log=self.log, owns_kernel=False)
                manager.connection_file = str(path)
                manager.load_connection_file()
                manager.kernel_id, manager.kernel_name = kernel_id, "python3"
                manager.execution_state, manager.last_activity = "idle", utcnow()
                manager.ready.set_result(None)
                self._kernels[kernel_id] = manager
        return super().list_kernels()

c.ServerApp.kernel_manager_class = Adopting
"""
"""A kernel manager that finds the kernels of the server before, as those of clusters do."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where kernels of the name ``lasting`` are known: they don't end with their server."""
    spec = tmp_path / "data" / "kernels" / "lasting"
    spec.mkdir(parents=True)
    command = f"unset JPY_PARENT_PID; exec {sys.executable} -m ipykernel_launcher -f {{connection_file}}"
    about = {"argv": ["/bin/sh", "-c", command], "display_name": "Lasting", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(about), encoding="utf-8")
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    return tmp_path


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
