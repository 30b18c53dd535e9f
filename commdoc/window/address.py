"""Where a room is, and how to find it: a page link, or the files by which hosts announce their rooms.

A host writes ``commdoc-<kernel_id>.json`` into ``jupyter --runtime-dir``, readable by its user alone: url, room_id,
pid, kernel_id, and a token for each role. A file whose host has died is passed over. A room that moves to another host
is found again by its kernel.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit, urlunsplit

from commdoc.errors import ForbiddenError, RoomNotFoundError

log = logging.getLogger(__name__)

ROOM_PATH: Final = "/commdoc/rooms/"
OPEN_PATH: Final = "/open/"
"""In the links that `%commdoc` prints, which have a code that ends soon in the place of a token."""
OPEN_SECONDS: Final = 10.0
PATTERN: Final = "commdoc-*.json"


@dataclass(frozen=True)
class Address:
    """A room and what is needed to join it.

    Attributes
    ----------
    url : str
        The room's page, without a token; ends with ``/``.
    token : str
        Hidden from `repr`.
    kernel_id, room_id : str or None
        By which the room is found again when its host has changed.
    """

    url: str
    token: str = field(repr=False)
    kernel_id: str | None = None
    room_id: str | None = None

    @property
    def socket_url(self) -> str:
        """The WebSocket's URL."""
        scheme, rest = self.url.split(":", 1)
        return f"{'wss' if scheme == 'https' else 'ws'}:{rest}ws"


@dataclass(frozen=True)
class Announcement:
    """A room that a host of this user announces.

    Attributes
    ----------
    tokens : dict
        Role to token; hidden from `repr`.
    connection_file : str or None
        The kernel's, where the host knows it.
    local : str or None
        Path of the host's local socket.
    created : float
        When the room began, Unix time.
    """

    url: str
    room_id: str
    kernel_id: str
    pid: int
    created: float
    notebook: str | None = None
    connection_file: str | None = None
    local: str | None = None
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def address(self, role: str = "window") -> Address:
        """Return the address for one role.

        Raises
        ------
        RoomNotFoundError
            When the room gives no such role to this user.
        """
        if role not in self.tokens:
            msg = f"room {self.room_id} announces no {role} token"
            raise RoomNotFoundError(msg)
        return Address(self.url, self.tokens[role], self.kernel_id, self.room_id)


def parse_link(link: str) -> Address:
    """Read a page link, ``http://…/commdoc/rooms/<room_id>/#token=…``.

    Raises
    ------
    RoomNotFoundError
        When it is no such link; the text says what is missing.
    """
    parts = urlsplit(link)
    token = parse_qs(parts.fragment).get("token", [""])[0]
    head, found, rest = parts.path.partition(ROOM_PATH)
    room_id = rest.split("/", 1)[0]
    if parts.scheme not in ("http", "https") or not parts.netloc or not found or not room_id:
        msg = f"{_without_token(link)!r} is no link to a room: http://…{ROOM_PATH}<room>/#token=…"
        raise RoomNotFoundError(msg)
    if not token:
        msg = f"{link!r} has no token: copy the whole link, #token=… included"
        raise RoomNotFoundError(msg)
    url = urlunsplit((parts.scheme, parts.netloc, f"{head}{ROOM_PATH}{room_id}/", "", ""))
    return Address(url, token, room_id=room_id)


async def follow(link: str) -> Address:
    """Return the address behind a link: a page link, or one that `%commdoc` has printed.

    Raises
    ------
    RoomNotFoundError, ForbiddenError
        When it leads nowhere, or has ended.
    """
    parts = urlsplit(link)
    if OPEN_PATH not in parts.path.partition(ROOM_PATH)[2] or parts.scheme not in ("http", "https"):
        return parse_link(link)
    return parse_link(await asyncio.to_thread(_opened, link))


def _opened(link: str) -> str:
    parts = urlsplit(link)
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = make(parts.netloc, timeout=OPEN_SECONDS)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        status, location = response.status, response.getheader("Location")
    except (OSError, HTTPException) as error:
        raise RoomNotFoundError(f"nobody answers at {parts.netloc}: {error}") from error
    finally:
        connection.close()
    if status == 403:
        msg = "the link has ended: %commdoc prints a new one, `commdoc rooms --link` one that lasts"
        raise ForbiddenError(msg)
    if location is None:
        raise RoomNotFoundError(f"{_without_token(link)!r} is no link to a room: HTTP {status}")
    return urljoin(link, location)


def runtime_dir() -> Path:
    """Return where the hosts of this user announce their rooms."""
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def announcements() -> list[Announcement]:
    """Return the rooms that are announced by hosts which are alive, newest first."""
    found = sorted(_announced(), key=lambda room: room.created, reverse=True)
    return list({room.room_id: room for room in reversed(found)}.values())[::-1]


def find(
    room: str | None = None, *, notebook: str | os.PathLike[str] | None = None, kernel_id: str | None = None
) -> Announcement:
    """Return the newest announced room that fits all that is given.

    Parameters
    ----------
    room : str, optional
        A room_id or kernel_id, or the beginning of one.
    notebook : path, optional
        The notebook's path, or the end of it.
    kernel_id : str, optional
        The kernel's id.

    Raises
    ------
    RoomNotFoundError
        When none does; the text says which there are.
    """
    rooms = announcements()
    for candidate in rooms:
        if (
            room is not None
            and not candidate.room_id.startswith(room)
            and not candidate.kernel_id.startswith(room)
        ):
            continue
        if kernel_id is not None and candidate.kernel_id != kernel_id:
            continue
        if notebook is not None and not _is_path(candidate.notebook, os.fspath(notebook)):
            continue
        return candidate
    asked = [f"{name} {value}" for name, value in _asked(room, notebook, kernel_id)]
    msg = f"no room for {', '.join(asked)}" if asked else "no room is announced"
    others = ", ".join(other.room_id for other in rooms)
    raise RoomNotFoundError(
        f"{msg}; {f'rooms: {others}' if others else 'run %load_ext commdoc in a notebook'}"
    )


async def find_soon(
    room: str | None = None,
    *,
    notebook: str | os.PathLike[str] | None = None,
    kernel_id: str | None = None,
    timeout: float = 10.0,
) -> Announcement:
    """Do as `find`, but wait for a room whose kernel is named: ``%load_ext commdoc`` returns before it is there."""
    end = time.monotonic() + timeout
    while True:
        try:
            return find(room, notebook=notebook, kernel_id=kernel_id)
        except RoomNotFoundError:
            if kernel_id is None or time.monotonic() > end:
                raise
        await asyncio.sleep(0.05)


def _asked(*given: object) -> Iterator[tuple[str, object]]:
    return (
        (name, value)
        for name, value in zip(("room", "notebook", "kernel"), given, strict=True)
        if value is not None
    )


def _is_path(announced: str | None, asked: str) -> bool:
    if announced is None:
        return False
    own, wanted = Path(announced).parts, Path(asked).parts
    return own[-len(wanted) :] == wanted


def _announced() -> Iterator[Announcement]:
    for path in runtime_dir().glob(PATTERN):
        try:
            room = _read(path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s is no announcement of a room: %r", path, error)
            continue
        if _alive(room.pid):
            yield room


def _read(path: Path) -> Announcement:
    with path.open(encoding="utf-8") as file:
        content: dict[str, Any] = json.load(file)
        created = float(content.get("created") or os.fstat(file.fileno()).st_mtime)
    url = str(content["url"])
    return Announcement(
        url=url if url.endswith("/") else f"{url}/",
        room_id=str(content["room_id"]),
        kernel_id=str(content["kernel_id"]),
        pid=int(content["pid"]),
        created=created,
        notebook=content.get("notebook") or content.get("session_name"),
        connection_file=content.get("connection_file"),
        local=content.get("local"),
        tokens={str(role): str(token) for role, token in content["tokens"].items()},
    )


def _alive(pid: int) -> bool:
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # some containers bury nobody
    except psutil.NoSuchProcess:
        return False


def _without_token(link: str) -> str:
    return link.split("#", 1)[0]
