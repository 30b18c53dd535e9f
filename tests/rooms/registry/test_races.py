"""The short form; `tests/soak/test_rooms.py` plays hundreds of rounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rooms.registry import races

ROUNDS = 12


@pytest.mark.parametrize("race", races.ALL)
async def test_all_at_once(tmp_path: Path, race: races.Race) -> None:
    for seed in range(ROUNDS):
        await race(tmp_path / str(seed), seed)
