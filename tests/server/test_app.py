from __future__ import annotations

import asyncio
import hashlib
import socket as sockets
from urllib.parse import urlsplit

import pycrdt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.sync import Sync, sync_frame
from commdoc.server import app
from tests.rooms.parties import moved, opened, request, until
from tests.server.serving import ROOM, Site, bridge, site, socket, window

SECRET = b"image bytes"
DIGEST = hashlib.sha256(SECRET).hexdigest()
BLOBS = f"/commdoc/rooms/{ROOM}/blobs/"


async def test_bridge_and_windows_meet_over_real_sockets() -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(opened(value=7))
        async with window(host.url, host.token()) as one, window(host.url, host.token("viewer")) as viewer:
            assert one.state("c1")["value"] == viewer.state("c1")["value"] == 7
            await one.say(request("r1", value=8))
            await one.wait("accepted")
            await until(lambda: viewer.state("c1")["value"] == 8)
        await until(lambda: host.room.window_count == 0)


async def test_a_browser_offers_its_token_as_a_sub_protocol() -> None:
    async with site() as host:
        protocols = ["commdoc", f"commdoc.token.{host.token()}"]
        address = host.url.replace("http", "ws", 1) + "ws"
        async with connect(address, subprotocols=protocols, origin=host.base, proxy=None) as connection:  # type: ignore[arg-type]
            assert connection.subprotocol == "commdoc"


async def refused(host: Site, token: str, caplog: pytest.LogCaptureFixture, **headers: str) -> str:
    """Return the line in the log of a connection that must be refused."""
    caplog.clear()
    with pytest.raises(InvalidStatus) as error:
        async with socket(host.url, token, headers=headers):
            pass
    assert error.value.response.status_code == 403
    assert error.value.response.body == b"403 forbidden\n"
    [line] = [record.getMessage() for record in caplog.records if "403" in record.getMessage()]
    assert token == "" or token not in line
    return line


@pytest.mark.scenario("S47")
async def test_without_the_right_token_there_is_403_and_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with site() as host:
        assert "unknown token" in await refused(host, "guess", caplog)
        assert "no token" in await refused(host, "", caplog)
        assert "another room" in await refused(host, host.token(room="room2"), caplog)
        assert "expired" in await refused(host, host.tokens.issue("window", ROOM, lifetime=-1), caplog)
        response = await host.get(f"{BLOBS}{DIGEST}?token={host.token()}")
        assert response.code == 403, "a token in the query is none"
        assert host.room.window_count == 0


@pytest.mark.scenario("S47")
async def test_pages_of_other_origins_and_other_host_names_are_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with site() as host:
        token = host.token()
        assert "origin" in await refused(host, token, caplog, Origin="http://evil.example")
        assert "origin" in await refused(host, token, caplog, Origin="null")
        other_port = host.base.replace("127.0.0.1", "localhost")
        assert "origin" in await refused(host, token, caplog, Origin=other_port)
        for path in (f"/commdoc/rooms/{ROOM}/", "/commdoc/static/viewer.js", "/commdoc/api/rooms", "/x"):
            assert (await host.get(path, token, Host="rebound.example:80")).code == 403
        assert (await host.get("/commdoc/api/rooms", token, Host="[::1]:80")).code == 200


@pytest.mark.scenario("S47")
async def test_a_blob_is_served_to_its_room_while_an_entry_names_it() -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        sentinel = {"$blob": DIGEST, "size": len(SECRET), "type": "bytes"}
        await kernel.do(opened(image=sentinel), blobs=[SECRET])
        response = await host.get(BLOBS + DIGEST, host.token("viewer"))
        assert (response.code, response.body) == (200, SECRET)
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["Cache-Control"].startswith("private, immutable")
        assert "Access-Control-Allow-Origin" not in response.headers
        assert (await host.get(BLOBS + DIGEST)).code == 403
        assert (await host.get(BLOBS + DIGEST, host.token(room="room2"))).code == 403
        assert (await host.get(f"/commdoc/rooms/room2/blobs/{DIGEST}", host.token(room="room2"))).code == 404
        for name in ("0" * 64, "..%2f..%2fetc%2fpasswd", "....//", DIGEST.upper()):
            assert (await host.get(BLOBS + name, host.token())).code == 404
        await kernel.do({"op": "close", "comm_id": "c1"})
        assert (await host.get(BLOBS + DIGEST, host.token())).code == 404


@pytest.mark.scenario("S47")
@pytest.mark.parametrize(
    "path",
    [
        "/commdoc/static/../pages.py",
        "/commdoc/static/%2e%2e/pages.py",
        "/commdoc/static/..%2fpages.py",
        "/commdoc/static//etc/passwd",
        "/commdoc/static/viewer.js%00.html",
        "/commdoc/rooms/../../etc/passwd",
        f"/commdoc/rooms/{ROOM}%2f..%2f/",
        "/etc/passwd",
        "/",
    ],
)
async def test_no_path_leads_out(path: str) -> None:
    async with site() as host:
        parts = urlsplit(host.base)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert answer.split(b" ", 2)[1] in (b"404", b"403")
        assert b"StaticHandler" not in answer
        assert b"root:" not in answer


async def test_the_page_binds_itself_to_its_own_scripts_and_the_frame_to_an_opaque_origin() -> None:
    async with site() as host:
        page = await host.get(f"/commdoc/rooms/{ROOM}/")
        policy = page.headers["Content-Security-Policy"]
        assert page.code == 200
        assert "default-src 'none'; script-src 'self';" in policy
        assert "unsafe-eval" not in policy
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert (await host.get(f"/commdoc/rooms/{ROOM}")).headers["Location"] == f"/commdoc/rooms/{ROOM}/"
        assert (await host.get("/commdoc/rooms/unknown/")).code == 404
        frame = await host.get("/commdoc/static/frame.html", Origin="null")
        if frame.code == 200:  # built
            policy = frame.headers["Content-Security-Policy"]
            assert policy.startswith("sandbox allow-scripts ")
            assert "allow-same-origin" not in policy
            script = await host.get("/commdoc/static/frame.js", Origin="null")
            assert script.headers["Access-Control-Allow-Origin"] == "*"
            assert script.headers["Content-Type"].startswith("text/javascript")


async def test_the_list_of_rooms_shows_a_token_s_own() -> None:
    async with site() as host:
        response = await host.get("/commdoc/api/rooms", host.token())
        assert b'"room_id": "room1"' in response.body
        assert (await host.get("/commdoc/api/rooms", host.token(room="room2"))).body == b'{"rooms": []}'
        assert (await host.get("/commdoc/api/rooms")).code == 403


@pytest.mark.scenario("S47")
async def test_a_client_that_floods_is_slowed_and_the_others_are_not_affected() -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        host.room.limits = RoomLimits(peer_frames=50)
        await kernel.do(opened())
        async with window(host.url, host.token()) as flooding, window(host.url, host.token()) as other:

            async def flood() -> None:
                for n in range(100_000):
                    await flooding.say(request(f"f{n}", step=n))
                    await asyncio.sleep(0)  # the host runs in this loop, too

            task = asyncio.ensure_future(flood())
            loop = asyncio.get_running_loop()
            begin = loop.time()
            for number in range(20):
                await kernel.do(moved(number))
                await until(lambda number=number: other.state("c1")["value"] == number)  # type: ignore[misc]
            await until(lambda: loop.time() - begin > 0.5)
            allowed = 50 * (loop.time() - begin + 2) + 1
            assert len(flooding.heard_of("accepted")) <= allowed
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            flooding.transport.socket.transport.abort()


@pytest.mark.scenario("S47")
async def test_who_only_opens_connections_disturbs_nobody_who_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "MAX_CONNECTIONS", 10)
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(opened())
        parts = urlsplit(host.base)
        silent = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(10)]
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        assert await asyncio.wait_for(reader.read(), 5) == b"", "one too many is closed at once"
        writer.close()
        await kernel.do(moved(3))
        for _, each in silent:
            each.close()
            await each.wait_closed()
        while (await host.get("/commdoc/api/rooms", host.token())).code != 200:
            await asyncio.sleep(0.01)
        async with window(host.url, host.token()) as late:
            assert late.state("c1")["value"] == 3


@pytest.mark.scenario("S09")
async def test_a_browser_that_sleeps_is_noticed() -> None:
    async with site(commdoc_ping_seconds=0.1) as host:
        parts = urlsplit(host.url)
        with sockets.create_connection(("127.0.0.1", parts.port or 0)) as raw:
            raw.sendall(
                f"GET {parts.path}ws HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                f"Authorization: Bearer {host.token()}\r\n\r\n".encode()
            )
            hello = b'{"type":"hello","protocol":[1,1],"client":"sleeper"}'
            payload = bytes([100, len(hello)]) + hello + b"\x00"
            raw.sendall(bytes([0x82, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
            step1 = sync_frame(Sync.STEP1, pycrdt.Doc().get_state())
            raw.sendall(bytes([0x82, 0x80 | len(step1), 0, 0, 0, 0]) + step1)
            members = host.room.broadcast.members
            await until(lambda: any(member.peer.synced for member in members.values()))
            await until(lambda: host.room.window_count == 0, "the sleeper to be dropped", patience=15)


@pytest.mark.scenario("S23")
async def test_a_text_message_and_a_message_without_end_end_their_connection() -> None:
    async with site(websocket_max_message_size=10_000) as host:
        async with window(host.url, host.token()) as talker:
            await talker.transport.socket.send("text")
            await asyncio.wait_for(talker.ended.wait(), 5)
            assert talker.close_code == 4400
        async with window(host.url, host.token()) as giant:
            await giant.transport.send(b"\x64" + b"x" * 20_000)
            await asyncio.wait_for(giant.ended.wait(), 5)
            assert giant.close_code in (1006, 1009)
        await until(lambda: host.room.window_count == 0)
