from __future__ import annotations

import pytest

from commdoc.errors import ForbiddenError
from commdoc.rooms.tokens import SignedTokens, Tokens, TokenStore

pytestmark = pytest.mark.scenario("S47")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["kept", "signed"])
def clock_and_tokens(request: pytest.FixtureRequest) -> tuple[Clock, Tokens]:
    clock = Clock()
    return clock, TokenStore(clock) if request.param == "kept" else SignedTokens(b"secret", clock)


def test_a_token_allows_one_role_in_one_room_for_its_time(clock_and_tokens: tuple[Clock, Tokens]) -> None:
    clock, tokens = clock_and_tokens
    token = tokens.issue("viewer", "r1", lifetime=10)
    assert tokens.check(token, "r1").role == "viewer"
    with pytest.raises(ForbiddenError, match="another room"):
        tokens.check(token, "r2")
    clock.now += 10
    with pytest.raises(ForbiddenError, match="expired"):
        tokens.check(token, "r1")


@pytest.mark.parametrize(
    "token", [None, "", "guess", "\udcff", "a.b", "W10.", ".", "é.é", "a.b.c", "====.=="]
)
def test_anything_else_allows_nothing(token: str | None, clock_and_tokens: tuple[Clock, Tokens]) -> None:
    with pytest.raises(ForbiddenError):
        clock_and_tokens[1].check(token, "r1")


def test_a_signed_token_is_good_where_the_secret_is_and_only_as_it_was_made() -> None:
    clock = Clock()
    token = SignedTokens(b"secret", clock).issue("viewer", "r1")
    assert SignedTokens(b"secret", clock).check(token).role == "viewer"
    with pytest.raises(ForbiddenError, match="unknown"):
        SignedTokens(b"another", clock).check(token)
    said, signature = token.split(".")
    window = SignedTokens(b"secret", clock).issue("window", "r1")
    for forged in (f"{window.split('.')[0]}.{signature}", f"{said}.", f"{said}A.{signature}", token[:-3]):
        with pytest.raises(ForbiddenError, match="unknown"):
            SignedTokens(b"secret", clock).check(forged)


def test_only_digests_are_kept_and_expired_ones_are_forgotten() -> None:
    clock = Clock()
    tokens = TokenStore(clock)
    token = tokens.issue("window", "r1", lifetime=10)
    assert token not in repr(vars(tokens))
    clock.now += 11
    tokens.issue("window", "r1")
    assert len(tokens._grants) == 1
