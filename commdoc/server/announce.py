"""How a room host makes its room known to this user: a 0600 file in `jupyter --runtime-dir`.

``commdoc-<kernel_id>.json`` holds {version, url, room_id, pid, kernel_id, kernel_pid, notebook?, connection_file,
tokens: {bridge, window, viewer}, created, expires}. It is replaced atomically, so that a reader finds the old
content or the new one; one whose host has died is removed by the next host that starts.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any, Final, TypedDict

import psutil
from typing_extensions import NotRequired

log = logging.getLogger(__name__)

VERSION: Final = 1


class Announcement(TypedDict):
    """What is in the file."""

    version: int
    url: str
    room_id: str
    pid: int
    kernel_id: str
    kernel_pid: int
    connection_file: str
    tokens: dict[str, str]
    created: float
    expires: float
    notebook: NotRequired[str]


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
        alive = psutil.pid_exists(content["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return content if alive else None


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


def remove_stale() -> None:
    """Remove the files, and their locks and logs, of hosts that have died."""
    for path in runtime_dir().glob("commdoc-*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            pid = json.loads(path.read_text(encoding="utf-8"))["pid"]
            if not psutil.pid_exists(pid):
                log.info("%s is stale: process %s is gone", path.name, pid)
                for name in (path, path.with_suffix(".log"), path.with_suffix(".lock")):
                    name.unlink(missing_ok=True)
