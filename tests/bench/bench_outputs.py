"""What capturing costs the document: `python -m tests.bench.bench_outputs [--short]`.

One capture per transaction, which is the worst case (the kernel's side merges what it captured within 16 ms), beside
all of it in batches of a hundred. *Flat* compares the last tenth's time with the first's. A reader follows each
transaction, and says what happened; a late one reads the whole.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from pycrdt import Doc
from rich.console import Console
from rich.table import Table

from commdoc.document import CommsLog, CommsMap

LINE: Final = (
    "2026-11-20 13:58:16,{n:06} INFO trainer: epoch 12, step {n:>8}, loss 0.6931, 12.7 it/s, 1.2 GB\n"
)
"""As long as lines of a log are: 95 characters."""

SHORT_LINE: Final = "line {n}\n"
BAR: Final = "\r{percent:5.1f}%|{bar:<40}| {n}/{total} [00:12<00:34, 812.02it/s]"


@dataclass
class Run:
    """Captures into an Output, and what they took.

    Attributes
    ----------
    text : int
        Bytes of what was captured.
    wire : list of int
        Bytes of each transaction's update.
    write, follow : list of float
        Seconds of each transaction: in the room, and of a window to apply it and know what happened.
    """

    name: str
    captures: int = 0
    text: int = 0
    wire: list[int] = field(default_factory=list)
    write: list[float] = field(default_factory=list)
    follow: list[float] = field(default_factory=list)
    elements: int = 0
    document: int = 0
    join: float = 0.0
    equal: bool = False

    def __post_init__(self) -> None:
        self.doc: Doc[Any] = Doc(client_id=3_141_592_653)
        self.log = CommsLog(self.doc)
        self.window: Doc[Any] = Doc()
        self.comms = CommsMap(self.window)
        self.edits = 0
        self._updates: list[bytes] = []
        self.doc.observe(lambda event: self._updates.append(event.update))
        self.comms.observe(lambda changes: self._count(sum(len(change.outputs) for change in changes)))
        with self.log.batch():
            self.log.begin_epoch("0b6c1d0e-2f7c-4a53-9d0b-7d6f2a0c7e11", "epoch", "python3")
            model = {"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel"}
            self.log.open(COMM, epoch="epoch", target_name="jupyter.widget", state=model)
        self._deliver()
        self.wire.clear()
        self.follow.clear()

    def _count(self, edits: int) -> None:
        self.edits += edits

    def _deliver(self) -> None:
        for update in self._updates:
            self.wire.append(len(update))
            start = time.process_time()
            self.window.apply_update(update)
            self.follow.append(time.process_time() - start)
        self._updates.clear()

    def capture(self, captures: int, batch: int, one: Callable[[CommsLog, int], int]) -> None:
        """Capture as often, so many per transaction; then look at what is there."""
        self.captures = captures
        for first in range(0, captures, batch):
            start = time.process_time()
            with self.log.batch():
                for n in range(first, min(first + batch, captures)):
                    self.text += one(self.log, n)
            self.write.append(time.process_time() - start)
            self._deliver()
        update = self.doc.get_update()
        self.document = len(update)
        self.elements = len(self.log._index.slots) - 2
        late: Doc[Any] = Doc()
        start = time.process_time()
        late.apply_update(update)
        comms = CommsMap(late)
        self.join = time.process_time() - start
        self.equal = self.log.outputs(COMM) == comms[COMM].outputs == self.comms[COMM].outputs

    def drift(self, times: list[float]) -> float:
        """Return by how much the last tenth of the transactions took longer than the first."""
        tenth = max(1, len(times) // 10)
        return sum(times[-tenth:]) / max(sum(times[:tenth]), 1e-9)


COMM: Final = "e5c9b1f0a2d34c6f8b7a9d0e1f2a3b4c"


def line(form: str, log: CommsLog, n: int) -> int:
    text = form.format(n=n)
    log.write_stream(COMM, "stdout", text)
    return len(text)


def bar(total: int, log: CommsLog, n: int) -> int:
    text = BAR.format(percent=100 * n / total, bar="█" * (40 * n // total), n=n, total=total)
    log.write_stream(COMM, "stderr", text)
    return len(text.encode())


def display(log: CommsLog, n: int) -> int:
    data = {"text/plain": f"<Figure {n}>", "text/html": f"<table><tr><td>{n}</td></tr></table>"}
    log.append_output(COMM, {"output_type": "display_data", "data": data, "metadata": {}})
    return len(str(data))


def redisplay(count: int, log: CommsLog, n: int) -> int:
    if n < count:
        return display(log, n)
    data = {"text/plain": f"updated {n}"}
    index = n * 7919 % count
    log.set_output(COMM, index, {"output_type": "display_data", "data": data, "metadata": {}})
    return len(str(data))


def measure(*, short: bool = False) -> list[Run]:
    def run(name: str, captures: int, batch: int, one: Callable[[CommsLog, int], int]) -> Run:
        told = Run(name)
        told.capture(captures, batch, one)
        return told

    lines, few = functools.partial(line, LINE), functools.partial(line, SHORT_LINE)
    sizes = [1_000, 3_000] if short else [1_000, 10_000, 50_000]
    displays, steps = (300, 1_000) if short else (2_000, 10_000)
    return [
        *(run(f"{count:,} lines", count, 1, lines) for count in sizes),
        *(run(f"{count:,} lines, 100 at once", count, 100, lines) for count in sizes),
        run(f"{sizes[1]:,} short lines", sizes[1], 1, few),
        run(f"{sizes[1]:,} short lines, 100 at once", sizes[1], 100, few),
        run(f"a bar of {steps:,} steps", steps, 1, functools.partial(bar, steps)),
        run(f"{displays:,} displays", displays, 1, display),
        run(
            f"{displays:,} displays, each updated once",
            2 * displays,
            1,
            functools.partial(redisplay, displays),
        ),
    ]


def table(runs: list[Run]) -> Table:
    out = Table(title="What an Output captured, one comm")
    for heading in (
        "captured", "text", "wire", "wire/text", "a capture", "largest", "document", "document/text", "elements",
        "write", "last/first", "follow", "last/first", "join",
    ):  # fmt: skip
        out.add_column(heading, justify="left" if heading == "captured" else "right")
    for run in runs:
        wire = sum(run.wire)
        out.add_row(
            run.name,
            f"{run.text:,}",
            f"{wire:,}",
            f"{wire / run.text:.2f}",
            f"{wire / len(run.wire):,.0f} B",
            f"{max(run.wire):,} B",
            f"{run.document:,}",
            f"{run.document / run.text:.3f}",
            f"{run.elements:,}",
            f"{sum(run.write) / len(run.write) * 1e6:.0f} µs",
            f"{run.drift(run.write):.2f}",
            f"{sum(run.follow) / len(run.follow) * 1e6:.0f} µs",
            f"{run.drift(run.follow):.2f}",
            f"{run.join * 1e3:.1f} ms",
        )
    return out


def main(*, short: bool) -> None:
    runs = measure(short=short)
    Console(width=190).print(table(runs))
    assert all(run.equal for run in runs)


if __name__ == "__main__":
    main(short="--short" in sys.argv)
