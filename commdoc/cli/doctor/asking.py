"""Asks other processes: an interpreter what its environment has, a Jupyter server what it is. Changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import psutil

from commdoc.cli.doctor import probe_script
from commdoc.errors import CommdocError
from commdoc.kernel.discovery import Server, has_commdoc
from commdoc.kernel.http import Answer, UnreachableError, ask

PROBE_SECONDS: Final = 30.0
"""A cold import of IPython on a slow file system."""

SERVER_SECONDS: Final = 5.0
LIST_BYTES: Final = 4_194_304

ELSEWHERE: Final = 0
"""As the process of a server that is none of this user's here."""

Span = tuple[int, int]


class ProbeError(CommdocError):
    """An interpreter didn't answer."""


@dataclass(frozen=True)
class Environment:
    """What an interpreter has.

    Attributes
    ----------
    version, span
        Of commdoc; None when it is not there, or can't be imported: then `error` says why.
    """

    python: str
    prefix: str
    version: str | None
    span: Span | None
    error: str | None
    requires: list[str]
    versions: dict[str, str | None]
    extensions: list[str]


def probe(python: str, environment: Mapping[str, str]) -> Environment:
    """Ask an interpreter. Raises `ProbeError`."""
    return _probe(python, tuple(sorted(environment.items())))


@cache
def _probe(python: str, environment: tuple[tuple[str, str], ...]) -> Environment:
    text = Path(probe_script.__file__).read_text(encoding="utf-8")
    try:
        with tempfile.TemporaryDirectory() as folder:  # where no file is in the way of a module
            ended = subprocess.run(
                [python, "-c", text],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=folder,
                env={**os.environ, **dict(environment)},
                timeout=PROBE_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise ProbeError(f"{python} does not answer within {PROBE_SECONDS:.0f} s") from error
    except OSError as error:
        raise ProbeError(f"{python} can't be started: {error.strerror or error}") from error
    for line in ended.stdout.decode(errors="replace").splitlines():
        if line.startswith(probe_script.MARK):
            seen = json.loads(line[len(probe_script.MARK) :])
            span = seen.get("protocol")
            return Environment(
                python=seen["python"],
                prefix=seen["prefix"],
                version=seen.get("commdoc"),
                span=(span[0], span[1]) if span else None,
                error=seen.get("error"),
                requires=seen["requires"],
                versions=seen["versions"],
                extensions=seen["extensions"],
            )
    last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:]
    raise ProbeError(f"{python} ended with {ended.returncode}{f': {last[0]:.200}' if last else ''}")


@dataclass
class Seen:
    """What a running Jupyter server says of itself.

    Attributes
    ----------
    trouble : str or None
        Why it doesn't answer.
    loaded : bool
        Whether it has commdoc.
    version, span, document
        Of its commdoc; None when it doesn't tell us.
    python : str or None
        Its interpreter, where the process can be looked at.
    kernelspecs, sessions, rooms
        As its API has them; empty when it doesn't let us in.
    """

    server: Server
    base: str
    trouble: str | None = None
    loaded: bool = False
    version: str | None = None
    span: Span | None = None
    document: str | None = None
    gateway: bool = False
    python: str | None = None
    kernelspecs: dict[str, Any] = field(default_factory=dict)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    rooms: list[dict[str, Any]] = field(default_factory=list)


def look_at(server: Server) -> Seen:
    """Ask a server."""
    seen = Seen(server, server.url.rstrip("/") + "/", python=python_of(server.pid))
    seen.gateway = _has_gateway(server.pid)
    if server.sock:
        return seen
    try:
        _ask_commdoc(seen)
        specs = _list(seen, "api/kernelspecs")
        seen.kernelspecs = specs.content.get("kernelspecs", {}) if specs.status == 200 else {}
        sessions = _list(seen, "api/sessions")
        seen.sessions = list(sessions.items) if sessions.status == 200 else []
    except UnreachableError as error:
        seen.trouble = str(error)
    return seen


def _list(seen: Seen, path: str) -> Answer:
    return ask("GET", f"{seen.base}{path}", seen.server.token, seconds=SERVER_SECONDS, most=LIST_BYTES)


def _ask_commdoc(seen: Seen) -> None:
    token = seen.server.token
    status = ask("GET", f"{seen.base}commdoc/api/status", token, seconds=SERVER_SECONDS)
    span = status.content.get("protocol")
    if status.status == 200 and isinstance(span, list) and len(span) == 2:
        seen.loaded = True
        seen.version, seen.span = status.content.get("version"), (int(span[0]), int(span[1]))
        seen.document = status.content.get("document")
        seen.gateway = bool(status.content.get("gateway", seen.gateway))
        seen.rooms = list(_list(seen, "commdoc/api/rooms").content.get("rooms", []))
    elif status.status == 403:
        seen.loaded = has_commdoc(seen.base)


def python_of(pid: int) -> str | None:
    """Return the interpreter that runs a process, as it was named: a virtual environment's, not what that links to."""
    if pid == ELSEWHERE:
        return None
    try:
        process = psutil.Process(pid)
        first = process.cmdline()[0]
        if os.sep in first:
            found = shutil.which(str(Path(process.cwd(), first)))
        else:
            found = shutil.which(first, path=process.environ().get("PATH"))
    except (psutil.Error, IndexError, OSError):
        return None
    return found if found is not None and "python" in Path(found).name.lower() else None


def _has_gateway(pid: int) -> bool:
    """Tell whether a server was started for a gateway, as far as its command line or environment says so."""
    if pid == ELSEWHERE:
        return False
    try:
        process = psutil.Process(pid)
        words = process.cmdline()
        return bool(process.environ().get("JUPYTER_GATEWAY_URL")) or any(
            word.startswith(("--gateway-url", "--GatewayClient.url")) for word in words
        )
    except (psutil.Error, OSError):
        return False
