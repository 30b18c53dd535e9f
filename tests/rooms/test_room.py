from __future__ import annotations

import pycrdt
import pytest

from commdoc.rooms.sync import Sync, sync_frame
from tests.rooms.parties import House, moved, opened, request, settled, until


async def test_a_late_window_has_what_the_kernel_said() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened(), moved(7))
        window = await house.window()
        assert window.state("c1")["value"] == 7
        assert window.state("c1")["_model_name"] == "IntSliderModel"
        await bridge.do(moved(8))
        await until(lambda: window.state("c1")["value"] == 8)


async def test_a_request_is_seen_at_once_and_ends_as_the_kernel_wants_it() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        asking, watching = await house.window(), await house.window()
        await asking.say(request("r1", value=700))
        accepted = await asking.wait("accepted", request_id="r1")
        assert accepted["after"] == house.room.comms.clock
        await until(lambda: watching.state("c1")["value"] == 700)
        assert asking.state("c1")["value"] == 700
        [(msg_type, content, buffers, msg_id)] = house.kernel.sent
        assert (msg_type, msg_id, buffers) == ("comm_msg", "r1", [])
        assert content["data"] == {"method": "update", "state": {"value": 700}, "buffer_paths": []}
        await bridge.do(settled("r1", value=100))
        assert (await asking.wait("settled", request_id="r1"))["state"] == {"value": 100}
        assert asking.state("c1")["value"] == 100
        await until(lambda: watching.state("c1")["value"] == 100)
        assert not watching.heard_of("settled")


@pytest.mark.scenario("S21")
async def test_a_closed_comm_is_gone_and_nothing_brings_it_back_but_an_open() -> None:
    async with House() as house:
        bridge = await house.bridge()
        window = await house.window()
        close = {"op": "close", "comm_id": "c1"}
        await bridge.do(opened(value=1), moved(2), close, moved(3))
        truth = {"op": "truth", "comm_id": "c1", "state": {"value": 6}}
        await bridge.do(close, moved(4), settled("r0", value=5), truth)
        assert len(house.room.comms) == 0
        assert not bridge.heard_of("resync")
        await bridge.do(opened(value=9))
        await until(lambda: window.state("c1").get("value") == 9)
        assert window.comms["c1"].seq == 2


@pytest.mark.scenario("S21")
async def test_a_request_for_a_comm_that_closes_fails_and_one_for_an_unknown_comm_too() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        await window.say(request("r1", value=3))
        await window.say(request("r2", step=3))
        await window.wait("accepted", request_id="r2")
        await bridge.do({"op": "close", "comm_id": "c1"})
        for name in ("r1", "r2"):
            assert (await window.wait("failed", request_id=name))["code"] == "no_such_comm"
        await window.say(request("r3", value=3))
        assert (await window.wait("failed", request_id="r3"))["code"] == "no_such_comm"


@pytest.mark.scenario("S24", "S25")
async def test_each_message_finds_exactly_the_state_that_was_set_before_it() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        seen: list[tuple[int, int, bytes]] = []

        async def heard(frame: bytes) -> None:
            await original(frame)
            kind, what = window.log[-1]
            if kind == "message" and what["type"] == "message":
                seen.append((what["data"]["n"], window.state("c1")["value"], window.buffers[-1][0]))

        original, window.heard = window.heard, heard  # type: ignore[method-assign]
        ops, buffers = [], []
        for n in range(300):
            ops += [moved(n), {"op": "message", "comm_id": "c1", "data": {"n": n}, "buffers": [n]}]
            buffers.append(b"%d" % n)
        await bridge.do(*ops, buffers=buffers)
        await until(lambda: len(seen) == 300)
        assert seen == [(n, n, b"%d" % n) for n in range(300)]


async def test_a_message_before_a_close_in_one_batch_finds_the_comm_still_there() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        kept: list[bool] = []

        async def heard(frame: bytes) -> None:
            await original(frame)
            if window.log[-1][0] == "message" and window.log[-1][1]["type"] == "message":
                kept.append("c1" in window.comms)

        original, window.heard = window.heard, heard  # type: ignore[method-assign]
        bye = {"op": "message", "comm_id": "c1", "data": {"x": {"$buffer": 0}}, "buffers": []}
        await bridge.do(bye, {"op": "close", "comm_id": "c1"}, buffers=[b"bye"])
        await until(lambda: "c1" not in window.comms)
        assert kept == [True]
        assert (window.heard_of("message")[0]["data"], window.buffers[-1]) == (
            {"x": {"$buffer": 0}},
            [b"bye"],
        )


@pytest.mark.scenario("S24")
async def test_a_window_s_value_reaches_the_kernel_before_its_message() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        await window.say(request("r1", value=3))
        say = {
            "type": "message",
            "message_id": "m1",
            "comm_id": "c1",
            "data": {"method": "custom", "content": 1},
        }
        await window.say({**say, "buffers": [1]}, [b"not this", b"raw"])
        await window.say(request("r2", value=4))
        await window.wait("accepted", request_id="r2")
        assert [sent[3] for sent in house.kernel.sent] == ["r1"]
        await bridge.do(settled("r1", value=3))
        assert [sent[3] for sent in house.kernel.sent] == ["r1", "m1", "r2"]
        assert house.kernel.sent[1][1:3] == (
            {"comm_id": "c1", "data": {"method": "custom", "content": 1}},
            [b"raw"],
        )


async def test_a_window_s_binary_and_long_values_are_blobs_in_the_document_and_buffers_for_the_kernel() -> (
    None
):
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened(value=None, step=None))
        window, other = await house.window(), await house.window()
        value = [{"$buffer": 0}, {"deep": {"$buffer": 1}}, {"$num": "nan"}, {"$dict": {"$blob": 1}}]
        await window.say(request("r1", value=value, step="x" * 5000), [b"one", b""])
        await window.wait("accepted")
        [(_, content, buffers, _)] = house.kernel.sent
        data = content["data"]
        assert (data["buffer_paths"], buffers) == ([["value", 0], ["value", 1, "deep"]], [b"one", b""])
        assert data["state"]["value"][0] is None
        assert data["state"]["value"][1] == {}
        assert data["state"]["value"][2] != data["state"]["value"][2], "not a number"
        assert data["state"]["value"][3] == {"$blob": 1}
        assert data["state"]["step"] == "x" * 5000
        await until(lambda: other.state("c1")["step"])
        kinds = [other.state("c1")["value"][0]["type"], other.state("c1")["step"]["type"]]
        assert kinds == ["bytes", "text"]
        pushed = {digest for message in other.heard_of("blobs") for digest in message["hashes"]}
        assert other.state("c1")["step"]["$blob"] in pushed


async def test_a_value_that_has_no_place_is_rejected_with_a_reason() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened(), {"op": "open", "comm_id": "d1", "target_name": "mine", "data": {"a": 1}})
        window = await house.window()
        for n, (comm_id, value) in enumerate(
            [("c1", {"$nonsense": 1}), ("c1", {"$blob": "0" * 64, "size": 1, "type": "bytes"}), ("d1", 1)]
        ):
            await window.say(request(f"r{n}", comm_id, value=value))
            assert (await window.wait("failed", request_id=f"r{n}"))["code"] == "rejected"
        assert window.comms["d1"].data == {"a": 1}
        assert house.kernel.sent == []


async def test_a_window_opens_a_comm_and_uses_it_before_the_kernel_has_confirmed() -> None:
    async with House() as house:
        bridge = await house.bridge()
        window = await house.window()
        data = {"state": {"_model_name": "M", "image": {"$buffer": 0}}}
        opening = {"type": "open", "message_id": "o1", "comm_id": "w1", "target_name": "jupyter.widget"}
        await window.say({**opening, "data": data, "metadata": {"version": "2.1.0"}}, [b"png"])
        await window.say(request("r1", "w1", value=5))
        await window.wait("accepted", request_id="r1")
        (msg_type, content, buffers, _), (_, update, _, _) = house.kernel.sent
        assert (msg_type, buffers) == ("comm_open", [b"png"])
        assert content["data"] == {"state": {"_model_name": "M"}, "buffer_paths": [["image"]]}
        assert content["metadata"] == {"version": "2.1.0"}
        assert update["data"]["state"] == {"value": 5}
        await bridge.do(opened("w1", value=1), settled("r1", "w1", value=5))
        await until(lambda: window.state("w1").get("value") == 5)
        await window.say({"type": "close", "message_id": "x1", "comm_id": "w1"})
        await until(lambda: house.kernel.sent[-1][0] == "comm_close")


@pytest.mark.scenario("S47")
@pytest.mark.parametrize("kind", ["request", "message", "open", "close"])
async def test_a_viewer_that_asks_is_refused_and_logged_and_nothing_happens(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        viewer = await house.window("viewer")
        asked = {**request("r1", value=66), "message_id": "m1", "target_name": "t", "data": {}, "buffers": []}
        await viewer.say({**asked, "type": kind})
        assert (await viewer.wait("error"))["code"] == "viewer"
        assert f"sent a {kind}: refused" in caplog.text
        assert house.kernel.sent == []
        await bridge.do(moved(5))
        await until(lambda: viewer.state("c1")["value"] == 5)


@pytest.mark.scenario("S47")
async def test_a_viewer_that_writes_is_refused() -> None:
    async with House() as house:
        viewer = await house.window("viewer")
        viewer.doc.get("cells", type=pycrdt.Array).append("x")
        await viewer.transport.send(sync_frame(Sync.UPDATE, viewer.doc.get_update()))
        await viewer.transport.send(sync_frame(Sync.STEP2, viewer.doc.get_update()))
        assert (await viewer.wait("error"))["code"] == "viewer"
        await viewer.say({"type": "x-end"})
        assert len(house.room.doc.get("cells", type=pycrdt.Array)) == 0


async def test_windows_share_the_other_roots_of_the_document() -> None:
    async with House() as house:
        one, other = await house.window(), await house.window()
        text = one.doc.get("source", type=pycrdt.Text)
        text += "print('Ωmega 📊')"
        await one.transport.send(sync_frame(Sync.UPDATE, one.doc.get_update()))
        await until(lambda: str(other.doc.get("source", type=pycrdt.Text)) == "print('Ωmega 📊')")
        assert Sync.UPDATE not in one.steps, "not sent back to who wrote it"


@pytest.mark.scenario("S51")
async def test_a_foreign_write_into_the_comms_map_is_reverted_and_no_window_sees_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened(), opened("c2"))
        intruder, window = await house.window(), await house.window()
        sightings: list[list[str]] = []
        window.comms.observe(lambda changes: sightings.append(list(window.comms)))
        array = intruder.doc.get("comms", type=pycrdt.Array)
        state = intruder.doc.get_state()
        with intruder.doc.transaction():
            array.append(
                '["o","evil",{"target_name":"jupyter.widget","seq":3,"epoch":"e1","state":{"_esm":"x"}}]'
            )
            del array[1]
        await intruder.transport.send(sync_frame(Sync.UPDATE, intruder.doc.get_update(state)))
        assert (await intruder.wait("error"))["code"] == "foreign"
        await bridge.do(moved(4))
        await until(lambda: window.state("c1")["value"] == 4)
        await until(lambda: intruder.state("c1").get("value") == 4)
        assert set(window.comms) == set(intruder.comms) == set(house.room.comms.comm_ids()) == {"c1", "c2"}
        assert not any("evil" in names for names in sightings)
        assert "reverted" in caplog.text


@pytest.mark.scenario("S51")
async def test_a_foreign_write_of_the_document_s_host_is_reverted_too() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        house.room.doc.get("comms", type=pycrdt.Array).clear()
        house.room.doc.get("cells", type=pycrdt.Array).append("a cell")
        await until(lambda: len(window.doc.get("cells", type=pycrdt.Array)) == 1)
        assert list(window.comms) == ["c1"]


@pytest.mark.scenario("S17")
async def test_a_write_equal_to_the_value_sends_nothing() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened(value={"a": [1, 2]}))
        window = await house.window()
        await bridge.do(moved({"a": [1, 2]}), {"op": "truth", "comm_id": "c1", "state": {"step": 1}})
        await bridge.do({"op": "cell_end", "msg_id": "m", "status": "ok"})
        await window.wait("cell_end")
        assert window.updates == []
