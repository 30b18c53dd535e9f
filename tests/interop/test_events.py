"""Requests and messages between Node and the kernel's side of the room, in order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.interop.host import a_host
from tests.interop.node import NodeError, from_browser, node_window

pytestmark = pytest.mark.node


@pytest.mark.scenario("S24", "S25")
async def test_a_thousand_messages_arrive_in_order_each_behind_the_state_set_before_it() -> None:
    async with a_host() as host:
        await host.kernel.open("slider", value=-1)
        async with node_window(host.link(), watch=["value"]) as window:
            await window.do("wait", comm_id="slider")
            for n in range(1_000):
                await host.kernel.ops(
                    {"op": "update", "comm_id": "slider", "state": {"value": n}},
                    {"op": "message", "comm_id": "slider", "data": {"n": n}, "buffers": [0]},
                    buffers=[bytes([n % 256]) * 3],
                )
            await window.do("wait", events="message", count=1_000, timeout=60)
            events = await window.events("message")
            assert [from_browser(event["data"])["n"] for event in events] == list(range(1_000))
            assert [event["seen"]["value"] for event in events] == list(range(1_000))
            assert [from_browser({"dataview": event["buffers"][0]}) for event in events] == [
                bytes([n % 256]) * 3 for n in range(1_000)
            ]


@pytest.mark.scenario("S24", "S25", "S49")
async def test_what_a_window_asks_reaches_the_kernel_in_order_nothing_merged() -> None:
    async with a_host() as host:
        await host.kernel.open("slider", value=0, step=1)
        async with node_window(host.link()) as window:
            await window.do("wait", comm_id="slider")
            received: list[tuple[str, Any]] = []

            async def kernel() -> None:
                while len(received) < 40:
                    _, content, buffers, msg_id = await asyncio.wait_for(host.kernel.received.get(), 10)
                    data = content["data"]
                    if data.get("method") == "update":
                        received.append(("update", data["state"]))
                        await host.kernel.settle(msg_id, "slider", **data["state"])
                    else:
                        received.append(("custom", (data["content"], buffers)))

            handling = asyncio.ensure_future(kernel())
            for n in range(10):
                await window.request("slider", value=n)
                await window.request("slider", step=n)
                await window.send("slider", {"method": "custom", "content": n}, [bytes([n])])
                await window.send("slider", {"method": "custom", "content": -n}, [b"", b"\x00"])
            await handling
            wanted: list[tuple[str, Any]] = []
            for n in range(10):
                wanted += [("update", {"value": n}), ("update", {"step": n})]
                wanted += [("custom", (n, [bytes([n])])), ("custom", (-n, [b"", b"\x00"]))]
            assert received == wanted


@pytest.mark.scenario("S12")
async def test_while_a_request_is_open_a_window_is_not_told_of_its_key() -> None:
    async with a_host() as host:
        await host.kernel.open("slider", value=100)
        async with node_window(host.link()) as window:
            await window.do("wait", comm_id="slider")
            await window.do("hold", comm_id="slider", keys=["value"])
            request_id = await window.request("slider", value=700)
            await host.kernel.request()
            await host.kernel.settle(request_id, "slider", value=100)
            await window.do("wait_request", request_id=request_id)
            changes = [event for event in await window.events("change") if event["kind"] == "updated"]
            assert changes == []
            await window.do("release", comm_id="slider")
            (change,) = [event for event in await window.events("change") if event["kind"] == "updated"]
            assert change["keys"] == ["value"]
            assert await window.do("encoded", comm_id="slider", keys=["value"]) == {"value": 100}


@pytest.mark.scenario("S09")
async def test_a_request_that_was_under_way_when_the_network_broke_is_done_once() -> None:
    async with a_host() as host:
        await host.kernel.open("slider", value=0)
        async with node_window(host.link(), backOffMs=[10, 100]) as window:
            await window.do("wait", comm_id="slider")
            request_id = await window.request("slider", value=5)
            msg_id, _, state = await host.kernel.request()
            assert (msg_id, state) == (request_id, {"value": 5})
            await window.do("cut")
            await window.do("wait", status="connecting")
            await window.do("wait", status="synced")
            await host.kernel.settle(request_id, "slider", value=5)
            await window.do("wait_request", request_id=request_id)
            assert host.kernel.received.empty()


@pytest.mark.scenario("S28")
async def test_with_the_kernel_gone_requests_fail_in_time_and_messages_are_reported() -> None:
    async with a_host() as host:
        await host.kernel.open("slider", value=0)
        async with node_window(host.link()) as window:
            await window.do("wait", comm_id="slider")
            host.room.kernel_dead()
            await window.do("wait", kernel="dead")
            request_id = await window.request("slider", value=5)
            with pytest.raises(NodeError) as failure:
                await asyncio.wait_for(window.do("wait_request", request_id=request_id), 2)
            assert failure.value.code == "kernel_gone"
            message_id = await window.send("slider", {"method": "custom", "content": "invoke"})
            await window.do("wait", events="failed", count=2)
            failed = (await window.events("failed"))[-1]
            assert (failed["message_id"], failed["code"]) == (message_id, "kernel_gone")


async def test_a_comm_that_a_window_opens_reaches_the_kernel_with_its_buffers() -> None:
    async with a_host() as host, node_window(host.link()) as window:
        data = {"dict": {"state": {"dict": {"image": {"dataview": "AAEC"}, "value": {"number": "5"}}}}}
        await window.do(
            "open", comm_id="mine", target_name="jupyter.widget", data=data, metadata={"version": "2.1.0"}
        )
        msg_type, content, buffers, _ = await asyncio.wait_for(host.kernel.received.get(), 5)
        assert (msg_type, content["comm_id"], content["metadata"]) == (
            "comm_open",
            "mine",
            {"version": "2.1.0"},
        )
        assert content["data"] == {"state": {"value": 5}, "buffer_paths": [["image"]]}
        assert buffers == [b"\x00\x01\x02"]
