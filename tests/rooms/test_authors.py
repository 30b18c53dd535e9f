"""Who changed what last, as a room tells those that ask."""

from __future__ import annotations

from typing import Any

from commdoc.rooms.authors import MESSAGE_KEYS
from tests.rooms.parties import House, Window, moved, opened, request, settled, until


def authors(window: Window) -> dict[tuple[str, str], str]:
    """Return what a window has been told: comm and key to peer id, or ``kernel``."""
    known: dict[tuple[str, str], str] = {}
    for message in window.heard_of("changed"):
        for change in message["changes"]:
            by = change["by"]["peer_id"] if "by" in change else "kernel"
            known |= {(change["comm_id"], key): by for key in change["keys"]}
    return known


def peer_id(window: Window) -> Any:
    return window.heard_of("welcome")[0]["peer_id"]


async def inspect(window: Window, *, on: bool = True) -> None:
    await window.say({"type": "inspect", "on": on})


async def knows(window: Window, comm_id: str, key: str, by: str) -> None:
    await until(lambda: authors(window).get((comm_id, key)) == by, f"{key} of {comm_id} was changed by {by}")


async def asked(window: Window, request_id: str, comm_id: str = "c1", **state: Any) -> None:
    await window.say(request(request_id, comm_id, **state))
    await window.wait("accepted", request_id=request_id)


async def test_welcome_says_to_windows_that_they_may_ask() -> None:
    async with House() as house:
        bridge, window = await house.bridge(), await house.window()
        viewer = await house.window("viewer")
        assert [party.heard_of("welcome")[0].get("inspect") for party in (bridge, window, viewer)] == [
            None,
            True,
            True,
        ]


async def test_who_asks_hears_who_changed_what_also_a_viewer_and_others_hear_nothing() -> None:
    async with House() as house:
        bridge, one, other = await house.bridge(), await house.window(), await house.window()
        viewer = await house.window("viewer")
        await bridge.do(opened())
        await inspect(viewer)
        await asked(one, "r1", value=5)
        await knows(viewer, "c1", "value", peer_id(one))
        change = viewer.heard_of("changed")[-1]["changes"][-1]
        assert change["by"] == {"peer_id": peer_id(one), "name": "test"}
        assert 0 <= change["ago"] < 5
        await bridge.do({"op": "update", "comm_id": "c1", "state": {"step": 2}})
        await knows(viewer, "c1", "step", "kernel")
        assert [change["keys"] for change in viewer.heard_of("changed")[-1]["changes"]] == [["step"]], (
            "only news"
        )
        assert not one.heard_of("changed")
        assert not other.heard_of("changed")
        assert viewer.close_code is None


async def test_what_a_window_changed_before_is_told_at_once_also_when_it_has_left() -> None:
    async with House() as house:
        bridge, one, late = await house.bridge(), await house.window(), await house.window()
        await bridge.do(opened("c1"), opened("c2"))
        await asked(one, "r1", value=5)
        await one.leave()
        await inspect(late)
        await knows(late, "c1", "value", peer_id(one))
        assert set(authors(late)) == {("c1", "value")}, "the rest is as the kernel made it"


async def test_a_value_that_the_kernel_takes_stays_the_windows_and_one_that_it_clamps_is_the_kernels() -> (
    None
):
    async with House() as house:
        bridge, one, watching = await house.bridge(), await house.window(), await house.window()
        await bridge.do(opened())
        await inspect(watching)
        await asked(one, "r1", value=5)
        await bridge.do(settled("r1", value=5))
        await asked(one, "r2", step=700)
        await bridge.do(settled("r2", step=100))
        await knows(watching, "c1", "step", "kernel")
        assert authors(watching)["c1", "value"] == peer_id(one)


async def test_without_who_asks_a_write_of_the_kernel_is_not_remembered_and_ends_what_was() -> None:
    async with House() as house:
        bridge, one = await house.bridge(), await house.window()
        await bridge.do(opened())
        await bridge.do(moved(3))
        assert house.room.authors._number == 0, "nothing was noted"
        await asked(one, "r1", value=5)
        await bridge.do(settled("r1", value=5))
        assert len(house.room.authors) == 1
        await bridge.do(moved(6))
        assert len(house.room.authors) == 0


async def test_what_is_remembered_is_of_what_is_alive() -> None:
    async with House() as house:
        bridge, one, watching = await house.bridge(), await house.window(), await house.window()
        await inspect(watching)
        for _ in range(5):
            await bridge.do(opened())
            for value in range(20):
                await bridge.do(moved(value))
            await asked(one, f"r{_}", value=99)
            assert len(house.room.authors) == 1
            await bridge.do({"op": "close", "comm_id": "c1"})
            assert len(house.room.authors) == 0
        await bridge.do(opened("c2"), moved(1, "c2"))
        assert len(house.room.authors) == 1
        await bridge.leave()
        await house.bridge(epoch="e2")
        assert len(house.room.authors) == 0, "a new life of the kernel ends its comms"


async def test_what_captures_wrote_is_the_kernels() -> None:
    async with House() as house:
        bridge, watching = await house.bridge(), await house.window()
        model = {"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel"}
        state = {**model, "outputs": [], "msg_id": ""}
        await inspect(watching)
        await bridge.do({"op": "open", "comm_id": "o", "target_name": "jupyter.widget", "state": state})
        await bridge.do({"op": "stream", "comm_id": "o", "name": "stdout", "text": "hello"})
        await knows(watching, "o", "outputs", "kernel")


async def test_many_changes_are_few_messages_of_bounded_size() -> None:
    async with House() as house:
        bridge, watching = await house.bridge(), await house.window()
        many = {f"k{n}": 0 for n in range(MESSAGE_KEYS)}
        await bridge.do(opened("c1", **many), opened("c2", **many))
        await inspect(watching)
        for value in range(1, 21):
            for comm_id in ("c1", "c2"):
                await bridge.do({"op": "update", "comm_id": comm_id, "state": dict.fromkeys(many, value)})
        await bridge.do(moved(1, "c2"))
        await knows(watching, "c2", "value", "kernel")
        told = [sum(len(c["keys"]) for c in m["changes"]) for m in watching.heard_of("changed")]
        assert max(told) <= MESSAGE_KEYS
        assert len(authors(watching)) == 2 * MESSAGE_KEYS + 1
        assert sum(told) < 20 * 2 * MESSAGE_KEYS, "each is told with its newest change only"


async def test_a_window_that_takes_nothing_is_told_the_newest_when_it_does() -> None:
    async with House() as house:
        bridge, watching = await house.bridge(), await house.window()
        gate, authors_of_room = watching.gate, house.room.authors
        many = {f"k{n}": "x" * 100 for n in range(1_000)}
        await bridge.do(opened("c1", **many))
        await inspect(watching)
        gate.open.clear()
        peer = house.room.broadcast.members[peer_id(watching)].peer
        value = 0
        while peer.waiting_bytes() <= 256 * 1024:
            value += 1
            changed = dict.fromkeys(many, f"{value}" * 100)
            await bridge.do({"op": "update", "comm_id": "c1", "state": changed})
        queued = peer._event_bytes
        for value in range(20):
            await bridge.do(moved(value + 1))
            authors_of_room._tell()
        assert peer._event_bytes == queued, "nothing more waits for it"
        gate.open.set()
        await knows(watching, "c1", "value", "kernel")


async def test_who_asks_no_more_or_has_left_is_told_no_more() -> None:
    async with House() as house:
        bridge, one, other = await house.bridge(), await house.window(), await house.window()
        await bridge.do(opened())
        for window in (one, other):
            await inspect(window)
        await bridge.do(moved(1))
        await knows(one, "c1", "value", "kernel")
        await inspect(one, on=False)
        before = len(one.heard_of("changed"))
        await asked(one, "r1", step=5)
        await knows(other, "c1", "step", peer_id(one))
        assert len(one.heard_of("changed")) == before
        await other.leave()
        await bridge.do(settled("r1", step=6))
        assert len(house.room.authors) == 1, "value, from when somebody asked; step is the kernel's again"


async def test_an_inspect_that_is_none_ends_the_connection() -> None:
    async with House() as house:
        window = await house.window()
        await window.say({"type": "inspect", "on": "yes"})
        await window.wait("error", code="malformed")


async def test_a_window_that_knows_no_inspecting_is_served_as_before() -> None:
    async with House() as house:
        bridge, old, watching = await house.bridge(), await house.window(), await house.window()
        await inspect(watching)
        await bridge.do(opened(), moved(7))
        await knows(watching, "c1", "value", "kernel")
        assert old.state("c1")["value"] == 7
        assert {message["type"] for message in old.messages} <= {"welcome", "kernel", "peers"}
