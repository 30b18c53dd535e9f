"""The running Jupyter servers of this user, as a kernel finds them, and which commdoc each has."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from commdoc.cli.doctor.asking import Environment, ProbeError, Seen, probe
from commdoc.cli.doctor.finding import RESTART_SERVER, About, Finding, State, command, install, ourselves

GROUP: Final = "running servers"
NOTEBOOKS: Final = "notebooks"
GONE: Final = ("disconnected", "dead")


def look(seen: Sequence[Seen], extension: Finding) -> Iterator[Finding]:
    """Look at each.

    Parameters
    ----------
    extension : Finding
        What was found of the server extension in this environment: it is what a server of this environment needs.
    """
    if not seen:
        yield About(GROUP, "server", "servers").ok("none is running")
    for each in seen:
        yield _server(each, extension)


def _server(seen: Seen, extension: Finding) -> Finding:
    about = About(GROUP, "server", seen.server.sock or seen.base)
    if seen.server.sock:
        then = "start it with --ServerApp.port instead of --ServerApp.sock"
        return about.problem("listens on a UNIX socket, where commdoc can't reach it", then=then)
    if seen.trouble is not None:
        run = command("curl", "-v", f"{seen.base}commdoc/api/status")
        then = (
            "a certificate of your own? set SSL_CERT_FILE"
            if seen.base.startswith("https")
            else RESTART_SERVER
        )
        return about.problem(f"does not answer: {_short(seen)}", run, then=then)
    if not seen.loaded:
        return _without(seen, extension)
    if seen.version is None:
        run = command("commdoc", "doctor", "--url", f"{seen.base}?token=…")
        return about.hint("has commdoc; without its token it doesn't say which", run)
    own = _environment(seen)
    if own is not None and own.version is not None and own.version != seen.version:
        found = f"runs commdoc {seen.version}, its environment has {own.version}"
        return about.hint(found, then="restart the server")
    document = "a document of commdoc's own" if seen.document == "own" else f"the document of {seen.document}"
    return about.ok(f"commdoc {seen.version}, {document}")


def _short(seen: Seen) -> str:
    return (seen.trouble or "").rpartition(": ")[2]


def _without(seen: Seen, extension: Finding) -> Finding:
    about = About(GROUP, "server", seen.base)
    own = _environment(seen)
    if seen.python is None or own is None:
        run = "pip install " + command(ourselves("server"))
        return about.problem("has no commdoc", run, then=f"in its environment, {RESTART_SERVER}")
    if own.prefix == sys.prefix:
        if extension.state == "ok":
            found = "has no commdoc: started before it was installed, or with it switched off"
            return about.problem(found, then="restart the server")
        found = "has no commdoc: the server extension is not on, see above"
        return about.problem(found, *extension.run, then=extension.then)
    if own.version is None:
        run = install(seen.python, ourselves("server"))
        return about.problem(f"has no commdoc, {own.prefix} neither", run, then=RESTART_SERVER)
    program = Path(seen.python).with_name("commdoc")
    words = [str(program)] if program.exists() else [seen.python, "-m", "commdoc.cli.main"]
    found = f"has no commdoc, though {own.prefix} has {own.version}"
    return about.problem(found, command(*words, "doctor"), then="says why")


def _environment(seen: Seen) -> Environment | None:
    try:
        return None if seen.python is None else probe(seen.python, {})
    except ProbeError:
        return None


# --- notebooks -------------------------------------------------------------------------------------------------------


def notebooks(seen: Sequence[Seen], asked: Path | None) -> Iterator[Finding]:
    """Look whether the kernels of servers with commdoc have their rooms there.

    Parameters
    ----------
    asked : Path or None
        Only this notebook, which must have one.
    """
    met = False
    for server in seen:
        for session in server.sessions if server.version is not None else []:
            path, kernel = str(session.get("path") or session.get("name") or ""), session.get("kernel") or {}
            language = _language(server, str(kernel.get("name")))
            if language not in (None, "python") or (asked is not None and not _is_same(asked, path)):
                continue
            met = True
            yield _notebook(server, path, str(kernel.get("id")), asked=asked is not None)
    if asked is not None and not met:
        found = "no running server with commdoc has a kernel for it"
        yield About(NOTEBOOKS, "notebook", str(asked)).problem(found, then="open it and run a cell")


def _notebook(server: Seen, path: str, kernel_id: str, *, asked: bool) -> Finding:
    from commdoc.server import announce

    about = About(NOTEBOOKS, "notebook", path)
    for room in server.rooms:
        kernel = room.get("kernel") or {}
        if kernel.get("kernel_id") == kernel_id and kernel.get("status") not in GONE:
            return about.ok(f"{room['comms']} comms, {room['windows']} windows, kernel {kernel['status']}")
    elsewhere = [
        room
        for room in announce.live()
        if room["kernel_id"] == kernel_id and room["pid"] != server.server.pid
    ]
    if elsewhere:
        found = f"its kernel is in another room, {elsewhere[0]['url']}"
        return about.problem(found, "%reload_ext commdoc", then="in a cell of the notebook")
    found = "commdoc is not loaded in its kernel"
    state: State = "problem" if asked else "hint"
    return about.say(state, found, "%load_ext commdoc", then="in a cell of the notebook")


def _language(server: Seen, name: str) -> str | None:
    language = server.kernelspecs.get(name, {}).get("spec", {}).get("language")
    return None if language is None else str(language).lower()


def _is_same(asked: Path, path: str) -> bool:
    """Tell whether a path under some server's root is that of a file."""
    wanted = Path(path.removeprefix("RTC:")).parts
    return bool(wanted) and asked.resolve().parts[-len(wanted) :] == wanted
