"""The bounds of late joins: `bench_join` in full, with ``-m bench``."""

from __future__ import annotations

import pytest

from tests.bench.bench_join import LIMIT, MORE_SECONDS, measure, more, show


@pytest.mark.bench
@pytest.mark.acceptance("A10")
@pytest.mark.kernel
@pytest.mark.node
@pytest.mark.timeout(900)
async def test_table() -> None:
    results = await measure(rounds=7, short=False)
    show(results)
    for story in results.idle:
        assert story.ratio(lambda it: it.seconds) <= LIMIT, story.name
        # Pictures can't be sent in fewer bytes than they have; a window asks for those that it shows.
        assert story.ratio(lambda it: it.ready_bytes, lambda it: it.wire) <= LIMIT, story.name
        assert all(joined.models >= min(joined.models for joined in story.plain) for joined in story.ours)
    for at_rest, under in results.busy:
        assert more(at_rest, under, lambda it: it.seconds) <= MORE_SECONDS, under.name
    assert all(copies == 1 for way, (_, copies) in results.esm.items() if way != "request_states")
