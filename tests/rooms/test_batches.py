from __future__ import annotations

import asyncio
import time

from commdoc.rooms.batches import Governor


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_batch_may_not_start_before_25_times_the_last_one_s_cpu_time() -> None:
    governor = Governor()
    with governor.measured():
        burn(0.004)
    assert 0.1 <= governor.not_before - time.monotonic() + 0.01 <= 0.2


def test_of_a_batch_that_messages_split_one_transaction_counts() -> None:
    governor = Governor()
    with governor.measured() as batch:
        burn(0.02)
        batch.transactions = 20
    assert governor.not_before - time.monotonic() < 0.1
    with governor.measured() as batch:
        burn(0.02)
        batch.transactions = 0
    assert governor.not_before <= time.monotonic(), "nothing that was written could be merged"


def test_nobody_waits_longer_than_half_a_second() -> None:
    governor = Governor()
    with governor.measured():
        burn(0.03)
    assert governor.not_before - time.monotonic() <= 0.5


def test_waiting_for_something_is_no_cpu_time() -> None:
    governor = Governor()
    with governor.measured():
        time.sleep(0.05)
    assert governor.not_before - time.monotonic() < 0.1


async def test_a_turn_comes_at_once_when_nothing_was_done_and_not_early_otherwise() -> None:
    governor = Governor()
    await asyncio.wait_for(governor.turn(), 0.05)
    governor.not_before = time.monotonic() + 0.05
    await governor.turn()
    assert time.monotonic() >= governor.not_before
