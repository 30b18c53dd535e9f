"""Who may do what in which room: tokens, and codes that stand for one for some minutes.

A token of a `TokenStore` says nothing by itself: the store keeps its SHA-256, with the role and the room it was made
for and when it ends, so that neither a dump of the process nor a log line can be used to get in. One of `SignedTokens`
says that itself, signed: nothing is kept, and it is good wherever the key is, also after a restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from commdoc.errors import ForbiddenError
from commdoc.protocol.messages import Role

LIFETIME: Final = 24 * 3600.0
"""Seconds that a token is good for. A page that is open stays connected; a new one reads the renewed announcement."""


CODE_SECONDS: Final = 600.0
"""Of a link without a token: enough to read what was printed and to follow it, little beside a shared file's life."""

MAX_CODES: Final = 1_000
"""Per host; the oldest go first. Each `%commdoc` is one."""


class Grant(NamedTuple):
    """What a token allows.

    Attributes
    ----------
    role : str
        ``bridge``, ``window`` or ``viewer``.
    room_id : str
        The one room.
    expires : float
        Unix time.
    """

    role: Role
    room_id: str
    expires: float


class Tokens(Protocol):
    """Issues and checks tokens."""

    def issue(self, role: Role, room_id: str, lifetime: float = LIFETIME) -> str:
        """Return a new token for one role in one room."""

    def check(self, token: str | None, room_id: str | None = None) -> Grant:
        """Return what a token allows. Raises `ForbiddenError`, whose reason is for the log."""


class SignedTokens:
    """Issues and checks tokens that outlive their host.

    Parameters
    ----------
    secret : bytes
        The host's.
    clock : callable
        Unix time.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.digest(secret, b"commdoc: tokens of links", "sha256")
        self._clock = clock

    def issue(self, role: Role, room_id: str, lifetime: float = LIFETIME) -> str:
        """Return a new token for one role in one room."""
        said = json.dumps([role, room_id, self._clock() + lifetime, secrets.token_hex(8)]).encode()
        return f"{_base64(said)}.{_base64(self._signature(said))}"

    def check(self, token: str | None, room_id: str | None = None) -> Grant:
        """Return what a token allows. Raises `ForbiddenError`, whose reason is for the log."""
        if not token:
            raise ForbiddenError("no token")
        try:
            said, signature = (
                base64.b64decode(_padded(part), b"-_", validate=True) for part in token.split(".")
            )
        except ValueError:
            raise ForbiddenError("unknown token") from None
        if not hmac.compare_digest(signature, self._signature(said)):
            raise ForbiddenError("unknown token")
        role, room, expires, _ = json.loads(said)
        return _checked(Grant(role, room, expires), room_id, self._clock())

    def _signature(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")


class TokenStore:
    """Issues and checks tokens.

    Parameters
    ----------
    clock : callable
        Unix time.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._grants: dict[str, Grant] = {}

    def issue(self, role: Role, room_id: str, lifetime: float = LIFETIME) -> str:
        """Return a new token for one role in one room; forget the expired ones."""
        now = self._clock()
        self._grants = {key: grant for key, grant in self._grants.items() if grant.expires > now}
        token = secrets.token_urlsafe(32)
        self.take_over(token, role, room_id, now + lifetime)
        return token

    def take_over(self, token: str, role: Role, room_id: str, expires: float) -> None:
        """Let a token in that another store has issued; it ends when it would have ended there."""
        self._grants[_digest(token)] = Grant(role, room_id, expires)

    def check(self, token: str | None, room_id: str | None = None) -> Grant:
        """Return what a token allows.

        Raises
        ------
        ForbiddenError
            The reason is for the log; a peer is not told which of them it was.
        """
        if not token:
            raise ForbiddenError("no token")
        # A dict lookup by digest: how long it takes says nothing about the token.
        grant = self._grants.get(_digest(token))
        if grant is None:
            raise ForbiddenError("unknown token")
        return _checked(grant, room_id, self._clock())


class Invitations:
    """Codes that stand for a window's token for a short time, so that a link can be shown where tokens may not be.

    Parameters
    ----------
    tokens : TokenStore
        Where the token for a window comes from, unless `window_token` is given.
    window_token : callable, optional
        Returns the token that opens a room as a window, by room id.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        tokens: TokenStore,
        window_token: Callable[[str], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window_token = window_token or (lambda room_id: tokens.issue("window", room_id))
        self._clock = clock
        self._codes: dict[str, tuple[str, float]] = {}

    def issue(self, room_id: str) -> str:
        """Return a new code; forget those that have ended."""
        now = self._clock()
        self._codes = {key: code for key, code in self._codes.items() if code[1] > now}
        while len(self._codes) >= MAX_CODES:
            del self._codes[next(iter(self._codes))]
        code = secrets.token_urlsafe(24)
        self._codes[_digest(code)] = room_id, now + CODE_SECONDS
        return code

    def redeem(self, code: str, room_id: str) -> str | None:
        """Return the token that a code stands for, None when it has ended or is none."""
        known_room, expires = self._codes.get(_digest(code), ("", 0.0))
        return self._window_token(room_id) if known_room == room_id and expires > self._clock() else None


def _checked(grant: Grant, room_id: str | None, now: float) -> Grant:
    if grant.expires <= now:
        raise ForbiddenError(f"expired {grant.role} token")
    if room_id is not None and grant.room_id != room_id:
        raise ForbiddenError(f"{grant.role} token of another room")
    return grant


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
