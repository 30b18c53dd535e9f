"""The local socket of a host: who comes in by it, and what happens where it can't be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from commdoc.protocol import local
from commdoc.protocol.local import Decoder, Kind, LocalFrame, read_json
from commdoc.rooms.room import Room
from commdoc.rooms.tokens import TokenStore
from commdoc.server import local_socket
from commdoc.server.admission import by_tokens
from commdoc.server.local_socket import LocalSocket, remove_stale
from commdoc.server.peer_socket import VIEWER_BYTES
from commdoc.window import AsyncWindow
from commdoc.window.local import LocalChannel, connect_local
from commdoc.window.websocket import WebSocketChannel
from tests.rooms.parties import KERNEL, Bridge, Window, moved, opened, request, until
from tests.server.serving import hello, with_local_socket
from tests.server.sleeper import Sleeper, start

ROOM = "r1"


@dataclass
class Host:
    room: Room
    tokens: TokenStore
    listening: LocalSocket
    path: str

    async def connect(self, role: Any = "window", room: str = ROOM) -> LocalChannel:
        return await connect_local(self.path, ROOM, self.tokens.issue(role, room))


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    room, tokens = Room(pycrdt.Doc(), ROOM), TokenStore()
    listening = LocalSocket(by_tokens({ROOM: room}, tokens))
    path = await listening.listen(tmp_path)
    assert path is not None
    yield Host(room, tokens, listening, str(path))
    await room.close()
    await listening.close()
    assert not path.exists()


async def spoken(path: str, *parts: bytes) -> list[LocalFrame]:
    """Say this to a host and return all that it answers until it ends the connection."""
    reader, writer = await asyncio.open_unix_connection(path)
    with contextlib.suppress(OSError):
        for part in parts:
            writer.write(part)
            await writer.drain()
    data = b""
    with contextlib.suppress(OSError):
        data = await asyncio.wait_for(reader.read(-1), 15)
    writer.close()
    return Decoder().feed(data)


def farewell(frames: list[LocalFrame]) -> tuple[int, str]:
    [frame] = frames
    assert frame.kind is Kind.BYE
    said = read_json(frame)
    return said["code"], said["reason"]


def auth(token: str) -> bytes:
    return local.encode_json(Kind.AUTH, {"room_id": ROOM, "token": token})


async def test_it_is_for_this_user_alone(host: Host) -> None:
    about = os.lstat(host.path)
    assert stat.S_ISSOCK(about.st_mode)
    assert stat.S_IMODE(about.st_mode) == 0o600


async def test_a_bridge_and_windows_meet_in_the_room(host: Host) -> None:
    mirror, window = Bridge(await host.connect("bridge")), Window(await host.connect())
    await hello(mirror, kernel=dict(KERNEL))
    await hello(window)
    await window.step1()
    await asyncio.wait_for(window.synced.wait(), 5)
    await mirror.do(opened(value=1))
    await mirror.do(*(moved(n) for n in range(200)), blobs=[bytes(3_000_000)])
    await until(lambda: window.state("c1").get("value") == 199)
    await window.say(request("q1", value=5))
    await window.wait("accepted", request_id="q1")
    await host.room.close()
    await asyncio.wait_for(window.ended.wait(), 5)
    assert window.close_code == 4410


async def test_who_has_no_good_token_is_let_in_nowhere(host: Host) -> None:
    with pytest.raises(ConnectionError, match="forbidden"):
        await connect_local(host.path, ROOM, "wrong")
    with pytest.raises(ConnectionError, match="forbidden"):
        await host.connect(room="another")
    assert host.room.broadcast.members == {}


async def test_another_user_is_refused_whatever_the_token(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    with pytest.raises(ConnectionError, match="forbidden"):
        await host.connect()


async def test_what_is_malformed_ends_the_connection_with_a_reason(host: Host) -> None:
    token = host.tokens.issue("window", ROOM)
    assert farewell(await spoken(host.path, b"GET / HTTP/1.1\r\n\r\n"))[0] == 4400
    assert farewell(await spoken(host.path, local.MAGIC + b"\x09")) == (
        4400,
        "the local socket speaks version 9, this side 1",
    )
    code, reason = farewell(await spoken(host.path, local.GREETING, b"".join(local.encode(Kind.PING))))
    assert (code, reason) == (4400, "a client that does not say first who it is")
    before = farewell(await spoken(host.path, local.GREETING, b"".join(local.encode(Kind.FRAME, b"x"))))
    assert before[0] == 4400
    huge = (local.LIMITS[Kind.FRAME] + 2).to_bytes(4, "big") + bytes([Kind.FRAME])
    *_, bye = await spoken(host.path, local.GREETING, auth(token), huge)
    assert "are allowed" in farewell([bye])[1]


async def test_a_viewer_has_little_to_say(host: Host) -> None:
    channel = await host.connect("viewer")
    with contextlib.suppress(ConnectionError):
        await channel.send(bytes(VIEWER_BYTES + 1))
    assert [frame async for frame in channel] == []
    assert channel.close_code in (4400, 1006)  # the rest of what was sent may cost it the farewell


async def test_who_says_nothing_is_let_go(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_socket, "AUTH_SECONDS", 0.05)
    assert farewell(await spoken(host.path, local.GREETING))[0] == 4408


async def test_a_path_that_is_too_long_for_a_socket_means_none(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * local.MAX_PATH_BYTES)
    folder.mkdir()
    listening = LocalSocket(by_tokens({}, TokenStore()))
    assert await listening.listen(folder) is None
    assert list(folder.iterdir()) == []
    await listening.close()


def test_sockets_of_dead_hosts_are_removed_and_nothing_else(tmp_path: Path) -> None:
    code = "import os, socket; socket.socket(socket.AF_UNIX).bind(f'commdoc-{os.getpid()}-ab.sock')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    [left] = tmp_path.iterdir()
    alive = tmp_path / f"commdoc-{os.getpid()}-cd.sock"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(alive))
    (tmp_path / left.name.replace("ab", "ef")).write_text("no socket", encoding="utf-8")
    (tmp_path / "commdoc-other.sock").write_text("", encoding="utf-8")
    remove_stale(tmp_path)
    assert not left.exists()
    assert len(list(tmp_path.iterdir())) == 3
    listening.close()


# --- by itself -------------------------------------------------------------------------------------------------------


def channel_of(window: AsyncWindow) -> Any:
    return window._connection._channel


async def test_a_window_takes_it_by_itself_and_the_websocket_where_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in with_local_socket(tmp_path).items():
        monkeypatch.setenv(name, value)
    kernel = Sleeper()
    try:
        endpoint = await start(kernel)
        found = kernel.announcement
        assert found is not None
        assert endpoint.local == found["local"]
        async with await AsyncWindow.join(kernel_id=kernel.kernel_id) as window:
            assert isinstance(channel_of(window), LocalChannel)
        link = f"{endpoint.url}#token={found['tokens']['window']}"
        async with await AsyncWindow.join(url=link) as window:
            assert isinstance(channel_of(window), LocalChannel)
        await asyncio.to_thread(os.unlink, found["local"])
        async with await AsyncWindow.join(kernel_id=kernel.kernel_id) as window:
            assert isinstance(channel_of(window), WebSocketChannel)
    finally:
        kernel.kill()
