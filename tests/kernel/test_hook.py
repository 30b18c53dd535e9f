"""The hook notes down what leaves the kernel, in order, and nobody can tell that it is there."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from commdoc.kernel.hook import SendHook
from commdoc.kernel.records import Kind
from tests.kernel.tapped import COMM, EXECUTE, WIDGET_VIEW, Harness


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
    harness.hook.mergeable = {"c": "jupyter.widget"}
    harness.update({"value": 0})
    with harness.hook.telling() as told:
        harness.update({"value": 1})
        thread = threading.Thread(target=lambda: harness.update({"value": 2}))
        thread.start()
        thread.join()
    harness.update({"value": 3})
    assert [content["data"]["state"] for content, _ in told] == [{"value": 1}]


def test_only_the_answer_to_a_question_is_kept_from_the_wire(harness: Harness) -> None:
    harness.hook.mergeable = {"c": "jupyter.widget"}
    harness.update({"value": 0})
    harness.arrived()
    harness.records.clear()
    with harness.hook.probing("c") as answers:
        harness.update({"value": 1})
        harness.comm({"method": "update", "state": {}, "buffer_paths": []}, comm_id="another")
        harness.comm({"method": "custom", "content": 1})
        harness.session.send(harness.socket, "comm_close", {"comm_id": "c"})
        thread = threading.Thread(target=lambda: harness.update({"value": 2}))
        thread.start()
        thread.join()
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
