"""What a room says of the user's settings, and to whom; what windows may set."""

from __future__ import annotations

from typing import Any

from commdoc.rooms.settings.user import UserSettings
from tests.rooms.parties import Client, House, until


def house_with(settings: UserSettings) -> House:
    house = House(limits=settings.limits)
    settings.adopt(house.room)
    return house


def told(client: Client) -> list[dict[str, Any]]:
    return [message["settings"] for message in client.heard_of("settings")]


async def ask(client: Client, message_id: str, **changes: Any) -> dict[str, Any]:
    settings = {key.replace("_", ".", 1): value for key, value in changes.items()}
    await client.say({"type": "set_settings", "message_id": message_id, "settings": settings})

    def answer() -> Any:
        return [m for m in client.messages if m.get("message_id") == message_id]

    [found] = await until(answer)
    return dict(found)


async def test_a_bridge_is_told_what_is_for_it_and_nothing_else() -> None:
    settings = UserSettings()
    settings.change({"kernel.window_ms": 40})
    async with house_with(settings) as house:
        bridge = await house.bridge()
        await until(lambda: told(bridge) == [{"kernel.window_ms": 40, "kernel.blob_threshold": 1024}])
        settings.change({"page.theme": "dark", "kernel.window_ms": 50})
        await until(lambda: told(bridge)[1:] == [{"kernel.window_ms": 50}])


async def test_who_asks_is_told_now_and_when_they_change_and_others_hear_nothing() -> None:
    settings = UserSettings()
    async with house_with(settings) as house:
        window, viewer, silent = await house.window(), await house.window("viewer"), await house.window()
        assert window.heard_of("welcome")[0]["settings"] is True
        for client in (window, viewer):
            await client.say({"type": "follow_settings", "on": True})
            await client.wait("settings", settings={"page.theme": "auto", "page.motion": "auto"})
        settings.change({"page.theme": "dark", "kernel.window_ms": 50})
        await until(lambda: told(window)[1:] == told(viewer)[1:] == [{"page.theme": "dark"}])
        await window.say({"type": "follow_settings", "on": False})
        await ask(window, "m1", page_motion="reduced")
        await until(lambda: told(viewer)[2:] == [{"page.motion": "reduced"}])
        assert len(told(window)) == 2
        assert told(silent) == []


async def test_a_window_sets_what_is_for_windows_and_a_viewer_nothing() -> None:
    settings = UserSettings()
    async with house_with(settings) as house:
        window, viewer = await house.window(), await house.window("viewer")
        assert (await ask(window, "m1", page_theme="dark"))["type"] == "settled"
        refused = await ask(window, "m2", page_theme="light", rooms_windows=9)
        assert (refused["type"], refused["code"]) == ("failed", "rejected")
        assert "rooms.windows can't be set by windows" in refused["reason"]
        assert (await ask(viewer, "m3", page_theme="light"))["code"] == "viewer"
        assert settings["page.theme"] == "dark"
        assert (await ask(window, "m4", page_theme=None))["type"] == "settled"
        assert settings["page.theme"] == "auto"


async def test_a_room_whose_host_has_none_says_so() -> None:
    async with House() as house:
        window = await house.window()
        assert "settings" not in window.heard_of("welcome")[0]
        assert (await ask(window, "m1", page_theme="dark"))["code"] == "rejected"


async def test_a_malformed_one_ends_the_connection() -> None:
    async with house_with(UserSettings()) as house:
        window = await house.window()
        await window.say({"type": "set_settings", "message_id": "m", "settings": [1]})
        await window.wait("error", code="malformed")


async def test_limits_hold_for_who_comes_next_and_a_closed_room_is_let_go() -> None:
    settings = UserSettings()
    async with house_with(settings) as house:
        await house.window()
        settings.change({"rooms.windows": 1})
        late = Client(house.connect("window"))
        late.listen()
        await late.say({"type": "hello", "protocol": [1, 1], "client": "test"})
        refusal = await late.wait("error")
        assert "no more are let in" in refusal["reason"]
        settings.change({"rooms.windows": 2})
        await house.window()
    assert settings._rooms == []
