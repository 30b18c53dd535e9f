"""Sidecars of kernels that are stand-ins: where only a kernel's life matters."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from typing import Any

from commdoc.kernel import sidecar
from commdoc.server import announce


class Sleeper:
    """A process that stands in for a kernel where only its life matters."""

    def __init__(self) -> None:
        self.kernel_id = uuid.uuid4().hex
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    def config(self, **more: Any) -> dict[str, Any]:
        file = str(announce.runtime_dir() / f"kernel-{self.kernel_id}.json")
        return {"connection_file": file, "kernel_pid": self.process.pid, "grace": 0.5, **more}

    @property
    def announcement(self) -> announce.Announcement | None:
        return announce.read(announce.path_of(self.kernel_id))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def leftovers(kernel: Sleeper) -> list[str]:
    return [path.name for path in announce.runtime_dir().glob(f"*{kernel.kernel_id}*")]


async def start(kernel: Sleeper, **more: Any) -> sidecar.Endpoint:
    return await asyncio.to_thread(sidecar.start, kernel.config(**more))
