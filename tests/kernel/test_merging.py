"""Updates of a widget in a row are one record, and nothing is lost or out of order by it."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from commdoc.kernel.inbound import Inbound
from commdoc.kernel.records import Kind
from tests.conftest import until
from tests.kernel.tapped import COMM, EXECUTE, WIDGET_VIEW, Harness


@pytest.fixture
def harness() -> Iterator[Harness]:
    harness = Harness()
    yield harness
    harness.close()
    assert harness.errors == []


def test_updates_of_a_widget_in_a_row_are_one_record(harness: Harness) -> None:
    harness.hook.mergeable = {"c": "jupyter.widget", "d": "jupyter.widget"}
    for value in range(100):
        harness.update({"value": value, "list": [value]}, parent=EXECUTE)
        harness.update({"x": value}, comm_id="d", parent=EXECUTE)
    harness.update({"other": [1]}, parent=EXECUTE)
    assert [(record[1], record[2]) for record in harness.records] == [
        ("c", {"value": 99, "list": [99], "other": [1]}),
        ("d", {"x": 99}),
    ]


def test_what_is_taken_back_at_once_stays_beside_what_takes_it_back(harness: Harness) -> None:
    harness.hook.mergeable = {"c": "jupyter.widget"}
    for command in ("one", "two"):
        harness.update({"step": command, "do": {"what": command}}, parent=EXECUTE)
        harness.update({"do": None}, parent=EXECUTE)
    harness.update({"step": None}, parent=EXECUTE)
    harness.update({"step": "last"}, parent=EXECUTE)
    assert [record[2] for record in harness.records] == [
        {"step": "one", "do": {"what": "one"}},
        {"do": None},
        {"step": "two", "do": {"what": "two"}},
        {"do": None},
        {"step": "last"},
    ]


@pytest.mark.scenario("S24", "S25")
@pytest.mark.parametrize("between", ["message", "close", "view", "stream of a handler", "seal"])
def test_nothing_goes_into_a_record_that_has_a_barrier_behind_it(harness: Harness, between: str) -> None:
    harness.hook.mergeable = {"c": "jupyter.widget"}
    harness.update({"value": 1}, parent=EXECUTE)
    if between == "message":
        harness.comm({"method": "custom"})
    elif between == "close":
        harness.session.send(harness.socket, "comm_close", {"comm_id": "d"})
    elif between == "view":
        harness.whole("display_data", {"data": {WIDGET_VIEW: {"model_id": "w"}}, "metadata": {}}, EXECUTE)
    elif between == "stream of a handler":
        harness.whole("stream", {"name": "stdout", "text": "hi"}, COMM)
    else:
        harness.hook.seal()
    harness.update({"value": 2}, parent=EXECUTE)
    states = [record[2] for record in harness.records if record[0] == Kind.UPDATE]
    assert states == [{"value": 1}, {"value": 2}]


def test_updates_of_another_cause_thread_or_kind_of_comm_are_records_of_their_own(harness: Harness) -> None:
    harness.hook.mergeable = {"c": "jupyter.widget", "raw": "mine"}
    harness.update({"value": 1}, parent=EXECUTE)
    harness.update({"value": 2}, parent=COMM)
    thread = threading.Thread(target=lambda: harness.update({"value": 3}, parent=COMM))
    thread.start()
    thread.join()
    harness.update({"raw": None}, parent=COMM, buffer_paths=[["raw"]], buffers=[b"x"])
    harness.update({"value": 4}, parent=COMM)
    for value in (5, 6):
        harness.update({"value": value}, comm_id="raw")
        harness.update({"value": value}, comm_id="unknown")
    states = [record[2] for record in harness.records]
    assert states[:5] == [{"value": 1}, {"value": 2}, {"value": 3}, {"raw": None}, {"value": 4}]
    assert states[5:] == [{"value": 5}, {"value": 5}, {"value": 6}, {"value": 6}]


@pytest.mark.scenario("S16")
def test_an_update_that_is_written_while_its_record_is_read_is_noted_once_more(harness: Harness) -> None:
    class Read(list):
        """Read by the flush thread while it is copied."""

        def __iter__(self) -> Iterator[Any]:
            harness.hook.seal()
            return super().__iter__()

    harness.hook.mergeable = {"c": "jupyter.widget"}
    harness.update({"value": [1]}, parent=EXECUTE)
    read = harness.records[0][2].copy()
    harness.update({"value": Read([2])}, parent=EXECUTE)
    assert read == {"value": [1]}
    assert [record[2]["value"] for record in harness.records][1:] == [[2]]


@pytest.mark.scenario("S16")
def test_no_update_is_lost_between_one_who_writes_and_one_who_reads(harness: Harness) -> None:
    harness.hook.mergeable = {"c": "jupyter.widget"}
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    harness.hook._put = waiting.put
    read: dict[str, int] = {}
    done = threading.Event()

    def drain() -> None:
        while not done.is_set() or waiting.qsize():
            count = waiting.qsize()
            harness.hook.seal()
            for _ in range(count):
                state = waiting.get()[2].copy()
                assert state["value"] >= read.get("value", 0)
                read.update(state)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    reader = threading.Thread(target=drain)
    reader.start()
    try:
        for turn in range(1, 20_001):
            harness.session.send(
                None, "comm_msg",
                {"comm_id": "c", "data": {"method": "update", "state": {"value": turn}, "buffer_paths": []}},
                EXECUTE,
            )  # fmt: skip
            if turn % 500 == 0:  # at rest, what was read last is what was written last
                until(lambda turn=turn: read.get("value") == turn)  # type: ignore[misc]
    finally:
        done.set()
        reader.join()
        sys.setswitchinterval(interval)


def test_nothing_goes_into_a_record_that_a_reading_is_behind(harness: Harness) -> None:
    class Kernel:
        shell_handlers = dict.fromkeys(("comm_open", "comm_msg", "comm_close"))

    records = harness.records
    harness.hook.mergeable = {"c": "jupyter.widget"}
    inbound = Inbound(Kernel(), harness.hook, records.append, lambda: None, harness.errors.append)
    for value, kind in enumerate((Kind.BEGIN, Kind.TRUTH, Kind.CLOSE)):
        harness.update({"value": value}, parent=EXECUTE)
        inbound._barrier((kind,))
    harness.update({"value": 3}, parent=EXECUTE)
    assert [record[2]["value"] for record in records if record[0] == Kind.UPDATE] == [0, 1, 2, 3]
