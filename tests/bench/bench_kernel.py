"""What commdoc costs user code in the kernel: `python -m tests.bench.bench_kernel [--pairs 200]`.

Slices of the same cell in the same kernel, with commdoc's hooks in place and without, by turns: the same process, heap
and widgets, some 60 ms apart, and which goes first alternates. A pair is the fastest of five slices of each side, which
leaves out those that somebody else's work fell into; loading and unloading between slices (``--reload``), or two
kernels in turn, put a second between the sides and gave bounds five times as wide. Between slices the mirror comes to
rest, so that no slice pays for the one before. Without the hooks nothing else of commdoc runs in the kernel: its
threads sleep without a wake-up. A control, in which nothing differs, tells how far the machine can be trusted.

A client in a process of its own drains iopub; two Python windows, each a process, are joined to the room, which is the
real sidecar. Each figure is the median of the pairs' ratios, the bound its 95th percentile over 4,000 bootstrap
samples. Ratios stand on a busy machine, absolute times don't.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from rich.console import Console
from rich.table import Table

PAIRS = 60
SLICES = 5
LOADS = 5
BOOTSTRAP = 4_000

PREPARE = (
    f"""
import gc, time
OF = {SLICES}
"""
    """
import ipywidgets as _w
_one = _w.IntSlider(max=10**9)
_many = [_w.IntSlider(max=10**9) for _ in range(1000)]

def _one_slider():
    w = _one
    for i in range(1000):
        w.value = i

def _thousand_sliders():
    value = _many[0].value + 1
    for w in _many:
        w.value = value

def _no_widget():
    for part in range(5):
        sum(i * i for i in range(100_000))
        print(part)

def _hooks(on):
    bridge = get_ipython().kernel._commdoc_bridge
    for part in (bridge._hook, bridge._inbound):
        part.install() if on else part.remove()

def _nothing(on):
    pass

def _reload(on):
    get_ipython().run_line_magic("load_ext" if on else "unload_ext", "commdoc")

def _measure(run):
    w = _one
    w.value = -1
    time.sleep(0.03)
    cpu, wall = time.thread_time(), time.perf_counter()
    run()
    taken = time.perf_counter() - wall, time.thread_time() - cpu
    return taken

def _pairs(run, count, switch):
    taken = {True: [], False: []}
    switch(False)
    now = False
    for _ in range(count + 1):
        slices = {True: [], False: []}
        for _ in range(OF):
            for on in (now, not now):
                if on != now:
                    switch(on)
                if on:
                    _at_rest()
                slices[on].append(_measure(run))
                if on:
                    _at_rest()
                now = on
        for on, each in slices.items():
            taken[on].append(tuple(map(min, zip(*each))))
    if not now:
        switch(True)
    return taken[False][1:], taken[True][1:]  # the first pair warms up

def _at_rest():
    bridge = getattr(get_ipython().kernel, "_commdoc_bridge", None)
    for _ in range(500):
        status = bridge.status()
        if status.windows == 2 and not status.waiting and not status.unapplied:
            return True
        time.sleep(0.01)
    return status
"""
)

DRAIN = """
import sys, zmq
socket = zmq.Context().socket(zmq.SUB)
socket.rcvhwm = 0
socket.subscribe(b"")
socket.connect(sys.argv[1])
while True:
    socket.recv_multipart(copy=False)
"""

WINDOW = """
import sys, commdoc
with commdoc.join(url=sys.argv[1]) as window:
    print("joined", flush=True)
    sys.stdin.read()
"""

STORIES = {
    "w.value = i (control: nothing differs)": ("_one_slider", 1.0),
    "w.value = i": ("_one_slider", 1.05),
    "1,000 sliders in turn": ("_thousand_sliders", 1.10),
    "a cell without widgets": ("_no_widget", 1.01),
}
"""Name to the function in the kernel, and the largest wall ratio that is promised."""


@dataclass
class Figures:
    """Seconds (wall, main-thread CPU) of the pairs of one story."""

    limit: float
    without: list[tuple[float, float]] = field(default_factory=list)
    loaded: list[tuple[float, float]] = field(default_factory=list)

    def ratios(self, which: int) -> list[float]:
        """Return the ratio of each pair; `which` is 0 for wall, 1 for CPU."""
        return [on[which] / off[which] for on, off in zip(self.loaded, self.without, strict=True)]

    def ratio(self, which: int) -> tuple[float, float]:
        """Return the median and its upper 95 % bound."""
        ratios = self.ratios(which)
        rng = random.Random(1)
        medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(BOOTSTRAP))
        return statistics.median(ratios), medians[int(0.95 * BOOTSTRAP)]


class Kernel:
    """A kernel that is asked on its shell channel only: what it publishes is somebody else's to read."""

    def __init__(self) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel()
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels(iopub=False)
        self._socket: zmq.Socket[bytes] = zmq.Socket.shadow(self.client.shell_channel.socket.underlying)
        self.run("1")

    def close(self) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def run(self, code: str, expression: str = "None") -> Any:
        """Run a cell; returns the value of an expression afterwards."""
        msg_id = self.client.execute(code, user_expressions={"value": expression}, store_history=False)
        while True:
            if not self._socket.poll(600_000):
                raise TimeoutError(code)
            reply: Any = self.client.session.recv(self._socket, mode=0)[1]
            if reply["parent_header"].get("msg_id") == msg_id:
                break
        content = reply["content"]
        if content["status"] != "ok":
            raise RuntimeError("\n".join(content.get("traceback", [content["status"]])))
        value = content["user_expressions"]["value"]
        if value["status"] != "ok":
            raise RuntimeError(str(value))
        return ast.literal_eval(value["data"]["text/plain"])

    @property
    def iopub(self) -> str:
        """Where it publishes."""
        return f"tcp://127.0.0.1:{self.manager.iopub_port}"


@contextlib.contextmanager
def kernel() -> Iterator[Kernel]:
    """Run a kernel for the length of a block."""
    running = Kernel()
    try:
        yield running
    finally:
        running.close()


@contextlib.contextmanager
def program(code: str, *arguments: str, says: str | None = None) -> Iterator[None]:
    """Run a Python program beside, until the end of a block."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if says is not None and process.stdout.readline().strip() != says:
            raise RuntimeError(f"the program beside did not say {says!r}")
        yield
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until something is true."""
    end = time.monotonic() + 60
    while not (result := condition()):
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)
    return result


def measure(pairs: int, *, reload: bool) -> dict[str, Figures]:
    """Return the figures of all stories."""
    figures = {}
    with kernel() as it, program(DRAIN, it.iopub), contextlib.ExitStack() as stack:
        it.run(PREPARE)
        link = load(it)
        for _ in range(2):
            stack.enter_context(program(WINDOW, link, says="joined"))
        if (found := it.run("_rest = str(_at_rest())", "_rest")) != "True":
            raise TimeoutError(found)
        for name, (function, limit) in STORIES.items():
            switch = "_nothing" if "control" in name else "_reload" if reload else "_hooks"
            if switch == "_nothing":
                it.run("_hooks(False)")
            code = f"_taken = _pairs({function}, {pairs}, {switch})"
            figures[name] = Figures(limit, *it.run(code, "_taken"))
        it.run("%unload_ext commdoc")
    return figures


def load(it: Kernel) -> str:
    """Load commdoc; returns the link for windows."""
    it.run("%load_ext commdoc")
    endpoint = "get_ipython().kernel._commdoc_bridge.status().endpoint"
    return str(until(lambda: it.run("", f"{endpoint} and {endpoint}.window_url"), "the sidecar"))


def load_times(count: int) -> tuple[list[float], list[float]]:
    """Return the seconds of ``%load_ext commdoc`` and of an empty cell in kernels that have just started."""
    loads: list[float] = []
    empty: list[float] = []
    for _ in range(count):
        with kernel() as it:
            for code, into in (("pass", empty), ("%load_ext commdoc", loads)):
                begun = time.perf_counter()
                it.run(code)
                into.append(time.perf_counter() - begun)
            it.run("%unload_ext commdoc")
    return loads, empty


def table(figures: dict[str, Figures], loads: list[float], empty: list[float]) -> Table:
    """Return the figures to print."""
    printed = Table(title="The kernel with commdoc loaded, against without", title_justify="left")
    for column in (
        "",
        "pairs",
        "without",
        "loaded",
        "wall",
        "95 % bound",
        "promised",
        "main-thread CPU",
        "bound",
    ):
        printed.add_column(column, justify="left" if not column else "right")
    for name, each in figures.items():
        without, loaded = (
            statistics.median(wall for wall, _ in side) for side in (each.without, each.loaded)
        )
        (wall, bound), (cpu, cpu_bound) = each.ratio(0), each.ratio(1)
        printed.add_row(
            name, str(len(each.loaded)), f"{without * 1e3:.1f} ms", f"{loaded * 1e3:.1f} ms", f"{wall:.3f}",
            f"{bound:.3f}", f"≤ {each.limit:.2f}", f"{cpu:.3f}", f"{cpu_bound:.3f}",
        )  # fmt: skip
    if loads:
        printed.add_row(
            "%load_ext commdoc, cold kernel", str(len(loads)), f"{statistics.median(empty) * 1e3:.0f} ms",
            f"{statistics.median(loads) * 1e3:.0f} ms", "", f"{max(loads) * 1e3:.0f} ms", "≤ 300 ms", "", "",
        )  # fmt: skip
    return printed


@contextlib.contextmanager
def own_runtime() -> Iterator[None]:
    """Keep kernels and sidecars of the bench apart from those of the user."""
    before = os.environ.get("JUPYTER_RUNTIME_DIR")
    with tempfile.TemporaryDirectory(prefix="commdoc-bench-") as folder:
        os.environ["JUPYTER_RUNTIME_DIR"] = str(Path(folder))
        os.environ["COMMDOC_SIDECAR_GRACE"] = "2"
        try:
            yield
        finally:
            del os.environ["COMMDOC_SIDECAR_GRACE"]
            if before is None:
                del os.environ["JUPYTER_RUNTIME_DIR"]
            else:
                os.environ["JUPYTER_RUNTIME_DIR"] = before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--loads", type=int, default=LOADS)
    parser.add_argument("--reload", action="store_true", help="load and unload between the sides of a pair")
    options = parser.parse_args()
    with own_runtime():
        loads, empty = load_times(options.loads) if options.loads else ([], [])
        figures = measure(options.pairs, reload=options.reload) if options.pairs else {}
    Console(width=140).print(table(figures, loads, empty))


if __name__ == "__main__":
    main()
