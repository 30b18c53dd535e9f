"""Server, kernel and both are killed with signal 9 in the middle of floods: nothing that was told is lost.

The short form is in `make test`; `make soak` plays 200 rounds, its figures are in docs/benchmarks/restarts.md.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.soak.kills import Kill, Killing

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.scenario("S09", "S45"),
    pytest.mark.acceptance("E2"),
]

ROUNDS = 200

KILLS: tuple[Kill, ...] = ("server", "kernel", "both")


def test_each_is_killed_in_a_flood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Killing(tmp_path, monkeypatch, seed=1) as killing:
        for kill in KILLS:
            killing.play(kill)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_200_kills_in_floods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = random.Random(2)
    with Killing(tmp_path, monkeypatch, seed=2) as killing:
        try:
            for _ in range(ROUNDS):
                killing.play(chosen.choice(KILLS))
        finally:
            killing.table()
