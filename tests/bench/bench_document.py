"""How large the document gets, and what writing it costs: `python -m tests.bench.bench_document [--short]`.

Each story ends in some state. *Live* is what that state takes in a fresh document, every comm opened with the state
that it ended with; *after* is the document that lived through the story. One batch, so one transaction, per step.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pycrdt import Array, Doc
from rich.console import Console
from rich.table import Table

from commdoc.document import ROOT, CommsLog
from commdoc.document.array_writer import ArrayWriter
from commdoc.document.slots import Slot
from commdoc.protocol.messages import State
from commdoc.protocol.values import encode

EPOCH = "0b6c1d0e-2f7c-4a53-9d0b-7d6f2a0c7e11-1700000000"
WIRE_LIMIT = 130
"""Bytes per slider tick and window."""

REENCODE = Path(__file__).parents[1] / "interop" / "reencode.mjs"
YJS = Path(__file__).parents[2] / "js-shim" / "node_modules" / "yjs"


@functools.cache
def slider_state() -> State:
    """Return the state of a real slider."""
    from ipywidgets import IntSlider

    def no_blob(content: bytes, kind: str) -> Any:
        raise AssertionError(kind)

    slider = IntSlider(description="speed")
    state = {key: encode(value, no_blob) for key, value in slider.get_state().items()}
    slider.close()
    return state


@dataclass
class Run:
    """A story and what it took."""

    name: str
    doc: Doc[Any] = field(default_factory=lambda: Doc(client_id=3_141_592_653))
    steps: int = 0
    wire: list[int] = field(default_factory=list)
    seconds: float = 0.0
    live: int = 0
    after: int = 0
    yjs: int | None = None

    def __post_init__(self) -> None:
        self.log = CommsLog(self.doc)
        self.random = random.Random(7)

    @property
    def limit(self) -> float:
        return 1.10 * self.live + 1000

    def begin(self, epoch: str = EPOCH) -> None:
        with self.log.batch():
            self.log.begin_epoch("0b6c1d0e-2f7c-4a53-9d0b-7d6f2a0c7e11", epoch, "python3")

    def open(self, n: int, epoch: str = EPOCH) -> str:
        comm_id = f"{n:032x}"
        self.log.open(comm_id, epoch=epoch, target_name="jupyter.widget", state=slider_state())
        return comm_id

    def tell(self, steps: Iterable[Callable[[], object]]) -> None:
        """Take the steps, a batch each, and measure; then what the end takes in a fresh document."""
        subscription = self.doc.observe(lambda event: self.wire.append(len(event.update)))
        start = time.process_time()
        for step in steps:
            with self.log.batch():
                step()
            self.steps += 1
        self.seconds = time.process_time() - start
        self.doc.unobserve(subscription)
        self.after = len(self.doc.get_update())
        self.live = len(fresh(self.log).get_update())


def fresh(log: CommsLog) -> Doc[Any]:
    """Return a document that was given the log's present state at once."""
    doc: Doc[Any] = Doc(client_id=2_718_281_828)
    again = CommsLog(doc)
    with again.batch():
        for kernel in log.kernels.values():
            again.set_kernel(kernel.kernel_id, epoch=kernel.epoch, name=kernel.name, status=kernel.status)
        for comm_id in log.comm_ids():
            entry = log.entry(comm_id)
            assert entry is not None
            again.open(comm_id, epoch=entry.epoch, target_name=entry.target_name, state=entry.state())
            again.set_outputs(comm_id, log.outputs(comm_id))
    return doc


def moves(run: Run, comms: int, count: int, choose: Callable[[int], int]) -> None:
    run.begin()
    with run.log.batch():
        ids = [run.open(n) for n in range(comms)]
    run.tell(
        functools.partial(run.log.update, ids[choose(step)], {"value": step % 100 + 1 + step // 100 % 100})
        for step in range(count)
    )


def one_slider(run: Run, count: int) -> None:
    moves(run, 1, count, lambda step: 0)


def ten_in_turn(run: Run, count: int) -> None:
    moves(run, 10, count, lambda step: step % 10)


def thousand_scattered(run: Run, count: int) -> None:
    moves(run, 1000, count, lambda step: run.random.randrange(1000))


def beside_an_output(run: Run, count: int) -> None:
    run.begin()
    with run.log.batch():
        ids = [run.open(n) for n in range(11)]

    def step(n: int) -> None:
        run.log.update(ids[n % 10], {"value": n})
        run.log.clear_outputs(ids[10])
        run.log.append_output(
            ids[10], {"output_type": "stream", "name": "stdout", "text": f"step {n:>8}\n" * 40}
        )

    run.tell(functools.partial(step, n) for n in range(count // 5))


def open_update_close(run: Run, count: int) -> None:
    run.begin()
    with run.log.batch():
        for n in range(10):
            run.open(n)

    def steps() -> Iterable[Callable[[], object]]:
        for n in range(10, 10 + count // 10):
            yield functools.partial(run.open, n)
            yield functools.partial(run.log.update, f"{n:032x}", {"value": n % 100 + 1})
            yield functools.partial(run.log.close, f"{n:032x}")

    run.tell(steps())


def reruns(run: Run, count: int) -> None:
    """The kernel is restarted and the notebook run again, as often; in the end all is closed."""

    def rerun(n: int) -> None:
        run.log.begin_epoch("kernel", f"{EPOCH}-{n}", "python3")
        for m in range(100):
            run.open(n * 1000 + m, f"{EPOCH}-{n}")

    def steps() -> Iterable[Callable[[], object]]:
        for n in range(count // 1000):
            yield functools.partial(rerun, n)
            for comm_id in run.log.comm_ids():
                yield functools.partial(run.log.update, comm_id, {"value": 5})
        yield lambda: [run.log.close(comm_id) for comm_id in run.log.comm_ids()]

    run.tell(steps())


STORIES: dict[str, Callable[[Run, int], None]] = {
    "{moves:,} moves of 1 slider": one_slider,
    "{moves:,} moves, 10 sliders in turn": ten_in_turn,
    "{moves:,} moves, 1,000 sliders scattered": thousand_scattered,
    "{fifth:,} moves beside an Output redrawn each time": beside_an_output,
    "{tenth:,} x open, update, close": open_update_close,
    "{thousandth:,} reruns of 100 comms": reruns,
}


def measure(moves: int) -> list[Run]:
    runs = []
    for name, story in STORIES.items():
        counts = {"moves": moves, "fifth": moves // 5, "tenth": moves // 10, "thousandth": moves // 1000}
        run = Run(name.format(**counts))
        story(run, moves)
        runs.append(run)
    for run, size in zip(runs, reencoded([run.doc.get_update() for run in runs]), strict=True):
        run.yjs = size
    return runs


def reencoded(updates: list[bytes]) -> list[int | None]:
    """Return the bytes that yjs makes of documents, or None for each where it isn't installed."""
    node = shutil.which("node")
    if node is None or not YJS.is_dir():
        return [None] * len(updates)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, str(n)) for n in range(len(updates))]
        for path, update in zip(paths, updates, strict=True):
            path.write_bytes(update)
        told = subprocess.run([node, REENCODE, *paths], check=True, capture_output=True, text=True).stdout
    sizes: list[int | None] = json.loads(told)
    return sizes


def bytes_table(runs: list[Run]) -> Table:
    table = Table(title="The comms map: bytes of the final state, and of the document that lived through it")
    for heading in (
        "story",
        "live",
        "after",
        "by yjs",
        "ratio",
        "limit",
        "wire mean",
        "wire max",
        "CPU per step",
    ):
        table.add_column(heading, justify="left" if heading == "story" else "right")
    for run in runs:
        table.add_row(
            run.name,
            f"{run.live:,}",
            f"{run.after:,}",
            "-" if run.yjs is None else f"{run.yjs:,}",
            f"{run.after / run.live:.3f}",
            f"{run.limit:,.0f}",
            f"{sum(run.wire) / len(run.wire):,.0f} B",
            f"{max(run.wire):,} B",
            f"{run.seconds / run.steps * 1e6:.0f} µs",
        )
    return table


# --- what writing costs, beside the array's own methods -----------------------------------------------------------


@dataclass
class Costs:
    """CPU µs per element: opening all in a batch, one move per batch, twenty moves per batch."""

    open: float
    one: float
    twenty: float


def timed(step: Callable[[], object], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        step()
    return (time.process_time() - start) / times * 1e6


def costs(
    comms: int, rounds: int, open_all: Callable[[], object], move: Callable[[list[int]], object]
) -> Costs:
    """Measure a way of writing, in an array that has been written to for a while."""
    order = random.Random(7)

    def chosen(count: int) -> list[int]:
        return [order.randrange(comms) for _ in range(count)]

    opened = timed(open_all, 1) / comms
    for n in range(comms):
        move([n])
    for _ in range(comms // 5):
        move(chosen(20))
    return Costs(
        opened, timed(lambda: move(chosen(1)), rounds), timed(lambda: move(chosen(20)), rounds // 5) / 20
    )


def log_costs(comms: int, rounds: int) -> Costs:
    """All that `CommsLog` does: compare, encode, index, count blobs, write."""
    run = Run("")
    run.begin()
    value = itertools.count()

    def open_all() -> None:
        with run.log.batch():
            for n in range(comms):
                run.open(n)

    def move(chosen: list[int]) -> None:
        with run.log.batch():
            for n in chosen:
                run.log.update(f"{n:032x}", {"value": next(value)})

    return costs(comms, rounds, open_all, move)


def _texts() -> tuple[str, str]:
    opened = json.dumps(["o", "0" * 32, {"target_name": "jupyter.widget", "state": slider_state()}])
    return opened, json.dumps(["u", "0" * 32, {"value": 12345}])


def writer_costs(comms: int, rounds: int) -> Costs:
    """Elements only, written as updates by hand."""
    writer = ArrayWriter(Doc(), "bench", fresh=False)
    opened_text, updated_text = _texts()
    slots: dict[int, Slot] = {}

    def open_all() -> None:
        for _ in range(comms):
            writer.append(opened_text)
        writer.write()

    def move(chosen: list[int]) -> None:
        for n in chosen:
            writer.drop(slots.get(n))
            slots[n] = writer.append(updated_text)
        writer.write()

    return costs(comms, rounds, open_all, move)


def array_costs(comms: int, rounds: int) -> Costs:
    """Elements only, by pycrdt's array; the index of an element found by bisecting rising stamps."""
    doc: Doc[Any] = Doc()
    array: Array[Any] = doc.get(ROOT, type=Array)
    opened_text, updated_text = _texts()
    stamps: list[int] = list(range(comms))
    newest: dict[int, int] = {}
    clock = itertools.count(comms)

    def open_all() -> None:
        with doc.transaction() as transaction:
            for n in range(comms):
                array.integrated.insert(transaction._txn, n, opened_text)

    def move(chosen: list[int]) -> None:
        with doc.transaction() as transaction:
            for n in chosen:
                if n in newest:
                    index = bisect.bisect_left(stamps, newest[n])
                    del stamps[index]
                    array.integrated.remove_range(transaction._txn, index, 1)
                array.integrated.insert(transaction._txn, len(stamps), updated_text)
                newest[n] = next(clock)
                stamps.append(newest[n])

    return costs(comms, rounds, open_all, move)


WAYS: dict[str, Callable[[int, int], Costs]] = {
    "elements, by the array's methods": array_costs,
    "elements, as hand-written updates": writer_costs,
    "comms, by CommsLog": log_costs,
}


def costs_table(sizes: list[int], rounds: int) -> Table:
    table = Table(title="CPU µs per element written")
    for heading in ("comms", "written", "open all in one batch", "1 move per batch", "20 moves per batch"):
        table.add_column(heading, justify="left" if heading == "written" else "right")
    for comms in sizes:
        for name, way in WAYS.items():
            took = way(comms, rounds)
            table.add_row(f"{comms:,}", name, *(f"{cost:.1f}" for cost in (took.open, took.one, took.twenty)))
    return table


def main(*, short: bool) -> None:
    console = Console(width=150)
    console.print(bytes_table(measure(2_000 if short else 100_000)))
    console.print(costs_table([1, 100] if short else [1, 100, 1000, 5000], 100 if short else 500))


if __name__ == "__main__":
    main(short="--short" in sys.argv)
