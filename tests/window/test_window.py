"""The asyncio window against a real room in this process; the kernel is played."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from commdoc.errors import RequestError, RoomFullError
from commdoc.protocol import values
from commdoc.rooms.limits import RoomLimits
from commdoc.window import AsyncWindow, Change
from tests.window.house import House, a_house


@pytest.fixture
async def house():
    async with a_house() as house:
        yield house


async def slider(house: House, window: AsyncWindow) -> Any:
    await house.kernel.open("s", value=1, max=100)
    return await window.wait_for("IntSliderModel")


async def test_a_late_window_has_the_comms_in_seq_order(house):
    await house.kernel.open("a", value=1)
    await house.kernel.open("b", "LayoutModel")
    early = await house.window()
    await early.wait_for("LayoutModel")
    late = await house.window()
    assert list(late.comms) == ["a", "b"]
    assert late.comms["a"].state == {
        "_model_name": "IntSliderModel",
        "_model_module": "@jupyter-widgets/controls",
        "_model_module_version": "2.0.0",
        "value": 1,
    }
    assert late.kernel.kernel_id == "k"
    assert late.kernel.live


async def test_an_update_of_the_kernel_reaches_observers(house):
    window = await house.window()
    comm = await slider(house, window)
    seen: list[Change[Any]] = []
    comm.observe(seen.append, "value")
    await house.kernel.ops({"op": "update", "comm_id": "s", "state": {"value": 2, "max": 50}})
    await window.wait_until(lambda: comm["max"] == 50)
    assert [(change.name, change.old, change["new"], change.owner) for change in seen] == [
        ("value", 1, 2, comm)
    ]


async def test_set_returns_what_the_kernel_made_of_it(house):
    window = await house.window()
    comm = await slider(house, window)
    asked = asyncio.ensure_future(comm.set(value=700))
    request_id, comm_id, state = await house.kernel.request()
    assert (comm_id, state) == ("s", {"value": 700})
    assert comm["value"] == 700
    await house.kernel.settle(request_id, "s", value=100)
    assert await asked == {"value": 100}
    await window.wait_until(lambda: comm["value"] == 100)


async def test_a_key_that_the_widget_does_not_have_is_said(house):
    window = await house.window()
    comm = await slider(house, window)
    asked = asyncio.ensure_future(comm.set(valu=700, value=3))
    request_id, _, _ = await house.kernel.request()
    await house.kernel.settle(request_id, "s", value=3)
    with pytest.raises(RequestError, match="has no 'valu'") as caught:
        await asked
    assert caught.value.code == "unknown_key"
    assert comm["value"] == 3
    assert "valu" not in comm.state


async def test_a_refusal_of_the_kernel_raises(house):
    window = await house.window()
    comm = await slider(house, window)
    asked = asyncio.ensure_future(comm.set(value="x"))
    request_id, _, _ = await house.kernel.request()
    await house.kernel.settle(request_id, "s", error="TraitError: no", value=1)
    with pytest.raises(RequestError, match="TraitError"):
        await asked
    assert comm["value"] == 1


async def test_a_busy_kernel_is_a_timely_error(house):
    window = await house.window()
    comm = await slider(house, window)
    with pytest.raises(RequestError, match="stays queued") as caught:
        await comm.set(value=5, timeout=0.05)
    assert caught.value.code == "timeout"
    assert comm["value"] == 5


async def test_rule_3_own_requests_hide_the_deltas_of_their_keys_until_accepted(house):
    window = await house.window()
    comm = await slider(house, window)
    seen: list[int] = []
    comm.observe(lambda change: seen.append(change.new), "value")
    link = house.links[-1]
    asked = comm.request({"value": 3})
    window.core.take_frames()  # the request is lost on the way
    await house.kernel.ops({"op": "update", "comm_id": "s", "state": {"value": 9, "max": 7}})
    await window.wait_until(lambda: comm["max"] == 7)
    assert comm["value"] == 3
    await link.close(1006, "cut")  # and sent again by the resumed connection
    request_id, _, _ = await house.kernel.request()
    await house.kernel.settle(request_id, "s", value=3)
    assert await asked == {"value": 3}
    assert (comm["value"], seen) == (3, [3])


async def test_a_value_clamped_to_the_one_before_is_shown_again(house):
    await house.kernel.open("s", value=100)
    window = await house.window()
    comm = await window.wait_for("s")
    seen: list[int] = []
    comm.observe(lambda change: seen.append(change.new), "value")
    for _ in range(2):
        asked = asyncio.ensure_future(comm.set(value=700))
        request_id, _, _ = await house.kernel.request()
        await house.kernel.settle(request_id, "s", value=100)
        assert await asked == {"value": 100}
        await window.wait_until(lambda: comm["value"] == 100)
    assert seen == [700, 100, 700, 100]


async def test_the_viewer_may_read_and_not_ask(house):
    await house.kernel.open("s", value=1)
    window = await house.window("viewer")
    comm = await window.wait_for("s")
    assert comm["value"] == 1
    with pytest.raises(RequestError, match="viewer"):
        await comm.set(value=2)
    with pytest.raises(RequestError, match="viewer"):
        comm.send({})


@pytest.mark.scenario("S05")
async def test_a_third_and_a_tenth_window_join_and_one_rejoins_in_mid_handshake(house):
    for n in range(50):
        await house.kernel.open(f"c{n}", value=n)
    windows = [await house.window() for _ in range(10)]
    for _ in range(5):
        link = house.join()
        await link.send(b"\x64")  # the first byte of a hello, then gone
        await link.close(1006, "cut")
    for window in windows:
        await window.wait_until(lambda window=window: len(window.comms) == 50)
    await windows[3].close()
    windows[3] = await house.window()
    assert [comm["value"] for comm in windows[3].comms.values()] == list(range(50))
    await asyncio.gather(*(window.close() for window in windows))
    while house.room.window_count:
        await asyncio.sleep(0)
    await house.kernel.ops({"op": "close", "comm_id": "c0"})


@pytest.mark.scenario("S09")
async def test_a_cut_connection_resumes_complete_and_does_nothing_twice(house):
    window = await house.window()
    comm = await slider(house, window)
    seen: list[int] = []
    comm.observe(lambda change: seen.append(change.new), "value")
    document = window.doc
    asked = asyncio.ensure_future(comm.set(value=5))
    request_id, _, _ = await house.kernel.request()
    await house.cut()
    await house.kernel.open("new", value=0)
    await house.kernel.settle(request_id, "s", value=6)
    assert await asked == {"value": 6}
    await window.wait_until(lambda: "new" in window.comms and comm["value"] == 6)
    assert window.doc is document
    assert house.kernel.received.empty()
    assert seen == [5, 6]


@pytest.mark.scenario("S09")
async def test_a_host_that_restarts_gives_the_window_a_fresh_document(house):
    window = await house.window()
    comm = await slider(house, window)
    await house.kernel.open("gone", value=0)
    await window.wait_for("gone")
    seen: list[Any] = []
    comm.observe(seen.append, "value")
    asked = asyncio.ensure_future(comm.set(value=5))
    await house.kernel.request()
    await house.restart()
    await house.kernel.open("s", value=42)
    with pytest.raises(RequestError, match="anew"):
        await asked
    await window.wait_until(lambda: list(window.comms) == ["s"] and comm["value"] == 42)
    assert [change.new for change in seen][-1] == 42
    await house.kernel.ops({"op": "update", "comm_id": "s", "state": {"value": 43}})
    await window.wait_until(lambda: comm["value"] == 43)


@pytest.mark.scenario("S24")
async def test_a_value_is_there_before_the_message_that_follows_it(house):
    window = await house.window()
    comm = await slider(house, window)
    at_message: list[tuple[int, int]] = []
    comm.on_custom(lambda content, _: at_message.append((content, comm["value"])))
    for n in range(100):
        await house.kernel.ops(
            {"op": "update", "comm_id": "s", "state": {"value": n}},
            {"op": "message", "comm_id": "s", "data": {"method": "custom", "content": n}, "buffers": []},
        )
    await window.wait_until(lambda: len(at_message) == 100)
    assert at_message == [(n, n) for n in range(100)]


@pytest.mark.scenario("S24", "S25")
async def test_messages_to_the_kernel_keep_their_place_among_requests(house):
    window = await house.window()
    comm = await slider(house, window)
    for n in range(200):
        comm.request({"value": n})
        comm.send({"n": n}, [bytes([n]), b""])
    got: list[Any] = []
    while len(got) < 400:
        _, content, buffers, msg_id = await asyncio.wait_for(house.kernel.received.get(), 5)
        data = content["data"]
        if data["method"] == "update":
            got.append(data["state"]["value"])
            await house.kernel.settle(msg_id, "s", value=data["state"]["value"])
        else:
            got.append((data["content"]["n"], buffers))
    assert got == [item for n in range(200) for item in (n, (n, [bytes([n]), b""]))]


@pytest.mark.scenario("S25")
async def test_a_thousand_messages_with_buffers_arrive_in_order_and_raw(house):
    window = await house.window()
    comm = await slider(house, window)
    seen: list[tuple[Any, list[bytes]]] = []
    comm.on_custom(lambda content, buffers: seen.append((content, buffers)))
    for n in range(1_000):
        message = {
            "op": "message",
            "comm_id": "s",
            "data": {"method": "custom", "content": n},
            "buffers": [0, 1],
        }
        update = {"op": "update", "comm_id": "s", "state": {"value": n}}
        await house.kernel.ops(update, message, buffers=[n.to_bytes(2, "big"), b""])
    await window.wait_until(lambda: len(seen) == 1_000)
    assert seen == [(n, [n.to_bytes(2, "big"), b""]) for n in range(1_000)]


@pytest.mark.scenario("S26")
async def test_messages_wait_for_the_first_who_listens(house):
    window = await house.window()
    comm = await slider(house, window)
    for n in range(3):
        await house.kernel.ops(
            {"op": "message", "comm_id": "s", "data": {"method": "custom", "content": n}, "buffers": []}
        )
    await house.kernel.ops({"op": "update", "comm_id": "s", "state": {"value": 5}})
    await window.wait_until(lambda: comm["value"] == 5)
    seen: list[int] = []
    comm.on_custom(lambda content, _: seen.append(content))
    await house.kernel.ops(
        {"op": "message", "comm_id": "s", "data": {"method": "custom", "content": 3}, "buffers": []}
    )
    await window.wait_until(lambda: len(seen) == 4)
    assert seen == [0, 1, 2, 3]


async def test_a_command_to_front_ends_is_no_message_of_a_widget(house):
    window = await house.window()
    comm = await slider(house, window)
    seen: list[Any] = []
    comm.on_custom(lambda content, _: seen.append(content))
    for data in (
        {"method": "update", "state": {"do": {"x": 1}}, "buffer_paths": []},
        {"method": "update", "state": {"do": None}},
        {"method": "custom", "content": "said"},
    ):
        await house.kernel.ops({"op": "message", "comm_id": "s", "data": data, "buffers": []})
    await window.wait_until(lambda: "said" in seen)
    assert seen == ["said"]


@pytest.mark.scenario("S27")
async def test_a_callback_that_raises_is_logged_with_the_comm_and_the_rest_goes_on(house, caplog):
    window = await house.window()
    comm = await slider(house, window)
    seen: list[int] = []

    def explode(*_: object) -> None:
        raise ValueError("boom")

    comm.observe(explode)
    comm.observe(lambda change: seen.append(change.new), "value")
    comm.on_custom(explode)
    comm.on_custom(lambda content, _: seen.append(content))
    with caplog.at_level(logging.ERROR):
        await house.kernel.ops(
            {"op": "update", "comm_id": "s", "state": {"value": 2}},
            {"op": "message", "comm_id": "s", "data": {"method": "custom", "content": 3}, "buffers": []},
        )
        await window.wait_until(lambda: seen == [2, 3])
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["comm s", "comm s"]


@pytest.mark.scenario("S27")
async def test_a_blob_fetch_that_hangs_holds_up_its_own_comm_alone(house, caplog, monkeypatch):
    monkeypatch.setattr("commdoc.window.delivery.BLOB_SECONDS", 0.3)
    window = await house.window()
    comm = await slider(house, window)
    await house.kernel.open("image", "ImageModel", value=0)
    image = await window.wait_for("image")
    monkeypatch.setattr(window.core.blobs, "put", lambda *_: None)  # pushed, and lost
    monkeypatch.setattr(window.core, "want", lambda *_: None)  # asked for, and never answered
    seen: list[Any] = []
    image.observe(lambda change: seen.append(("image", change.new)), "value")
    comm.observe(lambda change: seen.append(("slider", change.new)), "value")
    picture = b"\x89PNG" * 10
    named = values.sentinel(picture, "bytes")
    await house.kernel.ops({"op": "update", "comm_id": "image", "state": {"value": named}}, blobs=[picture])
    await window.wait_until(lambda: isinstance(image.encoded_state["value"], dict))
    await house.kernel.ops({"op": "update", "comm_id": "image", "state": {"value": 7}})
    await house.kernel.ops({"op": "update", "comm_id": "s", "state": {"value": 8}})
    await window.wait_until(lambda: seen)
    assert seen == [("slider", 8)]
    await asyncio.wait_for(_until(lambda: len(seen) == 2), 5)
    assert seen[1] == ("image", 7)
    assert "comm image" in caplog.text
    assert named["$blob"] in caplog.text


async def _until(condition) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.scenario("S28")
async def test_a_request_and_its_response_by_messages(house):
    window = await house.window()
    comm = await slider(house, window)
    response: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    comm.on_custom(lambda content, buffers: response.set_result((content, buffers)))
    comm.send({"id": 1, "name": "add"}, [b"\x01"])
    _, content, buffers, _ = await asyncio.wait_for(house.kernel.received.get(), 5)
    assert content["data"] == {"method": "custom", "content": {"id": 1, "name": "add"}}
    answer = {"method": "custom", "content": {"id": 1, "response": 3}}
    await house.kernel.ops({"op": "message", "comm_id": "s", "data": answer, "buffers": [0]}, buffers=buffers)
    assert await asyncio.wait_for(response, 5) == ({"id": 1, "response": 3}, [b"\x01"])


@pytest.mark.scenario("S28")
async def test_with_the_kernel_gone_a_request_fails_in_time(house):
    window = await house.window()
    comm = await slider(house, window)
    asked = asyncio.ensure_future(comm.set(value=2))
    await house.kernel.request()
    house.room.kernel_dead()
    with pytest.raises(RequestError) as caught:
        await asked
    assert caught.value.code == "kernel_gone"
    with pytest.raises(RequestError) as caught:
        await comm.set(value=3)
    assert caught.value.code == "kernel_gone"
    await window.wait_until(lambda: window.kernel.status == "dead")
    assert comm["value"] == 1


async def test_blobs_are_pushed_to_live_windows_and_fetched_by_late_ones(house):
    window = await house.window()
    await house.kernel.open("image", "ImageModel", value=0)
    image = await window.wait_for("image")
    picture = bytes(range(256)) * 20
    await house.kernel.ops(
        {"op": "update", "comm_id": "image", "state": {"value": values.sentinel(picture, "bytes")}},
        blobs=[picture],
    )
    await window.wait_until(lambda: isinstance(image.encoded_state["value"], dict))
    assert image["value"] == picture
    late = await house.window()
    assert (await late.comms["image"].get_state())["value"] == picture
    assert await late.comms["image"].get("value") == picture


async def test_a_comm_that_closes_tells_so(house):
    window = await house.window()
    comm = await slider(house, window)
    closed: list[bool] = []
    comm.on_close(lambda: closed.append(True))
    await house.kernel.ops({"op": "close", "comm_id": "s"})
    await window.wait_until(lambda: comm.closed)
    assert closed == [True]
    assert comm["value"] == 1
    with pytest.raises(RequestError) as caught:
        await comm.set(value=2)
    assert caught.value.code == "no_such_comm"


async def test_one_window_too_many_is_told_so() -> None:
    async with a_house(RoomLimits(windows=1)) as house:
        first = await house.window()
        with pytest.raises(RoomFullError, match="has 1 windows and viewers"):
            await house.window()
        await first.close()
        await house.window()
