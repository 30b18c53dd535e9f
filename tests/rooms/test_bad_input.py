from __future__ import annotations

import asyncio
import hashlib
import random
from typing import Any

import pycrdt
import pytest

from commdoc.protocol import frames
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.sync import Sync, sync_frame
from tests.rooms.parties import House, moved, opened, request, until

GOOD = frames.encode({"type": "request", "request_id": "r", "comm_id": "c1", "state": {"value": 1}})

BAD_FRAMES = {
    "empty": b"",
    "cut off in the text": GOOD[:20],
    "cut off in the count": GOOD[:-1],
    "something behind it": GOOD + b"x",
    "an unknown type": b"\x32" + GOOD[1:],
    "a length of 1 GB": b"\x64" + frames.write_varuint(2**30) + b"{}",
    "a count of 2^40 buffers": b"\x64\x02{}" + frames.write_varuint(2**40),
    "a sync of 1 GB": b"\x00\x02" + frames.write_varuint(2**30) + b"\x00",
    "not UTF-8": b"\x64\x02\xff\xfe\x00",
    "not JSON": b"\x64\x02{]\x00",
    "no object": frames.encode({"type": "x"}).replace(b'{"type":"x"}', b'["type","x"]'),
    "no type": b"\x64\x02{}\x00",
    "nested too deep": b"\x64" + frames.write_varuint(200_000) + b"[" * 200_000 + b"\x00",
    "a type nobody knows": frames.encode({"type": "nonsense"}),
    "a request without an id": frames.encode({"type": "request", "comm_id": "c1", "state": {}}),
    "a request whose state is a list": frames.encode({**request("r"), "state": []}),
    "a comm_id that is a number": frames.encode({**request("r"), "comm_id": 7}),
    "an id of 10,000 characters": frames.encode(request("r" * 10_000)),
    "buffers that are not there": frames.encode(
        {"type": "message", "message_id": "m", "comm_id": "c1", "data": {}, "buffers": [3]}
    ),
    "metadata that is a text": frames.encode(
        {"type": "open", "message_id": "m", "comm_id": "n", "target_name": "t", "data": {}, "metadata": "x"}
    ),
    "a hash that is a path": frames.encode({"type": "get_blobs", "hashes": ["../../etc/passwd"]}),
    "no Yjs update": sync_frame(Sync.UPDATE, b"\xff\xff\xff\xff\xff"),
}


@pytest.mark.scenario("S23")
@pytest.mark.parametrize("frame", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
async def test_a_bad_frame_gets_its_peer_a_reason_and_a_close_and_the_room_stays(frame: bytes) -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        bad, good = await house.window(), await house.window()
        await bad.transport.send(frame)
        await asyncio.wait_for(bad.ended.wait(), 5)
        assert bad.close_code == 4400
        [error] = bad.heard_of("error")
        assert error["code"] == "malformed"
        assert error["reason"] == bad.transport.close_reason
        await bridge.do(moved(4))
        await until(lambda: good.state("c1")["value"] == 4)
        assert house.kernel.sent == []


@pytest.mark.scenario("S23")
async def test_a_frame_above_the_limit_is_refused() -> None:
    async with House(limits=RoomLimits(frame_bytes=1000)) as house:
        window = await house.window()
        await window.say({"type": "x-large"}, [b"x" * 2000])
        await asyncio.wait_for(window.ended.wait(), 5)
        assert window.heard_of("error")[0]["reason"].startswith("frame of 20")


@pytest.mark.scenario("S23")
async def test_unknown_fields_and_extensions_are_ignored() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do({**opened(), "novel": 1}, {"op": "x-novel"})
        window = await house.window()
        await window.say({"type": "x-novel", "y": 2})
        await window.say({**request("r1", value=3), "novel": [1]})
        await window.wait("accepted")


@pytest.mark.parametrize(
    "hello",
    [
        {"type": "request"},
        {"type": "hello", "client": "t"},
        {"type": "hello", "protocol": [1], "client": "t"},
        {"type": "hello", "protocol": ["1", "2"], "client": "t"},
        {"type": "hello", "protocol": [1, 1], "client": ""},
    ],
)
async def test_a_bad_hello_is_refused(hello: dict[str, object]) -> None:
    async with House() as house:
        transport = house.connect("window")
        await transport.send(frames.encode(hello))
        await until(lambda: transport.close_code == 4400)
        assert house.room.window_count == 0


async def test_a_version_that_we_do_not_speak_is_refused_with_what_to_do() -> None:
    async with House() as house:
        transport = house.connect("window")
        await transport.send(frames.encode({"type": "hello", "protocol": [7, 9], "client": "future"}))
        await until(lambda: transport.close_code == 4426)
        assert "upgrade commdoc on this side" in transport.close_reason


async def test_a_room_takes_so_many_windows_and_tells_the_next_one() -> None:
    async with House(limits=RoomLimits(windows=2)) as house:
        await house.bridge()
        first, second = await house.window(), await house.window("viewer")
        third = house.connect("window")
        await third.send(frames.encode({"type": "hello", "protocol": [1, 1], "client": "one too many"}))
        await until(lambda: third.close_code == 4429)
        assert "2 windows and viewers" in third.close_reason
        await second.leave()
        await until(lambda: house.room.window_count == 1)
        assert (await house.window()).close_code is first.close_code is None


async def test_of_a_long_name_the_others_hear_the_beginning() -> None:
    async with House() as house:
        window = await house.window()
        transport = house.connect("window")
        await transport.send(frames.encode({"type": "hello", "protocol": [1, 1], "client": "n" * 1_000}))
        heard = await until(lambda: [peers for peers in window.heard_of("peers") if len(peers["peers"]) == 2])
        assert "n" * 100 in [peer["name"] for peer in heard[0]["peers"]]


@pytest.mark.scenario("S23", "S48")
async def test_a_bad_op_is_skipped_with_a_reason_and_the_others_are_applied() -> None:
    async with House() as house:
        bridge = await house.bridge()
        bad: list[Any] = [
            None,
            {"op": "nonsense"},
            {"op": "open", "comm_id": "c2"},
            {"op": "open", "comm_id": 3, "target_name": "t"},
            {"op": "update", "comm_id": "c1", "state": 7},
            {"op": "message", "comm_id": "c1", "data": {"$buffer": 9}, "buffers": []},
            {"op": "message", "comm_id": "c1", "data": {}, "buffers": [9]},
            {"op": "status", "status": "nonsense"},
            {"op": "adopted", "comm_ids": [1]},
            {"op": "view", "comm_id": "c1"},
            {"op": "cell_end"},
        ]
        await bridge.do(opened(), *bad, moved(9))
        window = await house.window()
        assert window.state("c1")["value"] == 9
        assert list(window.comms) == ["c1"]
        await until(lambda: len(bridge.heard_of("error")) == len(bad))
        assert bridge.close_code is None


@pytest.mark.scenario("S23")
async def test_a_blob_that_is_not_what_its_hash_says_is_refused_and_asked_for_again() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        digest = hashlib.sha256(b"right").hexdigest()
        op = {
            "op": "update",
            "comm_id": "c1",
            "state": {"image": {"$blob": digest, "size": 5, "type": "bytes"}},
        }
        header = {"hash": digest, "size": 5, "type": "bytes"}
        await bridge.say({"type": "ops", "batch": 9, "ops": [op], "blobs": [header]}, [b"wrong"])
        await bridge.wait("applied", batch=9)
        assert "image" not in house.room.comms.state("c1")
        assert (await bridge.wait("resync"))["comm_ids"] == ["c1"]
        await bridge.do(op, blobs=[b"right"])
        assert house.room.comms.state("c1")["image"]["$blob"] == digest


@pytest.mark.scenario("S23")
async def test_random_damage_never_ends_the_room() -> None:
    chance = random.Random(5)
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        watching = await house.window()
        good = [
            GOOD,
            sync_frame(Sync.UPDATE, watching.doc.get_update()),
            sync_frame(Sync.STEP1, watching.doc.get_state()),
            frames.encode({"type": "get_blobs", "hashes": ["0" * 64]}),
        ]
        for _ in range(150):
            window = await house.window(sync=False)
            frame = bytearray(chance.choice(good))
            for _ in range(chance.randint(1, 4)):
                frame[chance.randrange(len(frame))] = chance.randrange(256)
            await window.transport.send(bytes(frame[: chance.randint(1, len(frame))]))
            await window.say({"type": "x-end"})
            await window.leave()
        house.kernel.sent.clear()
        await bridge.do(opened(), moved(1234))
        await until(lambda: watching.state("c1").get("value") == 1234)
        assert watching.close_code is None


@pytest.mark.scenario("S47")
async def test_windows_can_not_fill_the_document() -> None:
    async with House(limits=RoomLimits(window_bytes=50_000)) as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        filling, watching = await house.window(), await house.window()
        for n in range(20):
            other: pycrdt.Doc = pycrdt.Doc()
            other["notes"] = pycrdt.Text(f"{n}" * 5_000)
            await filling.transport.send(sync_frame(Sync.UPDATE, other.get_update()))
        await filling.wait("error", code="too_large")
        await bridge.do(moved(4))
        await until(lambda: watching.state("c1")["value"] == 4)
        assert 20_000 < len(house.room.doc.get_update()) < 60_000
        assert filling.close_code is None


@pytest.mark.scenario("S23")
async def test_more_json_than_a_window_may_send_is_not_read() -> None:
    async with House(limits=RoomLimits(text_bytes=2_000)) as house:
        bridge = await house.bridge()
        await bridge.do(opened(pad="x" * 3_000))  # a bridge may: its kernel's values are as long as they are
        window = await house.window()
        await window.say(
            {"type": "request", "request_id": "r", "comm_id": "c1", "state": {"a": [[]] * 1_000}}
        )
        await until(lambda: window.close_code == 4400)
        assert "bytes of JSON" in window.transport.close_reason
        assert house.kernel.sent == []
