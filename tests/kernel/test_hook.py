"""The hook notes down what leaves the kernel, in order, and nobody can tell that it is there."""

from __future__ import annotations

import gc
import queue
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from commdoc.kernel.hook import SendHook
from commdoc.kernel.records import Kind
from tests.conftest import until

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
EXECUTE = {
    "header": {"msg_id": "m", "msg_type": "execute_request"},
    "metadata": {},
    "content": {},
    "parent_header": {},
}
COMM = {"header": {"msg_id": "r", "msg_type": "comm_msg"}, "metadata": {}, "content": {}, "parent_header": {}}


class Harness:
    """A real session on a real socket, with the hook installed."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.PAIR)
        self.far = self.context.socket(zmq.PAIR)
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.far.connect(f"tcp://127.0.0.1:{port}")
        self.session = Session(key=b"secret")
        self.records: list[tuple[Any, ...]] = []
        self.urged = 0
        self.errors: list[BaseException] = []
        self.hook = SendHook(self.session, self.records.append, self._urge, self.errors.append)
        self.hook.install()

    def _urge(self) -> None:
        self.urged += 1

    def update(self, state: dict[str, Any], **more: Any) -> None:
        paths = more.pop("buffer_paths", [])
        self.comm({"method": "update", "state": state, "buffer_paths": paths}, **more)

    def comm(self, data: Any, comm_id: str = "c", **more: Any) -> None:
        self.session.send(self.socket, "comm_msg", {"comm_id": comm_id, "data": data}, **more)

    def whole(self, msg_type: str, content: dict[str, Any], parent: dict[str, Any]) -> None:
        """Send as the kernel's display machinery does: a whole message that has its parent's header."""
        self.session.send(self.socket, self.session.msg(msg_type, content, parent=parent["header"]))

    def arrived(self) -> dict[str, Any]:
        assert self.far.poll(5000)
        message: Any = self.session.recv(self.far)[1]
        return message

    def close(self) -> None:
        self.socket.close(0)
        self.far.close(0)
        self.context.term()


@pytest.fixture
def harness() -> Iterator[Harness]:
    harness = Harness()
    yield harness
    harness.close()
    assert harness.errors == []


def test_an_update_is_noted_with_its_state_as_it_was_then(harness: Harness) -> None:
    value = [1, [2]]
    harness.update({"value": value, "x": 1}, parent=COMM)
    value.append(3)
    (record,) = harness.records
    assert record[:5] == (Kind.UPDATE, "c", {"value": [1, [2]], "x": 1}, (), ())
    assert record[5]["header"]["msg_id"] == "r"
    assert record[6:] == (threading.get_ident(), None)
    assert harness.urged == 0
    assert harness.arrived()["content"]["data"]["state"] == {"value": [1, [2]], "x": 1}


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
            harness.hook._comm_msg(
                {"comm_id": "c", "data": {"method": "update", "state": {"value": turn}, "buffer_paths": []}},
                None, EXECUTE,
            )  # fmt: skip
            if turn % 500 == 0:  # at rest, what was read last is what was written last
                until(lambda turn=turn: read.get("value") == turn)  # type: ignore[misc]
    finally:
        done.set()
        reader.join()
        sys.setswitchinterval(interval)


def test_messages_and_buffers_are_noted_raw_and_at_once(harness: Harness) -> None:
    raw = bytearray(b"raw")
    harness.comm({"method": "custom", "content": {"x": 1}}, buffers=[raw, memoryview(b"v")])
    raw[0] = 0
    assert harness.records == [(Kind.MESSAGE, "c", {"method": "custom", "content": {"x": 1}}, [b"raw", b"v"])]
    assert harness.urged == 1


@pytest.mark.parametrize(
    "data", ["text", None, [1], 5, {"method": "update"}, {"method": "update", "state": [1]}, {}]
)
@pytest.mark.parametrize("after_an_update", [True, False])
def test_any_data_of_a_comm_message_passes(harness: Harness, data: Any, after_an_update: bool) -> None:
    if after_an_update:
        harness.hook.mergeable = {"c": "jupyter.widget"}
        harness.update({"value": 1})
        harness.arrived()
        harness.records.clear()
    harness.comm(data)
    assert harness.records == [(Kind.MESSAGE, "c", data, [])]
    assert harness.arrived()["content"]["data"] == data


def test_echoes_are_not_noted(harness: Harness) -> None:
    harness.comm({"method": "echo_update", "state": {"value": 700}, "buffer_paths": []})
    assert harness.records == []
    assert harness.arrived()["content"]["data"]["method"] == "echo_update"


def test_what_an_update_has_beside_its_state_is_kept(harness: Harness) -> None:
    harness.comm({"method": "update", "state": {"a": 1}, "more": [1]})
    assert harness.records[0][7] == {"method": "update", "more": [1]}


def test_opens_and_closes_are_noted(harness: Harness) -> None:
    data = {"state": {"a": [None], "bad": object}, "buffer_paths": [["a", 0]]}
    with pytest.raises(Exception, match="JSON"):
        harness.session.send(
            harness.socket,
            "comm_open",
            {"comm_id": "c", "target_name": "t", "data": data},
            buffers=[b"x"],
            metadata={"version": "2"},
        )
    harness.session.send(harness.socket, "comm_close", {"comm_id": "c", "data": {}})
    opened, closed = harness.records
    assert opened[:3] == (Kind.OPEN, "c", "t")
    assert opened[3]["state"]["a"] == [None]  # "bad" costs no other
    assert opened[4:] == ([b"x"], {"version": "2"})
    assert closed == (Kind.CLOSE, "c")


@pytest.mark.scenario("S20")
def test_what_plain_jupyter_refuses_it_refuses_as_before(harness: Harness) -> None:
    with pytest.raises(Exception, match="JSON"):
        harness.update({"value": object()})
    with pytest.raises(ValueError, match="contiguous"):
        harness.comm({}, buffers=[memoryview(b"abcd")[::2]])
    harness.update({"value": 1})
    assert harness.arrived()["content"]["data"]["state"] == {"value": 1}


@pytest.mark.scenario("S48")
def test_an_error_of_its_own_reaches_nobody_but_the_report(harness: Harness) -> None:
    def fail(record: Any) -> None:
        raise RuntimeError("commdoc is broken")

    harness.hook._put = fail
    harness.update({"value": 1})
    harness.session.send(harness.socket, "comm_close", {"no": "comm_id"})
    assert harness.arrived()["content"]["data"]["state"] == {"value": 1}
    assert harness.arrived()["content"] == {"no": "comm_id"}
    assert [type(error) for error in harness.errors] == [RuntimeError, KeyError]
    harness.errors.clear()


def test_views_clears_and_logs_know_their_parent(harness: Harness) -> None:
    view = {"data": {WIDGET_VIEW: {"model_id": "w"}, "text/plain": ""}, "metadata": {}}
    harness.whole("display_data", view, EXECUTE)
    harness.whole("execute_result", {**view, "execution_count": 1}, EXECUTE)
    harness.whole("clear_output", {"wait": False}, EXECUTE)
    harness.whole("stream", {"name": "stdout", "text": "hi"}, COMM)
    harness.whole("stream", {"name": "stdout", "text": "a cell's own"}, EXECUTE)
    found = [(record[0], record[-1]["header"]["msg_id"]) for record in harness.records]
    assert found == [(Kind.VIEW, "m"), (Kind.VIEW, "m"), (Kind.CLEAR, "m"), (Kind.LOG, "r")]


@pytest.mark.scenario("S29")
def test_a_traceback_of_a_handler_is_a_log_also_when_only_the_parents_header_is_given(
    harness: Harness,
) -> None:
    content = {"ename": "E", "evalue": "v", "traceback": ["line 1", "line 2"]}
    harness.session.send(harness.socket, "error", content, COMM["header"])
    harness.session.send(harness.socket, "error", content, EXECUTE["header"])
    assert [record[:3] for record in harness.records] == [(Kind.LOG, "stderr", "line 1\nline 2\n")]
    assert harness.records[0][3]["header"]["msg_id"] == "r"


def test_a_clear_that_waits_clears_with_the_next_output(harness: Harness) -> None:
    harness.whole("clear_output", {"wait": True}, EXECUTE)
    assert harness.records == []
    harness.whole("stream", {"name": "stdout", "text": "x"}, EXECUTE)
    harness.whole("stream", {"name": "stdout", "text": "x"}, EXECUTE)
    assert [record[0] for record in harness.records] == [Kind.CLEAR]


def test_a_clear_that_waits_for_nothing_clears_nothing(harness: Harness) -> None:
    harness.whole("clear_output", {"wait": True}, EXECUTE)
    harness.session.send(harness.socket, "status", {"execution_state": "idle"}, EXECUTE)
    harness.whole("stream", {"name": "stdout", "text": "x"}, EXECUTE)
    assert [record[0] for record in harness.records] == [Kind.STATUS]


def test_the_status_that_comm_messages_cause_is_not_noted(harness: Harness) -> None:
    harness.session.send(harness.socket, "status", {"execution_state": "busy"}, COMM)
    harness.session.send(harness.socket, "status", {"execution_state": "busy"}, EXECUTE)
    harness.session.send(harness.socket, "execute_input", {"code": "1", "execution_count": 4}, EXECUTE)
    harness.session.send(harness.socket, "execute_reply", {"status": "ok"}, EXECUTE)
    assert [record[0] for record in harness.records] == [Kind.STATUS, Kind.INPUT, Kind.REPLY]


def test_what_is_told_while_a_thread_handles_a_message_is_collected_for_that_thread_only(
    harness: Harness,
) -> None:
    told = harness.hook.told[threading.get_ident()] = []
    harness.update({"value": 1})
    thread = threading.Thread(target=lambda: harness.update({"value": 2}))
    thread.start()
    thread.join()
    del harness.hook.told[threading.get_ident()]
    harness.update({"value": 3})
    assert [content["data"]["state"] for content, _ in told] == [{"value": 1}]


def test_only_the_answer_to_a_question_is_kept_from_the_wire(harness: Harness) -> None:
    answers: list[Any] = []
    harness.hook.mergeable = {"c": "jupyter.widget"}
    harness.update({"value": 0})
    harness.arrived()
    harness.records.clear()
    harness.hook.probing[threading.get_ident()] = ("c", answers)
    harness.update({"value": 1})
    harness.comm({"method": "update", "state": {}, "buffer_paths": []}, comm_id="another")
    harness.comm({"method": "custom", "content": 1})
    harness.session.send(harness.socket, "comm_close", {"comm_id": "c"})
    thread = threading.Thread(target=lambda: harness.update({"value": 2}))
    thread.start()
    thread.join()
    del harness.hook.probing[threading.get_ident()]
    assert [content["data"]["state"] for content, _ in answers] == [{"value": 1}]
    assert [harness.arrived()["content"]["comm_id"] for _ in range(4)] == ["another", "c", "c", "c"]
    assert [record[0] for record in harness.records] == [Kind.UPDATE, Kind.MESSAGE, Kind.CLOSE, Kind.UPDATE]


def test_after_removal_the_session_is_as_it_was(harness: Harness) -> None:
    assert "send" in vars(harness.session)
    harness.hook.remove()
    assert "send" not in vars(harness.session)
    harness.update({"value": 1})
    assert harness.records == []


@pytest.mark.scenario("S41")
def test_one_who_wrapped_the_session_before_gets_his_wrapper_back(harness: Harness) -> None:
    harness.hook.remove()
    seen: list[str] = []
    original = harness.session.send

    def theirs(*args: Any, **kwargs: Any) -> Any:
        seen.append(args[1])
        return original(*args, **kwargs)

    harness.session.send = theirs  # type: ignore[method-assign]
    hook = SendHook(harness.session, harness.records.append, lambda: None, harness.errors.append)
    hook.install()
    harness.update({"value": 1})
    assert (len(seen), len(harness.records)) == (1, 1)
    hook.remove()
    assert harness.session.send is theirs


@pytest.mark.scenario("S41")
def test_under_the_wrapper_of_another_it_stays_and_does_nothing(harness: Harness) -> None:
    ours = harness.session.send

    def theirs(*args: Any, **kwargs: Any) -> Any:
        return ours(*args, **kwargs)

    harness.session.send = theirs  # type: ignore[method-assign]
    harness.hook.remove()
    harness.update({"value": 1})
    assert harness.records == []
    assert harness.arrived()["content"]["data"]["state"] == {"value": 1}


@pytest.mark.scenario("S16")
def test_a_destructor_that_sends_inside_the_hook_does_not_deadlock(harness: Harness) -> None:
    class Closing:
        def __init__(self) -> None:
            self.me = self  # a cycle: only the collector finds it

        def __del__(self) -> None:
            harness.session.send(harness.socket, "comm_close", {"comm_id": "dead"})
            harness.comm({"method": "custom"}, comm_id="dead")

    def put(record: Any) -> None:
        Closing()
        gc.collect()
        harness.records.append(record)

    harness.hook._put = lambda record: (put if record[1] != "dead" else harness.records.append)(record)
    harness.update({"value": 1})
    assert [(record[0], record[1]) for record in harness.records] == [
        (Kind.CLOSE, "dead"),
        (Kind.MESSAGE, "dead"),
        (Kind.UPDATE, "c"),
    ]
