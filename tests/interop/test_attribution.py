"""The attribution matrix (A11): each guard of the handshake, taken out, is missed."""

from __future__ import annotations

import pytest

from tests.interop.attribution import ALL, ALPHABETS, POLICIES, Outcome, matrix

pytestmark = [pytest.mark.node, pytest.mark.acceptance("A11")]


@pytest.mark.scenario("S01", "S02")
async def test_only_one_batched_diff_is_right_and_each_other_way_fails_as_told() -> None:
    outcomes = await matrix()
    assert len(outcomes) == len(POLICIES) * len(ALPHABETS) * 2

    def of(policy: str) -> list[Outcome]:
        return [each for each in outcomes if each.policy == policy]

    assert all(each.right for each in of("one batched diff"))
    for each in of("updates dropped"):
        assert (each.comms < ALL, each.text, each.unfit > 0) == (True, False, True)
    for each in of("singles replayed"):
        assert (each.comms, each.text, each.twice > 0, each.kept > 0) == (ALL, True, True, True)
