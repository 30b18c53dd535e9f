"""What the hook keeps of a value is what it was at that moment, and keeping it never fails."""

from __future__ import annotations

import array
import datetime as dt
import enum
import math
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest

from commdoc.kernel.records import Kind, Refused, freeze, freeze_buffers, freeze_state, parent_id, parent_type

UTC = dt.timezone.utc


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    __slots__ = ()


class Raw(bytes):
    __slots__ = ()


class Broken:
    """Everything that can be asked of it raises."""

    def __iter__(self) -> Any:
        raise RuntimeError("iter")

    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __str__


class LyingClass:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("class")


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (5.0, 5.0),
        (2**70, 2**70),
        ("text", "text"),
        ("\ud800", "\ud800"),
        (b"raw", b"raw"),
        (bytearray(b"raw"), b"raw"),
        (memoryview(b"raw"), b"raw"),
        (memoryview(b"r.a.w.")[::2], b"raw"),
        (memoryview(b""), b""),
        (memoryview(np.arange(4, dtype="u1").reshape(2, 2).T), bytes([0, 2, 1, 3])),
        (Raw(b"raw"), b"raw"),
        (Text("text"), "text"),
        (Colour.RED, 1),
        ((1, (2,)), [1, [2]]),
        (Point(1, [2]), [1, [2]]),
        ([b"a", {"b": bytearray(b"c")}], [b"a", {"b": b"c"}]),
        ({1: {"$blob": 2}}, {1: {"$blob": 2}}),
        (OrderedDict(a=[1]), {"a": [1]}),
        ({"a": (1, b"")}, {"a": [1, b""]}),
        (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (np.float64(1.5), 1.5),
        (np.float32(1.5), 1.5),
        (np.int64(7), 7),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.arange(3), [0, 1, 2]),
        ({1}, [1]),
        (range(3), [0, 1, 2]),
    ],
)
def test_a_value_is_kept_as_plain_jupyter_would_send_it(value: Any, kept: Any) -> None:
    frozen = freeze(value)
    assert frozen == kept
    assert type(frozen) is type(kept)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.0])
def test_floats_that_json_lacks_stay_floats(number: float) -> None:
    assert str(freeze(number)) == str(number)
    assert str(freeze([number, [number]])) == str([number, [number]])
    assert str(freeze(np.float64(number))) == str(number)


def test_changing_the_original_afterwards_does_not_change_what_was_kept() -> None:
    inner: Any = [1, [2]]
    raw = bytearray(b"raw")
    value: Any = {"list": inner, "raw": raw, "scalars": [1, 2], "dict": {"a": 1}}
    frozen = freeze(value)
    inner.append(3)
    inner[1].append(3)
    raw[0] = 0
    value["scalars"].append(3)
    value["dict"]["a"] = 2
    assert frozen == {"list": [1, [2]], "raw": b"raw", "scalars": [1, 2], "dict": {"a": 1}}


@pytest.mark.scenario("S20")
@pytest.mark.parametrize(
    "value",
    [object(), Broken(), 1j, len, [object()], {"a": {"b": object()}}, {1: 2, (3,): object()}],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_kept_is_refused_with_a_reason_and_nothing_is_raised(value: Any) -> None:
    refused = freeze(value)
    assert isinstance(refused, Refused)
    assert refused.reason


def test_an_object_that_lies_about_its_class_is_refused() -> None:
    assert isinstance(freeze({"x": [LyingClass()]}), Refused)


@pytest.mark.scenario("S20")
def test_a_value_that_holds_itself_is_refused_in_no_time() -> None:
    loop: list[Any] = []
    loop += [loop, loop]  # 2 ** 200 ways down for who doesn't stop at the first that is too deep
    knot: dict[str, Any] = {}
    knot.update(a=knot, b=[knot])
    for value in (loop, knot, [1, {"x": loop}]):
        assert isinstance(freeze(value), Refused)


def test_deep_values_are_kept_down_to_the_limit() -> None:
    deep: Any = 1
    for _ in range(199):
        deep = [deep]
    assert freeze(deep) == deep
    assert isinstance(freeze([[[deep]]]), Refused)


def test_an_iterator_is_left_to_the_one_who_sends_it() -> None:
    numbers = iter([1, 2, 3])
    assert isinstance(freeze({"x": numbers}), Refused)
    assert list(numbers) == [1, 2, 3]


def test_a_released_memoryview_is_refused() -> None:
    view = memoryview(b"raw")
    view.release()
    assert isinstance(freeze(view), Refused)


def test_in_a_state_one_refused_value_costs_no_other() -> None:
    frozen = freeze_state({"good": [1], "bad": object(), "raw": bytearray(b"x")})
    assert frozen["good"] == [1]
    assert frozen["raw"] == b"x"
    assert isinstance(frozen["bad"], Refused)


def test_buffers_are_copied_whatever_holds_them() -> None:
    base = bytearray(b"a.b.c.")
    kept = freeze_buffers(
        [b"x", base, memoryview(base)[::2], array.array("B", [1, 2]), np.arange(2, dtype="u1")]
    )
    base[0] = 0
    assert kept == [b"x", b"a.b.c.", b"abc", b"\1\2", b"\0\1"]
    assert freeze_buffers(None) == []
    with pytest.raises(TypeError):
        freeze_buffers([10])  # not ten zero bytes


def test_a_parent_is_a_message_or_nothing() -> None:
    parent = {"header": {"msg_id": "m", "msg_type": "comm_msg"}}
    assert (parent_id(parent), parent_type(parent)) == ("m", "comm_msg")
    nothings: list[Any] = [None, {}, {"header": {}}, {"header": None}]
    for nothing in nothings:
        assert (parent_id(nothing), parent_type(nothing)) == (None, None)


def test_kinds_below_adopt_are_the_coalescers() -> None:
    assert all(kind < Kind.ADOPT for kind in (Kind.UPDATE, Kind.REPLY, Kind.TRUTH))
    assert all(kind >= Kind.ADOPT for kind in (Kind.UP, Kind.DOWN, Kind.READY, Kind.STOP))
