"""The sidecar: a process of its own that hosts one kernel's room where no Jupyter server does.

    stdin    one line of JSON: {connection_file, kernel_id?, kernel_pid, session_name?, port?, grace?, embed_origins?}
    stdout   one line of JSON when it is ready: {url, room_id, tokens, pid, local?}, or {error: reason}; nothing after

``python -m commdoc.server.sidecar`` is started by `%load_ext commdoc`. With ``--detach`` it forks first, so that
the kernel has no child to bury. A lock in the runtime folder lets one live per kernel; a second one answers with
the first one's address and ends. It outlives its kernel, whose last state stays to be read; the kernel finds it
again when it was restarted, and so does another kernel of the same notebook that comes after it. It ends by itself
when kernel and windows have been gone for `grace` seconds. If it is killed, the bridge starts the next one, which
goes on at the same address (`commdoc.server.announcer`).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import signal
import sys
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict

from typing_extensions import NotRequired

from commdoc.errors import CommdocError, SidecarError

if TYPE_CHECKING:
    from commdoc.rooms.store.base import RoomStore
    from commdoc.server.announce import Announcement
    from commdoc.server.claim import Claim

log = logging.getLogger("commdoc.sidecar")

WATCH_SECONDS: Final = 0.5
"""Between two looks at the kernel's process: a killed kernel is shown as gone within this."""

RENEWAL_RETRY_SECONDS: Final = 60.0
"""Until the announcement is tried again when it could not be written."""

LOG_LINES: Final = 500
LOG_LINES_SECONDS: Final = 600.0
"""Lines of the log in such a time: whoever is refused again and again must not fill the disk."""

LOCK_SECONDS: Final = 10.0
"""How long a second sidecar waits for the first one to announce itself, or to be gone."""


class Config(TypedDict):
    """What a sidecar is told on stdin."""

    connection_file: str
    kernel_pid: int
    kernel_id: NotRequired[str]
    session_name: NotRequired[str]
    port: NotRequired[int]
    grace: NotRequired[float]
    embed_origins: NotRequired[list[str]]


def kernel_id_of(connection_file: str) -> str:
    """Return the id of a kernel: of ``kernel-<id>.json`` the id."""
    return Path(connection_file).stem.removeprefix("kernel-")


def read_config(line: str) -> Config:
    """Read the line from stdin.

    Raises
    ------
    SidecarError
        When it is not what it must be.
    """
    try:
        config: Config = json.loads(line)
        if not isinstance(config["connection_file"], str) or not isinstance(config["kernel_pid"], int):
            raise SidecarError("the configuration names no connection_file and kernel_pid")
    except (ValueError, KeyError, TypeError) as error:
        raise SidecarError(f"the configuration on stdin can't be used: {error!r}") from None
    config.setdefault("kernel_id", kernel_id_of(config["connection_file"]))
    return config


def main(arguments: Sequence[str]) -> int:
    """Run a sidecar; return the exit code."""
    line = sys.stdin.readline()
    if "--detach" in arguments and hasattr(os, "fork"):
        if os.fork():
            return 0
        os.setsid()
    try:
        config = read_config(line)
        answer = _run_or_find(config)
    except Exception as error:
        log.debug("the sidecar has failed", exc_info=True)
        _say({"error": str(error) or type(error).__name__})
        return 1
    if answer is not None:
        _say(answer)
    return 0


def _run_or_find(config: Config) -> dict[str, Any] | None:
    """Run until the end; or return the address of the sidecar that this kernel has already."""
    from commdoc.server import announce
    from commdoc.server.claim import Claim

    kernel_id = config["kernel_id"]
    claim = Claim(kernel_id)
    deadline = time.monotonic() + LOCK_SECONDS
    while not claim.take():
        found = announce.read(claim.path)
        if found is not None and found["connection_file"] != config["connection_file"]:
            # Of another kernel, whose connection file has the same name in another folder.
            folder = hashlib.sha256(config["connection_file"].encode()).hexdigest()
            config["kernel_id"] = f"{kernel_id}-{folder[:8]}"
            claim = Claim(config["kernel_id"])
        elif found is not None:
            return _address_in(found)
        if time.monotonic() > deadline:
            raise SidecarError(
                f"another process holds {claim.lock_file} and does not announce a room; end it, or remove the file"
            )
        time.sleep(0.05)
    sidecar = Sidecar(config, claim)
    try:
        before = announce.left_behind(claim.path, config["connection_file"])
        if before is None and (found := _room_of_notebook(config.get("session_name"))) is not None:
            return _address_in(found)
        announce.remove_stale(but=claim.path)
        _log_to(claim.log)
        asyncio.run(sidecar.run(before))
    finally:
        sidecar.claim.give_back()
    return None


def _address_in(found: Announcement) -> dict[str, Any]:
    address = {
        "url": found["url"],
        "room_id": found["room_id"],
        "tokens": found["tokens"],
        "pid": found["pid"],
    }
    return {**address, "local": found["local"]} if "local" in found else address


def _room_of_notebook(notebook: str | None) -> Announcement | None:
    """Return the newest room of a notebook whose kernel has ended; one whose kernel lives belongs to that kernel."""
    from commdoc.server import announce
    from commdoc.server.watch import KernelProcess

    if notebook is None or not Path(notebook).is_absolute():
        return None
    for found in announce.live():
        if found.get("notebook") == notebook and not KernelProcess(found["kernel_pid"]).alive():
            return found
    return None


class Sidecar:
    """Hosts one room over HTTP on loopback.

    Parameters
    ----------
    config : Config
        What came on stdin.
    claim : Claim
        Held; another one when the room has gone over to another kernel.
    """

    def __init__(self, config: Config, claim: Claim) -> None:
        from commdoc.rooms.tokens import TokenStore
        from commdoc.server.watch import KernelProcess

        self.config = config
        self.claim = claim
        self.tokens = TokenStore()
        self._ending = asyncio.Event()
        self._process = KernelProcess(config["kernel_pid"])

    async def run(self, before: Announcement | None = None) -> None:
        """Serve until kernel and windows are gone, or SIGTERM.

        Parameters
        ----------
        before : Announcement, optional
            Of a host of this kernel that has died: the room goes on under its id, where it can at its address.
        """
        from commdoc.rooms.tokens import Invitations
        from commdoc.server import announce
        from commdoc.server.admission import by_tokens
        from commdoc.server.announcer import Announcer
        from commdoc.server.app import make_app, make_server
        from commdoc.server.auth import Access
        from commdoc.server.embedding import Embedding
        from commdoc.server.local_socket import LocalSocket

        loop = asyncio.get_running_loop()
        # Of one room: what waits for the disk takes turns.
        loop.set_default_executor(ThreadPoolExecutor(1, "disk"))
        room_id = await self._make_room(before)
        access = Access(self.tokens, embedding=Embedding(self.config.get("embed_origins", [])))
        access.invitations = Invitations(self.tokens, lambda _: self._announcer.current["window"])
        server = make_server(make_app({room_id: self.room}, access, commdoc_known=self.known))
        sockets = self._listen(before)
        server.add_sockets(sockets)
        port = sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/commdoc/rooms/{room_id}/"
        self._announcer = Announcer(
            self.tokens, room_id, url, before if before and announce.port_of(before) == port else None
        )
        self._local = LocalSocket(by_tokens({room_id: self.room}, self.tokens))
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(name, self._ending.set)
        try:
            self.room.start()
            self._settings.start()
            await self._listen_locally()
            self._announce()
            said = {"url": url, "room_id": room_id, "tokens": self._announcer.current, "pid": os.getpid()}
            _say(said if self._announcer.local is None else {**said, "local": self._announcer.local})
            _let_go_of_starter()
            log.info("room %s of kernel %s at %s", room_id, self.config["kernel_id"], url)
            await self._watch()
        finally:
            if not self._process.alive():  # else its bridge starts the next host, at this address
                announce.remove(self.config["kernel_id"], os.getpid())
            server.stop()
            await self.room.close()
            await self._local.close()
            await self._settings.close()
            await server.close_all_connections()
            log.info("ended")

    async def _make_room(self, before: Announcement | None) -> str:
        """Make the room, with what was kept of it; return its id."""
        import pycrdt

        from commdoc.rooms import zmq_link
        from commdoc.rooms.registry import Known
        from commdoc.rooms.room import Room
        from commdoc.rooms.store.keeper import Keeper
        from commdoc.server.keeping import store_of
        from commdoc.server.settings import host_settings

        store = store_of()
        room_id = await self._room_id(before, store)
        self.known = Known(room_id, None, self.config.get("session_name"), self.config["kernel_id"])
        document: pycrdt.Doc[Any] = pycrdt.Doc()
        keeper = await Keeper.open(store, document, self.known.attributes) if store is not None else None
        link = zmq_link.connect(Path(self.config["connection_file"]))
        self._settings = host_settings()
        self.room = self._settings.adopt(
            Room(document, room_id, keeper=keeper, kernel_link=link, limits=self._settings.limits)
        )
        return room_id

    async def _room_id(self, before: Announcement | None, store: RoomStore | None) -> str:
        """Return the id of the room: that of the host before, else of the one that is kept, else a new one."""
        from commdoc.rooms.registry.kept import Kept

        if before is not None:
            return before["room_id"]
        kept = Kept(store, None)
        await kept.load()
        notebook = self.config.get("session_name")
        found = kept.of_path(notebook) if notebook else kept.of_kernel(self.config["kernel_id"])
        if found is None or store is None:
            return uuid.uuid4().hex
        try:
            (await asyncio.to_thread(store.open, found.room_id)).close()
        except (OSError, CommdocError) as error:
            log.info("the notebook's room %s is not to be had (%s): this one is new", found.room_id, error)
            return uuid.uuid4().hex
        return found.room_id

    def _listen(self, before: Announcement | None) -> list[Any]:
        """Return the listening sockets: at the port that was asked for, else where the room was, else anywhere."""
        from commdoc.server import announce

        port = self.config.get("port", 0)
        if before is not None and not port:
            with contextlib.suppress(OSError):
                return _listen(announce.port_of(before))
        try:
            return _listen(port)
        except OSError as error:
            raise SidecarError(
                f"port {port} on 127.0.0.1 can't be used: {error.strerror or error}"
            ) from error

    async def _listen_locally(self) -> None:
        """Listen on a local socket, too, where there can be one."""
        if self._settings["server.local_socket"]:
            path = await self._local.listen()
            self._announcer.local = None if path is None else str(path)

    async def _watch(self) -> None:
        """Return when it is time to end."""
        needed_at = time.monotonic()
        while not self._ending.is_set():
            grace = self.config.get("grace", self._settings.number("server.sidecar_grace_seconds"))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ending.wait(), min(WATCH_SECONDS, grace / 4))
            self._follow()
            alive = self._process.alive()
            if not alive:
                self.room.kernel_dead("the kernel's process has ended")
            now = time.monotonic()
            if alive or self.room.window_count or self.room.kernel.bridge is not None:
                needed_at = now
            elif now - needed_at >= grace:
                log.info("kernel and windows have been gone for %g s", grace)
                return
            if time.time() >= self._announcer.renew_at:
                self._renew()

    def _follow(self) -> None:
        """Watch the kernel whose bridge came last: a new life of ours, or another kernel of the notebook."""
        kernel = self.room.kernel.kernel
        if kernel is None or kernel["pid"] == self._process.pid:
            return
        file = kernel.get("connection_file", self.config["connection_file"])
        if file != self.config["connection_file"] and not self._go_over(kernel["kernel_id"], file):
            return
        self._process = type(self._process)(kernel["pid"])
        self._renew()

    def _go_over(self, kernel_id: str, connection_file: str) -> bool:
        """Become the host of another kernel, under whose name the room is found from now on."""
        from commdoc.server import announce
        from commdoc.server.claim import Claim

        claim = Claim(kernel_id)
        if not claim.take():
            return False  # it is looking for its room just now: the next time
        log.info("the kernel %s has taken over the room", kernel_id)
        announce.remove(self.config["kernel_id"], os.getpid())
        with contextlib.suppress(OSError):
            self.claim.log.rename(claim.log)
        self.claim.give_back()
        self.claim = claim
        self.config["kernel_id"] = kernel_id
        self.config["connection_file"] = connection_file
        self.known.kernel_id = kernel_id
        if self.room.keeper is not None:
            self.room.keeper.changed()
        return True

    def _renew(self) -> None:
        """Announce the room again; a full disk must not cost it."""
        try:
            self._announce()
        except OSError as error:
            log.warning("the announcement could not be renewed, it is tried again: %s", error)
            self._announcer.renew_at = time.time() + RENEWAL_RETRY_SECONDS

    def _announce(self) -> None:
        self._announcer.announce(
            self.config["kernel_id"],
            self._process.pid,
            self.config["connection_file"],
            self.config.get("session_name"),
        )


def _listen(port: int) -> list[Any]:
    from tornado.netutil import bind_sockets

    return bind_sockets(port, "127.0.0.1")


def _say(answer: dict[str, Any]) -> None:
    """Tell who started us, in one line."""
    with contextlib.suppress(OSError):
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _let_go_of_starter() -> None:
    """Point the standard streams to nowhere: the starter waits for their end, and may end before us."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _log_to(path: Path) -> None:
    """Log to a file of this user's, which is removed with the sidecar."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    stream = os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace")
    logging.basicConfig(
        stream=stream, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(LineLimit())


class LineLimit:
    """A filter of log records that lets `LOG_LINES` through in `LOG_LINES_SECONDS`; the last of them says so."""

    def __init__(self) -> None:
        self._since = float("-inf")
        self._lines = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide about a record."""
        if not 0 <= record.created - self._since <= LOG_LINES_SECONDS:  # clocks are set back, too
            self._since, self._lines = record.created, 0
        self._lines += 1
        if self._lines == LOG_LINES:
            record.msg, record.args = f"{record.getMessage()} (more is left out for a while)", ()
        return self._lines <= LOG_LINES


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
