"""The local socket of a room host: a Unix-domain socket for bridge and Python windows of the same user and machine.

It stands in the runtime folder, ``commdoc-<pid>-<random>.sock``, for this user alone (0600), and who connects must have
this user's uid where the system tells it. Tokens and roles are those of the WebSocket (`admission`). A host goes on
without one where the path is too long, or the system has none: clients use the WebSocket then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
import socket
import stat
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from commdoc.errors import CommdocError, ForbiddenError, ProtocolError
from commdoc.protocol import local
from commdoc.protocol.local import Decoder, Kind, LocalFrame
from commdoc.rooms.transport import TransportClosedError
from commdoc.server import announce
from commdoc.server.admission import Admit, Admitted
from commdoc.server.peer_socket import VIEWER_BYTES

log = logging.getLogger(__name__)

AUTH_SECONDS: Final = 10.0
READ_BYTES: Final = 256 * 1024
GOODBYE_SECONDS: Final = 1.0

MALFORMED: Final = 4400
FORBIDDEN: Final = 4403
TOO_LATE: Final = 4408

_NAME: Final = re.compile(r"commdoc-(\d+)-[0-9a-f]+\.sock\Z")


class LocalSocket:
    """Listens, and gives each connection to the room into which it is let.

    Parameters
    ----------
    admit : callable
        Decides who comes in.

    Attributes
    ----------
    path : Path or None
        Where it listens.
    """

    def __init__(self, admit: Admit) -> None:
        self._admit = admit
        self.path: Path | None = None
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def listen(self, folder: Path | None = None) -> Path | None:
        """Begin; returns the path, or None, with a line in the log, where there can be no socket."""
        folder = folder or announce.runtime_dir()
        path = folder / f"commdoc-{os.getpid()}-{secrets.token_hex(4)}.sock"
        if not hasattr(socket, "AF_UNIX"):
            return None
        if len(os.fsencode(path)) > local.MAX_PATH_BYTES:
            log.info("no local socket: %s is too long a path for one; WebSockets do", folder)
            return None
        remove_stale(folder)
        try:
            listening = _bind(path)
            self._server = await asyncio.start_unix_server(self._connected, sock=listening, limit=READ_BYTES)
        except OSError as error:
            log.info("no local socket at %s: %s; WebSockets do", path, error)
            return None
        self.path = path
        return path

    async def close(self) -> None:
        """Stop listening, and end the connections that their rooms have not ended."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self.path is not None:
            self.path.unlink(missing_ok=True)
            self.path = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = LocalTransport(reader, writer)
        try:
            admitted = await self._let_in(connection)
            if admitted is not None:
                admitted.came()
                try:
                    await admitted.room.serve(connection, admitted.role, admitted.kernel_id)
                finally:
                    admitted.left()
        except (OSError, asyncio.CancelledError):
            pass
        except Exception:
            log.exception("a local connection failed")
        finally:
            connection.abort()

    async def _let_in(self, connection: LocalTransport) -> Admitted | None:
        try:
            _check_user(connection.socket)
            auth = await asyncio.wait_for(connection.authentication(), AUTH_SECONDS)
            admitted = await self._admit(auth)
        except (asyncio.TimeoutError, TimeoutError):
            await connection.close(TOO_LATE, "no authentication in time")
        except ProtocolError as error:
            await connection.close(MALFORMED, str(error))
        except CommdocError as error:
            log.warning("a local connection is refused: %s", error)
            await connection.close(FORBIDDEN, "forbidden")
        else:
            if admitted.role == "viewer":
                connection.decoder.limits[Kind.FRAME] = VIEWER_BYTES
            await connection.write(Kind.READY, b"{}")
            return admitted
        return None


class LocalTransport:
    """A connection as a `Transport` of its room."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        writer.transport.set_write_buffer_limits(high=0)  # `drain` ends when the socket has taken all
        writer.write(local.GREETING)
        self.decoder = Decoder({Kind.FRAME: 0})
        self._closed = False

    @property
    def socket(self) -> socket.socket:
        """The socket below."""
        it: socket.socket = self._writer.get_extra_info("socket")
        return it

    async def authentication(self) -> dict[str, object]:
        """Return what the client says of itself; raises `ProtocolError` for anything else than that."""
        while True:
            for frame in await self._read():
                if frame.kind is not Kind.AUTH:
                    raise ProtocolError("a client that does not say first who it is")
                self.decoder.limits[Kind.FRAME] = local.LIMITS[Kind.FRAME]
                return local.read_json(frame)

    async def _read(self) -> list[LocalFrame]:
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise TransportClosedError("the other side has gone")
        return self.decoder.feed(data)

    async def write(self, kind: Kind, content: bytes) -> None:
        """Send a frame; returns when the socket has it."""
        if self._closed or self._writer.is_closing():
            raise TransportClosedError("the socket is closed")
        try:
            for part in local.encode(kind, content):
                self._writer.write(part)
            await self._writer.drain()
        except OSError as error:
            raise TransportClosedError(str(error)) from None

    async def send(self, frame: bytes) -> None:
        """Hand over one frame."""
        await self.write(Kind.FRAME, frame)

    async def close(self, code: int, reason: str) -> None:
        """Say why, and end."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(OSError, asyncio.TimeoutError, TimeoutError):
            self._writer.write(local.bye(code, reason))
            await asyncio.wait_for(self._writer.drain(), GOODBYE_SECONDS)
        self._writer.close()
        self._reader.feed_eof()

    def abort(self) -> None:
        """End at once."""
        self._closed = True
        self._writer.transport.abort()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the frames that come in."""
        while not self._closed:
            try:
                frames = await self._read()
            except OSError:
                return
            except ProtocolError as error:
                await self.close(MALFORMED, str(error))
                return
            for kind, content in frames:
                if kind is Kind.FRAME:
                    yield content
                elif kind is Kind.PING:
                    with contextlib.suppress(OSError):
                        await self.write(Kind.PONG, content)
                elif kind is Kind.BYE:
                    self.abort()
                    return


def _bind(path: Path) -> socket.socket:
    """Return a socket that only this user can reach: nobody can connect before it listens, which it doesn't yet."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def _check_user(connection: socket.socket) -> None:
    """Check the other side's uid, where the system tells it. Raises `ForbiddenError`."""
    if not hasattr(socket, "SO_PEERCRED"):
        return
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    if uid != os.getuid():
        raise ForbiddenError(f"user {uid} is not this host's user")


def remove_stale(folder: Path) -> None:
    """Remove the sockets of hosts that have died."""
    for path in folder.glob("commdoc-*.sock"):
        found = _NAME.match(path.name)
        if found is None or announce.is_alive(int(found[1])):
            continue
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(path.lstat().st_mode):
                path.unlink()
