"""Custom messages of the kernel through a room: numbered, said once, and who has missed some hears it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from commdoc.rooms.limits import RoomLimits
from tests.rooms.parties import Bridge, House, Window, opened, request, until

pytestmark = pytest.mark.scenario("S09", "S25")


def message(number: int, comm_id: str = "c1") -> dict[str, Any]:
    return {"op": "message", "comm_id": comm_id, "data": number, "buffers": [], "number": number}


async def bridge_with_key(house: House, key: str = "b") -> Bridge:
    bridge = Bridge(house.connect("bridge"))
    house._clients.append(bridge)
    bridge.listen()
    kernel = {"kernel_id": "k1", "epoch": "e1", "pid": 1, "name": "python3"}
    hello = {"type": "hello", "protocol": [1, 1], "client": "test", "key": key, "kernel": kernel}
    await bridge.say(hello)
    await bridge.wait("welcome")
    return bridge


async def window_with_key(house: House, key: str) -> Window:
    window = Window(house.connect("window"))
    window.gate = house.gate
    house._clients.append(window)
    window.listen()
    await window.say({"type": "hello", "protocol": [1, 1], "client": "test", "key": key})
    await window.wait("welcome")
    await window.step1()
    await window.wait("messages")
    return window


async def test_what_a_bridge_says_again_after_it_lost_its_connection_is_told_once() -> None:
    async with House() as house:
        bridge = await bridge_with_key(house)
        window = await window_with_key(house, "w")
        await bridge.do(opened(), message(1), message(2), message(3))
        await bridge.leave()
        bridge = await bridge_with_key(house)
        await bridge.do(message(2), message(3), message(4))
        await window.wait("message", number=4)
        assert [(told["number"], told["source"]) for told in window.heard_of("message")] == [
            (number, "b") for number in (1, 2, 3, 4)
        ]
        await bridge.leave()
        another = await bridge_with_key(house, "another")
        await another.do(message(1))
        await window.wait("message", source="another")


async def test_the_first_event_of_a_window_says_which_messages_were_before_it() -> None:
    async with House() as house:
        bridge = await bridge_with_key(house)
        await bridge.do(opened(), message(1), message(2))
        window = await window_with_key(house, "w")
        assert window.heard_of("messages") == [{"type": "messages", "source": "b", "number": 2}]
        await bridge.do(message(3))
        await window.wait("message", number=3)
        events = [
            each["type"]
            for each in window.messages
            if each["type"] in ("messages", "message", "kernel", "peers")
        ]
        assert events[0] == "messages"
        assert len(window.heard_of("message")) == 1, "nothing of the past"


async def test_messages_are_settled_in_order_behind_what_they_did() -> None:
    async with House() as house:
        bridge = await bridge_with_key(house)
        window = await window_with_key(house, "w")
        await bridge.do(opened())
        for ident in ("m1", "m2"):
            await window.say(
                {"type": "message", "message_id": ident, "comm_id": "c1", "data": {}, "buffers": []}
            )
        await bridge.do(
            message(1),
            {"op": "handled", "comm_id": "c1", "message_id": "m1"},
            {"op": "update", "comm_id": "c1", "state": {"value": 9}, "cause": "m2"},
            {"op": "handled", "comm_id": "c1", "message_id": "m2", "error": "ValueError: no"},
        )
        last = await window.wait("settled", message_id="m2")
        assert last["error"] == "ValueError: no"
        assert window.state("c1")["value"] == 9
        told = [
            each.get("message_id", each["type"])
            for each in window.messages
            if each["type"] in ("message", "settled")
        ]
        assert told == ["message", "m1", "m2"]


async def test_the_kernel_gets_the_next_message_while_the_room_pauses() -> None:
    async with House(limits=RoomLimits(in_flight=1)) as house:
        bridge = await bridge_with_key(house)
        window = await window_with_key(house, "w")
        await bridge.do(opened())
        for ident in ("m1", "m2"):
            told: dict[str, Any] = {
                "type": "message",
                "message_id": ident,
                "comm_id": "c1",
                "data": {},
                "buffers": [],
            }
            await window.say(told)
        await until(lambda: house.kernel.sent)
        house.room.governor.not_before = time.monotonic() + 3600
        house.room.kernel.waiting.clear()
        await bridge.ops({"op": "handled", "comm_id": "c1", "message_id": "m1"})
        await until(lambda: [each[3] for each in house.kernel.sent] == ["m1", "m2"])
        assert window.heard_of("settled") == []
        house.room.kernel.apply()
        house.room.broadcast.flush()
        await window.wait("settled", message_id="m1")


async def test_a_window_that_was_too_slow_hears_why_when_it_comes_back() -> None:
    limits = RoomLimits(event_bytes=1_000)
    async with House(limits=limits) as house:
        bridge = await bridge_with_key(house)
        await bridge.do(opened())
        window = await window_with_key(house, "w")
        window.gate.open.clear()
        for number in range(1, 10):
            op = {**message(number), "buffers": [0]}
            await bridge.do(op, buffers=[bytes(1_000)])
        window.gate.open.set()
        await window.ended.wait()
        assert window.close_code == 4413
        back = await window_with_key(house, "w")
        (error,) = back.heard_of("error")
        assert error["code"] == "too_slow"
        assert error["reason"].startswith("the last connection was ended: too slow: ")
        stranger = await window_with_key(house, "v")
        again = await window_with_key(house, "w")
        assert stranger.heard_of("error") == again.heard_of("error") == []


async def test_a_window_may_use_an_id_that_another_one_uses() -> None:
    async with House() as house:
        bridge = await bridge_with_key(house)
        await bridge.do(opened())
        one, other = await window_with_key(house, "one"), await window_with_key(house, "other")
        await one.say(request("r", value=1))
        await one.wait("accepted")
        await other.say(request("r", step=3))
        await other.wait("accepted")
        await bridge.do({"op": "settled", "request_id": "r", "comm_id": "c1", "state": {"value": 1}})
        await one.wait("settled", request_id="r")
        second = house.kernel.sent[1][3]
        assert second != "r"
        await bridge.do({"op": "settled", "request_id": second, "comm_id": "c1", "state": {"step": 3}})
        await other.wait("settled", request_id="r")
        assert len(one.heard_of("settled")) == 1


async def test_a_window_can_not_call_itself_by_what_it_is_told_of_another_one() -> None:
    async with House() as house:
        bridge = await bridge_with_key(house)
        await bridge.do(opened())
        one = await house.window()
        thief = await window_with_key(house, one.heard_of("welcome")[0]["peer_id"])
        await one.say(request("r", value=1))
        await one.wait("accepted")
        await thief.say(request("r", value=2))
        await thief.wait("accepted")
        await bridge.do({"op": "settled", "request_id": "r", "comm_id": "c1", "state": {"value": 1}})
        await one.wait("settled", request_id="r")
        assert thief.heard_of("settled") == []
