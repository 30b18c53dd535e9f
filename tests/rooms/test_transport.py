from __future__ import annotations

import asyncio

import pytest

from commdoc.rooms.limits import RateLimiter
from commdoc.rooms.transport import TransportClosedError, memory_pair


async def test_frames_arrive_in_order_and_those_before_a_close_too() -> None:
    one, other = memory_pair()
    for n in range(3):
        await one.send(bytes([n]))
    await one.close(4400, "bad")
    assert [frame async for frame in other] == [b"\0", b"\1", b"\2"]
    assert (other.close_code, other.close_reason) == (4400, "bad")
    with pytest.raises(TransportClosedError, match="4400 bad"):
        await other.send(b"x")


async def test_a_sender_waits_while_the_other_side_takes_nothing_until_it_is_gone() -> None:
    one, other = memory_pair(capacity=1)
    await one.send(b"1")
    stuck = asyncio.ensure_future(one.send(b"2"))
    await asyncio.sleep(0.01)
    assert not stuck.done()
    assert await other.receive() == b"1"
    await stuck
    stuck = asyncio.ensure_future(one.send(b"3"))
    await other.close(1001, "left")
    with pytest.raises(TransportClosedError):
        await stuck


@pytest.mark.scenario("S47")
def test_a_flooding_client_is_read_at_the_allowed_rate() -> None:
    limiter = RateLimiter(frames_per_second=10, bytes_per_second=1000, now=0)
    assert [limiter.took(1, 0) for _ in range(20)] == [0] * 20
    assert limiter.took(1, 0) == pytest.approx(0.1)
    assert limiter.took(1, 0) == pytest.approx(0.2)
    assert limiter.took(1, 10) == 0
    assert limiter.took(5000, 10) > 2
