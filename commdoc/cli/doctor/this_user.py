"""What this user has on the machine: the runtime folder, the rooms that are announced there, the loopback interface."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from commdoc.cli.doctor.finding import About, Finding, State, command
from commdoc.kernel.http import UnreachableError, ask
from commdoc.server import announce
from commdoc.window.address import PATTERN, runtime_dir

GROUP: Final = "this user"
HOST_SECONDS: Final = 3.0
SIDECAR: Final = "commdoc.server.sidecar"
"""In the command line of each."""


def look() -> Iterator[Finding]:
    """Look at all of it."""
    yield _folder(runtime_dir())
    yield from _rooms(runtime_dir())
    yield _loopback()


def _folder(folder: Path) -> Finding:
    about = About(GROUP, "runtime-folder", "runtime folder")
    try:
        status = folder.stat()
    except FileNotFoundError:
        return about.ok(f"{folder} is made with the first kernel")
    except OSError as error:
        return about.problem(f"{folder}: {error.strerror}")
    if not stat.S_ISDIR(status.st_mode):
        return about.problem(f"{folder} is no folder", command("rm", str(folder)))
    mode = stat.S_IMODE(status.st_mode)
    posix = os.name == "posix"
    if posix and status.st_uid != os.getuid():
        run = command("sudo", "chown", "-R", str(os.getuid()), str(folder))
        return about.problem(f"{folder} belongs to user {status.st_uid}", run)
    if not os.access(folder, os.W_OK | os.X_OK) or (posix and mode & 0o300 != 0o300):
        return about.problem(f"{folder} can't be written", command("chmod", "700", str(folder)))
    if posix and mode & 0o077:
        state: State = "problem" if mode & 0o022 else "hint"
        may = "written" if mode & 0o022 else "read"
        return about.say(state, f"{folder} may be {may} by others", command("chmod", "700", str(folder)))
    return about.ok(f"{folder}, yours alone")


# --- rooms -----------------------------------------------------------------------------------------------------------


@dataclass
class _Sorted:
    live: list[dict[str, Any]] = field(default_factory=list)
    silent: list[dict[str, Any]] = field(default_factory=list)
    stale: list[Path] = field(default_factory=list)
    open: list[Path] = field(default_factory=list)


def _rooms(folder: Path) -> Iterator[Finding]:
    found = _Sorted()
    for path in sorted(folder.glob(PATTERN)):
        _sort(path, found)
    about = About(GROUP, "rooms", "rooms")
    if found.open:
        run = command("chmod", "600", *map(str, found.open))
        yield about.problem(f"{_files(found.open)} with tokens can be read by others", run)
    for room in found.silent:
        said = f"{room['url']} of process {room['pid']} does not answer"
        yield about.problem(said, command("kill", str(room["pid"])), then="the next one takes its place")
    if found.stale:
        run = command("rm", *map(str, found.stale))
        yield about.hint(f"{_files(found.stale)} of rooms whose host is gone", run)
    if not found.live and (found.open or found.silent or found.stale):
        return
    hosts = len({room["pid"] for room in found.live})
    said = (
        f"{len(found.live)} announced, by {hosts} process{'' if hosts == 1 else 'es'}"
        if found.live
        else "none now"
    )
    yield about.ok(said)


def _sort(path: Path, found: _Sorted) -> None:
    try:
        about = path.stat()
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        pid, url = int(content["pid"]), str(content["url"])
    except FileNotFoundError:
        return
    except (OSError, ValueError, LookupError, TypeError):
        found.stale.append(path)
        return
    if os.name == "posix" and stat.S_IMODE(about.st_mode) & 0o077:
        found.open.append(path)
    if not announce.is_alive(pid):
        if not announce.is_awaited(content):
            found.stale.append(path)
    elif _answers(url):
        found.live.append(content)
    elif (line := _command_line(pid)) is not None and SIDECAR in line:
        found.silent.append(content)
    elif line is not None and "jupyter" not in line:  # the system has given the number to another process
        found.stale.append(path)


def _files(paths: list[Path]) -> str:
    return f"{len(paths)} file{'' if len(paths) == 1 else 's'}"


def _answers(url: str) -> bool:
    try:
        return ask("GET", url, "", seconds=HOST_SECONDS).status > 0
    except UnreachableError:
        return False


def _command_line(pid: int) -> str | None:
    import psutil

    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return None


def _loopback() -> Finding:
    about = About(GROUP, "loopback", "loopback")
    try:
        with socket.socket() as server, socket.socket() as client:
            server.bind(("127.0.0.1", 0))
            server.listen(1)
            client.settimeout(HOST_SECONDS)
            client.connect(server.getsockname())
    except OSError as error:
        found = f"no port of 127.0.0.1 can be had: {error.strerror or error}"
        return about.problem(found, command("ip", "link", "set", "lo", "up"), then="as root")
    return about.ok("127.0.0.1 can be used")
