from __future__ import annotations

import asyncio
from functools import partial

import pytest

from commdoc.rooms.handshake import DROPPED, ONE_DIFF, REPLAYED, HandshakePolicy
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.sync import Sync
from tests.rooms.parties import Bridge, House, Window, moved, opened, until


async def join_while_updates_arrive(house: House, bridge: Bridge) -> Window:
    """Join a room of 10 comms; 19 more are opened while step 2 waits for the window to take it."""
    window = await house.window(sync=False)
    await until(lambda: Sync.STEP1 in window.steps)
    await bridge.do(*(opened(f"c{n}", value=n) for n in range(5)))
    await bridge.do(*(opened(f"c{n}", value=n) for n in range(5, 10)))
    window.gate.open.clear()
    await window.step1()
    await until(lambda: window.gate.stuck, "step 2 to be stuck")
    for n in range(10, 29):
        await bridge.do(opened(f"c{n}", value=n))
    window.gate.open.set()
    await asyncio.wait_for(window.synced.wait(), 5)
    return window


@pytest.mark.scenario("S01")
async def test_a_window_that_joins_amid_updates_gets_each_once_and_none_before_its_diff() -> None:
    async with House() as house:
        bridge = await house.bridge()
        window = await join_while_updates_arrive(house, bridge)
        await until(lambda: len(window.comms) == 29)
        assert [window.state(f"c{n}")["value"] for n in range(29)] == list(range(29))
        behind = [kind for kind in window.steps if kind != Sync.STEP1]
        assert behind == [Sync.STEP2, Sync.UPDATE], "one step 2, then one update with all the rest"


@pytest.mark.scenario("S01")
@pytest.mark.parametrize(
    ("policy", "comms", "updates"), [(ONE_DIFF, 29, 1), (DROPPED, 10, 0), (REPLAYED, 29, 21)]
)
async def test_without_its_guard_the_handshake_loses_or_doubles(
    policy: HandshakePolicy, comms: int, updates: int
) -> None:
    async with House(handshake=policy) as house:
        bridge = await house.bridge()
        window = await join_while_updates_arrive(house, bridge)
        await bridge.do({"op": "cell_end", "msg_id": "m", "status": "ok"})
        await window.wait("cell_end")
        assert (len(window.comms), len(window.updates)) == (comms, updates)


def has_moved(window: Window) -> bool:
    return bool(window.state("c7").get("value") == 5)


@pytest.mark.scenario("S05")
async def test_ten_windows_and_one_that_leaves_in_mid_handshake_leave_nothing_behind() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(*(opened(f"c{n}") for n in range(20)))
        tasks = len(asyncio.all_tasks())
        windows = [await house.window() for _ in range(9)]
        restless = await house.window(sync=False)
        await restless.leave()
        await until(lambda: house.room.window_count == 9)
        again = await house.window(doc=restless.doc)
        await bridge.do(moved(5, "c7"))
        for window in [*windows, again]:
            await until(partial(has_moved, window))
            assert len(window.comms) == 20
            await window.leave()
        await until(lambda: house.room.window_count == 0)
        assert list(house.room.broadcast.members) == [bridge.heard_of("welcome")[0]["peer_id"]]
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "the tasks of the windows to end")


@pytest.mark.scenario("S06")
async def test_a_joiner_that_never_answers_is_dropped_and_nobody_waits_for_it() -> None:
    async with House(limits=RoomLimits(handshake_seconds=0.2)) as house:
        bridge = await house.bridge()
        silent = await house.window(sync=False)
        window = await house.window()
        await bridge.do(opened())
        await until(lambda: "c1" in window.comms)
        assert silent.steps == [Sync.STEP1]
        assert silent.updates == []
        await asyncio.wait_for(silent.ended.wait(), 5)
        assert silent.close_code == 4408
        assert silent.heard_of("error")[0]["reason"] == "no sync step 1 within 0.2 s"
        await until(lambda: house.room.window_count == 1)


@pytest.mark.scenario("S06")
async def test_a_client_that_never_says_hello_is_dropped() -> None:
    async with House(limits=RoomLimits(handshake_seconds=0.05)) as house:
        transport = house.connect("window")
        await until(lambda: transport.close_code)
        assert (transport.close_code, transport.close_reason) == (4408, "no hello within 0.05 s")


async def test_what_happens_to_kernel_and_peers_in_mid_handshake_is_told_after_it() -> None:
    async with House() as house:
        bridge = await house.bridge()
        window = await house.window(sync=False)
        assert window.heard_of("welcome")[0]["kernel"]["status"] == "starting"
        await bridge.do({"op": "status", "status": "busy"}, opened())
        await house.window()
        assert not window.heard_of("kernel")
        await window.step1()
        assert (await window.wait("kernel"))["status"] == "busy"
        assert len((await window.wait("peers"))["peers"]) == 3


async def test_events_of_the_time_before_it_is_synced_are_not_for_a_window() -> None:
    async with House() as house:
        bridge = await house.bridge()
        window = await house.window(sync=False)
        message = {"op": "message", "comm_id": "c1", "data": {}, "buffers": []}
        await bridge.do(opened(), message, {"op": "cell_end", "msg_id": "before", "status": "ok"})
        await window.step1()
        await asyncio.wait_for(window.synced.wait(), 5)
        await bridge.do({"op": "cell_end", "msg_id": "after", "status": "ok"})
        await window.wait("cell_end", msg_id="after")
        assert [each["type"] for each in window.messages if each["type"] in ("message", "cell_end")] == [
            "cell_end"
        ]


async def test_a_synced_window_may_ask_for_everything_again() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        await window.step1()
        await until(lambda: window.steps.count(Sync.STEP2) == 2)
        await bridge.do(moved(3))
        await until(lambda: window.state("c1")["value"] == 3)


@pytest.mark.parametrize("frame", [b"\x00\x00\x03\xff\xff\xff", b"\x00\x00\x05\x01", b"\x00\x07\x00"])
async def test_a_step_1_that_is_none_ends_the_connection(frame: bytes) -> None:
    async with House() as house:
        window = await house.window(sync=False)
        await window.transport.send(frame)
        await asyncio.wait_for(window.ended.wait(), 5)
        assert window.close_code == 4400
        assert window.heard_of("error")[0]["reason"]
