"""Captured outputs: how they are stored, what a reader is told of them, and what that costs."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc

from commdoc.document import Change, CommsLog, CommsMap, Edit
from commdoc.document.output_log import SMALL, common
from commdoc.errors import ValueEncodingError
from commdoc.protocol.values import sentinel
from tests.document.books import OUT, Notebook
from tests.document.stories import (
    OUTPUT_WIDGET,
    Reader,
    a_log,
    array,
    elements,
    late,
    open_comm,
    stream,
)

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


def test_text_that_is_appended_is_added_to_what_is_there() -> None:
    book = Notebook()
    book.write("a\n")
    comm = book.reader.comms[OUT]
    [before], outputs = comm._outputs, comm._outputs
    book.write("b\n")
    with book.log.batch():
        book.log.append_output(OUT, {"n": 1})
    book.told()
    assert comm._outputs is outputs
    assert comm._outputs[0] is before
    assert before.parts == ["a\n", "b\n"]


def test_what_is_the_same_afterwards_is_not_told() -> None:
    book = Notebook()
    book.log.on_foreign = lambda reason: None
    book.write("a\n")
    book.write("b\n")
    with book.log.batch():
        book.log.append_output(OUT, {"n": 1})
    book.told()
    with book.doc.transaction():
        del array(book.doc)[2:5]
    book.log.restore()
    book.reader.apply_merged(*book.sent.updates)
    assert book.reader.take() == []
    assert book.texts() == ["a\nb\n", None]
    book.sent.updates.clear()
    with book.doc.transaction():
        array(book.doc).append('["out","out","c",1]')
    assert book.told() == (Edit("stream", 0, 0, "c"),)
    assert book.reader.comms[OUT].outputs == book.reader.followed[OUT] == late(book.doc)[OUT].outputs


def test_foreign_writes_are_told_as_what_they_make_of_the_list() -> None:
    book = Notebook()
    book.log.on_foreign = lambda reason: None
    with book.log.batch():
        for n in range(5):
            book.log.append_output(OUT, {"n": n})
    book.told()
    foreign = array(book.doc)
    foreign.append('["out","out","no stream before it",2]')
    assert book.told() == ()
    with book.doc.transaction():
        del foreign[4]  # of ordinal 3
        del foreign[2]
        foreign.append('["out","out",{"n":"other"},5]')
        foreign.append('["out","out",{"n":"another"},1]')
        foreign.append('["out","out",{"n":"beyond"},9]')
    added = [Edit("added", at) for at in (2, 3, 4)]
    assert book.told() == (Edit("cut", 2), Edit("replaced", 0), *added)
    assert book.reader.comms[OUT].outputs == book.reader.followed[OUT] == late(book.doc)[OUT].outputs
    assert [output["n"] for output in book.reader.followed[OUT]] == ["another", 1, 3, "other", "beyond"]
    foreign.append('["out","out",{"n":"late"},7]')
    assert book.told() == (Edit("cut", 4), Edit("added", 4), Edit("added", 5))


def test_nothing_is_left_in_a_reader_of_outputs_that_went() -> None:
    book = Notebook()
    for n in range(20):
        book.write(f"{n}\n")
        with book.log.batch():
            book.log.append_output(OUT, {"n": n})
            if n % 5 == 4:
                book.log.clear_outputs(OUT)
        book.told()
    outputs = book.reader.comms._mirror.parts[OUT].outputs
    assert not outputs
    with book.log.batch():
        book.log.close(OUT)
    book.reader.apply(*book.sent.updates)
    assert book.reader.comms._mirror.parts == {}


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
