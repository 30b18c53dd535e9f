"""Without a room, with one that hangs, with one that dies, with errors of our own: the notebook doesn't notice."""

from __future__ import annotations

from typing import Any

import psutil
import pytest

from tests.conftest import until
from tests.kernel.conftest import Loaded
from tests.kernel.mirror import same
from tests.kernel.process import KernelProcess, kernel_process, load, unload
from tests.kernel.room import RecordingRoom, recording_room

pytestmark = [pytest.mark.kernel, pytest.mark.scenario("S48")]

FLOOD = """
for i in range({count}):
    s.value = i; s.send({{'i': i}}, buffers=[bytes([i % 256]) * {size}])
"""


def memory(kernel: KernelProcess) -> float:
    """Return the kernel's memory in MB."""
    return float(psutil.Process(kernel.pid).memory_info().rss / 1e6)


def test_a_room_that_dies_in_a_flood_and_comes_back_is_told_everything(kernel: KernelProcess) -> None:
    with recording_room() as first:
        load(kernel, first.url)
        first.wait_for(lambda: first.of("adopted"))
        kernel.run("s = w.IntSlider(max=10**6); t = w.Text()")
        cell = kernel.start(
            "for i in range(20_000):\n    s.value = i; t.value = str(i)\n    if i == 10_000: u = w.Button()"
        )
        model = "s.model_id"
        first.wait_for(lambda: len(first.of("update")) > 3)
        port = first.port
    assert kernel.wait(cell)["content"]["status"] == "ok"
    with recording_room(port) as second:
        second.wait_for(lambda: second.of("adopted"), timeout=20)
        same(kernel, second)
        assert second.state(kernel.value(model))["value"] == 19_999
        unload(kernel)


def test_a_room_that_stops_reading_costs_no_time_and_bounded_memory(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(max=10**6)")
    kernel.run(FLOOD.format(count=200, size=10_000))
    same(kernel, room)
    room.reading.clear()
    before = memory(kernel)
    kernel.run(
        FLOOD.format(count=10_000, size=20_000), timeout=100
    )  # 200 MB in buffers; it ends: nobody waits
    assert memory(kernel) - before < 150
    assert "waiting" in kernel.text("%commdoc")
    kernel.run("s.value = 123_456")
    room.reading.set()
    same(kernel, room)
    model = kernel.value("s.model_id")
    room.wait_for(lambda: room.of("message", model)[-1]["data"]["content"]["i"] == 9_999)
    numbers = [op["data"]["content"]["i"] for op in room.of("message", model)][200:]
    assert numbers == sorted(numbers)


def test_a_room_that_reads_and_never_answers_is_as_good_as_none(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(max=10**6)")
    same(kernel, room)
    room.acknowledging = False
    batches = len(room.batches)
    kernel.run("for i in range(20_000): s.value = i")
    assert len(room.batches) - batches <= 2
    assert kernel.value("get_ipython().kernel._commdoc_bridge._flush.waiting") < 50
    room.acknowledge()
    same(kernel, room)


def test_loading_with_a_room_that_never_answers_blocks_nobody(
    kernel: KernelProcess, room: RecordingRoom
) -> None:
    kernel.run(
        "import commdoc.kernel.extension as _extension, threading\n"
        "never = threading.Event()\n"
        "_extension._locate = lambda *_: never.wait() and None\n"
        "get_ipython().run_line_magic('load_ext', 'commdoc'); s = w.IntSlider()\n"
        "link = get_ipython().kernel._commdoc_bridge._link"
    )
    before = memory(kernel)
    kernel.run(FLOOD.format(count=8_000, size=20_000), timeout=100)  # 160 MB in buffers
    assert memory(kernel) - before < 120
    assert "looking for the room" in kernel.text("%commdoc")
    unload(kernel)
    assert not kernel.value("link._thread.is_alive()"), "the link has not waited for its search"
    assert kernel.value("any(each.name == 'commdoc-locate' for each in threading.enumerate())")
    kernel.run("never.set()")
    load(kernel, room.url)
    same(kernel, room)
    unload(kernel)


def test_events_from_before_the_room_arrive_in_order_behind_their_comms(kernel: KernelProcess) -> None:
    with recording_room() as room:
        port = room.port
    load(kernel, f"http://127.0.0.1:{port}/commdoc/rooms/r/")
    kernel.run(
        "s = w.IntSlider()\nfor i in range(500): s.send(i)\ngone = w.Text(); gone.send('x'); gone.close()"
    )
    with recording_room(port) as room:
        model = kernel.value("s.model_id")
        room.wait_for(lambda: len(room.of("message", model)) == 500, timeout=20)
        assert [op["data"]["content"] for op in room.of("message")] == list(range(500))
        kinds = [op["op"] for op in room.ops]
        assert kinds.index("adopted") < kinds.index("message")
        unload(kernel)


BREAKAGES = {
    "the hook": "hook_module.freeze_state",
    "the coalescer": "coalescer_module.Coalescer._written",
    "the encoder": "batch_module.encode",
    "the reading": "truth_module.read_state",
    "the link": "link_module.Link.submit",
}


@pytest.mark.parametrize("what", BREAKAGES)
def test_an_error_of_our_own_reaches_nobody_and_is_told_once(what: str) -> None:
    with kernel_process() as kernel, recording_room() as room:
        kernel.run(
            "import ipywidgets as w, logging, time; lines = []\n"
            "handler = logging.Handler(); handler.emit = lambda record: lines.append(record.getMessage())\n"
            "logging.getLogger('commdoc').addHandler(handler)\n"
            + "".join(
                f"import commdoc.kernel.{name} as {name}_module\n"
                for name in ("hook", "coalescer", "batch", "truth", "link")
            )
        )
        load(kernel, room.url)
        room.wait_for(lambda: room.of("adopted"))
        kernel.run("s = w.IntSlider()")
        model = kernel.value("s.model_id")
        same(kernel, room)
        target, _, name = BREAKAGES[what].rpartition(".")
        kernel.run(
            f"original = {target}.{name}\n"
            "def broken(*args, **kwargs): raise RuntimeError('commdoc is broken')\n"
            f"{target}.{name} = broken"
        )
        kernel.run("for i in range(100): s.value = i; s.send({'i': i})")
        kernel.update(model, {"value": 700})
        kernel.update(model, {"value": 5}, username="commdoc")
        assert kernel.value("s.value") == 5
        told = [
            each["data"]
            for each in kernel.comm_messages(model)
            if each["data"].get("method") in ("update", "custom")
        ]
        assert [each["content"]["i"] for each in told if each["method"] == "custom"] == list(range(100))
        assert [each["state"]["value"] for each in told if each["method"] == "update"][:99] == list(
            range(1, 100)
        )
        lines = until(lambda: kernel.value("lines"))
        assert len([line for line in lines if "commdoc is broken" in line]) == 1, lines
        assert "%unload_ext commdoc" in lines[-1]
        kernel.run(f"{target}.{name} = original; s.value = 9")
        room.send({"type": "resync"})
        same(kernel, room)
        unload(kernel)


def test_the_sidecars_missing_dependency_is_told_and_the_notebook_works(kernel: KernelProcess) -> None:
    kernel.run(
        "import commdoc.kernel.extension as _extension, commdoc.kernel.sidecar as _sidecar, sys\n"
        "_extension._locate = lambda file, info: _sidecar.start({'broken': True})\n"
        "_python = sys.executable; sys.executable = '/bin/false'\n"
        "get_ipython().run_line_magic('load_ext', 'commdoc'); s = w.IntSlider()"
    )

    def shown() -> Any:
        text = kernel.text("%commdoc")
        return text if "no room" in text else None

    text = until(shown)
    assert "ended without an answer" in text
    kernel.run("sys.executable = _python; s.value = 4")
    unload(kernel)
