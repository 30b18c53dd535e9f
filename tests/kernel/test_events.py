"""What was set before a message is in the room before it; messages come all, raw, in order."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from tests.conftest import until
from tests.kernel.conftest import Loaded
from tests.kernel.mirror import same
from tests.kernel.process import KernelProcess, load, unload
from tests.kernel.room import RecordingRoom

pytestmark = pytest.mark.kernel


@pytest.mark.scenario("S24")
def test_a_value_is_there_before_the_message_that_follows_it_a_thousand_times(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(max=10**6); t = w.Text()")
    slider, text = kernel.value("s.model_id"), kernel.value("t.model_id")
    kernel.run("for i in range(1000):\n    t.value = str(i); s.value = i; s.send({'i': i})")
    room.wait_for(lambda: len(room.of("message", slider)) == 1000, timeout=30)
    shown: dict[str, Any] = {slider: None, text: None}
    seen = 0
    for op in room.ops:
        if op["op"] == "update" and op["comm_id"] in shown:
            shown[op["comm_id"]] = op["state"]["value"]
        elif op["op"] == "message":
            i = op["data"]["content"]["i"]
            assert (i, shown[slider] or 0, shown[text]) == (seen, seen, str(seen))
            seen += 1
    assert seen == 1000


@pytest.mark.scenario("S24")
def test_a_cell_ends_behind_everything_it_did(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(max=10**6)")
    model = kernel.value("s.model_id")
    for n in range(1, 20):
        kernel.run(f"for i in range(50): s.value = 100 * {n} + i", metadata={"cellId": f"cell-{n}"})
    room.wait_for(lambda: any(op.get("cell_id") == "cell-19" for op in room.of("cell_end")))
    ends = [op["cell_id"] for op in room.of("cell_end") if "cell_id" in op]
    assert ends == [f"cell-{n}" for n in range(1, 20)]
    value = 0
    for op in room.ops:
        if op["op"] == "update" and op["comm_id"] == model:
            value = op["state"]["value"]
        elif op["op"] == "cell_end" and "cell_id" in op:
            assert value == 100 * int(op["cell_id"].removeprefix("cell-")) + 49
            assert op["status"] == "ok"


@pytest.mark.scenario("S25")
def test_a_thousand_messages_with_buffers_come_raw_and_in_order(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(max=10**6); t = w.IntText()")
    slider, text = kernel.value("s.model_id"), kernel.value("t.model_id")
    kernel.run(
        "for i in range(1000):\n"
        "    w_ = (s, t)[i % 2]\n"
        "    w_.send({'i': i}, buffers=[bytes([i % 256]) * (i % 50), b'', bytearray(b'x'), memoryview(b'yz')])\n"
        "    t.value = i"
    )
    room.wait_for(lambda: len(room.of("message")) == 1000, timeout=30)
    for i, op in enumerate(room.of("message")):
        assert op["comm_id"] == (slider, text)[i % 2]
        assert op["data"] == {"method": "custom", "content": {"i": i}}
        assert op["buffers"] == [bytes([i % 256]) * (i % 50), b"", b"x", b"yz"]
    same(kernel, room)


def test_comms_with_a_target_of_their_own_pass_everything_raw(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run(
        "import comm; c = comm.create_comm(target_name='mine', data={'a': [1, {'$x': 2}]}, metadata={'m': 1})\n"
        "c.send([1, 'two', None], buffers=[b'raw']); c.send({'method': 'update', 'state': {'x': 1}})\n"
        "c.send('text'); c.close()"
    )
    kernel_id = kernel.value("c.comm_id")
    room.wait_for(lambda: room.of("close", kernel_id))
    (opened,) = room.of("open", kernel_id)
    assert (opened["target_name"], opened["data"]) == ("mine", {"a": [1, {"$x": 2}]})
    messages = [(op["data"], op["buffers"]) for op in room.of("message", kernel_id)]
    assert messages == [
        ([1, "two", None], [b"raw"]), ({"method": "update", "state": {"x": 1}}, []), ("text", [])
    ]  # fmt: skip


def test_views_are_told_with_their_cell_and_cleared_with_it(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(); out = w.Output(); a = w.Text(); b = w.Text()")
    slider = kernel.value("s.model_id")
    kernel.run("display(s)\nwith out: display(a)\nb", metadata={"cellId": "one"})
    room.wait_for(lambda: len(room.of("view")) == 2)
    assert {op["comm_id"] for op in room.of("view")} == {slider, kernel.value("b.model_id")}
    assert all(op["cell_id"] == "one" and op["execution_count"] for op in room.of("view"))
    kernel.run(
        "from IPython.display import clear_output\ndisplay(s); clear_output(); display(a)",
        metadata={"cellId": "two"},
    )
    room.wait_for(lambda: len(room.of("view")) == 4)
    assert [op["op"] for op in room.ops if op["op"] in ("view", "clear_views")][2:] == [
        "view",
        "clear_views",
        "view",
    ]
    kernel.run("1", metadata={"cellId": "one"})
    room.wait_for(lambda: len(room.of("clear_views")) == 2)


@pytest.mark.scenario("S09", "S25")
def test_messages_on_their_way_when_the_connection_ends_are_said_again_under_their_numbers(
    loaded: Loaded,
) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(max=10**6)")
    slider = kernel.value("s.model_id")
    kernel.run("s.send('first')")
    room.wait_for(lambda: room.of("message", slider))
    (first,) = room.of("message", slider)
    cell = kernel.start(
        "for i in range(300): s.value = i; s.send(i, buffers=[bytes([i % 256])]); time.sleep(0.003)"
    )
    room.wait_for(lambda: len(room.of("message", slider)) > 20)
    room.acknowledging = False
    acknowledged = len(room.of("message", slider))
    room.wait_for(lambda: len(room.of("message", slider)) > acknowledged, "a batch that is not acknowledged")
    room.acknowledging = True
    room.drop()
    kernel.wait(cell)
    room.wait_for(lambda: any(op["data"]["content"] == 299 for op in room.of("message", slider)))
    messages = room.of("message", slider)[1:]
    numbers = [op["number"] - first["number"] - 1 for op in messages]
    assert sorted(set(numbers)) == list(range(300)), "none is lost"
    assert len(numbers) > 300, "those that were not acknowledged are said again"
    again = next(at for at in range(1, len(numbers)) if numbers[at] <= numbers[at - 1])
    assert numbers == [*range(again), *range(numbers[again], 300)], "in order, and only those"
    for number, op in zip(numbers, messages, strict=True):
        assert (op["data"]["content"], op["buffers"]) == (number, [bytes([number % 256])])
    assert room.hellos[0]["key"] == room.hellos[-1]["key"]
    assert len(room.hellos) == 2


def test_the_room_is_told_when_a_message_of_its_own_was_handled_and_what_was_raised(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run(
        "b = w.IntSlider(); t = w.Text()\n"
        "@b.on_msg\n"
        "def heard(widget, content, buffers):\n"
        "    t.value = content\n"
        "    b.send('answer')\n"
        "    if content == 'bad': raise ValueError('no good')\n"
    )
    button = kernel.value("b.model_id")
    for content in ("fine", "bad"):
        data = {"method": "custom", "content": content}
        kernel.comm("msg", {"comm_id": button, "data": data}, msg_id=f"m-{content}", username="commdoc")
    room.wait_for(lambda: len(room.of("handled")) == 2)
    assert room.of("handled") == [
        {"op": "handled", "comm_id": button, "message_id": "m-fine"},
        {"op": "handled", "comm_id": button, "message_id": "m-bad", "error": "ValueError: no good"},
    ]
    kinds = [op["op"] for op in room.ops if op["op"] in ("message", "handled")]
    assert kinds == ["message", "handled"] * 2, "what it did comes first"


CALLBACKS = """
out, button, slider = w.Output(), w.Button(), w.IntSlider()
def plain(*_):
    print("plain"); raise ValueError("from plain")
@out.capture()
def captured(*_):
    print("captured"); raise ValueError("from captured")
def inside(*_):
    print("before")
    with out:
        print("inside"); raise ValueError("from inside")
    print("after")
def listen(callback):
    button._click_handlers.callbacks.clear(); slider.unobserve_all(); slider._msg_callbacks.callbacks.clear()
    button.on_click(callback); slider.observe(callback, "value"); slider.on_msg(callback)
    out.outputs = ()
"""

Shown = list[tuple[str, str]]


def played(kernel: KernelProcess, msg_id: str, out: str) -> tuple[Shown, Shown]:
    """What a front end without commdoc shows of a message's outputs: in the Output that captures, and in its log."""
    captured: Shown = []
    logged: Shown = []
    captures = ""
    for message in kernel.published(msg_id):
        content = message["content"]
        if message["msg_type"] == "comm_msg" and content["comm_id"] == out:
            captures = content["data"].get("state", {}).get("msg_id", captures)
        shown = captured if captures == msg_id else logged
        if message["msg_type"] == "stream":
            shown.append((content["name"], content["text"]))
        elif message["msg_type"] == "error":
            shown.append((content["ename"], content["evalue"]))
    return whole(captured), whole(logged)


def whole(shown: Shown) -> Shown:
    """Put together what was printed: a busy kernel sends a line in parts."""
    found: Shown = []
    for name, text in shown:
        if found and found[-1][0] == name and name in ("stdout", "stderr"):
            found[-1] = name, found[-1][1] + text
        else:
            found.append((name, text))
    return found


def told(kernel: KernelProcess, room: RecordingRoom, msg_id: str) -> tuple[Shown, Shown]:
    """The same with commdoc: what the Output holds, and what windows are told for their logs."""
    captured: Shown = [
        (output["name"], output["text"])
        if output["output_type"] == "stream"
        else (output["ename"], output["evalue"])
        for output in kernel.value("[dict(each) for each in out.outputs]")
    ]
    logged: Shown = []
    for op in room.of("log"):
        if op["cause"] == msg_id:
            error = re.search(r"(\w+Error): (.*)\n$", re.sub(r"\x1b\[[\d;]*m", "", op["text"]))
            logged.append((error[1], error[2]) if error else (op["name"], op["text"]))
    return whole(captured), whole(logged)


def is_told(kernel: KernelProcess, room: RecordingRoom, msg_id: str, logged: Shown) -> bool:
    """Whether windows have been told as much as this for their logs."""
    return len(str(told(kernel, room, msg_id)[1])) >= len(str(logged))


@pytest.mark.scenario("S29", "S35")
def test_what_a_callback_prints_and_raises_is_where_plain_jupyter_shows_it(
    kernel: KernelProcess, room: RecordingRoom
) -> None:
    kernel.run(CALLBACKS)
    out, button, slider = kernel.value("(out.model_id, button.model_id, slider.model_id)")
    number = 0

    def run(way: str) -> str:
        nonlocal number
        number += 1
        if way == "observe":
            return kernel.update(slider, {"value": number})
        content = {"event": "click"} if way == "click" else number
        comm_id = button if way == "click" else slider
        return kernel.comm("msg", {"comm_id": comm_id, "data": {"method": "custom", "content": content}})

    cases = [
        (callback, way) for callback in ("plain", "captured", "inside") for way in ("click", "observe", "msg")
    ]
    control = {}
    for callback, way in cases:
        kernel.run(f"listen({callback})")
        control[callback, way] = played(kernel, run(way), out)
    assert control["inside", "click"] == (
        [("stdout", "inside\n"), ("ValueError", "from inside")],
        [("stdout", "before\nafter\n")],
    )
    load(kernel, room.url)
    same(kernel, room)
    for callback, way in cases:
        kernel.run(f"listen({callback})")
        msg_id = run(way)
        expected = control[callback, way]
        until(partial(is_told, kernel, room, msg_id, expected[1]), what=f"{callback}, {way}")
        assert told(kernel, room, msg_id) == expected, (callback, way)
        assert played(kernel, msg_id, "nothing captures there") == ([], expected[1]), "nowhere twice"
    unload(kernel)
