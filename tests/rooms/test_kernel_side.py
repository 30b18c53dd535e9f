from __future__ import annotations

import asyncio

import pytest

from commdoc.protocol.messages import KernelInfo
from commdoc.rooms.kernel_link import KernelLink, KernelLinkError, SubshellLost
from commdoc.rooms.limits import RoomLimits
from tests.rooms.parties import House, Window, moved, opened, request, settled, until


def gone(window: Window) -> list[str]:
    return [kernel_id for kernel_id, kernel in window.comms.kernels.items() if kernel.status == "gone"]


@pytest.mark.scenario("S40")
async def test_a_new_epoch_drops_the_old_entries_before_the_first_new_one() -> None:
    async with House() as house:
        old = await house.bridge()
        await old.do(opened("old1"), opened("old2"))
        window = await house.window()
        await window.say(request("r1", "old1", value=5))
        await window.wait("accepted")
        together: list[set[str]] = []
        window.comms.observe(lambda changes: together.append(set(window.comms)))
        new = await house.bridge(epoch="e2", pid=2)
        await new.do(opened("new1"))
        await until(lambda: set(window.comms) == {"new1"})
        assert not any("new1" in names and "old1" in names for names in together)
        assert (await window.wait("failed"))["code"] == "kernel_gone"
        assert old.close_code == 4409
        assert window.comms["new1"].epoch == "e2"
        assert [kernel["epoch"] for kernel in house.kernel.links] == ["e1", "e2"], (
            "a link of its own for each life"
        )


@pytest.mark.scenario("S40")
async def test_the_bridge_of_a_life_that_is_over_can_not_come_back() -> None:
    async with House() as house:
        old = await house.bridge()
        await house.bridge(epoch="e2")
        await asyncio.wait_for(old.ended.wait(), 5)
        again = await house.bridge(epoch="e1")
        await asyncio.wait_for(again.ended.wait(), 5)
        assert again.close_code == 4409
        assert "is over" in again.transport.close_reason


@pytest.mark.scenario("S40")
async def test_another_kernel_takes_over_when_the_first_is_gone_and_only_then() -> None:
    async with House() as house:
        first = await house.bridge()
        await first.do(opened())
        window = await house.window()
        early = await house.bridge(kernel_id="k2", epoch="f1")
        await asyncio.wait_for(early.ended.wait(), 5)
        assert early.close_code == 4409
        await first.leave()
        await window.wait("kernel", status="disconnected")
        second = await house.bridge(kernel_id="k2", epoch="f1")
        await second.do(opened("c2"))
        await until(lambda: set(window.comms) == {"c2"})
        assert gone(window) == ["k1"]


@pytest.mark.scenario("S22", "S40")
async def test_a_notebook_that_changes_its_kernel_again_and_again_does_not_grow() -> None:
    async with House() as house:
        window = await house.window()
        for number in range(10):
            bridge = await house.bridge(kernel_id=f"k{number}", epoch=f"e{number}")
            await bridge.do(opened(f"c{number}"))
            await until(lambda number=number: set(window.comms) == {f"c{number}"})  # type: ignore[misc]
            assert len(window.comms.kernels) <= 2
            await bridge.leave()
            await until(lambda: house.room.kernel.bridge is None)
        assert (gone(window), list(window.comms.kernels)) == (["k8"], ["k8", "k9"])


async def test_a_second_bridge_of_the_same_life_is_refused() -> None:
    async with House() as house:
        await house.bridge()
        second = await house.bridge()
        await asyncio.wait_for(second.ended.wait(), 5)
        assert second.close_code == 4409
        assert second.heard_of("error")[0]["code"] == "lease"


@pytest.mark.scenario("S09")
async def test_a_bridge_that_reconnects_goes_on_where_it_was() -> None:
    async with House() as house:
        first = await house.bridge()
        await first.do(opened(), opened("c2"))
        window = await house.window()
        updates = len(window.updates)
        await first.leave()
        await window.wait("kernel", status="disconnected", live=True)
        await window.say(request("r1", value=3))
        await window.wait("accepted", request_id="r1")
        assert house.kernel.sent == []
        second = await house.bridge()
        assert [sent[3] for sent in house.kernel.sent] == ["r1"]
        await second.do(opened(), settled("r1", value=3), {"op": "adopted", "comm_ids": ["c1"]})
        await window.wait("settled")
        await until(lambda: set(window.comms) == {"c1"})
        assert window.state("c1")["value"] == 3
        assert len(window.updates) == updates + 2, (
            "the request, then the close of c2; the same state writes nothing"
        )
        assert len(house.kernel.links) == 1


@pytest.mark.scenario("S40")
async def test_a_dead_kernel_is_shown_and_its_last_state_stays() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened(value=8))
        window = await house.window()
        await window.say(request("r1", value=9))
        await window.wait("accepted")
        house.room.kernel_dead("killed")
        assert (await window.wait("failed"))["reason"] == "killed"
        assert (await window.wait("kernel", status="dead"))["live"] is False
        await until(lambda: window.state("c1")["value"] == 8)
        assert gone(window) == ["k1"]
        late = await house.window()
        assert late.heard_of("welcome")[0]["kernel"]["status"] == "dead"
        assert late.state("c1")["value"] == 8
        await late.say(request("r2", value=9))
        assert (await late.wait("failed", request_id="r2"))["code"] == "kernel_gone"
        await asyncio.wait_for(bridge.ended.wait(), 5)


@pytest.mark.scenario("S28")
async def test_requests_to_a_kernel_that_is_not_connected_expire() -> None:
    async with House(limits=RoomLimits(request_seconds=0.2)) as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        await bridge.leave()
        await window.wait("kernel", status="disconnected")
        await window.say(request("r1", value=3))
        message = {"type": "message", "message_id": "m1", "comm_id": "c1", "data": {}, "buffers": []}
        await window.say(message)
        assert (await window.wait("failed", request_id="r1"))["code"] == "expired"
        assert (await window.wait("failed", message_id="m1"))["code"] == "expired"
        await until(lambda: window.state("c1")["value"] == 0)


async def test_a_lost_subshell_goes_round_by_the_bridge_once() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        await window.say(request("r1", value=3))
        await until(lambda: house.kernel.sent)
        house.kernel.subshell_lost("r1")
        await bridge.wait("forget_subshell", comm_id="c1", request_id="r1")
        await bridge.say({"type": "forgotten", "comm_id": "c1", "request_id": "r1"})
        await until(lambda: len(house.kernel.sent) == 2)
        house.kernel.subshell_lost("r1")
        house.kernel.subshell_lost("never seen")
        await bridge.do(settled("r1", value=3))
        await window.wait("settled")
        assert len(bridge.heard_of("forget_subshell")) == 1


@pytest.mark.scenario("S48")
async def test_a_room_without_a_way_to_the_kernel_still_mirrors(caplog: pytest.LogCaptureFixture) -> None:
    def connect(kernel: KernelInfo, lost: SubshellLost) -> KernelLink:
        raise KernelLinkError("no connection file")

    async with House(limits=RoomLimits(request_seconds=0.1)) as house:
        house.room.kernel._connect = connect
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        assert "no connection file" in caplog.text
        await window.say(request("r1", value=3))
        assert (await window.wait("failed"))["code"] == "expired"
        await bridge.do(moved(2))
        await until(lambda: window.state("c1")["value"] == 2)


@pytest.mark.scenario("S48")
async def test_an_op_that_fails_inside_takes_nothing_else_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        monkeypatch.setattr(house.room.comms, "set_view", lambda *args: 1 / 0)
        await bridge.do(moved(1), {"op": "view", "comm_id": "c1", "msg_id": "m"}, moved(2))
        assert house.room.comms.state("c1")["value"] == 2
        assert bridge.heard_of("error")[0]["code"] == "internal"
        monkeypatch.setattr(house.room.asks, "handle", lambda *args: 1 / 0)
        window = await house.window()
        await window.say(request("r1", value=3))
        assert (await window.wait("error"))["code"] == "internal"
        assert window.close_code is None


async def test_views_cell_ends_logs_and_counts_pass() -> None:
    async with House() as house:
        bridge = await house.bridge()
        window = await house.window()
        view = {"op": "view", "comm_id": "c1", "msg_id": "m1", "cell_id": "cell", "execution_count": 4}
        end = {"op": "cell_end", "msg_id": "m1", "cell_id": "cell", "execution_count": 4, "status": "ok"}
        log = {"op": "log", "name": "stdout", "text": "hi\n", "cause": "r1"}
        await bridge.do(opened(), view, end, log)
        ended = await window.wait("cell_end")
        assert (ended["cell_id"], ended["after"]) == ("cell", house.room.comms.clock)
        assert (await window.wait("log"))["text"] == "hi\n"
        assert [each["comm_id"] for each in window.comms.views] == ["c1"]
        await bridge.do({"op": "clear_views", "msg_id": "m1"})
        await until(lambda: not window.comms.views)
        assert bridge.heard_of("peers")[-1]["windows"] == 1


async def test_ops_that_wait_for_the_governor_are_one_transaction() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        window = await house.window()
        house.room.governor.not_before = asyncio.get_running_loop().time() + 0.2
        for n in range(50):
            await bridge.ops(moved(n))
        await until(lambda: window.state("c1")["value"] == 49)
        assert len(window.updates) == 1
        await bridge.wait("applied", batch=51)
        assert [message["batch"] for message in bridge.heard_of("applied")] == list(range(1, 52))


async def test_an_update_of_a_comm_that_was_missed_makes_the_room_ask() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(moved(3, "unknown"))
        assert (await bridge.wait("resync"))["comm_ids"] == ["unknown"]


async def test_a_window_is_told_what_people_call_the_room() -> None:
    async with House() as house:
        await house.bridge(session_name="lectures/waves.ipynb")
        window = await house.window()
        assert (await window.wait("welcome"))["name"] == "waves.ipynb"
