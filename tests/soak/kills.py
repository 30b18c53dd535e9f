"""A Jupyter server with a room that is flooded, its kernel, and a window: killed at any moment, and started again.

What a window has seen before a kill was told by the room, so it must be on the disk, it or a newer state. Where the
kernel lives on, the window has its state again, else that of the next one.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any, Final, Literal

import pycrdt
import pytest
from typing_extensions import Self

from commdoc.document import CommsMap
from commdoc.errors import BlobMissingError
from commdoc.protocol.values import BlobSentinel
from commdoc.rooms.store.folder import FolderStore
from commdoc.rooms.store.restore import restore
from commdoc.window.verify import dump_window, verify
from tests.conftest import until
from tests.server.jupyter.lasting import ADOPTING, lasting_kernels
from tests.server.jupyter.serving import ENABLED, Kernel, Server, free_port, joined

Kill = Literal["server", "kernel", "both"]

PATIENCE = 60.0

WIDGETS: Final = """
import os, threading, time
count, box, note = w.IntText(description="count"), w.HBox(), w.Image(value=b"0")
flooding = True
def flood():
    while flooding:
        text = w.Text()
        box.children = (text,)
        note.value = os.urandom(200)
        count.value += 1
        for each in (text.layout, text.style, text):
            each.close()
        time.sleep(0.004)
"""

FLOOD: Final = """
flooding = True
thread = threading.Thread(target=flood, daemon=True)
thread.start()
"""

STOP: Final = "flooding = False; thread.join(); box.children = ()"


class Killing:
    """Plays rounds; a window is open all the time.

    Attributes
    ----------
    came_back : dict
        Kind of kill to the seconds from each to a window that equals the kernel.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        self._random = random.Random(seed)
        self._rooms = folder / "rooms"
        self.came_back: dict[Kill, list[float]] = {"server": [], "kernel": [], "both": []}
        lasting_kernels(folder, monkeypatch)
        options = (ENABLED, f"--CommdocServer.store={self._rooms}")
        self.server = Server(folder, options, config=ADOPTING, port=free_port())
        self._pid = 0
        self.kernel = self._start_kernel()
        self.room_id = str(joined(self.server, self.kernel)["room_id"])
        self.window = self.server.window(self.room_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.window.close()
        self._kill_kernel()
        self.server.close()

    def play(self, kill: Kill) -> None:
        """Flood, kill in the middle of it, start again, and compare."""
        self._run(FLOOD)
        enough = self._count() + self._random.randrange(1, 80)
        until(lambda: self._count() >= enough, timeout=PATIENCE, what="the flood reaches the window")
        began = time.monotonic()
        self._kill(kill)
        if kill != "kernel":
            until(lambda: not self.window.connected, timeout=PATIENCE)
        else:
            until(lambda: self.window.kernel.status in ("dead", "disconnected"), timeout=PATIENCE)
        seen = self._count()
        if kill != "kernel":
            assert self._kept() >= seen, "what a window was told is on the disk"
            self.server.start_process(self.server.port)
        if kill != "server":
            self._forget_kernel()
            self.kernel = self._start_kernel()
        else:
            self._run(STOP)
        assert joined(self.server, self.kernel, PATIENCE)["room_id"] == self.room_id
        self._expect_equal()
        if kill == "server":
            assert self._count() >= seen
        self.came_back[kill].append(time.monotonic() - began)
        assert not list(self._rooms.rglob("*.corrupt")), "nothing was broken"

    def table(self) -> None:
        """Print what the rounds took."""
        print("\n| killed | rounds | window and kernel equal again, s, median | longest |\n|---|---|---|---|")
        for kill, took in self.came_back.items():
            ordered = sorted(took)
            print(f"| {kill} | {len(took)} | {ordered[len(took) // 2]:.1f} | {ordered[-1]:.1f} |")

    # --- inside ------------------------------------------------------------------------------------------------------

    def _count(self) -> int:
        (found,) = self.window.find("IntTextModel")
        return int(found["value"])

    def _run(self, code: str) -> None:
        # Of a flood that nobody reads the kernel's socket drops what comes last: the end of a cell, too.
        self.kernel.run_cell(code, "")

    def _kill(self, kill: Kill) -> None:
        ends = [self.server.kill] * (kill != "kernel") + [self._kill_kernel] * (kill != "server")
        self._random.shuffle(ends)
        for end in ends:
            end()

    def _start_kernel(self) -> Kernel:
        kernel = self.server.start("a.ipynb", kernel_name="lasting")
        kernel.load(WIDGETS)
        self._pid = int(kernel.run("print(os.getpid())"))
        return kernel

    def _kill_kernel(self) -> None:
        os.kill(self._pid, signal.SIGKILL)

    def _forget_kernel(self) -> None:
        """Have the server let go of a kernel that was killed: it would start it again, without widgets."""
        self.kernel.forget()
        Path(self.server.info.parent, f"kernel-{self.kernel.kernel_id}.json").unlink(missing_ok=True)
        for session in self.server.api("GET", "api/sessions"):
            self.server.api("DELETE", f"api/sessions/{session['id']}")

    def _kept(self) -> int:
        """Return the count that is on the disk; all blobs must be there, too."""
        shelf = FolderStore(self._rooms).open(self.room_id)
        try:
            doc = pycrdt.Doc[Any]()
            assert restore(shelf, doc), "it can be read"

            def blob(named: BlobSentinel) -> bytes:
                content = shelf.blobs.get(named["$blob"])
                if content is None:
                    raise BlobMissingError(named["$blob"])
                return content

            comms = CommsMap(doc, get_blob=blob)
            states = {each.model_name: each.state for each in comms.values()}
            comms.dispose()
            return int(states["IntTextModel"]["value"])
        finally:
            shelf.close()

    def _expect_equal(self) -> None:
        report = verify(
            url=self.server.link(self.room_id),
            connection_file=Path(self.server.info.parent, f"kernel-{self.kernel.kernel_id}.json"),
            timeout=PATIENCE,
            others={"open window": lambda: dump_window(self.window)},
        )
        assert report.equal, (report.differences, report.notes)
