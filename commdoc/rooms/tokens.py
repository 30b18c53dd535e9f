"""Who may do what in which room: opaque tokens.

A token says nothing by itself. The store keeps only its SHA-256, with the role and the room it was made for and
when it ends, so that neither a dump of the process nor a log line can be used to get in.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from commdoc.errors import ForbiddenError
from commdoc.protocol.messages import Role

LIFETIME: Final = 24 * 3600.0
"""Seconds that a token is good for. A page that is open stays connected; a new one reads the renewed announcement."""


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
        self._grants[_digest(token)] = Grant(role, room_id, now + lifetime)
        return token

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
        if grant.expires <= self._clock():
            raise ForbiddenError(f"expired {grant.role} token")
        if room_id is not None and grant.room_id != room_id:
            raise ForbiddenError(f"{grant.role} token of another room")
        return grant

    def revoke_room(self, room_id: str) -> None:
        """Forget all tokens of a room."""
        self._grants = {key: grant for key, grant in self._grants.items() if grant.room_id != room_id}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
