"""Frames on a Unix-domain socket, however the stream is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commdoc.errors import ProtocolError
from commdoc.protocol.local import GREETING, LIMITS, MAGIC, Decoder, Kind, LocalFrame, bye, encode, read_json

contents = st.tuples(st.sampled_from(Kind), st.binary(max_size=64)).map(lambda pair: LocalFrame(*pair))


def stream(sent: list[LocalFrame]) -> bytes:
    return GREETING + b"".join(b"".join(encode(*frame)) for frame in sent)


@given(st.lists(contents, max_size=8), st.data())
def test_what_is_sent_comes_in_order_however_it_is_cut(sent: list[LocalFrame], data: st.DataObject) -> None:
    whole = stream(sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    decoder, got = Decoder(), []
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        got += decoder.feed(memoryview(whole)[begin:end])
    assert got == sent
    assert decoder.greeted


@given(st.lists(contents, min_size=1, max_size=4))
def test_byte_by_byte(sent: list[LocalFrame]) -> None:
    decoder = Decoder()
    got = [frame for byte in stream(sent) for frame in decoder.feed(bytes([byte]))]
    assert got == sent


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_refused(noise: bytes) -> None:
    decoder = Decoder()
    decoder.feed(GREETING)
    try:
        got = decoder.feed(noise)
    except ProtocolError:
        return
    assert (
        b"".join(b"".join(encode(*frame)) for frame in got) == noise[: sum(5 + len(f.content) for f in got)]
    )


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n", b"comm", b"commdoC\x01"])
def test_another_magic_is_refused_at_the_first_byte_that_differs(first: bytes) -> None:
    decoder = Decoder()
    if MAGIC.startswith(first):
        assert decoder.feed(first) == []
        first = b"X"
    with pytest.raises(ProtocolError, match="another magic"):
        decoder.feed(first)


def test_another_version_is_refused_with_both() -> None:
    with pytest.raises(ProtocolError, match="version 2, this side 1"):
        Decoder().feed(MAGIC + b"\x02")


@pytest.mark.parametrize("kind", Kind)
def test_a_frame_beyond_its_limit_is_refused_before_it_has_come(kind: Kind) -> None:
    decoder = Decoder({Kind.FRAME: 1_000})
    decoder.feed(GREETING)
    length = decoder.limits[kind] + 2
    with pytest.raises(ProtocolError, match=kind.name):
        decoder.feed(length.to_bytes(4, "big") + bytes([kind]))
    if LIMITS[kind] < 10_000:
        with pytest.raises(ProtocolError, match="are allowed"):
            encode(kind, bytes(LIMITS[kind] + 1))


def test_unknown_kinds_and_empty_frames_are_refused() -> None:
    for bad, reason in ((b"\0\0\0\x01\x63", "unknown kind 99"), (b"\0\0\0\0\x03", "without a kind")):
        decoder = Decoder()
        decoder.feed(GREETING)
        with pytest.raises(ProtocolError, match=reason):
            decoder.feed(bad)


def test_a_farewell_is_short_whatever_the_reason() -> None:
    decoder = Decoder()
    [frame] = decoder.feed(GREETING + bye(4403, "no" * 10_000))
    assert read_json(frame) == {"code": 4403, "reason": "no" * 250}
    with pytest.raises(ProtocolError, match="no JSON object"):
        read_json(LocalFrame(Kind.BYE, json.dumps([1]).encode()))


def test_a_large_frame_is_not_copied_to_be_sent() -> None:
    large = bytes(100_000)
    assert encode(Kind.FRAME, large)[1] is large
