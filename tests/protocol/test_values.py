"""The value encoding: what was set is what a Python window reads."""

from __future__ import annotations

import enum
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from commdoc.errors import ValueEncodingError
from commdoc.protocol.values import (
    BLOB_THRESHOLD,
    MAX_DEPTH,
    blob_sentinels,
    decode,
    dumps,
    encode,
    encode_buffers,
    encode_state,
    map_buffers,
    sentinel,
)
from tests.protocol import strategies as some
from tests.protocol.strategies import Store, exactly, plain


def through_document(value: object) -> Any:
    """Write a value as JSON text, as the document has it, and read that."""
    store = Store()
    return decode(json.loads(dumps(encode(value, store.put))), store.get)


def through_wire(value: object) -> Any:
    buffers: list[bytes] = []
    return decode(json.loads(dumps(encode_buffers(value, buffers))), buffers=buffers)


@pytest.mark.scenario("S19")
@pytest.mark.acceptance("A5")
@given(some.values)
def test_any_value_comes_back_exactly_from_the_document(value: object) -> None:
    assert exactly(through_document(value)) == exactly(plain(value))


@pytest.mark.acceptance("A5")
@given(some.values)
def test_any_value_comes_back_exactly_from_the_wire(value: object) -> None:
    assert exactly(through_wire(value)) == exactly(plain(value))


@given(some.values)
def test_binary_and_long_values_leave_the_document_and_nothing_else_does(value: object) -> None:
    store = Store()
    encoded = encode(value, store.put)
    named = list(blob_sentinels(encoded))
    assert {item["$blob"] for item in named} == store.content.keys()
    assert all(len(store.content[item["$blob"]]) == item["size"] for item in named)
    assert all(len(text.encode()) <= BLOB_THRESHOLD for text in _inline_texts(encoded))
    if not named:
        assert len(dumps(encoded).encode()) <= BLOB_THRESHOLD


def _inline_texts(encoded: Any) -> list[str]:
    """Return the texts of the largest parts that name no blob."""
    if next(blob_sentinels(encoded), None) is None:
        return [dumps(encoded)]
    if isinstance(encoded, list):
        return [text for item in encoded for text in _inline_texts(item)]
    inner = encoded.get("$dict", encoded)
    return [] if "$blob" in encoded else [text for item in inner.values() for text in _inline_texts(item)]


@given(some.json_values)
def test_what_was_decoded_encodes_to_the_same_text(value: object) -> None:
    store = Store()
    text = dumps(encode(value, store.put))
    assert dumps(encode(decode(json.loads(text), store.get), store.put)) == text


@pytest.mark.scenario("S19")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (5.0, "5.0"),
        (-0.0, "-0.0"),
        (True, "true"),
        (2**53, "9007199254740992"),
        (2**53 + 1, '{"$num":"9007199254740993"}'),
        (-(2**70), '{"$num":"-1180591620717411303424"}'),
        (math.nan, '{"$num":"nan"}'),
        ([math.inf, -math.inf], '[{"$num":"inf"},{"$num":"-inf"}]'),
        ({"$blob": 1}, '{"$dict":{"$blob":1}}'),
        ({"$dict": {"$x": {}}}, '{"$dict":{"$dict":{"$dict":{"$x":{}}}}}'),
        ({7: "a", None: "b", True: "c", 2.5: "d"}, '{"7":"a","null":"b","true":"c","2.5":"d"}'),
        ((1, (2,)), "[1,[2]]"),
        ("漢\u2028🌊", '"漢\u2028🌊"'),
    ],
)
def test_texts_are_as_the_schema_says(value: object, text: str) -> None:
    assert dumps(encode(value, Store().put)) == text


@pytest.mark.scenario("S18")
@pytest.mark.parametrize(
    "binary",
    [
        b"",
        b"\x00\xff",
        bytearray(b"ab"),
        memoryview(b"abcd")[::2],
        np.arange(6, dtype=np.int16).reshape(2, 3).T.data,
        np.array([], dtype=np.float64).data,
        np.frombuffer(b"read-only", dtype=np.uint8).data,
    ],
    ids=["empty", "bytes", "bytearray", "strided", "transposed", "zero-length", "read-only"],
)
@pytest.mark.parametrize("nest", [lambda b: b, lambda b: [1, b, [b]], lambda b: {"a": {"b": [b]}, "$c": b}])
def test_binary_of_any_kind_comes_back_in_its_place(binary: Any, nest: Any) -> None:
    assert through_document(nest(binary)) == nest(bytes(binary))
    assert through_wire(nest(binary)) == nest(bytes(binary))


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 3


@pytest.mark.scenario("S19")
@pytest.mark.parametrize(
    ("value", "read"),
    [
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(5), 5),
        (np.uint64(2**63), 2**63),
        (Colour.RED, "red"),
        ({Colour.RED: Colour.RED}, {"red": "red"}),
        (Level.LOW, 3),
        (True, True),
    ],
)
def test_relatives_of_json_types_are_read_as_json_has_them(value: object, read: object) -> None:
    assert exactly(through_document(value)) == exactly(read)


@pytest.mark.scenario("S19", "S20")
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("\ud800", "surrogate"),
        (["x" * 2000 + "\udfff"], "surrogate"),
        ({"\ud800": 1}, "surrogate"),
        (object(), "object"),
        ({(1, 2): 3}, "tuple"),
        ({1, 2}, "set"),
        pytest.param(10**5000, "digits", id="too many digits"),
        (1j, "complex"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_a_reason(value: object, reason: str) -> None:
    with pytest.raises(ValueEncodingError, match=reason):
        encode(value, Store().put)
    with pytest.raises(ValueEncodingError, match=reason):
        encode_buffers(value, [])


def test_a_cycle_is_refused_and_the_deepest_value_is_not() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(ValueEncodingError, match="cycle"):
        encode(cycle, Store().put)
    deep: Any = {"$x": 1.0}
    for n in range(MAX_DEPTH - 1):
        deep = [deep] if n % 2 else {"$x": deep}
    assert through_document(deep) == deep
    with pytest.raises(ValueEncodingError, match="deeper"):
        decode(json.loads("[" * 900 + "]" * 900))


def test_a_state_is_encoded_without_the_keys_that_cannot_be() -> None:
    refused: list[str] = []
    state = {"good": 1.5, "bad": object(), "\ud800": 1}
    assert encode_state(state, Store().put, lambda key, error: refused.append(key)) == {"good": 1.5}
    assert refused == ["bad", "\ud800"]


@pytest.mark.scenario("S23")
@pytest.mark.parametrize(
    "encoded",
    [
        {"$other": 1},
        {"$num": "five"},
        {"$num": 5},
        {"$num": "1_000"},
        {"$num": " 5"},
        {"$num": "٣"},
        {"$num": "9" * 5000},
        {"$num": "nan", "more": 1},
        {"$dict": []},
        {"$dict": {}, "more": 1},
        {"$buffer": 1},
        {"$buffer": -1},
        {"$buffer": True},
        {"$buffer": "0"},
        {"$blob": 5},
        {"$blob": sentinel(b"", "bytes")["$blob"], "size": 0},
        {"$blob": sentinel(b"", "bytes")["$blob"], "size": 0, "type": "other"},
        [{"x": {"$": 1}}],
    ],
    ids=json.dumps,
)
def test_a_sentinel_that_is_none_is_refused(encoded: Any) -> None:
    with pytest.raises(ValueEncodingError):
        decode(encoded, Store().get, [b"one buffer"])


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff", "text"),
        (b"\xff", "json"),
        (b"{", "json"),
        (b"[" * 100_000, "json"),
        (b'{"$blob":"","size":0,"type":"text"}', "json"),
        ('"漢"'.encode("utf-16"), "json"),
    ],
)
def test_a_blob_that_is_not_what_it_says_is_refused(content: bytes, kind: Any) -> None:
    store = Store()
    with pytest.raises(ValueEncodingError):
        decode(store.put(content, kind), store.get)


@pytest.mark.parametrize(
    ("text", "inline"),
    [
        ("x" * 1022, True),
        ("x" * 1023, False),
        ("\x01" * 170, True),
        ("\x01" * 171, False),
        ("🌊" * 255, True),
        ("🌊" * 256, False),
    ],
)
def test_a_text_leaves_the_document_when_its_json_is_longer_than_a_kilobyte(text: str, inline: bool) -> None:
    store = Store()
    assert encode(text, store.put) == (text if inline else sentinel(text.encode(), "text"))


def test_equal_blobs_have_one_name() -> None:
    store = Store()
    esm = "export default {}" * 1000
    assert encode(esm, store.put) == encode(esm, store.put)
    assert len(store.content) == 1


def test_buffers_are_renumbered_also_inside_a_users_own_dict() -> None:
    buffers: list[bytes] = []
    encoded = encode_buffers({"$buffer": b"a", "x": [b"b", {"y": b"c"}]}, buffers)
    moved = map_buffers(encoded, lambda i: {"$buffer": i + 10})
    assert decode(moved, buffers=[b""] * 10 + buffers) == {"$buffer": b"a", "x": [b"b", {"y": b"c"}]}


@settings(max_examples=50)
@given(some.values)
def test_blobs_are_found_wherever_decoding_finds_them(value: object) -> None:
    store = Store()
    encoded = json.loads(dumps(encode(value, store.put)))
    asked: list[str] = []

    def get(stands_for: Any) -> bytes:
        asked.append(stands_for["$blob"])
        return store.get(stands_for)

    decode(encoded, get)
    assert asked == [stands_for["$blob"] for stands_for in blob_sentinels(encoded)]
