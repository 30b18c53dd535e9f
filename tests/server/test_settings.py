"""Settings under way: a person's editor, windows of two hosts and a command, all at once, and a mirror that breaks.

One host is in this process, so that its writes can be counted; the other is a real sidecar. Both have windows on real
sockets. The editor knows nothing of locks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from commdoc.protocol.settings import Values, defaults
from commdoc.rooms.settings.files import SettingsFolder
from commdoc.rooms.settings.merging import STALE_SECONDS
from commdoc.rooms.settings.mirror import read
from commdoc.rooms.settings.user import UserSettings
from commdoc.window import AsyncWindow
from tests.rooms.parties import until
from tests.server.serving import site
from tests.server.sleeper import Sleeper, start

PATIENCE = 20.0

THEMES = ["auto", "light", "dark"]

MOST_WRITES = 3
"""Of a host in a round: the windows' change, and another one where the editor came between."""


@dataclass
class Desk:
    """The mirror, who changes it, and what must be."""

    settings: UserSettings
    here: AsyncWindow
    there: AsyncWindow
    rng: random.Random
    expected: Values = field(default_factory=defaults)
    number: int = 100

    @property
    def files(self) -> SettingsFolder:
        assert self.settings.files is not None
        return self.settings.files

    def unique(self) -> int:
        self.number += 1
        return self.number

    def edit(self, **sections: dict[str, Any]) -> None:
        """Read, change, write, as an editor or a tool does."""
        content = json.loads(self.files.mirror.read_text(encoding="utf-8"))
        for section, keys in sections.items():
            content[section].update(keys)
        self.files.mirror.write_text(json.dumps(content), encoding="utf-8")

    def other(self, key: str) -> Any:
        """Return another value than the one that is."""
        values = {"page.theme": THEMES, "page.motion": ["auto", "reduced"]}[key]
        return self.rng.choice([value for value in values if value != self.expected[key]])

    async def pause(self) -> None:
        """Let the editor come before, between and after the windows' changes and their writing."""
        await asyncio.sleep(self.rng.choice([0.0, 0.1, 0.45, 0.6]))

    async def windows_set(self) -> None:
        theme, motion = self.other("page.theme"), self.other("page.motion")
        await asyncio.gather(
            self.here.settings.set({"page.theme": theme}), self.there.settings.set({"page.motion": motion})
        )
        self.expected |= {"page.theme": theme, "page.motion": motion}

    def mirrored(self) -> Any:
        try:
            return read(self.files.mirror.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def differences(self) -> dict[str, Any]:
        content = self.mirrored()
        sides = {"file": content and content.values, "host": self.settings.values}
        sides |= {"here": dict(self.here.settings), "there": dict(self.there.settings)}
        return {
            f"{name} {key}": value
            for name, values in sides.items()
            for key, value in (values or {"nothing": 0}).items()
            if self.expected.get(key) != value
        }

    def has_everywhere(self, theme: str) -> bool:
        content = self.mirrored()
        shown = [self.settings.values, self.here.settings, self.there.settings]
        shown += [] if content is None else [content.values]
        return len(shown) == 4 and all(each["page.theme"] == theme for each in shown)

    def agrees(self) -> bool:
        """Whether file, document and the windows of both hosts say the same, and what they must."""
        page = {key: value for key, value in self.expected.items() if key.startswith("page.")}
        content = self.mirrored()
        return (
            content is not None
            and content.values == self.expected
            and self.settings.values == self.expected
            and dict(self.here.settings) == dict(self.there.settings) == page
        )


async def other_keys(desk: Desk) -> None:
    value = desk.unique()
    setting = asyncio.ensure_future(desk.windows_set())
    await desk.pause()
    desk.edit(kernel={"window_ms": value})
    await setting
    desk.expected["kernel.window_ms"] = value


async def the_same_key(desk: Desk) -> None:
    by_hand, by_window = desk.rng.sample([v for v in THEMES if v != desk.expected["page.theme"]], 2)
    value = desk.unique()
    await asyncio.sleep(2 * STALE_SECONDS)  # a person, who may put back a value of the round before
    setting = asyncio.ensure_future(desk.there.settings.set({"page.theme": by_window}))
    await desk.pause()
    desk.edit(page={"theme": by_hand}, rooms={"windows": value})
    await setting
    desk.expected["rooms.windows"] = value
    await until(lambda: desk.settings["rooms.windows"] == value, patience=PATIENCE)
    # One of the two holds, the same one everywhere.
    held = await until(lambda: [v for v in (by_hand, by_window) if desk.has_everywhere(v)], patience=PATIENCE)
    desk.expected["page.theme"] = held[0]


async def a_command_too(desk: Desk) -> None:
    command, by_hand = desk.unique(), 1_024 + desk.unique()
    setting = asyncio.ensure_future(desk.windows_set())
    running = asyncio.ensure_future(
        asyncio.to_thread(SettingsFolder(desk.files.folder).exchange, None, {"rooms.windows": command})
    )
    await desk.pause()
    desk.edit(kernel={"blob_threshold": by_hand})
    await asyncio.gather(setting, running)
    desk.expected |= {"rooms.windows": command, "kernel.blob_threshold": by_hand}


async def broken(desk: Desk) -> None:
    text = f'{{"page": {{"theme": "light"}}, "number": {desk.unique()}, '
    corrupt = desk.files.mirror.with_name("settings.json.corrupt")
    setting = asyncio.ensure_future(desk.windows_set())
    await desk.pause()
    desk.files.mirror.write_text(text, encoding="utf-8")
    await setting
    await until(lambda: corrupt.exists() and corrupt.read_text(encoding="utf-8") == text, patience=PATIENCE)


async def removed(desk: Desk) -> None:
    setting = asyncio.ensure_future(desk.windows_set())
    await desk.pause()
    desk.files.mirror.unlink(missing_ok=True)
    await setting
    await until(desk.files.mirror.exists, patience=PATIENCE)


async def old_and_flat(desk: Desk) -> None:
    value, motion = desk.unique(), desk.other("page.motion")
    setting = asyncio.ensure_future(desk.there.settings.set({"page.motion": motion}))
    await desk.pause()
    desk.files.mirror.write_text(json.dumps({"coalesce_ms": value, "mine": value}), encoding="utf-8")
    await setting
    desk.expected |= {"page.motion": motion, "kernel.window_ms": value}
    await until(lambda: "coalesce_ms" not in desk.files.mirror.read_text(encoding="utf-8"), patience=PATIENCE)
    assert json.loads(desk.files.mirror.read_text(encoding="utf-8"))["mine"] == value


ROUNDS = [other_keys, the_same_key, a_command_too, broken, removed, old_and_flat]


@contextlib.asynccontextmanager
async def desk_in(folder: Path, seed: int) -> AsyncIterator[Desk]:
    settings = UserSettings(folder / "commdoc")
    settings.load()
    kernel = Sleeper()
    endpoint = await start(kernel)
    async with site() as served:
        settings.adopt(served.room)
        settings.start()
        try:
            async with (
                await AsyncWindow.join(url=f"{served.url}#token={served.token()}") as here,
                await AsyncWindow.join(kernel_id=kernel.kernel_id) as there,
            ):
                assert endpoint.url != served.url
                yield Desk(settings, here, there, random.Random(seed))
        finally:
            await settings.close()
            kernel.kill()


async def play(folder: Path, rounds: int) -> None:
    async with desk_in(folder, seed=rounds) as desk:
        await until(desk.agrees, patience=PATIENCE)
        for number in range(rounds):
            before = desk.files.writes
            story = ROUNDS[number % len(ROUNDS)]
            await story(desk)
            try:
                await until(desk.agrees, patience=PATIENCE)
            except AssertionError:
                pytest.fail(f"round {number}: {story.__name__}: {desk.differences()}, not {desk.expected}")
            assert desk.files.writes - before <= MOST_WRITES, f"round {number}: {story.__name__}"
        # At rest: both hosts look at the files, and nobody writes any more.
        await until(lambda: desk.settings._known == desk.files.signature(), patience=PATIENCE)
        signature, writes = desk.files.signature(), desk.files.writes
        for _ in range(8):
            await desk.here.settings.set({})  # 2 s of looks
            await asyncio.sleep(0.25)
        assert (desk.files.signature(), desk.files.writes) == (signature, writes)
        assert desk.agrees()
        assert len(desk.settings._document.update()) < 70_000


async def test_nothing_is_lost_and_nothing_goes_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    await play(tmp_path, len(ROUNDS))


@pytest.mark.soak
@pytest.mark.timeout(1_800)
async def test_nothing_is_lost_and_nothing_goes_round_in_200_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    await play(tmp_path, 204)
