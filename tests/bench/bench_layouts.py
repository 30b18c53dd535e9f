"""Other ways to keep comms in a Yjs document, for the same stories: `python -m tests.bench.bench_layouts [--short]`.

The figures of ``docs/decisions/0001-one-log.md``. Every step is one transaction.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from pycrdt import Array, Doc, Map
from rich.console import Console
from rich.table import Table

from commdoc.document import CommsLog
from tests.bench.bench_document import EPOCH, slider_state


class Layout(Protocol):
    """A way to keep comms; each call is a transaction."""

    doc: Doc[Any]

    def open(self, comm_id: str) -> None: ...
    def update(self, comm_id: str, value: int) -> None: ...
    def output(self, comm_id: str, output: dict[str, str]) -> None: ...
    def close(self, comm_id: str) -> None: ...


class KeysInMaps:
    """comm_id → Y.Map of its keys: what one would write first."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc(client_id=3_141_592_653)
        self.comms: Map[Any] = self.doc.get("comms", type=Map)

    def open(self, comm_id: str) -> None:
        self.comms[comm_id] = Map({**slider_state(), "outputs": ""})

    def update(self, comm_id: str, value: int) -> None:
        self.comms[comm_id]["value"] = value

    def output(self, comm_id: str, output: dict[str, str]) -> None:
        self.comms[comm_id]["outputs"] = json.dumps([output])

    def close(self, comm_id: str) -> None:
        del self.comms[comm_id]


class TextsInAMap:
    """comm_id → JSON text of its whole state."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc(client_id=3_141_592_653)
        self.comms: Map[Any] = self.doc.get("comms", type=Map)
        self.states: dict[str, dict[str, Any]] = {}

    def open(self, comm_id: str) -> None:
        self.states[comm_id] = dict(slider_state())
        self._write(comm_id)

    def update(self, comm_id: str, value: int) -> None:
        self.states[comm_id]["value"] = value
        self._write(comm_id)

    def output(self, comm_id: str, output: dict[str, str]) -> None:
        self.states[comm_id]["outputs"] = [output]
        self._write(comm_id)

    def close(self, comm_id: str) -> None:
        del self.comms[comm_id]

    def _write(self, comm_id: str) -> None:
        self.comms[comm_id] = json.dumps(self.states[comm_id], separators=(",", ":"))


class EntriesAndOverlays:
    """comm_id → JSON text as opened, with outputs, in a Y.Map; what changed since in an array that compacts itself."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc(client_id=3_141_592_653)
        self.comms: Map[Any] = self.doc.get("comms", type=Map)
        self.overlays: Array[Any] = self.doc.get("overlays", type=Array)
        self.at: list[tuple[str, str]] = []

    def open(self, comm_id: str) -> None:
        self.comms[comm_id] = json.dumps(slider_state(), separators=(",", ":"))

    def update(self, comm_id: str, value: int) -> None:
        self._overlay(comm_id, "u", {"value": value})

    def output(self, comm_id: str, output: dict[str, str]) -> None:
        self.comms[comm_id] = json.dumps({**slider_state(), "outputs": [output]}, separators=(",", ":"))

    def close(self, comm_id: str) -> None:
        with self.doc.transaction():
            del self.comms[comm_id]
            self._drop(comm_id, "u")

    def _overlay(self, comm_id: str, kind: str, content: dict[str, Any]) -> None:
        with self.doc.transaction():
            self._drop(comm_id, kind)
            self.overlays.append(json.dumps([kind, comm_id, content], separators=(",", ":")))
            self.at.append((comm_id, kind))

    def _drop(self, comm_id: str, kind: str) -> None:
        if (comm_id, kind) in self.at:
            index = self.at.index((comm_id, kind))
            del self.at[index], self.overlays[index]


class OneLog:
    """What commdoc has."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc(client_id=3_141_592_653)
        self.log = CommsLog(self.doc)

    def open(self, comm_id: str) -> None:
        with self.log.batch():
            self.log.open(comm_id, epoch=EPOCH, target_name="jupyter.widget", state=slider_state())

    def update(self, comm_id: str, value: int) -> None:
        with self.log.batch():
            self.log.update(comm_id, {"value": value})

    def output(self, comm_id: str, output: dict[str, str]) -> None:
        with self.log.batch():
            self.log.clear_outputs(comm_id)
            self.log.append_output(comm_id, output)

    def close(self, comm_id: str) -> None:
        with self.log.batch():
            self.log.close(comm_id)


LAYOUTS: list[type[Layout]] = [KeysInMaps, TextsInAMap, EntriesAndOverlays, OneLog]
Story = Callable[[Layout, int], Iterator[None]]
"""Yields once, when all is open: then the live bytes are taken."""


def _ids(count: int) -> list[str]:
    return [f"{n:032x}" for n in range(count)]


def moves(layout: Layout, count: int, comms: int, *, scattered: bool = False) -> Iterator[None]:
    order = random.Random(7)
    ids = _ids(comms)
    for comm_id in ids:
        layout.open(comm_id)
        layout.update(comm_id, 99)
    yield
    for n in range(count):
        layout.update(ids[order.randrange(comms) if scattered else n % comms], n % 90 + 1)


def one(layout: Layout, count: int) -> Iterator[None]:
    return moves(layout, count, 1)


def ten(layout: Layout, count: int) -> Iterator[None]:
    return moves(layout, count, 10)


def thousand(layout: Layout, count: int) -> Iterator[None]:
    return moves(layout, count, 1000, scattered=True)


def beside_an_output(layout: Layout, count: int) -> Iterator[None]:
    ids = _ids(11)
    for comm_id in ids:
        layout.open(comm_id)
        layout.update(comm_id, 99)
    layout.output(ids[10], {"text": "-" * 500})
    yield
    for n in range(count // 5):
        layout.update(ids[n % 10], n % 90 + 1)
        layout.output(ids[10], {"text": f"{n:>5}" * 100})


def open_update_close(layout: Layout, count: int) -> Iterator[None]:
    for comm_id in _ids(10):
        layout.open(comm_id)
    yield
    for comm_id in _ids(10 + count // 10)[10:]:
        layout.open(comm_id)
        layout.update(comm_id, 5)
        layout.close(comm_id)


STORIES: dict[str, Story] = {
    "{:,} moves of 1 slider": one,
    "{:,} moves, 10 in turn": ten,
    "{:,} moves, 1,000 scattered": thousand,
    "{:,} / 5 moves beside an Output redrawn each time": beside_an_output,
    "{:,} / 10 x open, update, close": open_update_close,
}


def measure(kind: type[Layout], story: Story, count: int) -> tuple[int, int]:
    """Return the bytes before and after."""
    layout = kind()
    telling = story(layout, count)
    next(telling)
    before = len(layout.doc.get_update())
    for _ in telling:
        pass
    return before, len(layout.doc.get_update())


def main(count: int) -> None:
    table = Table(title="Bytes: all open → after the story")
    table.add_column("story")
    for kind in LAYOUTS:
        table.add_column(kind.__name__, justify="right")
    for name, story in STORIES.items():
        cells = [measure(kind, story, count) for kind in LAYOUTS]
        table.add_row(name.format(count), *(f"{before:,} → {after:,}" for before, after in cells))
    Console(width=150).print(table)


if __name__ == "__main__":
    main(2_000 if "--short" in sys.argv else 100_000)
