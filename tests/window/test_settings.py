"""`window.settings`: the user's settings in a Python window."""

from __future__ import annotations

from typing import Any

import pytest

from commdoc.errors import RequestError
from commdoc.rooms.settings.user import UserSettings
from tests.window.house import House, a_house


def give(house: House) -> UserSettings:
    settings = UserSettings()
    settings.adopt(house.room)
    return settings


async def test_a_window_has_those_for_windows_and_follows_them() -> None:
    async with a_house() as house:
        settings = give(house)
        window = await house.window()
        heard: list[dict[str, Any]] = []
        stop = window.settings.observe(heard.append)
        await window.wait_until(lambda: len(window.settings))
        assert dict(window.settings) == {"page.theme": "auto", "page.motion": "auto"}
        settings.change({"page.theme": "dark", "kernel.window_ms": 50})
        await window.wait_until(lambda: window.settings["page.theme"] == "dark")
        assert set(window.settings) == {"page.theme", "page.motion"}
        stop()
        await window.settings.set({"page.theme": "light", "page.motion": "reduced"})
        assert (settings["page.theme"], settings["page.motion"]) == ("light", "reduced")
        await window.settings.set({"page.theme": None})
        assert settings["page.theme"] == "auto"
        assert heard == [{"page.theme": "auto", "page.motion": "auto"}, {"page.theme": "dark"}]


async def test_it_asks_again_on_each_connection() -> None:
    async with a_house() as house:
        settings = give(house)
        window = await house.window()
        await window.wait_until(lambda: len(window.settings))
        await house.cut()
        settings.change({"page.theme": "dark"})
        await window.wait_until(lambda: window.connected and window.settings["page.theme"] == "dark")


async def test_what_can_not_be_set_is_said() -> None:
    async with a_house() as house:
        window = await house.window()
        with pytest.raises(RequestError, match="no settings"):
            await window.settings.set({"page.theme": "dark"})
        assert dict(window.settings) == {}
    async with a_house() as house:
        give(house)
        window, viewer = await house.window(), await house.window("viewer")
        with pytest.raises(RequestError, match="can't be set by windows"):
            await window.settings.set({"rooms.windows": 5})
        with pytest.raises(RequestError, match="viewer"):
            await viewer.settings.set({"page.theme": "dark"})
        await viewer.wait_until(lambda: viewer.settings.get("page.theme") == "auto")  # it may look
