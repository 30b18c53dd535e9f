"""The JavaScript window in Node, against the real room behind the real web application."""

from __future__ import annotations

import asyncio

import pytest

from tests.interop.host import a_host
from tests.interop.node import NodeError, node_window, same_in_browser

pytestmark = pytest.mark.node


async def test_a_window_in_node_shows_what_the_room_has() -> None:
    async with a_host() as host:
        await host.kernel.open("slider", value=5, description="Tempo 🌊")
        async with node_window(host.link()) as window:
            await window.do("wait", comm_id="slider", key="value", encoded=5)
            await host.kernel.ops({"op": "update", "comm_id": "slider", "state": {"value": 7.0}})
            await window.do("wait", comm_id="slider", key="value", encoded=7)
            state = (await window.comms())["slider"]["state"]
            assert same_in_browser(7, state["value"])
            assert state["description"] == "Tempo 🌊"
            assert state["_model_name"] == "IntSliderModel"


async def test_a_request_goes_to_the_kernel_and_ends_with_what_it_made_of_it() -> None:
    async with a_host() as host:
        await host.kernel.open("slider", value=5)
        async with node_window(host.link()) as window:
            await window.do("wait", comm_id="slider")
            request_id = await window.request("slider", value=700)
            await window.do("wait_request", request_id=request_id, **{"for": "accepted"})
            assert await window.do("encoded", comm_id="slider", keys=["value"]) == {"value": 700}
            assert (await host.kernel.request())[2] == {"value": 700}
            await host.kernel.settle(request_id, "slider", value=100)
            await window.do("wait_request", request_id=request_id)
            assert await window.do("encoded", comm_id="slider", keys=["value"]) == {"value": 100}


@pytest.mark.scenario("S47")
async def test_a_wrong_token_ends_the_join_with_a_reason() -> None:
    async with a_host() as host, node_window() as window:
        with pytest.raises(NodeError, match="403"):
            await asyncio.wait_for(window.join(host.link() + "x"), 5)
