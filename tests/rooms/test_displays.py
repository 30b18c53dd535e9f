"""Displays in the cells of a notebook's document: found by place and by what they show, changed once."""

from __future__ import annotations

from typing import Any

import pycrdt
import pytest

from commdoc.errors import CommdocError
from commdoc.protocol.outputs import shown_digest
from commdoc.protocol.values import sentinel
from commdoc.rooms.displays import LATE_SECONDS, Displays

pytestmark = pytest.mark.scenario("S33")

PICTURE = b"x" * 5_000


def display(text: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"text/plain": text, "n": 1.0}, "metadata": {}}


def digest(text: str) -> str:
    found = shown_digest({"text/plain": text, "n": 1})
    assert found is not None
    return found


class Notebook:
    """A document with one cell, `c`."""

    def __init__(self) -> None:
        self.doc: pycrdt.Doc = pycrdt.Doc()
        self.now = 0.0
        blobs = {sentinel(PICTURE, "text")["$blob"]: PICTURE}
        self.displays = Displays(self.doc, blobs.get, lambda: self.now)

    def cell(self, *outputs: dict[str, Any], cell_id: str = "c") -> None:
        cells = self.doc.get("cells", type=pycrdt.Array)
        cells.append(pycrdt.Map({"id": cell_id, "outputs": pycrdt.Array([])}))
        for output in outputs:
            cells[len(cells) - 1]["outputs"].append(pycrdt.Map(output))

    def redisplay(self, text: Any, *known: str, ordinal: int = 0, cell_id: str = "c") -> None:
        place = {"cell_id": cell_id, "ordinal": ordinal, "digests": [digest(it) for it in known]}
        output = {"output_type": "display_data", "data": {"text/plain": text, "n": 1}, "metadata": {"m": 1}}
        self.displays.redisplay({"op": "redisplay", "display_id": "d", "places": [place], "output": output})
        self.displays.write()

    def shown(self, cell: int = 0) -> list[Any]:
        outputs = self.doc.get("cells", type=pycrdt.Array)[cell]["outputs"].to_py()
        return [it.get("data", it).get("text/plain", it.get("text")) for it in outputs]


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


def test_a_display_is_changed_where_it_stands(notebook: Notebook) -> None:
    notebook.cell({"output_type": "stream", "name": "stdout", "text": "a"}, display("a"), display("a"))
    notebook.redisplay("b", "a", ordinal=1)
    assert notebook.shown() == ["a", "a", "b"], "not the stream, nor the other one that shows the same"
    assert notebook.doc.get("cells", type=pycrdt.Array)[0]["outputs"][2]["metadata"] == {"m": 1.0}
    notebook.redisplay("c", "a", "b", ordinal=1)
    assert notebook.shown() == ["a", "a", "c"]


def test_what_shows_something_else_by_now_is_left_alone(notebook: Notebook) -> None:
    notebook.cell(display("mine"))
    notebook.redisplay("b", "a")
    assert notebook.shown() == ["mine"]


def test_an_output_that_is_written_late_is_changed_then_and_not_for_ever(notebook: Notebook) -> None:
    notebook.cell()
    notebook.redisplay("b", "a")
    notebook.cell(cell_id="other")
    outputs = notebook.doc.get("cells", type=pycrdt.Array)[0]["outputs"]
    outputs.append(pycrdt.Map(display("a")))
    notebook.displays.write()
    assert notebook.shown() == ["b"]
    notebook.redisplay("c", "a", ordinal=1)
    notebook.now = LATE_SECONDS + 1
    outputs.append(pycrdt.Map(display("a")))
    notebook.displays.write()
    assert notebook.shown() == ["b", "a"]


def test_a_front_end_that_was_faster_makes_no_second_change(notebook: Notebook) -> None:
    notebook.cell(display("b"))
    before = notebook.doc.get_state()
    notebook.redisplay("b", "a")
    assert notebook.doc.get_state() == before
    notebook.doc.get("cells", type=pycrdt.Array)[0]["outputs"][0]["data"] = {"text/plain": "a", "n": 1}
    notebook.displays.write()
    assert notebook.shown() == ["a"], "it was settled"


def test_of_two_changes_that_wait_the_last_one_counts(notebook: Notebook) -> None:
    notebook.cell()
    notebook.redisplay("b", "a")
    notebook.redisplay("c", "a", "b")
    notebook.doc.get("cells", type=pycrdt.Array)[0]["outputs"].append(pycrdt.Map(display("a")))
    notebook.displays.write()
    assert notebook.shown() == ["c"]


def test_a_large_one_comes_as_a_blob_and_stands_whole_in_the_cell(notebook: Notebook) -> None:
    notebook.cell(display("a"))
    notebook.redisplay(dict(sentinel(PICTURE, "text")), "a")
    assert notebook.shown() == [PICTURE.decode()]


def test_a_document_without_cells_stays_without(notebook: Notebook) -> None:
    assert not notebook.displays.has_cells
    notebook.redisplay("b", "a")
    assert list(notebook.doc.keys()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"places": [{"cell_id": "c", "ordinal": "0", "digests": []}]},
        {"places": [{"cell_id": "c", "ordinal": 0, "digests": [1]}]},
        {"places": "c"},
        {"output": []},
        {"output": {"data": {"text/plain": {"$blob": "0" * 64, "size": 1, "type": "text"}}}},
        {"display_id": ""},
    ],
)
def test_a_malformed_one_is_refused(notebook: Notebook, wrong: dict[str, Any]) -> None:
    good = {"op": "redisplay", "display_id": "d", "places": [], "output": display("x")}
    notebook.displays.redisplay(good)
    with pytest.raises(CommdocError):
        notebook.displays.redisplay({**good, **wrong})
