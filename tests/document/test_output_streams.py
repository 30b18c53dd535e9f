"""Streams that grow: what they cost, and that they read the same however they were cut."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc

from commdoc.document import CommsLog, Edit
from commdoc.document.output_log import LARGE, SMALL
from tests.document.books import OUT, Notebook
from tests.document.stories import Transactions, array, elements, late, shown, stream, written


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
    assert len(book.chunks()) < 200


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


@pytest.mark.scenario("S34")
def test_a_bar_that_begins_in_a_large_chunk_leaves_it_once() -> None:
    book = Notebook()
    book.write("a line\n" * 40_000 + "  0%")
    book.write("\r  1%")
    book.sent.updates.clear()
    for n in range(1, 100):
        book.write(f"\rat {n}\n{n:3}%")
        assert len(book.chunks()[0]) == 7 * 40_000
    assert len(book.chunks()) == 100


@pytest.mark.scenario("S34")
def test_lines_that_are_written_above_a_bar_cost_what_lines_cost() -> None:
    book = Notebook()
    wire = captured = 0
    for n in range(2_000):
        text = f"\rline {n}, as long as the lines of a log come in the end, with a time and all\n{n // 20:3}%"
        with book.log.batch():
            book.log.write_stream(OUT, "stdout", text)
        wire, captured = wire + sum(map(len, book.sent.updates)), captured + len(text)
        book.told()
    assert wire < 2.2 * captured + 200 * 2_000
    assert len(book.doc.get_update()) < 1.2 * captured


def test_what_is_remembered_of_a_stream_goes_with_the_next_output() -> None:
    book = Notebook()
    for n in range(5):
        book.write(f"out {n}")
        book.write(f"err {n}", name="stderr")
        with book.log.batch():
            book.log.append_output(OUT, {"n": n})
    entry = book.log.entry(OUT)
    assert entry is not None
    assert [stored.line for stored in entry.outputs._items] == [None] * 15


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
