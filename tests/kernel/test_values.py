"""What is set in a real kernel is what the room reads: structure, types, bytes; and what can't be, costs a line."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kernel.conftest import Loaded
from tests.kernel.mirror import canonical, same

pytestmark = pytest.mark.kernel

ANY_WIDGET = """
import math, datetime as dt, numpy as np, traitlets
class Box(w.DOMWidget):
    v = traitlets.Any().tag(sync=True)
    good = traitlets.Int().tag(sync=True)
raw = bytes(range(256))
box = Box()
"""


@pytest.fixture
def told(loaded: Loaded) -> Any:
    """Set the value by an expression, and return what the room then has: by an update, and by an adoption."""
    kernel, room = loaded
    kernel.run(ANY_WIDGET)
    model = kernel.value("box.model_id")
    marks = iter(range(1, 1000))

    def told(expression: str) -> list[Any]:
        mark = next(marks)
        kernel.run(f"box.v = {expression}\nbox.good = {mark}")
        room.wait_for(lambda: room.state(model).get("good") == mark, expression)
        updated = room.state(model)["v"]
        count = len(room.of("open", model))
        room.send({"type": "resync", "comm_ids": [model]})
        room.wait_for(lambda: len(room.of("open", model)) > count)
        return [updated, room.of("open", model)[-1]["state"]["v"]]

    return told


@pytest.mark.scenario("S18")
@pytest.mark.parametrize(
    ("expression", "structure"),
    [
        ("raw", bytes(range(256))),
        ("b''", b""),
        ("[raw[:2], 1, [raw[:3]]]", [b"\0\1", 1, [b"\0\1\2"]]),
        ("{'a': {'b': raw[:1]}, 'c': 1}", {"a": {"b": b"\0"}, "c": 1}),
        ("{'0': [raw[:1]], 'x': [{'0': b''}]}", {"0": [b"\0"], "x": [{"0": b""}]}),
        ("[[raw[:1], raw[:2]]]", [[b"\0", b"\0\1"]]),
        ("memoryview(raw)[:4]", b"\0\1\2\3"),
        ("memoryview(raw[:3]).toreadonly()", b"\0\1\2"),
        ("bytearray(b'x')", b"x"),
        ("np.arange(3, dtype='u1').data", b"\0\1\2"),
        ("[None, b'', None]", [None, b"", None]),
    ],
)
def test_binary_parts_stay_where_they_were(told: Any, expression: str, structure: Any) -> None:
    for value in told(expression):
        assert canonical(value) == canonical(structure)


@pytest.mark.scenario("S18")
def test_memory_that_is_not_contiguous_is_in_the_room_as_the_kernel_has_it(loaded: Loaded, told: Any) -> None:
    """Plain Jupyter can't send it and says so to the user; the room reads it."""
    kernel, room = loaded
    reply = kernel.wait(kernel.start("box.v = memoryview(raw)[:8:2]"))
    assert reply["content"]["ename"] == "ValueError"
    model = kernel.value("box.model_id")
    room.wait_for(lambda: room.state(model)["v"] == bytes([0, 2, 4, 6]))


@pytest.mark.scenario("S19")
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("5", 5),
        ("5.0", 5.0),
        ("-0.0", -0.0),
        ("True", True),
        ("2**53 + 1", 2**53 + 1),
        ("2**70", 2**70),
        ("[-2**70, 1e308]", [-(2**70), 1e308]),
        ("float('nan')", float("nan")),
        ("[math.inf, -math.inf, {'x': math.nan}]", [float("inf"), -float("inf"), {"x": float("nan")}]),
        ("{'$blob': 1, 'x': {'$num': 'nan'}}", {"$blob": 1, "x": {"$num": "nan"}}),
        ("{1: 'a', 2: {3: 4}}", {"1": "a", "2": {"3": 4}}),
        ("{'': 1, 'a.b/c': 2, 'é😀': 3}", {"": 1, "a.b/c": 2, "é😀": 3}),
        ("(1, (2, [3]))", [1, [2, [3]]]),
        ("'x' * 5_000_000", "x" * 5_000_000),
        ("list(range(100_000))", list(range(100_000))),
        ("dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)", "2026-01-02T00:00:00Z"),
        ("np.float64(1.5)", 1.5),
        ("np.int64(7)", 7),
        ("[np.float32(0.5), np.uint8(3)]", [0.5, 3]),
        ("'😀' * 2000", "😀" * 2000),
    ],
)
def test_values_are_read_back_exact(told: Any, expression: str, value: Any) -> None:
    for read in told(expression):
        assert canonical(read) == canonical(value)


@pytest.mark.scenario("S19", "S20")
@pytest.mark.parametrize(
    "expression", ["object()", "{'x': [object()]}", "1j", "len", "'\\ud800'", "{'\\ud800': 1}"]
)
def test_what_has_no_place_costs_one_line_and_no_other_key(loaded: Loaded, expression: str) -> None:
    kernel, room = loaded
    kernel.run(ANY_WIDGET + "import logging; lines = []\n"
        "handler = logging.Handler(); handler.emit = lambda record: lines.append(record.getMessage())\n"
        "logging.getLogger('commdoc').addHandler(handler)")  # fmt: skip
    model = kernel.value("box.model_id")
    errors = []
    for n in (1, 2, 3):
        code = f"box.v = None\nwith box.hold_sync():\n    box.good = {n}\n    box.v = {expression}"
        errors.append(kernel.wait(kernel.start(code))["content"].get("ename"))
        kernel.run("box._states_to_send.clear()")
        room.wait_for(lambda n=n: room.state(model).get("good") == n)  # type: ignore[misc]
    lines = kernel.value("lines")
    kernel.run("logging.getLogger('commdoc').removeHandler(handler)")
    assert len([line for line in lines if "'v' of comm" in line]) == 1, lines
    # The user sees what plain Jupyter shows.
    plain = [kernel.wait(kernel.start("box.v = None; box.v = " + expression))["content"].get("ename")]
    kernel.run("%unload_ext commdoc")
    plain.append(kernel.wait(kernel.start("box.v = None; box.v = " + expression))["content"].get("ename"))
    assert plain[0] == plain[1] == errors[-1]


@pytest.mark.scenario("S20")
def test_a_getter_that_raises_costs_its_key(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run(
        ANY_WIDGET + "class Sour(Box):\n"
        "    bad = traitlets.Any(1).tag(sync=True, to_json=lambda value, widget: 1 / value)\n"
        "sour = Sour(good=3)\nsour.set_trait\nsour._trait_values['bad'] = 0"
    )
    model = kernel.value("sour.model_id")
    count = len(room.of("open", model))
    room.send({"type": "resync"})
    room.wait_for(lambda: len(room.of("open", model)) > count)
    state = room.of("open", model)[-1]["state"]
    assert state["good"] == 3
    assert "bad" not in state


def test_a_value_that_is_set_again_is_no_operation(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider(value=3); v = w.Dropdown(options=['a', 'b']); t = w.Text(value='x')")
    same(kernel, room)
    kernel.run("for _ in range(100): s.value = 3; v.options = ['a', 'b']; t.value = 'x'")
    before = len(room.of("update"))
    same(kernel, room)
    assert len(room.of("update")) == before
