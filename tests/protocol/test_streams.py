r"""Stream text: what ``\r``, ``\b`` and ``\n`` do, and that it can be taken up anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commdoc.protocol.streams import StreamLine, StreamText

texts = st.text(alphabet="ab\r\n\b📊é", max_size=30)


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("", ""),
        ("abc", "abc"),
        ("abc\rX", "Xbc"),
        ("abc\r", "abc"),
        ("abc\b", "ab"),
        ("\b\babc", "abc"),
        ("abc\b\b\b\b", ""),
        ("one\ntwo\rT", "one\nTwo"),
        ("one\n\bx", "one\nx"),
        ("abc\rX\nd", "Xbc\nd"),
        ("abc\r\b", "abc"),
        ("abcd\rXY\b", "Xd"),
        ("📊📊\ré", "é📊"),
    ],
)
def test_it_shows_what_jupyterlab_shows(written: str, seen: str) -> None:
    assert StreamText(written).text() == seen


@given(first=texts, second=texts)
def test_two_writes_are_one(first: str, second: str) -> None:
    stream = StreamText(first)
    stream.write(second)
    assert stream.text() == StreamText(first + second).text()


@given(first=texts, second=texts)
def test_its_raw_text_can_be_taken_up(first: str, second: str) -> None:
    assert StreamText(StreamText(first).raw() + second).text() == StreamText(first + second).text()


@pytest.mark.scenario("S34")
def test_a_bar_that_is_redrawn_stays_one_line() -> None:
    stream = StreamText()
    for step in range(10_000):
        stream.write(f"\r{step / 100:6.2f} % |{'#' * (step // 500):<20}|")
    assert len(stream.raw()) == len(stream.text()) < 40


@given(writes=st.lists(texts, max_size=8))
def test_a_line_tells_what_each_write_did_to_what_is_seen(writes: list[str]) -> None:
    line, seen, raw = StreamLine(), "", ""
    for text in writes:
        cut, added = line.write(text)
        assert "\n" not in seen[len(seen) - cut :]
        seen, raw = seen[: len(seen) - cut] + added, raw + text
        assert seen == StreamText(raw).text()
        assert seen + line.rewind() == StreamText(raw).raw()


def test_a_line_that_never_ends_costs_what_is_new() -> None:
    line = StreamLine()
    assert all(line.write(".") == (0, ".") for _ in range(100_000))
