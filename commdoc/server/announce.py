"""How a room host makes its room known to this user: a 0600 file in `jupyter --runtime-dir`.

``commdoc-<kernel_id>.json`` holds {version, url, room_id, pid, kernel_id, kernel_pid, notebook?, connection_file,
local?, tokens: {bridge, window, viewer}, expires, earlier?, created}. It is replaced atomically, so that a reader finds
the old content or the new one. When a host dies and its kernel lives, the file says where the room was and which tokens
were good, so that the next host takes both over; any other file of a dead host is removed by the next one that starts.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import stat
import tempfile
import time
from pathlib import Path
from typing import Any, Final, TypedDict, get_args
from urllib.parse import urlsplit

import psutil
from typing_extensions import NotRequired

from commdoc.protocol.messages import Role

log = logging.getLogger(__name__)

VERSION: Final = 1

_ROOM_ID: Final = re.compile(r"[\w-]{1,100}", re.ASCII)


class Issue(TypedDict):
    """One set of tokens."""

    tokens: dict[str, str]
    expires: float


class Announcement(Issue):
    """What is in the file; `earlier` are sets before the newest that have not expired."""

    version: int
    url: str
    room_id: str
    pid: int
    kernel_id: str
    kernel_pid: int
    connection_file: str
    created: float
    notebook: NotRequired[str]
    local: NotRequired[str]
    earlier: NotRequired[list[Issue]]


def runtime_dir() -> Path:
    """Return the folder of the files, made if it isn't there."""
    from jupyter_core.paths import jupyter_runtime_dir

    folder = Path(jupyter_runtime_dir())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def path_of(kernel_id: str) -> Path:
    """Return the file of a kernel's room."""
    return runtime_dir() / f"commdoc-{kernel_id}.json"


def write(announcement: Announcement) -> Path:
    """Replace the file of the kernel's room, readable by this user alone.

    Raises
    ------
    OSError
        When the folder can't be written; the old file is as it was.
    """
    path = path_of(announcement["kernel_id"])
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".commdoc-", suffix=".new")  # 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(announcement, file, indent=1)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def read(path: Path) -> Announcement | None:
    """Return what a file says, None when it isn't there, is broken, or its host has died."""
    try:
        content: Announcement = json.loads(path.read_text(encoding="utf-8"))
        alive = is_alive(content["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return content if alive else None


def is_alive(pid: int) -> bool:
    """Whether a process runs. In a container whose first process buries nobody the killed ones stay as zombies."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def remove(kernel_id: str, pid: int) -> None:
    """Remove a host's own file; not that of a host that has come after it."""
    path = path_of(kernel_id)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["pid"] == pid:
            path.unlink()


def live() -> list[Announcement]:
    """Return the rooms of this user whose hosts live, newest first."""
    found = [content for path in runtime_dir().glob("commdoc-*.json") if (content := read(path)) is not None]
    return sorted(found, key=lambda content: content["created"], reverse=True)


def left_behind(path: Path, connection_file: str) -> Announcement | None:
    """Return what a host that died has left for the next one of its kernel; whoever asks holds the kernel's lock.

    None when there is nothing, when its tokens have expired, or when others than this user could read them; also for
    what no host has written: each next one would fail on it.
    """
    try:
        about = path.lstat()
        content: Announcement = json.loads(path.read_text(encoding="utf-8"))
        own = stat.S_ISREG(about.st_mode) and about.st_uid == os.getuid()
        private = own and not stat.S_IMODE(about.st_mode) & 0o077
        good = content["version"] == VERSION and content["expires"] > time.time()
        same = content["connection_file"] == connection_file
        if private and good and same and port_of(content) and _is_whole(content):
            return content
    except (OSError, AttributeError, ValueError, KeyError, TypeError):
        log.debug("%s is nothing to go on from", path, exc_info=True)
    return None


def _is_whole(content: Announcement) -> bool:
    """Whether what the next host takes over is of the right kinds."""
    issues: list[Issue] = [content, *content.get("earlier", [])]
    return (
        _ROOM_ID.fullmatch(content["room_id"]) is not None
        and isinstance(content["created"], int | float)
        and all(isinstance(issue["expires"], int | float) for issue in issues)
        and all(isinstance(token, str) for issue in issues for token in issue["tokens"].values())
        and all(isinstance(content["tokens"][role], str) for role in get_args(Role))
    )


def port_of(announcement: Announcement) -> int:
    """Return the port of a room's host; 0 when its address has none."""
    return urlsplit(announcement["url"]).port or 0


def remove_stale(*, but: Path) -> None:
    """Remove the files, and their locks and logs, of hosts that have died; not `but`, nor one whose kernel lives."""
    for path in runtime_dir().glob("commdoc-*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(path.read_text(encoding="utf-8"))
            if path != but and not is_alive(content["pid"]) and not is_awaited(content):
                log.info("%s is stale: process %s is gone", path.name, content["pid"])
                for name in (path, path.with_suffix(".log"), path.with_suffix(".lock")):
                    name.unlink(missing_ok=True)


def is_awaited(content: dict[str, Any]) -> bool:
    """Whether a kernel is there that will start the next host."""
    expires, kernel_pid = content.get("expires", 0), content.get("kernel_pid")
    return isinstance(kernel_pid, int) and expires > time.time() and is_alive(kernel_pid)
