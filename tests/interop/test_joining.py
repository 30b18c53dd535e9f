"""Joining, from Node: the real room, the real handshake, a plain yjs peer and the library's window."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest
from pycrdt import Text

from commdoc.rooms.limits import RoomLimits
from tests.interop.host import Host, a_host
from tests.interop.node import NodeWindow, YjsPeer, node_window, normal, same_in_browser, to_browser

pytestmark = pytest.mark.node

SENTENCES = ["plain ASCII", "🌊 emoji 👩‍👩‍👧 📊", "漢字とかな", "Кириллица и ещё", "A📊B"]


def slider(value: int) -> dict[str, Any]:
    return {"value": value, "description": SENTENCES[value % len(SENTENCES)]}


async def shown(window: NodeWindow) -> dict[str, Any]:
    """Return what a window shows: comm_id to state, in the browser's notation."""
    comms = await window.comms()
    return {comm_id: {k: normal(v) for k, v in comm["state"].items()} for comm_id, comm in comms.items()}


def expected(host: Host) -> dict[str, Any]:
    """Return what a window must show of the room's document (without blobs)."""
    log = host.room.comms
    return {
        comm_id: {key: normal(to_browser(value)) for key, value in log.state(comm_id).items()}
        for comm_id in log.comm_ids()
    }


async def at_rest(host: Host, window: NodeWindow) -> None:
    """Wait until a window shows what the room has."""
    for _ in range(500):
        if await shown(window) == expected(host):
            return
        await asyncio.sleep(0.01)
    assert await shown(window) == expected(host)


@pytest.mark.scenario("S01", "S02")
async def test_a_window_that_joins_while_updates_arrive_ends_with_all_of_them() -> None:
    async with a_host() as host, NodeWindow() as window:
        for n in range(10):
            await host.kernel.open(f"before-{n}", **slider(n))
        joining = window.begin("join", url=host.link())
        for n in range(19):
            await host.kernel.open(f"during-{n}", **slider(n))
            await host.kernel.ops({"op": "update", "comm_id": f"before-{n % 10}", "state": slider(n + 100)})
            await asyncio.sleep(0.002)
        await joining
        await at_rest(host, window)
        assert len(await shown(window)) == 29


@pytest.mark.scenario("S01", "S02")
@pytest.mark.parametrize("sentence", SENTENCES)
async def test_a_plain_yjs_peer_mid_handshake_gets_one_diff_that_fits(sentence: str) -> None:
    async with a_host() as host, YjsPeer() as peer:
        text: Text = host.room.doc.get("text", type=Text)
        with host.room.doc.transaction():
            text += sentence
        await host.kernel.open("before", description=sentence)
        await peer.do("connect", **host.socket(), hold=True)
        for n in range(19):
            with host.room.doc.transaction():
                text += f"{n} {sentence} "
            await host.kernel.open(f"during-{n}", description=sentence)
        await peer.do("step1")
        for n in range(5):
            with host.room.doc.transaction():
                text += f"after {n}"
        await peer.do("wait", type="text", name="text", length=len(str(text).encode("utf-16-le")) // 2)
        await peer.do("wait", length=21)
        state = await peer.do("state", types={"text": "text", "comms": "array"})
        assert state["content"]["text"] == str(text)
        assert (state["errors"], state["pending"], state["closed"]) == ([], False, None)
        assert state["frames"]["step2"] == 1


@pytest.mark.scenario("S05")
async def test_a_third_and_a_tenth_window_are_complete_and_leave_nothing_behind() -> None:
    async with a_host() as host:
        for n in range(20):
            await host.kernel.open(f"c{n}", **slider(n))
        windows = [NodeWindow() for _ in range(3)]
        for window in windows:
            await window.__aenter__()
        try:
            for _ in range(3):
                for window in windows:
                    await window.do("join", url=host.link())
                    await at_rest(host, window)
                    await window.do("close")
            await windows[0].do("join", url=host.link())
            gone = windows[1].begin("join", url=host.link())
            gone.add_done_callback(lambda done: done.exception())
        finally:
            for window in windows:
                await window.__aexit__()
        for _ in range(500):
            if host.room.window_count == 0:
                break
            await asyncio.sleep(0.01)
        assert host.room.window_count == 0


@pytest.mark.scenario("S08")
async def test_blobs_come_on_demand_and_each_once() -> None:
    contents = [bytes([n]) * 200_000 for n in range(20)]
    blobs = [
        {"$blob": hashlib.sha256(content).hexdigest(), "size": len(content), "type": "bytes"}
        for content in contents
    ]
    async with a_host() as host:
        for n, (content, blob) in enumerate(zip(contents, blobs, strict=True)):
            op = {
                "op": "open",
                "comm_id": f"c{n}",
                "target_name": "jupyter.widget",
                "state": {"data": blob, "n": n},
            }
            await host.kernel.ops(op, blobs=[content])
        async with node_window(host.link()) as window:
            await window.do("wait", count=20)
            comms = await window.comms()
            for n, content in enumerate(contents):
                assert same_in_browser(content, comms[f"c{n}"]["state"]["data"])
            assert await window.comms() == comms


@pytest.mark.scenario("S27")
async def test_a_missing_blob_is_named_and_the_rest_is_shown() -> None:
    async with a_host() as host:
        content = b"here"
        digest = hashlib.sha256(content).hexdigest()
        blob = {"$blob": digest, "size": 4, "type": "bytes"}
        op = {"op": "open", "comm_id": "c", "target_name": "jupyter.widget", "state": {"data": blob, "n": 1}}
        await host.kernel.ops(op, blobs=[content])
        async with node_window(host.link()) as window:
            await window.do("wait", comm_id="c")
            host.store.delete(digest)
            dump = await window.do("dump")
            assert dump["comms"][0]["state"]["n"] == {"number": "1"}
            (missing,) = dump["missing"]
            assert "comm c" in missing
            assert '"data"' in missing
            assert digest[:12] in missing


@pytest.mark.scenario("S09")
async def test_a_window_whose_network_broke_resumes_without_doubling_anything() -> None:
    async with a_host() as host:
        await host.kernel.open("slider", **slider(1))
        async with node_window(host.link(), backOffMs=[10, 100]) as window:
            await at_rest(host, window)
            size = await window.do("size")
            await window.do("cut")
            await window.do("wait", status="connecting")
            await window.do("wait", status="synced")
            assert await window.do("size") == size
            await host.kernel.open("more", **slider(2))
            await at_rest(host, window)


@pytest.mark.scenario("S09")
async def test_a_window_follows_a_host_that_was_restarted_into_its_new_document() -> None:
    async with a_host() as host:
        await host.kernel.open("old", **slider(1))
        async with node_window(host.link(), backOffMs=[10, 100]) as window:
            await at_rest(host, window)
            await host.restart()
            await host.kernel.open("new", **slider(2))
            await window.do("wait", comm_id="new")
            await at_rest(host, window)
            assert list(await shown(window)) == ["new"]


@pytest.mark.scenario("S10")
async def test_a_window_that_is_too_slow_ends_with_the_last_values() -> None:
    async with a_host(RoomLimits(queue_bytes=20_000)) as host:
        await host.kernel.open("slider", **slider(1))
        async with node_window(host.link()) as window:
            for n in range(2_000):
                await host.kernel.ops(
                    {"op": "update", "comm_id": "slider", "state": {"value": n, "text": "x" * 900}}
                )
            await window.do("wait", comm_id="slider", key="value", encoded=1_999, timeout=30)
            await at_rest(host, window)


@pytest.mark.scenario("S47")
async def test_a_viewer_sees_all_and_what_it_asks_for_fails() -> None:
    async with a_host() as host:
        await host.kernel.open("slider", **slider(1))
        async with node_window(host.link("viewer")) as window:
            await at_rest(host, window)
            request_id = await window.request("slider", value=9)
            with pytest.raises(Exception, match="viewer"):
                await window.do("wait_request", request_id=request_id)
            assert await shown(window) == expected(host)


@pytest.mark.scenario("S51")
async def test_a_foreign_write_into_the_comms_is_reverted_and_windows_are_unharmed() -> None:
    async with a_host() as host, YjsPeer() as peer:
        await host.kernel.open("slider", **slider(1))
        async with node_window(host.link()) as window:
            await at_rest(host, window)
            await peer.do("connect", **host.socket())
            await peer.do("wait", length=2)
            await peer.do("write", type="array", name="comms", at=0, value='["u","slider",{"value":666}]')
            await host.kernel.open("more", **slider(2))
            await window.do("wait", comm_id="more")
            await at_rest(host, window)
