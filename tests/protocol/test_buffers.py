"""Jupyter's buffer paths: into a state and out of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from ipywidgets.widgets.widget import _put_buffers, _remove_buffers

from commdoc.errors import ValueEncodingError
from commdoc.protocol.buffers import put_buffers, take_buffers
from tests.protocol import strategies as some
from tests.protocol.strategies import exactly, plain


@pytest.mark.scenario("S18")
@pytest.mark.acceptance("A5")
@given(some.states)
def test_any_state_comes_back_from_its_buffer_paths(state: dict[str, Any]) -> None:
    taken, paths, buffers = take_buffers(state)
    assert exactly(put_buffers(taken, paths, buffers)) == exactly(plain(state))


@given(some.states)
def test_buffers_are_taken_out_as_ipywidgets_does(state: dict[str, Any]) -> None:
    taken, paths, buffers = take_buffers(state)
    theirs, their_paths, their_buffers = _remove_buffers(state)
    assert exactly(taken) == exactly(plain(theirs))
    assert (paths, buffers) == (their_paths, their_buffers)


@given(some.states)
def test_what_ipywidgets_took_out_is_put_back(state: dict[str, Any]) -> None:
    taken, paths, buffers = _remove_buffers(state)
    assert exactly(plain(put_buffers(taken, paths, buffers))) == exactly(plain(state))
    _put_buffers(taken, paths, buffers)


def test_the_given_state_is_left_alone() -> None:
    state = {"a": [None, {"b": [None]}], "c": (None, 1)}
    put = put_buffers(state, [["a", 0], ["a", 1, "b", 0], ["c", 0], ["d"]], [b"0", b"1", b"2", b"3"])
    assert put == {"a": [b"0", {"b": [b"1"]}], "c": [b"2", 1], "d": b"3"}
    assert state == {"a": [None, {"b": [None]}], "c": (None, 1)}


@pytest.mark.parametrize(
    "path", [[], ["x", "y"], ["list", 5], ["list", "a"], ["list", 0, 0], ["number", 0], ["text", 0, "a"]]
)
def test_a_path_that_leads_nowhere_is_refused(path: list[str | int]) -> None:
    with pytest.raises(ValueEncodingError, match="nowhere"):
        put_buffers({"list": [None], "number": 1, "text": "abc"}, [path], [b""])


def test_a_path_without_a_buffer_is_refused() -> None:
    with pytest.raises(ValueEncodingError, match="2 buffer paths and 1 buffers"):
        put_buffers({}, [["a"], ["b"]], [b""])
