"""Front ends of third-party widget packages, as their wheels bring them for pages outside of JupyterLab.

A wheel puts an AMD module into ``<jupyter data>/nbextensions/<folder>/``; the host runs in the kernel's environment and
finds it there. A page asks with its token for a module by name and is given an address:

    GET /commdoc/rooms/<room>/nbextensions?module=<name>    → {base, modules: {name: file}}
    GET <base><file>                                        → the file

`base` is the only thing that the sandboxed frame gets, which has no token: it ends in a *ticket*, good for this folder,
as it is now, in this room, while a live comm asks for the module. Nothing but files of that folder is ever sent.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from pathlib import Path
from typing import Final, NamedTuple

from jupyter_core.paths import jupyter_path
from tornado.web import HTTPError, RequestHandler

from commdoc.rooms.room import Room
from commdoc.server.embedding import Embedding
from commdoc.server.handlers import Handler

PREFIX: Final = "/commdoc/nbextensions/"
"""Apart from the rooms' addresses, so that the frame's policy can allow this and not those."""

ENTRY: Final = "index.js"

_NAME = re.compile(r"(?:@[A-Za-z0-9][\w.~-]*/)?[A-Za-z0-9_][\w.~-]*\Z", re.ASCII)
_LONGEST_NAME: Final = 214
"""Of an npm package."""

_DECLARED = re.compile(r"""(?:["']([^"'\s]+)["']|([A-Za-z_$][\w$]*))\s*:\s*["']nbextensions/([^"'\s]+)["']""")
"""``'some-module': 'nbextensions/folder/file'`` in the ``extension.js`` that a package brings for RequireJS."""

_LONGEST_DECLARATION: Final = 65_536
"""Bytes of such an ``extension.js``; a longer one is a whole front end of something else."""

_LARGEST_FILE: Final = 64 * 1024 * 1024
"""Bytes of a file that is sent: it is in memory meanwhile, as often as it is asked for at the same time."""

_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".wasm": "application/wasm",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".ttf": "font/ttf",
    ".otf": "font/otf",
}


class FrontEnd(NamedTuple):
    """An installed folder.

    Attributes
    ----------
    root : Path
        The folder, without links.
    modules : dict
        Name of a module to its file in the folder.
    stamp : tuple of int
        Of the entry file; another one after the package was upgraded.
    """

    root: Path
    modules: dict[str, str]
    stamp: tuple[int, int]


def find(name: str) -> FrontEnd | None:
    """Return the front end that has the module: the folder of that name, or one that declares it; None without."""
    if len(name) > _LONGEST_NAME or not _NAME.match(name):
        return None
    for base in map(Path, jupyter_path("nbextensions")):
        try:
            found = _front_end(base, base / name, name) or _declared(base, name)
        except OSError:
            continue
        if found is not None:
            return found
    return None


def file_of(root: Path, relative: str) -> Path | None:
    """Return a file of a folder, None for anything else: hidden ones, what leads out, by its path or by a link."""
    parts = relative.split("/")
    if any(not part or part.startswith(".") or set(part) & set("\\:\0") for part in parts):
        return None
    try:
        path = root.joinpath(*parts).resolve()
        return path if path.is_relative_to(root) and path.is_file() else None
    except OSError:
        return None


def _front_end(base: Path, folder: Path, name: str) -> FrontEnd | None:
    root = folder.resolve()
    if not root.is_relative_to(base.resolve()) or not root.is_dir():
        return None
    modules = {name: ENTRY}
    for declared, target in _declarations(root / "extension.js"):
        where, _, file = target.rpartition("/")
        if base / where == folder:
            modules[declared] = file if file.endswith(".js") else f"{file}.js"
    entry = file_of(root, modules[name])
    if entry is None:
        return None
    status = entry.stat()
    return FrontEnd(root, modules, (status.st_mtime_ns, status.st_size))


def _declared(base: Path, name: str) -> FrontEnd | None:
    for script in sorted([*base.glob("*/extension.js"), *base.glob("@*/*/extension.js")]):
        for declared, target in _declarations(script):
            where = target.rpartition("/")[0]
            if declared == name and base / where == script.parent:
                return _front_end(base, script.parent, name)
    return None


def _declarations(script: Path) -> list[tuple[str, str]]:
    try:
        if script.stat().st_size > _LONGEST_DECLARATION:
            return []
        text = script.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [(quoted or bare, target) for quoted, bare, target in _DECLARED.findall(text)]


def asks_for(room: Room, name: str) -> bool:
    """Tell whether a live comm of the room names the module, for its model or for its view."""
    wanted = json.dumps(name, ensure_ascii=False)
    for comm_id in room.comms.comm_ids():
        entry = room.comms.entry(comm_id)
        if entry is not None and (
            entry.model.get("model_module") == name or entry.text("_view_module") == wanted
        ):
            return True
    return False


class _Key(NamedTuple):
    room_id: str
    name: str
    root: Path
    stamp: tuple[int, int]


class Tickets:
    """Which address stands for which folder: the same one while the folder is the same, so that browsers keep it."""

    def __init__(self) -> None:
        self._keys: dict[str, _Key] = {}
        self._tickets: dict[_Key, str] = {}

    def issue(self, room_id: str, name: str, front_end: FrontEnd) -> str:
        """Return the ticket of a folder in a room."""
        key = _Key(room_id, name, front_end.root, front_end.stamp)
        if key not in self._tickets:
            for old in [each for each in self._tickets if each[:2] == key[:2]]:
                del self._keys[self._tickets.pop(old)]
            ticket = secrets.token_urlsafe(24)
            self._tickets[key], self._keys[ticket] = ticket, key
        return self._tickets[key]

    def check(self, ticket: str, room_id: str) -> _Key | None:
        """Return what a ticket of this room stands for."""
        key = self._keys.get(ticket)
        return key if key is not None and key.room_id == room_id else None


async def send_place(handler: RequestHandler, tickets: Tickets, room: Room | None, prefix: str) -> None:
    """Send where the module is that the query names, to who may read the room. Raises `HTTPError` 404."""
    name = handler.get_query_argument("module", "")
    if room is None or not asks_for(room, name):
        raise HTTPError(404, "no live widget asks for it")
    found = await asyncio.to_thread(find, name)
    if found is None:
        raise HTTPError(404, "not installed")
    ticket = tickets.issue(room.room_id, name, found)
    handler.set_header("Cache-Control", "no-store")
    handler.finish({"base": f"{prefix}{room.room_id}/{ticket}/", "modules": found.modules})


async def send_file(
    handler: RequestHandler,
    tickets: Tickets,
    room: Room | None,
    ticket: str,
    path: str,
    embedding: Embedding,
) -> None:
    """Send a file of a front end, to who has its ticket. Raises `HTTPError` 404."""
    key = tickets.check(ticket, room.room_id) if room is not None else None
    if key is None or room is None or not asks_for(room, key.name):
        raise HTTPError(404, "no such file")
    content = await asyncio.to_thread(_read, key, path)
    if content is None:
        raise HTTPError(404, "no such file")
    # Opened by itself, an SVG must not run as this host.
    handler.set_header("Content-Security-Policy", "default-src 'none'; sandbox")
    handler.set_header("Content-Type", _TYPES.get(Path(path).suffix.lower(), "application/octet-stream"))
    handler.set_header("Access-Control-Allow-Origin", "null")
    for name, value in embedding.headers(handler.request).items():
        handler.set_header(name, value)
    handler.set_header("Cross-Origin-Resource-Policy", "cross-origin")
    handler.set_header("Cache-Control", "private, immutable, max-age=31536000")
    handler.finish(content)


class FindHandler(Handler):
    """Where a module is, for who has a token."""

    def initialize(self, tickets: Tickets) -> None:
        """Take the host's tickets."""
        self._tickets = tickets

    async def get(self, room_id: str) -> None:
        """Send the address."""
        self.access.check_token(self.request, room_id)
        await send_place(self, self._tickets, self.rooms.get(room_id), PREFIX)


class FileHandler(Handler):
    """A file of a front end, for who has its ticket; open to the frame, whose origin is null."""

    opaque_origin = True

    def initialize(self, tickets: Tickets) -> None:
        """Take the host's tickets."""
        self._tickets = tickets

    async def get(self, room_id: str, ticket: str, path: str) -> None:
        """Send the file."""
        await send_file(self, self._tickets, self.rooms.get(room_id), ticket, path, self.access.embedding)


def _read(key: _Key, path: str) -> bytes | None:
    found = find(key.name)
    if found is None or (found.root, found.stamp) != (key.root, key.stamp):
        return None
    file = file_of(found.root, path)
    return None if file is None or file.stat().st_size > _LARGEST_FILE else file.read_bytes()
