"""Captured outputs: how they are stored, what a reader is told of them, and what that costs."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc

from commdoc.document import Change, CommsLog, CommsMap, Edit
from commdoc.document.output_log import LARGE, SMALL, common
from commdoc.errors import ValueEncodingError
from commdoc.protocol.values import sentinel
from tests.document.stories import (
    OUTPUT_WIDGET,
    Reader,
    Transactions,
    a_log,
    array,
    elements,
    late,
    open_comm,
    shown,
    stream,
    written,
)

OUT = "out"


class Notebook:
    """A document with an Output widget, a window that is there and what it was told."""

    def __init__(self, **state: Any) -> None:
        self.doc: Doc[Any] = Doc()
        self.log = a_log(self.doc)
        with self.log.batch():
            open_comm(self.log, OUT, **{**OUTPUT_WIDGET, "msg_id": "", **state})
        self.sent = Transactions(self.doc)
        self.reader = Reader([self.doc.get_update()])
        self.reader.take()

    def write(self, *texts: str, name: str = "stdout") -> tuple[Edit, ...]:
        """Write all in one batch; return what the window was told."""
        with self.log.batch():
            for text in texts:
                self.log.write_stream(OUT, name, text)
        return self.told()

    def told(self) -> tuple[Edit, ...]:
        self.reader.apply(*self.sent.updates)
        self.sent.updates.clear()
        changes = self.reader.take()
        assert all(change.kind == "outputs" for change in changes)
        return tuple(edit for change in changes for edit in change.outputs)

    def chunks(self) -> list[str]:
        """Return the texts of the first output's elements."""
        bodies = [element[2] for element in elements(self.doc) if element[0] == "out" and element[3] == 1]
        return [body if isinstance(body, str) else body["text"] for body in bodies]

    def texts(self) -> list[Any]:
        """Return the texts of all streams, as everybody reads them."""
        assert shown(late(self.doc)) == shown(self.reader.comms) == written(self.log)
        assert self.reader.followed[OUT] == self.log.outputs(OUT)
        return [output.get("text") for output in self.log.outputs(OUT)]


# --- what is stored ----------------------------------------------------------------------------------------------


def test_outputs_are_elements_with_their_place_and_a_key_of_the_state_for_readers() -> None:
    book = Notebook(outputs=[stream("from the kernel's state")], msg_id="captures")
    with book.log.batch():
        book.log.write_stream(OUT, "stdout", "a\n")
        book.log.append_output(OUT, {"output_type": "display_data", "data": {"text/plain": "x"}})
    with book.log.batch():
        book.log.write_stream(OUT, "stderr", "b\n")
        book.log.update(OUT, {"outputs": [], "msg_id": "captures", "new": 1})
    outputs = [
        stream("a\n"),
        {"output_type": "display_data", "data": {"text/plain": "x"}},
        stream("b\n", "stderr"),
    ]
    stored = {element[3]: element[2] for element in elements(book.doc) if element[0] == "out"}
    assert stored == dict(enumerate(outputs, 1))
    comm = late(book.doc)[OUT]
    assert comm.state == {**OUTPUT_WIDGET, "msg_id": "", "new": 1, "outputs": outputs}
    assert comm.encoded_state["outputs"] == comm.value("outputs") == comm.outputs == outputs
    assert comm.to_py()["outputs"] == comm.to_py()["state"]["outputs"] == outputs
    assert "outputs" in comm.keys()  # noqa: SIM118 - it is no dict
    assert "captures" not in str(list(array(book.doc)))


def test_an_output_widget_without_outputs_has_an_empty_list_and_others_have_no_such_key() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    reader = Reader()
    with log.batch():
        open_comm(log, OUT, **OUTPUT_WIDGET)
        open_comm(log, "other", outputs=[1], msg_id="its own")
    reader.apply(doc.get_update())
    assert reader.comms[OUT].state == {**OUTPUT_WIDGET, "outputs": []}
    assert reader.comms["other"].state == {"outputs": [1], "msg_id": "its own"}
    assert Change("opened", OUT, (*OUTPUT_WIDGET, "outputs")) in reader.take()


def test_another_output_in_the_place_of_one_keeps_its_place() -> None:
    book = Notebook()
    with book.log.batch():
        for n in range(4):
            book.log.append_output(OUT, {"n": n})
    book.told()
    with book.log.batch():
        assert book.log.set_output(OUT, 1, {"n": "other"})
        assert not book.log.set_output(OUT, 2, {"n": 2})
    assert book.told() == (Edit("replaced", 1),)
    assert [output["n"] for output in late(book.doc)[OUT].outputs] == [0, "other", 2, 3]
    assert [element[3] for element in elements(book.doc) if element[0] == "out"] == [1, 3, 4, 2]
    for index in (-1, 4):
        with book.log.batch(), pytest.raises(IndexError):
            book.log.set_output(OUT, index, {})


def test_a_list_keeps_what_is_the_same() -> None:
    book = Notebook()
    first = [{"n": 1}, stream("grows"), {"n": 3}]
    with book.log.batch():
        assert book.log.set_outputs(OUT, first)
    book.told()
    with book.log.batch():
        assert not book.log.set_outputs(OUT, first)
    assert not book.sent.updates
    with book.log.batch():
        assert book.log.set_outputs(OUT, [{"n": 1}, stream("grows and grows")])
    assert book.told() == (Edit("cut", 2), Edit("stream", 1, 0, " and grows"))
    with book.log.batch():
        book.log.set_outputs(
            OUT, [{"n": 1}, stream("grows and grows"), stream("neighbour"), stream("err", "stderr")]
        )
    assert book.told() == (Edit("added", 2), Edit("added", 3))
    with book.log.batch():
        assert book.log.clear_outputs(OUT)
        assert not book.log.clear_outputs(OUT)
    assert book.told() == (Edit("cut", 0),)


def test_numbers_and_bools_that_python_takes_for_the_same_are_not() -> None:
    book = Notebook()
    with book.log.batch():
        book.log.set_outputs(OUT, [{"n": 1}])
    with book.log.batch():
        assert book.log.set_outputs(OUT, [{"n": 1.0}])
    with book.log.batch():
        assert book.log.set_outputs(OUT, [{"n": True}])
    book.told()
    assert late(book.doc)[OUT].outputs[0]["n"] is True


@pytest.mark.scenario("S30")
def test_streams_are_continued_by_their_name_only() -> None:
    book = Notebook()
    book.write("a", "b\n")
    book.write("error\n", name="stderr")
    book.write("c")
    with book.log.batch():
        book.log.append_output(OUT, {"output_type": "stream", "name": "stdout", "text": ["no", "text"]})
        book.log.write_stream(OUT, "stdout", "d")
        book.log.write_stream(OUT, "stdout", "")
        book.log.write_stream(OUT, "stderr", "")
    book.told()
    assert book.texts() == ["ab\n", "error\n", "c", ["no", "text"], "d"]


def test_what_is_set_as_a_raw_text_is_kept_raw_until_it_is_written_on() -> None:
    book = Notebook()
    with book.log.batch():
        book.log.set_outputs(OUT, [stream("line\nraw\rR")])
    assert book.told() == (Edit("added", 0),)
    assert book.texts() == ["line\nraw\rR"]
    book.write("!")
    assert book.texts() == ["line\nR!w"]


def test_a_list_that_is_set_moves_the_cursor_to_its_end() -> None:
    book = Notebook()
    book.write("one\rO")
    with book.log.batch():
        book.log.set_outputs(OUT, [stream("One")])
    book.write("!")
    assert book.texts() == ["One!"]


def test_a_lone_surrogate_is_refused_and_changes_nothing() -> None:
    book = Notebook()
    book.write("a")
    with book.log.batch():
        for write in (
            lambda: book.log.write_stream(OUT, "stdout", "\ud800"),
            lambda: book.log.write_stream(OUT, "\ud800", "x"),
            lambda: book.log.append_output(OUT, {"x": "\ud800"}),
            lambda: book.log.set_outputs(OUT, [{"n": 1}, {"x": "\ud800"}]),
            lambda: book.log.set_output(OUT, 0, {"x": object()}),
        ):
            with pytest.raises(ValueEncodingError):
                write()
    assert not book.sent.updates
    book.write("b")
    assert book.texts() == ["ab"]


def test_blobs_of_outputs_are_counted() -> None:
    book = Notebook()
    one, two = sentinel(b"1", "bytes"), sentinel(b"2", "bytes")
    with book.log.batch():
        book.log.set_outputs(OUT, [{"data": {"x": one}}, {"data": {"x": one}}, {**stream("a"), "x": two}])
    book.write("more\n" * SMALL)
    assert book.log.blob_refs() == {one["$blob"]: 2, two["$blob"]: 1}
    with book.log.batch():
        book.log.set_output(OUT, 0, {"data": {"x": two}})
    assert book.log.blob_refs() == {one["$blob"]: 1, two["$blob"]: 2}
    again = CommsLog(book.doc)
    assert again.blob_refs() == book.log.blob_refs()
    with book.log.batch():
        book.log.clear_outputs(OUT)
    assert book.log.blob_refs() == {}


def test_a_comm_that_reopens_keeps_its_outputs_and_one_that_closes_takes_them_along() -> None:
    book = Notebook()
    book.write("a\n")
    with book.log.batch():
        book.log.write_stream(OUT, "stdout", "b\n")
        open_comm(book.log, OUT, **OUTPUT_WIDGET, more=1)
        book.log.write_stream(OUT, "stdout", "c\n")
    book.reader.apply(*book.sent.updates)
    assert book.texts() == ["a\nb\nc\n"]
    with book.log.batch():
        book.log.write_stream(OUT, "stdout", "never seen\n")
        book.log.close(OUT)
    assert [element[0] for element in elements(book.doc)] == ["k"]
    with book.log.batch():
        assert not book.log.write_stream(OUT, "stdout", "x")
        assert not book.log.append_output(OUT, {})
        assert not book.log.set_outputs(OUT, [{}])
        with pytest.raises(IndexError):
            book.log.set_output(OUT, 0, {})
    with pytest.raises(KeyError):
        book.log.outputs(OUT)


# --- streams -----------------------------------------------------------------------------------------------------


@pytest.mark.scenario("S34")
@pytest.mark.parametrize("width", [20, 60, 100, 1_000])
@pytest.mark.parametrize("per_batch", [1, 7, 100])
def test_lines_cost_twice_their_text_and_an_element(width: int, per_batch: int) -> None:
    book = Notebook()
    lines = [f"{n:>{width - 1}}\n" for n in range(3_000)]
    wire = 0
    for first in range(0, len(lines), per_batch):
        with book.log.batch():
            for line in lines[first : first + per_batch]:
                book.log.write_stream(OUT, "stdout", line)
        wire += sum(map(len, book.sent.updates))
        book.told()
    text = "".join(lines)
    assert book.texts() == [text]
    assert wire < 2.1 * len(text) + 90 * (len(lines) / per_batch)
    assert len(book.doc.get_update()) < 1.2 * len(text) + 1_000
    if width >= 100:
        assert wire < 3 * len(text)
    assert max(map(len, book.chunks())) < max(2 * LARGE, width * per_batch)


@pytest.mark.scenario("S34")
def test_a_bar_that_is_redrawn_is_one_line_and_one_element() -> None:
    book = Notebook()
    largest = 0
    for n in range(2_000):
        edits = book.write(f"\r{n / 20:5.1f}%|{'█' * (n // 50):<40}| {n}/2000", name="stderr")
        assert [edit.what for edit in edits] == ["stream" if n else "added"]
        largest = max(largest, len(book.doc.get_update()))
    assert largest < 2_000
    assert len(book.chunks()) == 1
    [text] = book.texts()
    assert text.endswith("1999/2000")


@pytest.mark.scenario("S34")
def test_a_bar_below_a_long_text_does_not_move_the_text() -> None:
    book = Notebook()
    book.write("a line\n" * 40_000)
    book.write("\r  0%")
    for n in range(1, 500):
        with book.log.batch():
            book.log.write_stream(OUT, "stdout", f"\r{n:3}%")
            if n % 10 == 0:
                book.log.write_stream(OUT, "stdout", f"\rat {n}\n{n:3}%")
        assert sum(map(len, book.sent.updates)) < 3_000 if n > 1 else True
        for edit in book.told():
            assert edit.what == "stream"
            assert len(edit.text) < 30
    [text] = book.texts()
    assert text.startswith("a line\n" * 40_000 + "at 10\n")
    assert text.endswith("\nat 490\n499%")


def test_one_long_line_and_a_text_without_end_are_followed() -> None:
    book = Notebook()
    for _ in range(500):
        book.write("." * 40)
    assert book.texts() == ["." * 20_000]
    book.write("\r!")
    assert book.texts() == ["!" + "." * 19_999]
    book.write("\b")
    assert book.texts() == ["." * 19_998]
    book.write("\nx\b\b\b")
    assert book.texts() == ["." * 19_998 + "\n"]
    with book.log.batch():
        book.log.set_outputs(OUT, [stream("")])
    book.told()
    assert book.texts() == [""]
    book.write("again")
    assert book.texts() == ["again"]


def test_an_output_that_was_never_seen_leaves_nothing() -> None:
    book = Notebook()
    with book.log.batch():
        book.log.write_stream(OUT, "stdout", "a\n" * 100)
        book.log.append_output(OUT, {"n": 1})
        book.log.write_stream(OUT, "stdout", "b\n")
        book.log.clear_outputs(OUT)
        book.log.write_stream(OUT, "stderr", "c")
        book.log.write_stream(OUT, "stderr", "\rd")
    assert len(elements(book.doc)) == 3
    assert book.told() == (Edit("added", 0),)
    assert book.texts() == ["d"]


@pytest.mark.scenario("S45")
def test_a_log_that_goes_on_with_a_document_goes_on_with_its_streams() -> None:
    book = Notebook()
    for n in range(300):
        book.write(f"line {n}, which is as long as lines are\n")
    with book.log.batch():
        book.log.set_output(OUT, 0, {**stream("".join(book.texts())), "metadata": {}})
    book.log.dispose()
    doc: Doc[Any] = Doc()
    doc.apply_update(book.doc.get_update())
    log = CommsLog(doc)
    assert log.outputs(OUT) == book.log.outputs(OUT)
    sent = Transactions(doc)
    with log.batch():
        log.write_stream(OUT, "stdout", "more\n")
    assert sum(map(len, sent.updates)) < SMALL
    for _ in range(300):
        with log.batch():
            log.write_stream(OUT, "stdout", "a line of the new log\n")
    assert sum(map(len, sent.updates)) < 40_000
    assert shown(late(doc)) == written(log)


@pytest.mark.scenario("S51")
def test_chunks_that_somebody_deleted_come_back_in_their_order() -> None:
    book = Notebook()
    book.log.on_foreign = lambda reason: None
    for n in range(12):
        book.write(f"line {n}\n")
    with book.log.batch():
        book.log.append_output(OUT, {"n": 1})
        book.log.write_stream(OUT, "stderr", "e")
    before = book.log.outputs(OUT)
    with book.doc.transaction():
        for index in (10, 7, 4):
            del array(book.doc)[index]
        array(book.doc).insert(3, '["out","out","foreign",1]')
        array(book.doc).append('["out","out",{"n":"foreign"},1]')
    assert late(book.doc)[OUT].outputs != before
    book.log.restore()
    book.reader.apply(*book.sent.updates)
    assert late(book.doc)[OUT].outputs == book.reader.comms[OUT].outputs == before == book.log.outputs(OUT)
    book.sent.updates.clear()
    book.write("f", name="stderr")
    assert book.texts()[-1] == "ef"


# --- readers -----------------------------------------------------------------------------------------------------


def test_a_merge_tells_only_the_text_that_is_new() -> None:
    book = Notebook()
    merged = False
    for n in range(400):
        text = f"line {n}, a text as long as they come in the end\n"
        edits = book.write(text)
        assert edits == ((Edit("added", 0),) if n == 0 else (Edit("stream", 0, 0, text),))
        merged = merged or len(book.chunks()) < n
    assert merged


def test_a_cut_is_told_only_within_the_last_line() -> None:
    book = Notebook()
    book.write("first\nsecond")
    assert book.write("\rSECOND line") == (Edit("stream", 0, 6, "SECOND line"),)
    with book.log.batch():
        book.log.set_output(OUT, 0, stream("first\nthird"))
    assert book.told() == (Edit("stream", 0, 11, "third"),)
    with book.log.batch():
        book.log.set_output(OUT, 0, stream("another\n"))
    assert book.told() == (Edit("replaced", 0),)
    with book.log.batch():
        book.log.set_output(OUT, 0, stream("another\n", "stderr"))
    assert book.told() == (Edit("replaced", 0),)
    with book.log.batch():
        book.log.set_output(OUT, 0, {"n": 1})
    assert book.told() == (Edit("replaced", 0),)


def test_a_text_that_somebody_has_read_does_not_change_and_a_comm_that_is_gone_keeps_its_outputs() -> None:
    book = Notebook()
    book.write("a\n")
    comm = book.reader.comms[OUT]
    encoded, decoded = comm.encoded_outputs, comm.outputs
    book.write("b\n", "\rc")
    assert encoded == decoded == [stream("a\n")]
    assert comm.outputs == [stream("a\nb\nc")]
    with book.log.batch():
        book.log.close(OUT)
        open_comm(book.log, OUT, **OUTPUT_WIDGET)
        book.log.write_stream(OUT, "stdout", "another one\n")
    book.reader.apply(*book.sent.updates)
    assert (comm.closed, comm.outputs) == (True, [stream("a\nb\nc")])
    assert book.reader.comms[OUT].outputs == [stream("another one\n")]


def test_a_map_that_is_made_late_is_told_the_same_from_then_on() -> None:
    book = Notebook()
    book.write("a\n" * 5_000)
    comms = CommsMap(book.doc)
    told: list[Change] = []
    comms.observe(told.extend)
    book.write("b\n")
    assert told == [Change("outputs", OUT, ("outputs",), (Edit("stream", 0, 0, "b\n"),))]
    assert comms[OUT].outputs == [stream("a\n" * 5_000 + "b\n")]


@pytest.mark.parametrize(
    ("one", "other", "length"),
    [("", "", 0), ("a", "", 0), ("abc", "abd", 2), ("abc", "abc", 3), ("ab", "abc", 2), ("x", "abc", 0)],
)
def test_the_common_beginning_of_two_texts(one: str, other: str, length: int) -> None:
    assert common(one, other) == common(other, one) == length
    assert common(one * 1000, one * 1000) == len(one) * 1000
