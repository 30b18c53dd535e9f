"""The rooms of this user: those that hosts announce by files, and those that the hosts themselves list.

A host is asked with the tokens of the files that it wrote, a Jupyter server with its own. What an older host doesn't
say is not known, and left out.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from commdoc.errors import CommdocError
from commdoc.kernel.discovery import servers
from commdoc.kernel.http import UnreachableError, ask
from commdoc.window.address import ROOM_PATH, Announcement, announcements

ASK_SECONDS: Final = 3.0
LIST_BYTES: Final = 4_194_304
AT_ONCE: Final = 8


class AmbiguousRoomError(CommdocError):
    """What was asked for is the beginning of more than one id."""


@dataclass
class Seen:
    """A room, by what is known of it.

    Attributes
    ----------
    announced : Announcement or None
        None for one that is kept and not live.
    told : dict
        What its host says of it.
    error : str or None
        Why its host said nothing.
    """

    room_id: str
    url: str
    announced: Announcement | None = None
    told: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def live(self) -> bool:
        """Whether it is in a host's memory."""
        return bool(self.told.get("live", self.announced is not None))

    @property
    def path(self) -> str | None:
        """Its notebook's path."""
        announced = None if self.announced is None else self.announced.notebook
        return announced or self.told.get("path") or None

    @property
    def kernel_id(self) -> str | None:
        """Its kernel's id."""
        told = self.told.get("kernel_id") or (self.told.get("kernel") or {}).get("kernel_id")
        return told or (None if self.announced is None else self.announced.kernel_id)

    @property
    def status(self) -> str:
        """One word for what state it is in."""
        if self.error is not None:
            return "no answer"
        if not self.live:
            return "kept"
        return str((self.told.get("kernel") or {}).get("status", "unknown"))

    @property
    def trouble(self) -> str | None:
        """What is wrong with its store: it lives in memory only."""
        store = self.told.get("store") or (self.told.get("kernel") or {}).get("store") or {}
        if store.get("status") in (None, "kept", "ok", "saved"):
            return None
        return f"in memory: {store['reason']}" if store.get("reason") else str(store["status"])


def known_rooms() -> list[Seen]:
    """Return the rooms, live ones first, newest first."""
    announced = announcements()
    found = {room.room_id: Seen(room.room_id, room.url, room) for room in announced}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for seen in pool.map(_ask_host, found.values()):
            found[seen.room_id] = seen
        for rooms in pool.map(_ask_server, servers(0)):
            for seen in rooms:
                known = found.setdefault(seen.room_id, seen)
                known.told = {**known.told, **seen.told}
                known.error = None
    return sorted(found.values(), key=lambda seen: not seen.live)


def _ask_host(seen: Seen) -> Seen:
    room = seen.announced
    assert room is not None
    token = room.tokens.get("viewer") or room.tokens.get("window") or ""
    try:
        answer = ask(
            "GET", f"{base_of(room.url)}commdoc/api/rooms", token, seconds=ASK_SECONDS, most=LIST_BYTES
        )
    except UnreachableError as error:
        seen.error = str(error)
        return seen
    if answer.status == 200:
        listed = [each for each in answer.content.get("rooms", []) if each.get("room_id") == seen.room_id]
        seen.told = listed[0] if listed else {}
        seen.error = None if listed else f"{room.url}: no such room on this host"
    elif answer.status in (401, 403):
        seen.error = f"{room.url} refuses the token of its own announcement"
    else:
        seen.error = f"{room.url} answered with HTTP {answer.status}"
    return seen


def _ask_server(server: Any) -> list[Seen]:
    """Return what a Jupyter server lists, kept rooms included; nothing when it has no commdoc, or doesn't let us in."""
    base = server.url.rstrip("/") + "/"
    if server.sock:
        return []
    try:
        answer = ask("GET", f"{base}commdoc/api/rooms", server.token, seconds=ASK_SECONDS, most=LIST_BYTES)
    except UnreachableError:
        return []
    listed = answer.content.get("rooms", []) if answer.status == 200 else []
    return [Seen(each["room_id"], f"{base}commdoc/rooms/{each['room_id']}/", told=each) for each in listed]


def base_of(url: str) -> str:
    """Return the address of the host of a room's page; ends with ``/``."""
    return url.partition(ROOM_PATH)[0] + "/"


def check_unambiguous(room: str) -> None:
    """Raise `AmbiguousRoomError` when several rooms' ids begin so and none is it."""
    fits = {each.room_id: each for each in announcements() if _fits(each, room)}
    if len(fits) < 2 or any(room in (each.room_id, each.kernel_id) for each in fits.values()):
        return
    which = ", ".join(f"{each.room_id} ({each.notebook or 'no path'})" for each in fits.values())
    raise AmbiguousRoomError(f"{len(fits)} rooms begin with {room}: {which}; give more of the id")


def _fits(each: Announcement, room: str) -> bool:
    return each.room_id.startswith(room) or each.kernel_id.startswith(room)
