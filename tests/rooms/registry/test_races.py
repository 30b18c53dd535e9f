"""The short form; `tests/soak/test_rooms.py` plays hundreds of rounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rooms.registry import races

ROUNDS = 12


@pytest.mark.parametrize(
    "race",
    [
        pytest.param(races.saving_as, marks=pytest.mark.scenario("S43")),
        pytest.param(races.evicting, marks=pytest.mark.scenario("S44")),
        pytest.param(races.cutting, marks=pytest.mark.scenario("S45")),
        pytest.param(races.aging, marks=pytest.mark.scenario("S46")),
    ],
)
async def test_all_at_once(tmp_path: Path, race: races.Race) -> None:
    for seed in range(ROUNDS):
        await race(tmp_path / str(seed), seed)
