"""Rooms are saved, renamed, evicted, cut and asked for at once: hundreds of rounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rooms.registry import races

pytestmark = [pytest.mark.soak, pytest.mark.acceptance("E1")]

ROUNDS = 250


@pytest.mark.parametrize("race", races.ALL)
async def test_rooms_in_races(tmp_path: Path, race: races.Race) -> None:
    for seed in range(1000, 1000 + ROUNDS):
        await race(tmp_path / str(seed), seed)
    print(f"\n{race.__name__}: {ROUNDS} rounds")
