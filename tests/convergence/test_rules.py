"""The five rules of convergence, on the real bridge, coalescer, room and windows: at rest all have the
kernel's values.

Each rule is also taken out alone: then some run must end different, or the test would prove nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from commdoc.kernel import inbound as inbound_module
from commdoc.kernel.coalescer import Coalescer
from commdoc.rooms.requests import Requests
from commdoc.rooms.waiting import CommQueue, Waiting
from commdoc.window.core import WindowCore
from tests.convergence.kernel import KINDS
from tests.convergence.world import Action, differences

RUNS = 150
LONG_RUNS = 3_000

SEARCH = 6_000
"""Runs in which a missing rule must show."""

pytestmark = [
    pytest.mark.acceptance("A7"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(1200),
]

values = st.integers(-50, 700)
states = st.one_of(
    st.fixed_dictionaries({"value": values}),
    st.fixed_dictionaries({"value": st.integers(0, 100)}),
    st.fixed_dictionaries({"step": st.sampled_from([1, 2, 5, 10])}),
    st.fixed_dictionaries({"max": st.sampled_from([100, 200, 60])}),
    st.fixed_dictionaries({"description": st.sampled_from(["", "é", "📊"]), "value": values}),
)
whos = st.sampled_from(["window0", "window0", "window1", "plain", "kernel", "thread", "hold", "cell"])
pauses = st.one_of(st.just(0.0), st.floats(0, 0.03), st.floats(0, 0.4))
actions = st.builds(Action, who=whos, widget=st.integers(0, len(KINDS) - 1), state=states, pause=pauses)
plays = st.tuples(
    st.integers(0, 2**16),
    st.sampled_from([0.0, 0.005, 0.05, 0.3]),
    st.lists(actions, min_size=1, max_size=14),
)

relaxed = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None, print_blob=True)


@pytest.mark.scenario("S12", "S13", "S15", "S49")
@seed(20_261_120)
@settings(relaxed, max_examples=RUNS)
@given(play=plays)
def test_everybody_ends_with_the_kernels_values(play: Any) -> None:
    assert differences(*play) == []


@pytest.mark.soak
@seed(20_261_121)
@settings(relaxed, max_examples=LONG_RUNS)
@given(play=plays)
def test_everybody_ends_with_the_kernels_values_in_many_runs(play: Any) -> None:
    assert differences(*play) == []


def _without_fifo(patch: pytest.MonkeyPatch) -> None:
    """Rule 1: the truth does not wait for what was noted before it."""
    original = Coalescer._truth

    def hasty(self: Coalescer, *args: Any) -> None:
        before = self._ops
        self._ops = []
        original(self, *args)
        self._ops += before

    patch.setattr(Coalescer, "_truth", hasty)


def _without_stamps(patch: pytest.MonkeyPatch) -> None:
    """Rule 2: a truth is taken however old its reading is, and nothing is read again."""
    patch.setattr(Coalescer, "_begin", lambda *_: None)
    patch.setattr(Coalescer, "_sent_while_reading", lambda *_: None)
    patch.setattr("tests.convergence.kernel.SimKernel._read_again", lambda *_: None)


def _without_rereading(patch: pytest.MonkeyPatch) -> None:
    """Rule 3: a window does not look at the document again when its request is acknowledged."""
    patch.setattr(WindowCore, "_show_again", lambda *_: None)


def _without_corrections(patch: pytest.MonkeyPatch) -> None:
    """Rule 4: a plain front end is not told that the kernel has something else."""
    patch.setattr(inbound_module, "_same", lambda *_: True)


def _without_single_requests(patch: pytest.MonkeyPatch) -> None:
    """Rule 5: requests that wait are combined into one."""
    original = Requests._supersede

    def combine(self: Requests, comm: CommQueue, queue: deque[Waiting]) -> None:
        original(self, comm, queue)
        waiting = [one for one in queue if one.keys is not None]
        if len(waiting) < 2:
            return
        last = waiting[-1]
        state: dict[str, Any] = {}
        for one in waiting:
            state.update(one.message.content["data"]["state"])
        last.message.content["data"]["state"] = state
        comm.remove(last)
        last.keys = frozenset(state)
        original(self, comm, comm.add(last))

    patch.setattr(Requests, "_supersede", combine)


RULES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "1 one FIFO": _without_fifo,
    "2 stamps": _without_stamps,
    "3 re-reading": _without_rereading,
    "4 corrective updates": _without_corrections,
    "5 requests stay single": _without_single_requests,
}


@pytest.mark.parametrize("rule", RULES)
def test_without_the_rule_somebody_ends_different(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    RULES[rule](monkeypatch)
    try:
        play = find(
            plays,
            lambda play: differences(*play) != [],
            settings=settings(relaxed, max_examples=SEARCH, phases=(Phase.generate,)),
            random=Random(20_261_120),
        )
    except NoSuchExample:
        pytest.fail(f"{SEARCH} runs without rule {rule} all ended equal: the property does not need the rule")
    assert differences(*play)
