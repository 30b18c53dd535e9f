"""Kernels that don't end with their server, and a kernel manager that finds them again, as those of clusters do."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

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


def lasting_kernels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have kernels of the name ``lasting`` known: they don't end with their server. Return the folder."""
    spec = folder / "data" / "kernels" / "lasting"
    spec.mkdir(parents=True)
    command = f"unset JPY_PARENT_PID; exec {sys.executable} -m ipykernel_launcher -f {{connection_file}}"
    about = {"argv": ["/bin/sh", "-c", command], "display_name": "Lasting", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(about), encoding="utf-8")
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_PATH", str(folder / "data"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(runtime))
    return folder
