"""Whose turn it is: windows in turn, one key in the order in which it was asked for."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commdoc.rooms.waiting import CommQueue, Sender, ToKernel, Waiting

WINDOWS = ("a", "b", "c")

ASKED = st.tuples(
    st.sampled_from(WINDOWS), st.sampled_from([frozenset("x"), frozenset("y"), frozenset("xy"), None])
)
STEPS = st.lists(
    st.tuples(st.just("ask"), ASKED)
    | st.tuples(st.just("next"), st.booleans())
    | st.tuples(st.just("remove"), st.integers(0, 20)),
    min_size=20,
    max_size=80,
)


def waiting(arrival: int, window: str, keys: frozenset[str] | None) -> Waiting:
    message = ToKernel("comm_msg", {}, [])
    return Waiting(str(arrival), "comm", Sender(window, window), message, 0.0, 1, keys, arrival)


def may_be_next(queues: dict[str, deque[Waiting]]) -> list[Waiting]:
    """Say it as it is meant: the oldest of each window, unless another window's older request has one of its keys."""
    everything = [each for queue in queues.values() for each in queue]
    heads = [queue[0] for queue in queues.values()]
    return [
        head
        for head in heads
        if not any(
            other.arrival < head.arrival
            and other.key != head.key
            and (other.keys or set()) & (head.keys or set())
            for other in everything
        )
    ]


@pytest.mark.scenario("S13")
@given(STEPS)
def test_what_is_next_is_never_asked_after_anothers_request_for_its_key(
    steps: list[tuple[str, Any]],
) -> None:
    comm = CommQueue()
    for arrival, (step, how) in enumerate(steps):
        allowed = may_be_next(comm.queues)
        if step == "ask":
            window, keys = how
            comm.add(waiting(arrival, window, keys))
        elif step == "remove" and (there := list(comm.waiting())):
            it = there[how % len(there)]
            assert comm.remove(it)
            assert not comm.remove(it)
        elif step == "next":
            taken = comm.next(lambda _: True)
            assert taken in allowed if allowed else taken is None
            if taken is not None and how:  # the kernel did not take it
                comm.put_back(taken)
                assert comm.next(lambda _: True) is taken
    while comm.next(lambda _: True):
        pass
    assert comm.is_over()
    assert comm.asked == {}
