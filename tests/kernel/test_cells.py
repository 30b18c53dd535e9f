"""What executions displayed, ended with and wrote."""

from __future__ import annotations

from typing import Any

import pytest

from commdoc.kernel.cells import MAX_EXECUTIONS, Cells


class Harness:
    def __init__(self) -> None:
        self.ops: list[dict[str, Any]] = []
        self.it = Cells(self.ops.append)

    def take(self) -> list[dict[str, Any]]:
        ops = self.ops[:]
        self.ops.clear()
        return ops

    def run(self, msg_id: str, count: int = 1, cell_id: str | None = None) -> dict[str, Any]:
        parent = {"header": {"msg_id": msg_id, "msg_type": "execute_request"}}
        metadata = {} if cell_id is None else {"cellId": cell_id}
        self.it.status("busy", parent)
        self.it.input({**parent, "metadata": metadata}, count)
        self.take()
        return parent


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_a_view_names_its_execution_and_cell(harness: Harness) -> None:
    parent = harness.run("m", 3, "cell")
    harness.it.view("w", parent)
    assert harness.take() == [
        {"op": "view", "comm_id": "w", "msg_id": "m", "execution_count": 3, "cell_id": "cell"}
    ]


def test_a_cleared_output_takes_its_views_along(harness: Harness) -> None:
    parent = harness.run("m")
    harness.it.view("w", parent)
    harness.it.clear(parent)
    harness.it.clear(parent)
    assert [op["op"] for op in harness.take()] == ["view", "clear_views"]
    harness.it.replay({"w"})
    assert [op["op"] for op in harness.take()] == ["status"]


def test_a_cell_that_runs_again_has_lost_what_it_displayed(harness: Harness) -> None:
    harness.it.view("w", harness.run("m1", 1, "cell"))
    harness.it.view("x", harness.run("m2", 2, "other"))
    harness.take()
    harness.it.input(
        {"header": {"msg_id": "m3", "msg_type": "execute_request"}, "metadata": {"cellId": "cell"}}, 3
    )
    assert harness.take() == [{"op": "clear_views", "msg_id": "m1"}]


def test_a_cell_ends_with_its_status_before_the_kernel_is_idle(harness: Harness) -> None:
    parent = harness.run("m", 5, "cell")
    harness.it.reply(parent, "error")
    harness.it.status("idle", parent)
    assert harness.take() == [
        {"op": "cell_end", "msg_id": "m", "status": "error", "execution_count": 5, "cell_id": "cell"},
        {"op": "status", "status": "idle"},
    ]


def test_a_room_that_comes_later_is_told_the_status_and_the_views_of_live_comms(harness: Harness) -> None:
    harness.it.remember_view("w", 2)
    harness.it.remember_view("gone", 3)
    harness.run("m")
    harness.take()
    harness.it.replay({"w"})
    assert harness.take() == [
        {"op": "status", "status": "busy"},
        {"op": "view", "comm_id": "w", "msg_id": "execution-2", "execution_count": 2},
    ]


def test_a_log_names_its_cause(harness: Harness) -> None:
    harness.it.log("stdout", "hi", {"header": {"msg_id": "r", "msg_type": "comm_msg"}})
    assert harness.take() == [{"op": "log", "name": "stdout", "text": "hi", "cause": "r"}]


def test_outputs_without_a_parent_belong_to_nobody(harness: Harness) -> None:
    harness.it.view("w", None)
    harness.it.clear(None)
    harness.it.input(None, 1)
    harness.it.reply(None, "ok")
    assert harness.take() == []


def test_what_is_remembered_of_executions_is_bounded(harness: Harness) -> None:
    for n in range(10 * MAX_EXECUTIONS):
        harness.it.reply(harness.run(f"m{n}", n), "ok")
    assert len(harness.it._executions) == len(harness.it._ended) == MAX_EXECUTIONS
