"""Frames: what is cut off, wrong or too long is refused with a reason, before any memory is taken for it."""

from __future__ import annotations

import contextlib
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from commdoc.errors import ProtocolError
from commdoc.protocol import frames
from commdoc.protocol.frames import MESSAGE, decode, encode, frame_type, read_varuint, write_varuint

messages = st.dictionaries(
    st.text(max_size=5),
    st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5),
    max_size=4,
).map(lambda message: {**message, "type": "some"})
buffers = st.lists(st.binary(max_size=200), max_size=4)


def framed(text: bytes, *tail: bytes) -> bytes:
    """Return a frame of our type with any bytes as its message."""
    return write_varuint(MESSAGE) + write_varuint(len(text)) + text + b"".join(tail or (b"\x00",))


@given(messages, buffers)
def test_a_frame_is_read_as_it_was_written(message: dict[str, Any], content: list[bytes]) -> None:
    frame = decode(encode(message, content))
    assert frame.message == message
    assert [bytes(buffer) for buffer in frame.buffers] == content


@pytest.mark.scenario("S23")
@given(messages, buffers, st.data())
def test_a_frame_that_is_cut_off_anywhere_is_refused(
    message: dict[str, Any], content: list[bytes], data: st.DataObject
) -> None:
    whole = encode(message, content)
    at = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ProtocolError):
        decode(whole[:at])


@pytest.mark.scenario("S23")
@given(messages, buffers, st.binary(min_size=1, max_size=5))
def test_bytes_behind_a_frame_are_refused(message: dict[str, Any], content: list[bytes], more: bytes) -> None:
    with pytest.raises(ProtocolError, match="left over"):
        decode(encode(message, content) + more)


@pytest.mark.scenario("S23")
@given(messages, buffers, st.data())
def test_a_frame_with_wrong_bytes_is_read_or_refused_and_nothing_else(
    message: dict[str, Any], content: list[bytes], data: st.DataObject
) -> None:
    spoilt = bytearray(encode(message, content))
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    try:
        frame = decode(bytes(spoilt))
    except ProtocolError:
        return
    assert isinstance(frame.message["type"], str)
    assert all(buffer.nbytes <= len(spoilt) for buffer in frame.buffers)


@pytest.mark.scenario("S23")
@given(st.binary(max_size=60))
@example(b"")
@example(bytes([MESSAGE]))
@example(b"\xff" * 20)
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    for read in (decode, frame_type):
        with contextlib.suppress(ProtocolError):
            read(noise)


@pytest.mark.scenario("S23")
@pytest.mark.parametrize(
    "claim",
    [
        write_varuint(MESSAGE) + write_varuint(2**30) + b'{"type":"x"}',
        framed(b'{"type":"x"}', b"\x01", write_varuint(2**30), b"abc"),
        framed(b'{"type":"x"}', write_varuint(2**30)),
        framed(b'{"type":"x"}', b"\x01", write_varuint(2**53)),
    ],
    ids=["message", "buffer", "number of buffers", "8 PB"],
)
def test_a_gigabyte_that_is_only_claimed_takes_no_memory(claim: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match=r"claims|allowed"):
            decode(claim)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.scenario("S23")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"type":"\xff"}', "not UTF-8"),
        ('{"type":"x"}'.encode("utf-16"), "not UTF-8"),
        ('{"type":"x"}'.encode("utf-16-le"), "not JSON"),
        (b'\xef\xbb\xbf{"type":"x"}', "not JSON"),
        (b'{"type":"x"', "not JSON"),
        (b'{"type":"x","v":NaN}', "not JSON"),
        (b'{"type":"x","v":-Infinity}', "not JSON"),
        (b'{"type":"x","v":' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'["type"]', "not a JSON object with a type"),
        (b'{"type":5}', "not a JSON object with a type"),
        (b"{}", "not a JSON object with a type"),
        (b"", "not JSON"),
    ],
    ids=lambda text: repr(text)[:30],
)
def test_a_message_that_is_none_is_refused_with_the_reason(text: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        decode(framed(text))


@pytest.mark.scenario("S23")
def test_unknown_fields_and_types_are_read() -> None:
    assert decode(framed(b'{"type":"new","field":[1]}')).message == {"type": "new", "field": [1]}


@pytest.mark.scenario("S23")
def test_a_frame_beyond_the_limit_is_refused_unread() -> None:
    whole = encode({"type": "x"}, [bytes(100)])
    assert decode(whole, max_bytes=len(whole)).message == {"type": "x"}
    with pytest.raises(ProtocolError, match="allowed"):
        decode(whole, max_bytes=len(whole) - 1)


def test_frame_types_are_known_or_refused() -> None:
    assert frame_type(b"\x00\x01") == frames.SYNC
    assert frame_type(b"\x01") == frames.AWARENESS
    assert frame_type(encode({"type": "x"})) == MESSAGE
    for unknown in (2, 99, 101, 2**40):
        with pytest.raises(ProtocolError, match=f"unknown frame type {unknown}"):
            frame_type(write_varuint(unknown))
    with pytest.raises(ProtocolError, match="frame type 0"):
        decode(b"\x00\x01\x00")


@given(st.integers(0, 2**53 - 1))
@example(127)
@example(128)
def test_varuints_come_back(number: int) -> None:
    encoded = write_varuint(number)
    assert read_varuint(b"x" + encoded + b"y", 1) == (number, 1 + len(encoded))
    with pytest.raises(ProtocolError, match="cut off"):
        read_varuint(encoded[:-1], 0)


def test_a_varuint_without_an_end_is_refused() -> None:
    with pytest.raises(ProtocolError, match="53 bits"):
        read_varuint(b"\x80" * 100, 0)


def test_buffers_are_views_of_the_frame_and_count_in_bytes() -> None:
    wide: Any = memoryview(b"abcdefgh").cast("d")
    frame = decode(encode({"type": "x"}, [wide, bytearray(b"z"), b""]))
    assert [bytes(buffer) for buffer in frame.buffers] == [b"abcdefgh", b"z", b""]


def test_a_lone_surrogate_in_a_text_that_is_no_value_does_not_stop_the_frame() -> None:
    assert decode(encode({"type": "log", "text": "a\udc80b"})).message["text"] == "a?b"
