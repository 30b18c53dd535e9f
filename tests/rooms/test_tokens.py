from __future__ import annotations

import pytest

from commdoc.errors import ForbiddenError
from commdoc.rooms.tokens import TokenStore

pytestmark = pytest.mark.scenario("S47")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_token_allows_one_role_in_one_room_for_its_time() -> None:
    clock = Clock()
    tokens = TokenStore(clock)
    token = tokens.issue("viewer", "r1", lifetime=10)
    assert tokens.check(token, "r1").role == "viewer"
    with pytest.raises(ForbiddenError, match="another room"):
        tokens.check(token, "r2")
    clock.now += 10
    with pytest.raises(ForbiddenError, match="expired"):
        tokens.check(token, "r1")


@pytest.mark.parametrize("token", [None, "", "guess", "\udcff"])
def test_anything_else_allows_nothing(token: str | None) -> None:
    with pytest.raises(ForbiddenError):
        TokenStore().check(token, "r1")


def test_only_digests_are_kept_and_expired_ones_are_forgotten() -> None:
    clock = Clock()
    tokens = TokenStore(clock)
    token = tokens.issue("window", "r1", lifetime=10)
    assert token not in repr(vars(tokens))
    clock.now += 11
    tokens.issue("window", "r1")
    assert len(tokens._grants) == 1


def test_the_tokens_of_a_room_can_be_revoked() -> None:
    tokens = TokenStore()
    first, second = tokens.issue("window", "r1"), tokens.issue("window", "r2")
    tokens.revoke_room("r1")
    with pytest.raises(ForbiddenError):
        tokens.check(first)
    assert tokens.check(second).room_id == "r2"
