"""What capturing costs a cell and those who follow it: `python -m tests.bench.bench_capture [--short]`.

A real kernel with a sidecar, one window that follows, and a plain front end that hears iopub. A capture takes the time
of the cell, until the widget has the last one; the CPU is that of all threads of the kernel, until the room has it,
too. Bytes are counted until everybody has it.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import zmq
from rich.console import Console
from rich.table import Table

import commdoc
from commdoc.window import Window
from commdoc.window.verify import verify
from tests.acceptance import node_side
from tests.bench.joining import WireCount
from tests.browser.notebook import Notebook
from tests.conftest import until

LINE: Final = "2026-11-20 13:58:16,{n:06} INFO trainer: epoch 12, step {n:>8}, loss 0.6931, 12.7 it/s, 1.2 GB"
"""As long as lines of a log are: 94 characters and the end of the line."""

START: Final = """
import commdoc.kernel.link as _link, contextlib, time
import ipywidgets as w
from IPython.display import HTML, display
from tqdm import tqdm
_sent = [0]
_submit = _link.Link.submit
def _counted(self, frame):
    _sent[0] += len(frame)
    _submit(self, frame)
_link.Link.submit = _counted
def timed(out, act, count):
    cpu, begun = time.process_time(), time.perf_counter()
    with out:
        act(count)
    out.outputs if isinstance(out, w.Output) else None
    seconds = time.perf_counter() - begun
    get_ipython().kernel._commdoc_bridge.settle(60)
    return seconds / count, (time.process_time() - cpu) / count
def printed(count):
    for n in range(count): print(LINE.format(n=n))
def flushed(count):
    for n in range(count): print(LINE.format(n=n), flush=True)
def displayed(count):
    for n in range(count): display(HTML(f"<table><tr><td>{n}</td></tr></table>"))
def read(count):
    for n in range(count): print(LINE.format(n=n), flush=True); out.outputs
def bar(count):
    for n in tqdm(range(count), mininterval=0, miniters=1, ncols=80): pass
"""


class Iopub:
    """A plain front end that only counts: bytes of what the kernel publishes."""

    def __init__(self, connection_file: str) -> None:
        kernel = json.loads(Path(connection_file).read_text(encoding="utf-8"))
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.rcvhwm = 0
        self._socket.subscribe(b"")
        self._socket.connect(f"tcp://{kernel['ip']}:{kernel['iopub_port']}")
        self._ending = False
        self.messages = self.bytes = self.lists = 0
        self._thread = threading.Thread(target=self._count, name="iopub counter")
        self._thread.start()

    def _count(self) -> None:
        while not self._ending:
            while self._socket.poll(20):
                parts = self._socket.recv_multipart()
                self.messages += 1
                self.bytes += sum(map(len, parts))
                self.lists += any(b'"outputs":' in part for part in parts)

    def close(self) -> None:
        self._ending = True
        self._thread.join()
        self._context.destroy(linger=0)


@dataclass
class Run:
    """One cell that fills an Output.

    Attributes
    ----------
    seconds, cpu : float
        Of the cell, and of all threads of the kernel, for each capture.
    text : int
        Bytes of what the widget holds, as JSON.
    to_room, to_window, iopub : int
        Bytes on the wire; the frames that the bridge sends, what the window's TCP connection received, and all that
        was published.
    lists : int
        Messages to plain front ends that carry the list.
    document : int
    equal : bool
        Whether kernel, document, a late Python window and one in Node have the same.
    """

    name: str
    captures: int
    seconds: float
    cpu: float
    text: int = 0
    to_room: int = 0
    to_window: int = 0
    iopub: int = 0
    lists: int = 0
    document: int = 0
    equal: bool = True


class Bench:
    """A kernel and all who follow it."""

    def __init__(self) -> None:
        self.count = WireCount()
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(self.count.counting())
        self.notebook = Notebook()
        self._stack.callback(self.notebook.close)
        self.notebook.run(START + f"LINE = {LINE!r}")
        self.notebook.load()
        self.iopub = Iopub(self.notebook.manager.connection_file)
        self._stack.callback(self.iopub.close)
        self.window: Window = self._stack.enter_context(commdoc.join(url=self.notebook.link))

    def close(self) -> None:
        self._stack.close()

    def run(self, act: str, count: int) -> Run:
        """Fill an Output of its own in one cell, until all have it."""
        notebook, window = self.notebook, self.window
        notebook.run("w.Widget.close_all(); out = w.Output()")
        comm_id = notebook.value("out.comm.comm_id")
        window.wait_for(comm_id)
        until(
            lambda: len(window.comms) == notebook.value("len(w.Widget.widgets)"), what="the others are closed"
        )
        empty = len(window.doc.get_update())
        before = self._counts()
        notebook.run(f"took = timed(out, {act}, {count})", timeout=600)
        kernel: list[dict[str, Any]] = notebook.value("list(out.outputs)")
        until(lambda: window.comms[comm_id]["outputs"] == kernel, timeout=60, what="the window has all")
        until(self._at_rest, timeout=60, what="all is sent")
        after = self._counts()
        seconds, cpu = notebook.value("took")
        report = verify(url=notebook.link, timeout=60, others={"node": lambda: node_side.dump(notebook.link)})
        sent, received, published, lists = (now - then for now, then in zip(after, before, strict=True))
        document = len(window.doc.get_update()) - empty
        text = len(json.dumps(kernel))
        name = f"{count:,} {act}"
        return Run(name, count, seconds, cpu, text, sent, received, published, lists, document, report.equal)

    def cell(self, act: str, count: int) -> Run:
        """The same into the cell, which nothing captures."""
        self.notebook.run(f"took = timed(contextlib.nullcontext(), {act}, {count})", timeout=600)
        seconds, cpu = self.notebook.value("took")
        return Run(f"{count:,} {act}, into the cell", count, seconds, cpu)

    def _counts(self) -> tuple[int, int, int, int]:
        return self.notebook.value("_sent[0]"), self.count.received, self.iopub.bytes, self.iopub.lists

    def _at_rest(self) -> bool:
        waiting = (
            "(lambda flush: flush.waiting + flush.unapplied)(get_ipython().kernel._commdoc_bridge._flush)"
        )
        return bool(self.notebook.value(waiting) <= 1)


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    it = Bench()
    try:
        yield it
    finally:
        it.close()


def measure(*, short: bool = False) -> list[Run]:
    """Run all; the first run warms up and is not told."""
    sizes = [300, 3_000] if short else [1_000, 10_000, 50_000]
    displays = [50, 500] if short else [200, 2_000]
    with bench() as it:
        it.run("flushed", 100)
        runs = [it.cell("printed", sizes[1])] + [it.run("printed", size) for size in sizes]
        runs += [it.cell("flushed", sizes[1])] + [it.run("flushed", size) for size in sizes]
        runs += [it.cell("displayed", displays[1])] + [it.run("displayed", size) for size in displays]
        runs += [it.run("read", size) for size in sizes[:2]]
        runs += [it.run("bar", 1_000 if short else 10_000)]
    return runs


def table(runs: list[Run]) -> Table:
    out = Table(title="What an Output captured, in a real kernel")
    for heading in (
        "captured", "each", "CPU", "list", "to the room", "/list", "to a window", "/list", "iopub", "/list",
        "lists told", "document", "same",
    ):  # fmt: skip
        out.add_column(heading, justify="left" if heading == "captured" else "right")
    for run in runs:
        row = [run.name, f"{run.seconds * 1e6:.0f} µs", f"{run.cpu * 1e6:.0f} µs"]
        if run.text:
            row.append(f"{run.text:,}")
            for size in (run.to_room, run.to_window, run.iopub):
                row += [f"{size:,}", f"{size / run.text:.2f}"]
            row += [f"{run.lists:,}", f"{run.document:,}", "yes" if run.equal else "NO"]
        out.add_row(*row)
    return out


def main(*, short: bool) -> None:
    runs = measure(short=short)
    Console(width=190).print(table(runs))
    assert all(run.equal for run in runs)


if __name__ == "__main__":
    main(short="--short" in sys.argv)
