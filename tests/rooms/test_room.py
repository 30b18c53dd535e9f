from __future__ import annotations

import asyncio

import pytest

from tests.rooms.parties import House, moved, opened, request, settled, until

pytestmark = pytest.mark.asyncio


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
