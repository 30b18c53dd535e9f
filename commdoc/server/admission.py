"""Who is let into which room by a local socket: each host decides, by the same tokens as on its WebSockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from commdoc.errors import ForbiddenError, RoomNotFoundError
from commdoc.protocol.messages import Role
from commdoc.rooms.room import Room
from commdoc.rooms.tokens import TokenStore


@dataclass
class Admitted:
    """Someone who is let in.

    Attributes
    ----------
    kernel_id
        The one kernel whose bridge it is, where the host knows that.
    came, left
        Called when it is in its room, and when its connection has ended.
    """

    room: Room
    role: Role
    kernel_id: str | None = None
    came: Callable[[], None] = lambda: None
    left: Callable[[], None] = lambda: None


Admit: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Admitted]]
"""Takes what a client says of itself: ``token``, and ``room_id`` or ``kernel_id``. Raises `ForbiddenError` or
`RoomNotFoundError`.
"""


def text(auth: Mapping[str, Any], key: str) -> str:
    """Return a field of an `AUTH` frame. Raises `ForbiddenError` when it is no text."""
    value = auth.get(key)
    if not isinstance(value, str):
        raise ForbiddenError(f"no {key}")
    return value


def by_tokens(rooms: Mapping[str, Room], tokens: TokenStore) -> Admit:
    """Return the admission of a host whose tokens are those of its announcement."""

    async def admit(auth: Mapping[str, Any]) -> Admitted:
        room_id = text(auth, "room_id")
        grant = tokens.check(text(auth, "token"), room_id)
        if room_id not in rooms:
            raise RoomNotFoundError("no such room")
        return Admitted(rooms[room_id], grant.role)

    return admit
