"""Somebody else writes into the comms map: it is seen, undone, and the log goes on in step with the array."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from commdoc.document import ROOT, CommsLog
from tests.document.stories import Reader, Transactions, a_log, array, late, open_comm, shown, written


def filled(doc: Doc[Any]) -> CommsLog:
    log = a_log(doc)
    with log.batch():
        for n in range(6):
            open_comm(log, f"c{n}", value=n)
            log.append_output("c3", {"n": n})
        log.set_view("c1", {"msg_id": "m", "cell_id": "c"})
    for n in range(6):
        with log.batch():
            log.update(f"c{n}", {"value": n + 0.5})
    return log


def at(foreign: Array[Any], index: int) -> int:
    """Return an index that the array has, or its end: outside of it, pycrdt panics."""
    return min(index, len(foreign))


def text_at(foreign: Array[Any], index: int) -> str:
    return str(foreign[index]) if index < len(foreign) else "nothing"


def insert(foreign: Array[Any]) -> None:
    foreign.insert(0, '["u","c1",{"value":99}]')
    foreign.insert(at(foreign, 4), "junk")
    foreign.append('["o","new",{"target_name":"t","seq":1,"epoch":"epoch-1","state":{}}]')


def remove(foreign: Array[Any]) -> None:
    for first, end in ((2, 3), (5, 9), (0, 1)):
        if at(foreign, first) < at(foreign, end):
            del foreign[at(foreign, first) : at(foreign, end)]


def copy(foreign: Array[Any]) -> None:
    foreign.insert(0, text_at(foreign, len(foreign) // 2))


def move(foreign: Array[Any]) -> None:
    """Delete an element of the log and write the same text again."""
    middle = len(foreign) // 2
    text = text_at(foreign, middle)
    if len(foreign):
        del foreign[middle]
    foreign.insert(middle, text)


def empty(foreign: Array[Any]) -> None:
    del foreign[0 : len(foreign)]


def nest(foreign: Array[Any]) -> None:
    foreign.insert(at(foreign, 2), Map({"a": Array([1])}))
    foreign.append(Text("not a string"))
    foreign.append(b"bytes")
    foreign.append(None)
    foreign.append(5)


FOREIGN = [insert, remove, copy, move, empty, nest]


@pytest.mark.scenario("S51")
@pytest.mark.parametrize("write", FOREIGN)
@pytest.mark.parametrize("where", ["in the same document", "by another client"])
@pytest.mark.parametrize("mended", ["by restore", "by the next batch"])
def test_a_foreign_write_is_reported_and_undone(
    write: Callable[[Array[Any]], None], where: str, mended: str
) -> None:
    doc: Doc[Any] = Doc()
    log = filled(doc)
    reports: list[str] = []
    log.on_foreign = reports.append
    before = shown(late(doc))
    assert before == written(log)
    reader = Reader([doc.get_update()])
    transactions = Transactions(doc)
    if where == "in the same document":
        with doc.transaction():
            write(array(doc))
    else:
        other: Doc[Any] = Doc()
        other.apply_update(doc.get_update())
        sent = Transactions(other)
        with other.transaction():
            write(other.get(ROOT, type=Array))
        for update in sent.updates:
            doc.apply_update(update)
    assert len(reports) == 1
    assert "somebody else wrote into the comms map" in reports[0]
    if mended == "by restore":
        assert log.restore()
        assert not log.restore()
    else:
        with log.batch():
            log.update("c2", {"value": 2.5})
    reader.apply(*transactions.updates)
    assert shown(reader.comms) == shown(late(doc)) == written(log) == before
    with log.batch():
        for n in range(6):
            log.update(f"c{n}", {"value": -n})
        log.append_output("c3", {"n": "last"})
        log.close("c4")
        log.clear_views("m")
    reader.apply(transactions.updates[-1])
    assert shown(reader.comms) == shown(late(doc)) == written(log) != before
    assert [slot.text for slot in log._index.slots] == list(array(doc))
    assert len(reports) == 1


@pytest.mark.scenario("S51")
def test_outputs_of_which_some_were_deleted_come_back_in_their_order() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    log.on_foreign = lambda reason: None
    with log.batch():
        open_comm(log, "a", value=1)
        for n in range(6):
            log.append_output("a", {"n": n})
    with doc.transaction():
        for index in (7, 5, 3):
            del array(doc)[index]
    log.restore()
    assert [output["n"] for output in late(doc)["a"].outputs] == [0, 1, 2, 3, 4, 5]
    assert shown(late(doc)) == written(log)


@pytest.mark.scenario("S51")
def test_a_restore_that_has_to_wait_is_not_forgotten() -> None:
    doc: Doc[Any] = Doc()
    log = filled(doc)
    log.on_foreign = lambda reason: None
    remove(array(doc))
    with doc.transaction(origin="somebody"), pytest.raises(RuntimeError):
        log.restore()
    with log.batch():
        for n in range(6):
            log.close(f"c{n}")
    assert shown(late(doc)) == written(log)
    assert len(array(doc)) == 1


@pytest.mark.scenario("S51")
def test_a_foreign_write_is_undone_with_the_batch_that_comes_next() -> None:
    doc: Doc[Any] = Doc()
    log = filled(doc)
    log.on_foreign = lambda reason: None
    array(doc).insert(0, '["u","c1",{"value":99}]')
    transactions = Transactions(doc)
    with log.batch():
        log.close("c1")
        open_comm(log, "new", value=1)
    assert len(transactions) == 1
    assert shown(late(doc)) == written(log)
    assert "c1" not in late(doc)


def test_windows_see_of_a_restore_only_what_the_foreign_write_had_changed() -> None:
    doc: Doc[Any] = Doc()
    log = filled(doc)
    log.on_foreign = lambda reason: None
    transactions = Transactions(doc)
    reader = Reader([doc.get_update()])
    move(array(doc))
    array(doc).append('["u","c1",{"value":99}]')
    reader.apply(*transactions.updates)
    reader.take()
    log.restore()
    reader.apply(transactions.updates[-1])
    assert [
        (change.kind, change.comm_id, change.keys) for change in reader.take() if change.kind != "outputs"
    ] == [("updated", "c1", ("value",))]


@pytest.mark.scenario("S51")
@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(FOREIGN), st.integers(0, 2)), min_size=1, max_size=4), st.randoms())
def test_any_foreign_writes_among_our_batches_end_undone(
    writes: list[tuple[Callable[[Array[Any]], None], int]], random: Any
) -> None:
    doc: Doc[Any] = Doc()
    log = filled(doc)
    log.on_foreign = lambda reason: None
    other: Doc[Any] = Doc()
    other.apply_update(doc.get_update())
    for write, batches in writes:
        with other.transaction():
            write(other.get(ROOT, type=Array))
        doc.apply_update(other.get_update(doc.get_state()))
        for _ in range(batches):
            with log.batch():
                log.update(f"c{random.randrange(6)}", {"value": random.random()})
                log.append_output(f"c{random.randrange(6)}", {"n": random.random()})
        if random.random() < 0.5:
            other.apply_update(doc.get_update(other.get_state()))
    log.restore()
    other.apply_update(doc.get_update(other.get_state()))
    assert shown(late(doc)) == shown(late(other)) == written(log)
    assert [slot.text for slot in log._index.slots] == list(array(doc)) == list(array(other))


def test_without_a_callback_a_foreign_write_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    doc: Doc[Any] = Doc()
    log = filled(doc)
    with caplog.at_level(logging.WARNING):
        array(doc).append("junk")
    assert "1 elements inserted, 0 deleted" in caplog.text
    assert log.restore()


def test_a_callback_that_raises_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    doc: Doc[Any] = Doc()
    log = filled(doc)

    def fail(reason: str) -> None:
        raise OSError(reason)

    log.on_foreign = fail
    array(doc).append("junk")
    assert "OSError" in caplog.text
    log.restore()
    assert shown(late(doc)) == written(log)


def test_other_roots_are_nobodys_business() -> None:
    doc: Doc[Any] = Doc()
    log = filled(doc)
    reports: list[str] = []
    log.on_foreign = reports.append
    doc["cells"] = Array([Map({"source": Text("x")})])
    doc["cells"].append("y")
    assert reports == []
    assert not log.restore()


def test_a_disposed_log_no_longer_watches() -> None:
    doc: Doc[Any] = Doc()
    log = filled(doc)
    reports: list[str] = []
    log.on_foreign = reports.append
    log.dispose()
    array(doc).append(json.dumps(["x", "", 1]))
    assert reports == []
