"""A host's settings: who is told, what reaches the files and when, and what happens when they are broken."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from commdoc.errors import SettingError
from commdoc.protocol.settings import defaults
from commdoc.rooms.settings import user as module
from commdoc.rooms.settings.files import SettingsFolder
from commdoc.rooms.settings.user import DEBOUNCE_SECONDS, LATEST_SECONDS, UserSettings
from tests.rooms.parties import until


@pytest.fixture
async def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[UserSettings]:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "DEBOUNCE_SECONDS", 0.1)
    settings = UserSettings(tmp_path / "commdoc")
    settings.load()
    settings.start()
    yield settings
    await settings.close()


def mirror(settings: UserSettings) -> Any:
    assert settings.files is not None
    return json.loads(settings.files.mirror.read_text(encoding="utf-8"))


def edit(settings: UserSettings, section: str, **keys: Any) -> None:
    assert settings.files is not None
    content = mirror(settings)
    content[section].update(keys)
    settings.files.mirror.write_text(json.dumps(content), encoding="utf-8")


async def looked(settings: UserSettings, times: int = 20) -> None:
    """Wait until the files were looked at so many times more."""
    assert settings.files is not None
    count = 0
    look = settings.files.signature

    def counted() -> Any:
        nonlocal count
        count += 1
        return look()

    settings.files.signature = counted  # type: ignore[method-assign]
    await until(lambda: count >= times)
    settings.files.signature = look  # type: ignore[method-assign]


def test_the_times_are_those_of_the_design() -> None:
    assert (DEBOUNCE_SECONDS, LATEST_SECONDS) == (0.5, 5.0)


async def test_an_edit_reaches_everybody_and_no_write_follows(settings: UserSettings) -> None:
    assert settings.files is not None
    heard: list[dict[str, Any]] = []
    settings.listen(heard.append)
    writes = settings.files.writes
    edit(settings, "rooms", windows=3)
    await until(lambda: settings.limits.windows == 3)
    assert settings["rooms.windows"] == 3
    await looked(settings)
    assert heard == [{"rooms.windows": 3}]
    assert settings.files.writes == writes
    assert settings.exchanges == 2  # when it was loaded, and for the edit


async def test_a_change_holds_at_once_and_many_are_one_write(settings: UserSettings) -> None:
    assert settings.files is not None
    writes, exchanges = settings.files.writes, settings.exchanges
    for value in range(100, 150):
        settings.change({"kernel.window_ms": value})
        assert settings["kernel.window_ms"] == value
    assert mirror(settings)["kernel"]["window_ms"] == 16
    await until(lambda: mirror(settings)["kernel"]["window_ms"] == 149)
    await looked(settings)
    assert (settings.files.writes - writes, settings.exchanges - exchanges) == (1, 1)


async def test_what_changes_on_and_on_is_written_all_the_same(
    settings: UserSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.files is not None
    monkeypatch.setattr(module, "DEBOUNCE_SECONDS", 3_600.0)
    monkeypatch.setattr(module, "LATEST_SECONDS", 0.05)
    settings.change({"page.theme": "dark"})
    await until(lambda: mirror(settings)["page"]["theme"] == "dark")


async def test_what_is_refused_changes_nothing(settings: UserSettings) -> None:
    with pytest.raises(SettingError):
        settings.change({"page.theme": "dark", "page.motion": "wild"})
    assert settings.values == defaults()


async def test_what_was_not_written_yet_is_written_when_the_host_ends(tmp_path: Path) -> None:
    settings = UserSettings(tmp_path / "commdoc")
    settings.load()
    settings.start()
    settings.change({"page.theme": "dark"})
    await settings.close()
    assert mirror(settings)["page"]["theme"] == "dark"


async def test_a_broken_mirror_is_kept_and_its_reason_logged_once(
    settings: UserSettings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.files is not None
    monkeypatch.setattr("commdoc.rooms.settings.files.SETTLE_SECONDS", 0.2)
    settings.change({"page.theme": "dark"})
    await until(lambda: settings.exchanges == 2)
    settings.files.mirror.write_text('{"page": {"theme": "li', encoding="utf-8")
    corrupt = settings.files.mirror.with_name("settings.json.corrupt")
    with caplog.at_level(logging.WARNING):
        await until(corrupt.exists)
        await until(settings.files.mirror.exists)
        await looked(settings)
    assert mirror(settings)["page"]["theme"] == "dark"
    assert corrupt.read_text(encoding="utf-8") == '{"page": {"theme": "li'
    assert [r.getMessage().count("settings.json.corrupt") for r in caplog.records] == [1]


async def test_a_removed_mirror_comes_back(settings: UserSettings) -> None:
    assert settings.files is not None
    settings.change({"page.theme": "dark"})
    await until(lambda: settings.exchanges == 2)
    settings.files.mirror.unlink()
    await until(settings.files.mirror.exists)
    assert mirror(settings)["page"]["theme"] == "dark"


async def test_a_removed_folder_comes_back(settings: UserSettings) -> None:
    assert settings.files is not None
    settings.change({"page.theme": "dark"})
    await until(lambda: settings.exchanges == 2)
    shutil.rmtree(settings.files.folder)
    await until(settings.files.state.exists)
    assert settings["page.theme"] == "dark"
    assert mirror(settings)["page"]["theme"] == "dark"


async def test_a_command_in_another_process_is_followed(settings: UserSettings) -> None:
    assert settings.files is not None
    other = SettingsFolder(settings.files.folder)
    await asyncio.to_thread(other.exchange, None, {"page.theme": "dark"})
    await until(lambda: settings["page.theme"] == "dark")
    assert settings.files.writes == 1  # the first, of the defaults


async def test_two_hosts_have_the_same_at_rest(settings: UserSettings) -> None:
    assert settings.files is not None
    other = UserSettings(settings.files.folder)
    other.load()
    other.start()
    try:
        settings.change({"page.theme": "dark"})
        other.change({"page.motion": "reduced"})
        edit(settings, "kernel", window_ms=40)
        wanted = {"page.theme": "dark", "page.motion": "reduced", "kernel.window_ms": 40}
        await until(lambda: wanted.items() <= settings.values.items())
        await until(lambda: wanted.items() <= other.values.items())
        await looked(settings)
        assert other.files is not None
        count = settings.files.writes, other.files.writes, settings.exchanges, other.exchanges
        await looked(other)
        assert (settings.files.writes, other.files.writes, settings.exchanges, other.exchanges) == count
    finally:
        await other.close()


async def test_a_folder_that_is_none_costs_the_host_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "DEBOUNCE_SECONDS", 0.0)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    (tmp_path / "commdoc").write_text("", encoding="utf-8")
    settings = UserSettings(tmp_path / "commdoc")
    with caplog.at_level(logging.WARNING):
        settings.load()
        settings.start()
        settings.change({"page.theme": "dark"})
        await looked(settings)
        assert settings["page.theme"] == "dark"
        (tmp_path / "commdoc").unlink()
        assert settings.files is not None
        await until(settings.files.mirror.exists)  # it is tried again
    await settings.close()
    assert mirror(settings)["page"]["theme"] == "dark"
    assert len(caplog.records) == 1
    assert "it is tried again" in caplog.records[0].getMessage()


async def test_without_a_folder_they_are_in_memory() -> None:
    settings = UserSettings()
    settings.load()
    settings.start()
    settings.change({"page.theme": "dark"})
    assert settings["page.theme"] == "dark"
    await settings.close()
