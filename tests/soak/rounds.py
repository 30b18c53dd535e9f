"""One life of a kernel after the other, each ended in the middle of a flood, with windows open all the time.

`Lives` plays the rounds and checks at each what must hold; `figures` says what the sidecar, its room and the windows
cost just now.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from typing_extensions import Self

import commdoc
from commdoc.window import Model, Window, events
from commdoc.window.address import Announcement, find
from tests.browser.notebook import Notebook
from tests.conftest import until
from tests.interop.node import NodeError, NodePipe, to_browser
from tests.scale.conftest import sidecar_memory

WIDGETS = """\
%load_ext commdoc
import ipywidgets as w, os, threading, time
sliders = [w.IntSlider(max=10**9, description=f"slider {n}") for n in range(3)]
out = w.Output()
image = w.Image(value=os.urandom(5_000))
box = w.VBox([*sliders, out, image])
display(box)
enough = threading.Event()

def flood():
    step = 0
    while not enough.is_set():
        step += 1
        for each in sliders:
            each.value = step
        text = w.Text(str(step)); row = w.HBox([text])
        with out:
            print("step", step)
        if step % 20 == 0:
            out.clear_output()
        sliders[1].send({"step": step}, buffers=[os.urandom(20_000)])
        image.value = os.urandom(5_000)
        for each in (text.layout, text.style, text, row.layout, row):
            each.close()
        time.sleep(0.005)
"""

IN_A_CELL = "flood()"
IN_A_THREAD = "threading.Thread(target=flood, daemon=True).start()"


@dataclass
class Figures:
    """What is there after a round; the fields are the columns of the table."""

    comms: int
    document: int
    blobs: int
    named: int
    blob_kB: int  # noqa: N815 - a column's title
    sidecar_MB: float  # noqa: N815
    fds: int
    threads: int
    sockets: int
    files: int
    node_MB: float  # noqa: N815

    def row(self) -> list[str]:
        """Return the texts of a table's row."""
        return [f"{value:.1f}" if isinstance(value, float) else str(value) for value in astuple(self)]

    @classmethod
    def titles(cls) -> list[str]:
        """Return the titles of the columns."""
        return [field.name.replace("_", " ") for field in fields(cls)]


def usage(room: Announcement) -> dict[str, Any]:
    """Return what the host says of the room."""
    address = room.url.split("/commdoc/")[0] + "/commdoc/api/rooms"
    request = urllib.request.Request(
        address, headers={"Authorization": f"Bearer {room.tokens['viewer']}", "Connection": "close"}
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        [content] = json.load(answer)["rooms"]
        return dict(content)


class Mixed:
    """Notes each moment at which a window has comms of more than one epoch, on the window's own loop."""

    def __init__(self, window: Window) -> None:
        self.found: list[tuple[str, ...]] = []
        self._window = window
        self._end = window.call(lambda: window._window.on_event(self._look))

    def _look(self, event: events.Event) -> None:
        if isinstance(event, events.CommOpened):
            epochs = {comm.epoch for comm in self._window._window.core.comms.values()}
            if len(epochs) > 1:
                self.found.append(tuple(sorted(epochs)))


class Lives:
    """A notebook, two Python windows and one in Node; a context manager."""

    def __init__(self) -> None:
        self.rounds = 0
        self.waited: list[float] = []
        """Seconds from the end of a kernel to the end of a request that was under way."""
        self.extra_windows = 0

    def __enter__(self) -> Self:
        self.notebook = Notebook().load()
        self.windows = [commdoc.join(url=self.notebook.link) for _ in range(2)]
        self.node = NodePipe().__enter__()
        self.node.do("join", url=self.notebook.link)
        self.mixed = [Mixed(window) for window in self.windows]
        return self

    def __exit__(self, *exc: object) -> None:
        self.node.__exit__(*exc)
        for window in self.windows:
            window.close()
        self.notebook.close()

    # --- a life ---------------------------------------------------------------------------------------------------

    def begin(self) -> Model:
        """Load commdoc, make the widgets; return the first slider of the first window when all windows have it."""
        self.notebook.run(WIDGETS)
        comm_id, image_id, count = self.notebook.value(
            "(sliders[0].model_id, image.model_id, len(w.Widget.widgets))"
        )
        for window in self.windows:
            window.wait_until(partial(has, window, image_id, count), 30)
            assert {model.epoch for model in window.comms.values()} == {window.kernel.epoch}
        self.node.do("wait", comm_id=image_id, timeout=30)
        listed = self.node.do("list")
        assert {comm["epoch"] for comm in listed} == {self.windows[0].kernel.epoch}, "no ghost in Node"
        assert len(listed) == count
        slider = self.windows[0].comms[comm_id]
        assert slider.set(value=self.rounds + 1) == {"value": self.rounds + 1}, "the new ones are alive"
        return slider

    def flood(self, code: str) -> None:
        """Start the flood, and wait until every window is in it."""
        self.notebook.start(code)
        comm_id = self.windows[0].find("IntSliderModel")[-1].comm_id
        for window in self.windows:
            window.wait_until(partial(moves, window.comms[comm_id]), 30)

    def end(self, how: Callable[[], None], seen_dead: Callable[[], None] = lambda: None) -> None:
        """End the kernel with requests under way; check what they and the dead widgets say."""
        under_way = [Request(window.find("IntSliderModel")[0]) for window in self.windows]
        number = self.node.do("request", comm_id=under_way[0].model.comm_id, state=to_browser({"value": 2}))
        if how is self.kill:
            for each in under_way:
                until(partial(shown, each), timeout=10)
        how()
        for each in under_way:
            self.waited.append(each.check())
        with contextlib.suppress(NodeError):
            self.node.do("wait_request", request_id=number)
        seen_dead()

    def restart(self) -> None:
        """Restart the kernel at once, as a person does who doesn't wait."""
        self.notebook.restart()

    def ask_to_restart(self) -> None:
        """Restart the kernel as JupyterLab does: it may shut down by itself."""
        self.notebook.restart(now=False)

    def kill(self) -> None:
        """``kill -9``."""
        pid = self.notebook.manager.provisioner.pid  # type: ignore[union-attr]
        os.kill(pid, signal.SIGKILL)

    def check_dead(self) -> None:
        """All windows show the last state, say that the kernel is gone, and refuse at once."""
        for window in self.windows:
            window.wait_until(partial(is_dead, window), 10)
            assert not window.kernel.live
            assert window.find("IntSliderModel"), "the last state is there to be read"
            for model in (window.find("IntSliderModel")[0], window.find("OutputModel")[0]):
                with pytest.raises(commdoc.RequestError, match="kernel") as refused:
                    model.set(value=1, timeout=600)
                assert refused.value.code == "kernel_gone"
        self.node.do("wait", kernel="dead")
        comm_id = self.windows[0].find("IntSliderModel")[0].comm_id
        request = self.node.do("request", comm_id=comm_id, state=to_browser({"value": 2}))
        with pytest.raises(NodeError, match="kernel") as refused_there:
            self.node.do("wait_request", request_id=request)
        assert refused_there.value.code == "kernel_gone"

    # --- what it costs ------------------------------------------------------------------------------------------------

    @property
    def room(self) -> Announcement:
        """Where the room is."""
        return find(kernel_id=self.notebook.kernel_id)

    def figures(self) -> Figures:
        """Look at everything."""
        room = self.room
        used = usage(room)["blobs"]
        with commdoc.join(url=self.notebook.link) as late:
            size, comms = len(late.doc.get_update()), len(late.comms)
        process = psutil.Process(room.pid)
        until(lambda: usage(room)["windows"] == 3 + self.extra_windows, what="the late window has left")
        return Figures(
            comms,
            size,
            used["count"],
            used["named"],
            used["bytes"] // 1000,
            sidecar_memory(self.notebook),
            process.num_fds() - _journals(process),
            process.num_threads(),
            len(process.net_connections()),
            len(list(Path(os.environ["JUPYTER_RUNTIME_DIR"]).iterdir())),
            psutil.Process(self.node._process.pid).memory_info().rss / 1e6,
        )


def _journals(host: psutil.Process) -> int:
    """How many journals of rooms it has open: one, or none between a snapshot and the next change."""
    return sum(Path(each.path).name.startswith("journal.") for each in host.open_files())


def has(window: Window, comm_id: str, count: int) -> bool:
    return comm_id in window.comms and len(window.comms) == count


def moves(model: Model) -> bool:
    return bool(model["value"] > 3)


def shown(request: Request) -> bool:
    return request.done or bool(request.model["value"] == 7)


def is_dead(window: Window) -> bool:
    return window.kernel.status == "dead"


GONE = ("kernel_gone", "no_such_comm", "closed")


class Request:
    """A request under way, on a thread of its own."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.error: commdoc.RequestError | None = None
        self.ended = 0.0
        self._thread = threading.Thread(target=self._run, name="request")
        self._thread.start()

    def _run(self) -> None:
        try:
            self.model.set(value=7, timeout=600)
        except commdoc.RequestError as error:
            self.error = error
        self.ended = time.monotonic()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    def check(self) -> float:
        """Wait for its end: an answer, or an error in words that says that the kernel is gone, within seconds."""
        began = time.monotonic()
        self._thread.join(30)
        assert self.done, "a request outlives its kernel"
        if self.error is not None:
            assert self.error.code in GONE, self.error
            assert "kernel" in str(self.error), self.error
        return max(0.0, self.ended - began)


def table(rows: Sequence[tuple[str, Figures]]) -> None:
    """Print the figures over the rounds."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=None, pad_edge=False)
    grid.add_column("after")
    for title in Figures.titles():
        grid.add_column(title, justify="right")
    for name, figures in rows:
        grid.add_row(name, *figures.row())
    Console(width=140).print(grid)
