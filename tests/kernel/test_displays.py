"""Which places in cells the bridge says that a display has, through the real hook and coalescer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from commdoc.kernel.coalescer import Coalescer
from commdoc.kernel.records import Kind
from commdoc.protocol.outputs import shown_digest
from tests.kernel.tapped import Harness

pytestmark = pytest.mark.scenario("S33")


class Kernel:
    """Sends what a kernel sends for cells; `ops` are those for the room."""

    def __init__(self, harness: Harness, *, cells: bool = True) -> None:
        self.harness = harness
        self.coalescer = Coalescer(lambda *_: None, lambda _: None, harness.hook.captures)
        self.coalescer.link()
        self.coalescer.feed((Kind.CELLS, cells))
        self.parent: dict[str, Any] = {}

    def run(self, execution: str, cell_id: str | None = "c") -> None:
        metadata = {} if cell_id is None else {"cellId": cell_id}
        self.parent = {
            "header": {"msg_id": execution, "msg_type": "execute_request"},
            "metadata": metadata,
        }
        self.send("execute_input", {"code": "", "execution_count": 1})

    def send(self, kind: str, content: dict[str, Any]) -> None:
        self.harness.session.send(self.harness.socket, kind, content, self.parent)

    def display(self, text: str, display_id: str | None = "d", kind: str = "display_data") -> None:
        transient = {} if display_id is None else {"display_id": display_id}
        self.send(kind, {"data": {"text/plain": text}, "metadata": {}, "transient": transient})

    def update(self, text: str) -> list[tuple[str, int, list[str]]]:
        """Update the display `d`; return the places that the room is told, with what they showed."""
        self.display(text, kind="update_display_data")
        for record in self.harness.records:
            self.coalescer.feed(record)
        self.harness.records.clear()
        ops = [op for op in self.coalescer.take() if op["op"] == "redisplay"]
        if not ops:
            return []
        [op] = ops
        assert op["output"]["data"] == {"text/plain": text}
        names = {shown_digest({"text/plain": it}): it for it in "abcdefghijklmnop"}
        return [
            (place["cell_id"], place["ordinal"], [names[it] for it in place["digests"]])
            for place in op["places"]
        ]


@pytest.fixture
def harness() -> Iterator[Harness]:
    harness = Harness()
    yield harness
    harness.close()


@pytest.fixture
def kernel(harness: Harness) -> Kernel:
    return Kernel(harness)


def test_a_place_is_told_with_what_was_shown_there(kernel: Kernel) -> None:
    kernel.run("1")
    kernel.send("stream", {"name": "stdout", "text": "x"})
    kernel.display("z", display_id=None)
    kernel.display("a")
    assert kernel.update("b") == [("c", 1, ["a"])]
    assert kernel.update("c") == [("c", 1, ["a", "b"])]


def test_every_place_of_an_id_is_told(kernel: Kernel) -> None:
    kernel.run("1")
    kernel.display("a")
    kernel.run("2", "other")
    kernel.send("error", {"ename": "E", "evalue": "", "traceback": []})
    kernel.display("b")
    assert kernel.update("c") == [("c", 0, ["a"]), ("other", 1, ["b"])]


def test_a_cell_that_runs_again_or_clears_has_shown_nothing_before(kernel: Kernel) -> None:
    kernel.run("1")
    kernel.display("a")
    kernel.run("2")
    assert kernel.update("b") == []
    kernel.display("c")
    kernel.send("clear_output", {"wait": False})
    assert kernel.update("d") == []
    kernel.display("e")
    kernel.send("clear_output", {"wait": True})
    kernel.display("g")
    assert kernel.update("h") == [("c", 0, ["g"])]


def test_what_no_cell_is_known_of_and_what_a_room_without_cells_would_hear_is_not_told(
    kernel: Kernel, harness: Harness
) -> None:
    kernel.run("1", None)
    kernel.display("a")
    assert kernel.update("b") == []
    other = Kernel(harness, cells=False)
    other.run("2")
    other.display("a")
    assert other.update("b") == []
    other.coalescer.feed((Kind.CELLS, True))
    assert other.update("c") == [("c", 0, ["a", "b"])], "places are known to the next room, too"
