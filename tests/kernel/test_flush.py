"""The flush thread merges for one frame of a screen, hurries when somebody waits, and never piles up."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import BuiltinMethodType
from typing import Any

import pytest

from commdoc.kernel import coalescer as coalescer_module
from commdoc.kernel.batch import BatchEncoder
from commdoc.kernel.coalescer import Coalescer
from commdoc.kernel.flush import FlushThread
from commdoc.kernel.records import Kind
from commdoc.protocol import frames
from tests.conftest import until


class Harness:
    """A real flush thread; the room is a list, the kernel a dict of comm id to state."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []
        self.comms: dict[str, dict[str, Any]] = {"a": {"value": 0}}
        self.errors: list[BaseException] = []
        self.acknowledging = True
        self.coalescer = Coalescer(lambda *_: None, lambda _: None)
        self.thread = FlushThread(
            self.coalescer, BatchEncoder(), self._submit, self._adopt, self.errors.append
        )
        self.thread.start()

    def _submit(self, frame: bytes) -> None:
        message = frames.decode(frame).message
        self.batches.append(message)
        if self.acknowledging:
            self.thread.applied(message["batch"])

    def _adopt(self, comm_ids: list[str] | None) -> Iterator[None]:
        for comm_id in list(self.comms) if comm_ids is None else comm_ids:
            self.coalescer.adopt(comm_id, "jupyter.widget", dict(self.comms[comm_id]))
            yield
        if comm_ids is None:
            self.coalescer.adopted(list(self.comms))
        yield

    def up(self) -> None:
        self.thread.put((Kind.UP,))
        until(lambda: [op for op in self.ops() if op["op"] == "adopted"])

    def ops(self) -> list[dict[str, Any]]:
        return [op for batch in list(self.batches) for op in batch["ops"]]

    def update(self, value: Any, comm_id: str = "a") -> None:
        self.comms[comm_id]["value"] = value
        self.thread.put((Kind.UPDATE, comm_id, {"value": value}, (), (), None, threading.get_ident(), None))

    def message(self, data: Any) -> None:
        self.thread.put((Kind.MESSAGE, "a", data, []))
        self.thread.urge()


@pytest.fixture
def harness() -> Iterator[Harness]:
    harness = Harness()
    yield harness
    harness.thread.stop()
    assert harness.errors == []


def test_updates_of_one_window_are_one_batch(harness: Harness) -> None:
    harness.up()
    before = len(harness.batches)
    for value in range(1, 1001):
        harness.update(value)
    until(lambda: harness.ops()[-1].get("state") == {"value": 1000})
    assert len(harness.batches) - before <= 4  # the thousand take a few ms


def test_an_urgent_record_ends_the_window_early(harness: Harness) -> None:
    harness.up()
    harness.thread.window_seconds = 60.0
    harness.message("now")
    until(lambda: harness.ops()[-1].get("data") == "now", timeout=5)


def test_it_sleeps_while_nothing_happens(harness: Harness) -> None:
    harness.up()
    until(lambda: harness.thread.waiting == 0)
    native = harness.thread._thread.native_id
    status = f"/proc/self/task/{native}/status"
    switches = _switches(status)
    time.sleep(0.3)  # the one thing to wait for is that nothing happens
    assert _switches(status) - switches <= 1


def _switches(path: str) -> int:
    with Path(path).open() as file:
        return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)


@pytest.mark.scenario("S48")
def test_while_the_room_does_not_answer_updates_merge_here(harness: Harness) -> None:
    harness.up()
    harness.acknowledging = False
    for value in range(100):
        harness.update(value)
        until(lambda: harness.thread._queue.qsize() == 0)
    assert harness.thread.unapplied <= 2
    assert len(harness.coalescer) == 1
    harness.thread.applied(harness.batches[-1]["batch"])
    until(lambda: harness.ops()[-1].get("state") == {"value": 99})


@pytest.mark.scenario("S48")
def test_a_room_that_hangs_costs_bounded_memory_and_is_told_everything_later(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescer_module, "MAX_WAITING", 100)
    harness.up()
    harness.acknowledging = False
    most = 0
    for value in range(2_000):
        harness.update(value)
        harness.message(value)
        if value % 20 == 0:
            until(lambda: harness.thread._queue.qsize() == 0)
            most = max(most, len(harness.coalescer))
    assert most < 400
    harness.acknowledging = True
    harness.thread.applied(harness.batches[-1]["batch"])
    until(lambda: harness.ops()[-1].get("data") == 1_999)
    states = [op["state"] for op in harness.ops() if op["op"] in ("open", "update")]
    assert states[-1] == {"value": 1_999}
    told = [op["data"] for op in harness.ops() if op["op"] == "message"]
    assert told == sorted(told)
    assert len(told) >= 100


def test_without_a_room_nothing_is_submitted_and_a_late_one_is_told_all(harness: Harness) -> None:
    harness.update(1)
    harness.message("early")
    until(lambda: harness.thread.waiting == 0 or len(harness.coalescer) == 1)
    assert harness.batches == []
    harness.up()
    until(lambda: harness.ops()[-1].get("data") == "early")
    assert harness.ops()[0]["state"] == {"value": 1}


@pytest.mark.scenario("S48")
def test_a_room_that_returns_is_told_what_changed_meanwhile(harness: Harness) -> None:
    harness.up()
    harness.thread.put((Kind.DOWN,))
    harness.update(5)
    until(lambda: harness.thread.waiting == 0)
    harness.batches.clear()
    harness.up()
    assert harness.ops()[0] == {
        "op": "open", "comm_id": "a", "target_name": "jupyter.widget", "state": {"value": 5}
    }  # fmt: skip


def test_a_comm_that_the_room_misses_is_read_again_with_its_blobs(harness: Harness) -> None:
    harness.comms["a"]["value"] = b"raw"
    harness.up()
    harness.batches.clear()
    harness.thread.put((Kind.ADOPT, ["a"]))
    until(harness.ops)
    assert [op["op"] for op in harness.ops()] == ["open"]
    assert len(harness.batches[0]["blobs"]) == 1


@pytest.mark.scenario("S48")
@pytest.mark.parametrize(
    "record", [(Kind.UPDATE,), (Kind.MESSAGE, "a"), (99,), ("x",), (Kind.OPEN, [], 1, 1, 1, 1)]
)
def test_a_record_that_is_wrong_ends_nothing(harness: Harness, record: Any) -> None:
    harness.up()
    harness.thread.put(record)
    harness.update(7)
    until(lambda: harness.ops()[-1].get("state") == {"value": 7})
    harness.errors.clear()


@pytest.mark.scenario("S48")
def test_an_adoption_that_fails_keeps_no_message_back(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(comm_ids: Any) -> Iterator[None]:
        yield from _raise(RuntimeError("no"))

    harness.up()
    harness.thread.put((Kind.DOWN,))
    harness.thread._adopt = fail
    harness.thread.put((Kind.UP,))
    harness.message("still")
    until(lambda: harness.ops()[-1].get("data") == "still")
    assert [str(error) for error in harness.errors] == ["no"]
    harness.errors.clear()


def test_stopping_hands_over_what_waits(harness: Harness) -> None:
    harness.up()
    harness.update(9)
    harness.message("last")
    harness.thread.stop()
    assert [op.get("data") or op.get("state") for op in harness.ops()[-2:]] == [{"value": 9}, "last"]
    assert not harness.thread._thread.is_alive()


@pytest.mark.scenario("S16")
def test_a_destructor_may_put_while_the_same_thread_puts(harness: Harness) -> None:
    class Knot:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            harness.thread.put((Kind.CLOSE, "gone", False))

    def work() -> None:
        threshold = gc.get_threshold()
        gc.set_threshold(1, 1, 1)
        try:
            for _ in range(3_000):
                Knot()
                harness.thread.put((Kind.CLOSE, "gone", False))
        finally:
            gc.set_threshold(*threshold)

    assert isinstance(
        harness.thread.put, BuiltinMethodType
    )  # nothing runs inside of it, unlike in queue.Queue
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(20)
    assert not worker.is_alive(), "a deadlock"


def test_urging_from_many_threads_at_once_is_no_error(harness: Harness) -> None:
    def hurry() -> None:
        for _ in range(2_000):
            harness.thread.urge()

    threads = [threading.Thread(target=hurry) for _ in range(4)]
    run_all(threads, threading.Thread.start)
    run_all(threads, threading.Thread.join)


def _raise(error: Exception) -> list[None]:
    raise error


def run_all(threads: list[threading.Thread], what: Callable[[threading.Thread], None]) -> None:
    for thread in threads:
        what(thread)
