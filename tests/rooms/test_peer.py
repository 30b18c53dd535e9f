from __future__ import annotations

import asyncio
import hashlib

import pytest

from commdoc.rooms import peer as peers
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.sync import Sync, sync_frame
from tests.rooms.parties import Bridge, House, moved, opened, until

SMALL = RoomLimits(queue_bytes=20_000, event_bytes=50_000, stall_seconds=0.1)


def message(number: int, data: str = "") -> dict[str, object]:
    return {"op": "message", "comm_id": "c1", "data": {"n": number, "data": data}, "buffers": []}


@pytest.mark.scenario("S10")
async def test_a_stalled_window_costs_bounded_memory_and_has_the_last_value_afterwards() -> None:
    async with House(limits=SMALL) as house:
        bridge = await house.bridge()
        await bridge.do(*(opened(f"c{n}") for n in range(10)))
        stalled, live = await house.window(), await house.window()
        peer = house.room.broadcast.members[stalled.heard_of("welcome")[0]["peer_id"]].peer
        stalled.gate.open.clear()
        most = 0
        house.room.governor.not_before = 0
        for n in range(400):
            house.room.governor.not_before = 0
            await bridge.do(*(moved(50 * n + k, f"c{k % 10}") for k in range(50)))
            most = max(most, peer.waiting_bytes())
        assert most <= SMALL.queue_bytes
        assert len(live.updates) == 400
        await until(lambda: live.state("c9")["value"] == 19_999)
        heard = len(stalled.updates)
        stalled.gate.open.set()
        await until(lambda: stalled.state("c9").get("value") == 19_999)
        assert [stalled.state(f"c{k}")["value"] for k in range(10)] == [19_990 + k for k in range(10)]
        assert len(stalled.updates) - heard < 100
        await bridge.do(moved(-1))
        await until(lambda: stalled.state("c1")["value"] == -1)


async def test_events_of_a_slow_window_stay_in_order_and_behind_the_state_before_them() -> None:
    async with House(limits=RoomLimits(queue_bytes=2_000)) as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        window.gate.open.clear()
        seen: list[tuple[int, int]] = []

        async def heard(frame: bytes) -> None:
            await original(frame)
            kind, what = window.log[-1]
            if kind == "message" and what["type"] == "message":
                seen.append((what["data"]["n"], window.state("c1")["value"]))

        original, window.heard = window.heard, heard  # type: ignore[method-assign]
        for n in range(100):
            await bridge.do(moved(n), message(n))
        window.gate.open.set()
        await until(lambda: len(seen) == 100)
        assert [n for n, _ in seen] == list(range(100))
        assert all(value >= n for n, value in seen)
        assert window.updates, "some came as they were, the rest as a diff"
        assert len(window.updates) < 100


async def test_a_window_that_is_behind_with_too_many_events_is_closed_with_a_reason() -> None:
    async with House(limits=SMALL) as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        stalled, live = await house.window(), await house.window()
        stalled.gate.open.clear()
        await bridge.do(*(message(n, "x" * 1000) for n in range(59)))
        await until(lambda: len(live.heard_of("message")) == 59, "a burst that closes nobody")
        assert not stalled.ended.is_set()
        await asyncio.sleep(2 * SMALL.stall_seconds)
        await bridge.do(message(59))
        await asyncio.wait_for(stalled.ended.wait(), 5)
        assert stalled.close_code == 4413
        assert stalled.transport.close_reason.startswith("too slow: ")
        await until(lambda: len(live.heard_of("message")) == 60)
        again = await house.window()
        assert "c1" in again.comms
        assert not again.heard_of("message"), "a late window gets none of the past"


async def test_of_news_only_the_newest_waits_for_a_slow_window_and_in_its_place() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        await until(lambda: window.heard_of("peers"))
        window.gate.open.clear()
        for n in range(50):
            await bridge.do({"op": "status", "status": "busy"}, moved(n), {"op": "status", "status": "idle"})
        await bridge.do({"op": "message", "comm_id": "c1", "data": "the end", "buffers": []})
        before = len(window.log)
        window.gate.open.set()
        await window.wait("message", data="the end")
        assert window.state("c1")["value"] == 49
        assert window.heard_of("kernel")[-1]["status"] == "idle"
        kinds = [kind for kind, what in window.log[before:] if kind == "sync" or what["type"] == "kernel"]
        assert kinds.count("message") <= 2
        assert kinds[-1] == "message", "idle comes behind what was done before"


async def test_blobs_are_pushed_ahead_of_what_names_them_and_not_to_a_window_that_is_behind() -> None:
    async with House(limits=RoomLimits(queue_bytes=300_000)) as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        slow, live = await house.window(), await house.window()
        slow.gate.open.clear()
        digests = []
        for n in range(10):
            content = bytes([n]) * 100_000
            digest = await name_blob(bridge, content)
            digests.append(digest)
        await until(lambda: live.state("c1").get("image", {}).get("$blob") == digests[-1])
        assert len(live.heard_of("blobs")) == 10
        order = [what if kind == "sync" else what["type"] for kind, what in live.log]
        assert order[-2:] == ["blobs", Sync.UPDATE]
        slow.gate.open.set()
        await until(lambda: slow.state("c1").get("image", {}).get("$blob") == digests[-1])
        assert len(slow.heard_of("blobs")) < 5
        await slow.say({"type": "get_blobs", "hashes": [digests[-1], "0" * 64]})
        answer = await slow.wait("blobs", missing=["0" * 64])
        assert (answer["hashes"], answer["sizes"]) == ([digests[-1]], [100_000])


async def name_blob(bridge: Bridge, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    sentinel = {"$blob": digest, "size": len(content), "type": "bytes"}
    await bridge.do({"op": "update", "comm_id": "c1", "state": {"image": sentinel}}, blobs=[content])
    return digest


async def test_many_blobs_are_answered_in_several_frames_between_which_updates_pass() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        digests = [await name_blob(bridge, bytes([n]) * 1_000_000) for n in range(20)]
        window = await house.window()
        window.gate.open.clear()
        await window.say({"type": "get_blobs", "hashes": digests})
        for n in range(5):
            await bridge.do({"op": "cell_end", "msg_id": str(n), "status": "ok"})
        window.gate.open.set()
        await until(lambda: sum(len(each["hashes"]) for each in window.heard_of("blobs")) == 20)
        kinds = [what["type"] for kind, what in window.log if kind == "message"]
        last_event = len(kinds) - 1 - kinds[::-1].index("cell_end")
        assert kinds[last_event:].count("blobs") >= 1, "events did not wait for all blobs"
        assert 5 <= len(window.heard_of("blobs")) <= 10


@pytest.mark.scenario("S10", "S47")
@pytest.mark.parametrize("role", ["window", "viewer"])
async def test_whoever_asks_for_the_document_again_and_again_and_takes_nothing_costs_two_answers(
    role: str,
) -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(*(opened(f"c{n}", text="x" * 900) for n in range(100)))
        greedy = await house.window(role)
        peer = house.room.broadcast.members[greedy.heard_of("welcome")[0]["peer_id"]].peer
        greedy.gate.open.clear()
        for _ in range(300):
            await greedy.transport.send(sync_frame(Sync.STEP1, b"\x00"))
        await greedy.say({"type": "x-end"})
        await asyncio.sleep(0.05)
        assert peer.waiting_bytes() <= 2 * len(house.room.doc.get_update())
        steps = greedy.steps.count(Sync.STEP2)
        greedy.gate.open.set()
        await until(
            lambda: greedy.steps.count(Sync.STEP2) >= steps + 2, "the first and the newest are answered"
        )
        assert greedy.close_code is None


@pytest.mark.scenario("S47")
async def test_whoever_asks_for_more_blobs_than_there_can_be_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peers, "MAX_WANTED", 1_000)
    async with House() as house:
        greedy = await house.window("viewer")
        greedy.gate.open.clear()
        for first in range(0, 3_000, 500):
            hashes = [f"{n:064x}" for n in range(first, first + 500)]
            await greedy.say({"type": "get_blobs", "hashes": hashes})
        await until(lambda: house.room.window_count == 0)
        greedy.gate.open.set()
        await asyncio.wait_for(greedy.ended.wait(), 5)
        assert greedy.close_code == peers.TOO_SLOW
