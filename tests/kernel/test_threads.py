"""Updates come from anywhere: threads, subshells, async cells, destructors, forks. None waits, none is lost."""

from __future__ import annotations

import pytest
from ipykernel._version import version_info

from tests.conftest import until
from tests.kernel.conftest import Loaded
from tests.kernel.mirror import same
from tests.kernel.process import KernelProcess, load
from tests.kernel.room import recording_room

pytestmark = [pytest.mark.kernel, pytest.mark.scenario("S16")]


def test_threads_that_write_the_same_and_other_widgets(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run(
        "common = w.IntSlider(max=10**6); own = [w.IntText() for _ in range(4)]\n"
        "def work(n):\n"
        "    for i in range(300):\n"
        "        common.value = 1000 * n + i; own[n].value = i\n"
        "threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]\n"
        "for t in threads: t.start()\n"
        "for i in range(300): common.value = 5000 + i\n"
        "for t in threads: t.join()"
    )
    same(kernel, room)


def test_a_thread_beside_a_busy_cell_is_seen_before_the_cell_ends(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(max=10**6); go = threading.Event()")
    model = kernel.value("s.model_id")
    kernel.run("def later():\n    s.value = 77\nthreading.Timer(0.05, later).start()")
    cell = kernel.start("go.wait(30)")
    room.wait_for(lambda: room.state(model).get("value") == 77)
    kernel.client.session.send(kernel.client.control_channel.socket, "interrupt_request", {})
    kernel.wait(cell)


def test_a_subshell_handles_a_request_while_a_cell_runs(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(value=1); t = w.IntText(); go = threading.Event()")
    kernel.run("s.observe(lambda change: setattr(t, 'value', s.value), 'value')")
    model, follower = kernel.value("s.model_id"), kernel.value("t.model_id")
    subshell = kernel.control("create_subshell_request")["subshell_id"]
    try:
        # A comm's messages run where it was last used: that is how the kernel chooses.
        kernel.wait(_execute(kernel, "s.description = 'seen'", subshell))
        cell = kernel.start("done = go.wait(30)")
        room.wait_for(lambda: room.ops[-1] == {"op": "status", "status": "busy"})
        data = {"method": "update", "state": {"value": 700}, "buffer_paths": []}
        kernel.start_comm(
            "msg", {"comm_id": model, "data": data}, username="commdoc", msg_id="r", subshell_id=subshell
        )
        (settled,) = room.wait_for(lambda: room.of("settled", model), "while the cell runs")
        assert settled["state"] == {"value": 100}
        room.wait_for(lambda: room.state(follower).get("value") == 100)
        _execute(kernel, "go.set()", subshell)
        kernel.wait(cell)
    finally:
        kernel.control("delete_subshell_request", {"subshell_id": subshell})
    kernel.run("s.value = 3")
    same(kernel, room)


def _execute(kernel: KernelProcess, code: str, subshell: str) -> str:
    request = kernel.client.session.msg("execute_request", {"code": code, "silent": False})
    request["header"]["subshell_id"] = subshell
    kernel.client.session.send(kernel.client.shell_channel.socket, request)
    return str(request["header"]["msg_id"])


def test_a_bridge_forgets_a_subshell_when_it_is_told_to(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(); s.comm._reply_subshell_id = 'dead'")
    model = kernel.value("s.model_id")
    room.send({"type": "forget_subshell", "comm_id": model, "request_id": "r"})
    room.wait_for(lambda: room.answers)
    assert room.answers == [{"type": "forgotten", "comm_id": model, "request_id": "r"}]
    assert kernel.value("s.comm._reply_subshell_id") is None


def test_an_async_cell_is_mirrored_between_its_awaits(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("import asyncio; s = w.IntSlider(max=1000); stop = asyncio.Event()")
    model = kernel.value("s.model_id")
    # ipykernel lets a comm message in between the awaits since 7.4; before, it waits for the cell, which has to end.
    steps = 2000 if version_info[:2] >= (7, 4) else 200
    cell = kernel.start(
        f"for i in range(1, {steps}):\n"
        "    s.value = i % 7\n    await asyncio.sleep(0.01)\n    if s.max == 5: break"
    )
    seen = room.wait_for(lambda: {op["state"]["value"] for op in room.of("update", model)} >= {1, 2, 3})
    assert seen
    data = {"method": "update", "state": {"max": 5}, "buffer_paths": []}
    kernel.start_comm("msg", {"comm_id": model, "data": data}, username="commdoc", msg_id="r")
    room.wait_for(lambda: room.of("settled", model), "between the awaits")
    kernel.wait(cell)
    same(kernel, room)


def test_destructors_that_close_and_send_during_collection(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run(
        "ended = []\n"
        "class Knot:\n"
        "    def __init__(self): self.me = self; self.w = w.IntSlider()\n"
        "    def __del__(self):\n"
        "        self.w.value = 7; self.w.send({'bye': 1}); self.w.close()\n"
        "        ended.append(threading.current_thread().name)\n"
        "s = w.IntSlider(max=10**6)\n"
        "gc.collect(); threshold = gc.get_threshold(); gc.set_threshold(5, 2, 2)\n"
        "for i in range(300):\n"
        "    Knot(); s.value = i; s.send({'i': i})\n"
        "gc.set_threshold(*threshold); gc.collect()"
    )
    same(kernel, room)
    model = kernel.value("s.model_id")
    # The collector runs on any thread, ours too; while it runs on one, the others' `collect` does nothing.
    until(lambda: kernel.value("gc.collect() * 0 + len(ended)") == 300)
    room.wait_for(lambda: len(room.of("close")) >= 300)
    messages = [op["data"]["content"] for op in room.of("message", model)]
    assert messages == [{"i": i} for i in range(300)]
    assert len([op for op in room.of("message") if op["data"]["content"] == {"bye": 1}]) == 300


def test_a_forked_child_is_left_alone(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("import os; s = w.IntSlider(value=1)")
    model = kernel.value("s.model_id")
    code = (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    try:\n"
        "        before = get_ipython().kernel._commdoc_bridge._flush._queue.qsize()\n"
        "        for i in range(9): s.value = 50 + i; t = w.IntSlider(); t.close(); s.send({'child': 1})\n"
        "        kept = get_ipython().kernel._commdoc_bridge._flush._queue.qsize() - before\n"
        "        os._exit(kept)\n"
        "    finally:\n"
        "        os._exit(99)\n"
        "ended = os.waitpid(pid, 0)[1]"
    )
    kernel.run(code)
    assert kernel.value("ended") == 0
    kernel.run("s.value = 2")
    room.wait_for(lambda: room.state(model)["value"] == 2)
    assert [op["state"]["value"] for op in room.of("update", model)] == [2]
    assert room.of("message") == []


def test_a_child_of_multiprocessing_is_left_alone(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run(
        "import multiprocessing as mp; s = w.IntSlider(value=1)\n"
        "def work():\n    s.value = 55\n"
        "child = mp.get_context('fork').Process(target=work); child.start(); child.join(20)"
    )
    assert kernel.value("child.exitcode") == 0
    same(kernel, room)
    assert room.of("update") == []


def test_loading_from_two_rooms_in_turn_leaves_no_thread(loaded: Loaded) -> None:
    kernel, _ = loaded
    for _ in range(3):
        kernel.run("%unload_ext commdoc")
        with recording_room() as other:
            load(kernel, other.url)
            other.wait_for(lambda other=other: other.of("adopted"))  # type: ignore[misc]
            kernel.run("%unload_ext commdoc")
    names = kernel.value("[t.name for t in threading.enumerate()]")
    assert not [name for name in names if name.startswith("commdoc")]
