"""One order, the last value of each key wins, and a truth is never older than what it replaces."""

from __future__ import annotations

from typing import Any

import pytest

from commdoc.kernel import coalescer as module
from commdoc.kernel.coalescer import Coalescer
from commdoc.kernel.records import Kind

MAIN, OTHER = 1, 2


class Harness:
    """A linked coalescer that knows the widget comms ``a`` and ``b``."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []
        self.reports: list[str] = []
        self.it = Coalescer(lambda comm_id, keys: self.asked.append((comm_id, keys)), self.reports.append)
        self.it.link()
        for comm_id in "ab":
            self.open(comm_id)
        self.it.take()

    def open(self, comm_id: str, target: str = "jupyter.widget", **state: Any) -> None:
        self.it.feed((Kind.OPEN, comm_id, target, {"state": state}, [], None))

    def update(
        self,
        comm_id: str = "a",
        *,
        thread: int = MAIN,
        cause: str | None = None,
        kind: str = "comm_msg",
        **state: Any,
    ) -> None:
        parent = {"header": {"msg_id": cause, "msg_type": kind}} if cause else None
        self.it.feed((Kind.UPDATE, comm_id, state, (), (), parent, thread, None))

    def message(self, comm_id: str = "a", data: Any = None, *buffers: bytes) -> None:
        self.it.feed((Kind.MESSAGE, comm_id, data, list(buffers)))

    def begin(self, token: int, comm_id: str = "a", *keys: str) -> None:
        self.it.feed((Kind.BEGIN, token, comm_id, list(keys), MAIN))

    def truth(
        self, token: int | None, *, request: str | None = None, error: str | None = None, **state: Any
    ) -> None:
        comm_id = "a"
        self.it.feed((Kind.TRUTH, token, comm_id, state, request, error))

    def take(self) -> list[tuple[Any, ...]]:
        return [(op["op"], op.get("comm_id"), op.get("state", op.get("data"))) for op in self.it.take()]


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_a_value_that_is_taken_back_at_once_is_a_command_to_front_ends(harness: Harness) -> None:
    for step in (1, 2):
        harness.update(step=step, do={"what": step, "bytes": b"12"})
        harness.update(do=None)
    harness.update(step=3)
    assert harness.take() == [
        ("update", "a", {"step": 1, "do": None}),
        *commands({"do": {"what": 1}}),
        ("update", "a", {"step": 2, "do": None}),
        *commands({"do": {"what": 2}}),
        ("update", "a", {"step": 3}),
    ]


def commands(state: dict[str, Any]) -> list[tuple[Any, ...]]:
    paths = [[key, "bytes"] for key in state]
    return [
        ("message", "a", {"method": "update", "state": state, "buffer_paths": paths}),
        ("message", "a", {"method": "update", "state": dict.fromkeys(state)}),
    ]


def test_a_command_is_for_who_is_there_and_never_told_later(harness: Harness) -> None:
    harness.it.link(adopting=True)
    harness.update(do={"what": 1})
    harness.update(do=None)
    harness.it.adopted(["a", "b"])
    assert [op for op in harness.take() if op[0] == "message"] == []
    harness.update(do={"what": 2})
    harness.update(do=None)
    harness.message(data={"method": "custom", "content": 5})
    harness.open("raw", target="mine")
    harness.message("raw", data={"method": "update", "state": {}})
    harness.it.unlink()
    harness.it.link(adopting=True)
    harness.it.adopted(["a", "b", "raw"])
    assert [op[1:] for op in harness.take() if op[0] == "message"] == [
        ("a", {"method": "custom", "content": 5}),
        ("raw", {"method": "update", "state": {}}),
    ]


@pytest.mark.parametrize("value", [5, "text", True, 2.5])
def test_a_plain_value_that_is_taken_back_is_merged(harness: Harness, value: Any) -> None:
    harness.update(value=value)
    harness.update(value=None)
    assert harness.take() == [("update", "a", {"value": None})]


# --- merging ---------------------------------------------------------------------------------------------------------


def test_the_last_value_of_each_key_wins(harness: Harness) -> None:
    for value in range(100):
        harness.update(value=value)
        harness.update("b", x=-value)
    harness.update(other=1)
    assert harness.take() == [("update", "a", {"value": 99, "other": 1}), ("update", "b", {"x": -99})]
    assert harness.take() == []


@pytest.mark.scenario("S25")
def test_a_message_is_a_barrier_what_was_set_before_goes_before(harness: Harness) -> None:
    harness.update(value=1)
    harness.message("a", "first", b"raw")
    harness.update(value=2)
    harness.message("b", "second")
    harness.message("b", "second")
    assert harness.take() == [
        ("update", "a", {"value": 1}),
        ("message", "a", "first"),
        ("update", "a", {"value": 2}),
        ("message", "b", "second"),
        ("message", "b", "second"),
    ]


def test_updates_of_different_causes_are_not_merged(harness: Harness) -> None:
    harness.update(value=1, cause="r1")
    harness.update(value=2, cause="r1")
    harness.update(value=3, cause="r2")
    harness.update(value=4)
    harness.update(value=5, cause="cell", kind="execute_request")
    ops = harness.it.take()
    assert [(op["state"]["value"], op.get("cause")) for op in ops] == [(2, "r1"), (3, "r2"), (5, None)]


def test_a_state_that_was_taken_is_not_changed_later(harness: Harness) -> None:
    harness.update(value=1)
    (op,) = harness.it.take()
    harness.update(value=2)
    assert op["state"] == {"value": 1}


def test_buffers_are_put_back_in_place(harness: Harness) -> None:
    state = {"a": {"b": [None, 1]}, "c": {}}
    paths = [["a", "b", 0], ["c", "d"]]
    harness.it.feed((Kind.UPDATE, "a", state, paths, [b"x", b""], None, MAIN, None))
    assert harness.take() == [("update", "a", {"a": {"b": [b"x", 1]}, "c": {"d": b""}})]


def test_buffers_that_belong_nowhere_cost_the_update_and_a_report(harness: Harness) -> None:
    harness.it.feed((Kind.UPDATE, "a", {"x": 1}, [["y", "z"]], [b"x"], None, MAIN, None))
    assert harness.take() == []
    assert "left out" in harness.reports[0]


def test_updates_of_a_comm_with_a_target_of_its_own_are_messages_as_they_were(harness: Harness) -> None:
    harness.it.feed((Kind.OPEN, "c", "mine", {"x": 1}, [], {"m": 1}))
    rest = {"method": "update", "extra": 1}
    harness.it.feed((Kind.UPDATE, "c", {"v": 1}, (), (), None, MAIN, rest))
    harness.it.feed((Kind.UPDATE, "c", {"v": [None]}, [["v", 0]], [b"x"], None, MAIN, None))
    opened, first, second = harness.it.take()
    assert (opened["data"], opened["metadata"]) == ({"x": 1}, {"m": 1})
    assert first["data"] == {"method": "update", "state": {"v": 1}, "extra": 1}
    assert second["data"] == {"method": "update", "state": {"v": [None]}, "buffer_paths": [["v", 0]]}
    assert second["buffers"] == [b"x"]


def test_the_widget_control_channel_is_listed_and_silent(harness: Harness) -> None:
    harness.it.feed((Kind.OPEN, "c", "jupyter.widget.control", {}, [], None))
    harness.message("c", {"method": "update_states"})
    assert [op[0] for op in harness.take()] == ["open"]


# --- life of a comm --------------------------------------------------------------------------------------------------


@pytest.mark.scenario("S21")
def test_updates_after_a_close_are_dropped_and_a_second_close_too(harness: Harness) -> None:
    harness.update(value=1)
    harness.it.feed((Kind.CLOSE, "a"))
    harness.update(value=2)
    harness.truth(None, value=3)
    harness.it.feed((Kind.CLOSE, "a"))
    assert harness.take() == [("update", "a", {"value": 1}), ("close", "a", None)]


@pytest.mark.scenario("S21")
def test_a_comm_that_opens_again_under_its_id_starts_fresh(harness: Harness) -> None:
    harness.update(value=1)
    harness.it.feed((Kind.CLOSE, "a"))
    harness.open("a", value=7)
    harness.update(value=8)
    assert [op[0] for op in harness.take()] == ["update", "close", "open", "update"]


def test_comms_that_nobody_read_yet_have_no_updates(harness: Harness) -> None:
    harness.update("unknown", value=1)
    assert harness.take() == []


# --- rule 2: truths and what was sent meanwhile ----------------------------------------------------------------------


def test_a_truth_comes_behind_what_was_sent_before_it(harness: Harness) -> None:
    harness.update(value=700)
    harness.begin(1, "a", "value")
    harness.truth(1, value=100)
    harness.update(value=5)
    assert harness.take() == [
        ("update", "a", {"value": 700}),
        ("truth", "a", {"value": 100}),
        ("update", "a", {"value": 5}),
    ]
    assert harness.asked == []


def test_a_key_that_was_sent_while_it_was_read_is_not_taken_and_read_again(harness: Harness) -> None:
    harness.begin(1, "a", "value", "max")
    harness.update(value=8)
    harness.truth(1, value=7, max=100)
    assert harness.take() == [("update", "a", {"value": 8}), ("truth", "a", {"max": 100})]
    assert harness.asked == [("a", ["value"])]


def test_what_another_comm_sent_meanwhile_does_not_matter(harness: Harness) -> None:
    harness.begin(1, "a", "value")
    harness.update("b", value=8)
    harness.truth(1, value=7)
    assert ("truth", "a", {"value": 7}) in harness.take()
    assert harness.asked == []


def test_of_two_readings_the_later_one_is_taken(harness: Harness) -> None:
    harness.begin(1, "a", "value")
    harness.begin(2, "a", "value")
    harness.truth(2, value=2)
    harness.truth(1, value=1)
    assert harness.take() == [("truth", "a", {"value": 2})]
    assert harness.asked == []


def test_a_key_sent_during_two_readings_is_read_once_more(harness: Harness) -> None:
    harness.begin(1, "a", "value")
    harness.update(value=5)
    harness.begin(2, "a", "value")
    harness.truth(1, value=4)
    harness.truth(2, value=6)
    assert harness.take() == [("update", "a", {"value": 5}), ("truth", "a", {"value": 6})]
    assert harness.asked == []


def test_a_request_is_settled_also_when_nothing_of_its_truth_is_taken(harness: Harness) -> None:
    harness.begin(1, "a", "value")
    harness.update(value=5)
    harness.truth(1, value=4, request="r", error="no")
    assert harness.it.take()[1] == {
        "op": "settled", "comm_id": "a", "state": {}, "request_id": "r", "error": "no"
    }  # fmt: skip


@pytest.mark.scenario("S16")
def test_two_threads_that_send_a_comm_have_it_read_again_once(harness: Harness) -> None:
    for value in range(1000):
        harness.update(value=value, thread=value % 2 + 1)
    assert harness.asked == [("a", ["value"])]
    harness.begin(1, "a", "value")
    harness.truth(1, value=1)
    harness.update(value=7, thread=OTHER)
    assert harness.asked == [("a", ["value"])] * 2


def test_threads_are_told_apart_over_two_batches(harness: Harness) -> None:
    harness.update(value=1, thread=MAIN)
    harness.take()
    harness.update(value=2, thread=OTHER)
    assert harness.asked == [("a", ["value"])]


def test_a_comm_that_closed_is_asked_for_again_when_it_is_back(harness: Harness) -> None:
    harness.update(value=1, thread=MAIN)
    harness.update(value=2, thread=OTHER)
    harness.it.feed((Kind.CLOSE, "a"))
    harness.open("a")
    harness.update(value=1, thread=MAIN)
    harness.update(value=2, thread=OTHER)
    assert len(harness.asked) > 1


# --- without a room --------------------------------------------------------------------------------------------------


@pytest.mark.scenario("S48")
def test_without_a_room_state_is_dropped_and_messages_wait_behind_the_adopted_comms(harness: Harness) -> None:
    harness.update(value=1)
    harness.message("a", 1)
    harness.it.unlink()
    harness.update(value=2)
    harness.message("b", 2)
    assert len(harness.it) == 2
    harness.it.link(adopting=True)
    harness.it.adopt("a", "jupyter.widget", {"value": 2})
    assert harness.take() == [("open", "a", {"value": 2})]
    harness.message("a", 3)  # the room does not know all comms yet
    harness.it.adopt("b", "jupyter.widget", {})
    harness.it.adopted(["a", "b"])
    kinds = [op for op in harness.take() if op[0] in ("open", "message", "adopted")]
    assert kinds == [
        ("open", "b", {}),
        ("adopted", None, None),
        ("message", "a", 1),
        ("message", "b", 2),
        ("message", "a", 3),
    ]
    assert len(harness.it) == 0


@pytest.mark.scenario("S48")
def test_messages_of_comms_that_are_gone_are_not_kept(harness: Harness) -> None:
    harness.it.unlink()
    harness.message("a", 1)
    harness.it.feed((Kind.CLOSE, "a"))
    harness.it.link(adopting=True)
    harness.it.adopted(["b"])
    assert [op[0] for op in harness.take()] == ["adopted", "status"]


@pytest.mark.scenario("S48")
def test_a_request_that_was_handled_without_a_room_is_settled_later_without_a_value(harness: Harness) -> None:
    harness.truth(None, value=1, request="before")
    harness.it.unlink()
    harness.begin(1, "a", "value")
    harness.truth(1, value=2, request="during")
    harness.it.link(adopting=True)
    harness.it.adopt("a", "jupyter.widget", {"value": 3})
    harness.it.adopted(["a"])
    settled = [op for op in harness.it.take() if op["op"] == "settled"]
    assert [(op["request_id"], op["state"]) for op in settled] == [("before", {}), ("during", {})]


@pytest.mark.scenario("S48")
def test_waiting_messages_are_bounded_in_number(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 10)
    harness.it.unlink()
    for n in range(100):
        harness.message("a", n)
    harness.it.link()
    harness.it.release()
    assert [op[2] for op in harness.take()] == list(range(90, 100))
    assert "oldest are left out" in harness.reports[0]


@pytest.mark.scenario("S48")
@pytest.mark.parametrize("data", [("x" * 100, b""), ("", b"x" * 100), ({"a": ["x" * 100]}, b"")])
def test_waiting_messages_are_bounded_in_size(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, data: tuple[Any, bytes]
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 10_000)
    harness.it.unlink()
    for _ in range(1000):
        harness.message("a", *data)
    assert 0 < len(harness.it) < 100


@pytest.mark.scenario("S48")
def test_a_room_that_takes_nothing_is_noticed_before_memory_is(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 100)
    for value in range(1000):
        harness.update(value=value)
    assert not harness.it.overfull()  # merged: one
    for value in range(40):
        harness.update(value=value)
        harness.message("a", value)
    assert not harness.it.overfull()
    for value in range(20):
        harness.update(value=value)
        harness.message("a", value)
    assert harness.it.overfull()
    harness.it.take()
    assert not harness.it.overfull()


def test_comms_that_are_read_do_not_count_as_too_much(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 100)
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 1000)
    for n in range(1000):
        harness.it.adopt(f"c{n}", "jupyter.widget", {"value": b"x" * 1000})
    assert not harness.it.overfull()


def test_adoption_forgets_comms_that_are_gone(harness: Harness) -> None:
    harness.it.adopted(["b"])
    assert not harness.it.knows("a")
    harness.update("a", value=1)
    assert [op for op in harness.take() if op[0] == "update"] == []
