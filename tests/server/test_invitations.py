"""Links that end: what `%commdoc` prints opens the room for some minutes, and is a text without a meaning later."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

import commdoc
from commdoc.errors import CommdocError, ForbiddenError, RoomNotFoundError
from commdoc.kernel.invitation import invite
from commdoc.kernel.sidecar import Endpoint
from commdoc.rooms.tokens import CODE_SECONDS, MAX_CODES, Invitations, TokenStore
from tests.server.serving import ROOM, Site, site

pytestmark = pytest.mark.scenario("S47")


async def post(it: Site, token: str | None, **headers: str) -> HTTPResponse:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request = HTTPRequest(f"{it.url}invitations", method="POST", body="", headers=headers)
    return await AsyncHTTPClient().fetch(request, raise_error=False)


def token_in(answer: HTTPResponse) -> str:
    return answer.headers["Location"].partition("#token=")[2]


async def test_a_bridge_gets_a_link_that_opens_the_room_more_than_once() -> None:
    async with site() as it:
        link, seconds = await asyncio.to_thread(invite, Endpoint(it.url, it.token("bridge")))
        assert link.startswith(f"{it.url}open/")
        assert seconds == CODE_SECONDS
        for _ in range(2):
            answer = await it.get(urlsplit(link).path)
            assert (answer.code, answer.headers["Cache-Control"]) == (303, "no-store")
            assert answer.headers["Location"].startswith("../#token=")
            grant = it.tokens.check(token_in(answer), ROOM)
            assert grant.role == "window"


async def test_when_its_time_is_over_it_opens_nothing_and_says_what_to_do() -> None:
    now = [0.0]
    async with site() as it:
        access = it.access
        access.invitations = Invitations(it.tokens, clock=lambda: now[0])
        link, _ = await asyncio.to_thread(invite, Endpoint(it.url, it.token("bridge")))
        now[0] = CODE_SECONDS - 1
        assert (await it.get(urlsplit(link).path)).code == 303
        now[0] = CODE_SECONDS + 1
        answer = await it.get(urlsplit(link).path)
        assert answer.code == 403
        assert "Location" not in answer.headers
        assert "%commdoc" in answer.body.decode()
        code = link.rpartition("/")[2]
        blob = f"/commdoc/rooms/{ROOM}/blobs/{'0' * 64}"
        assert (await it.get(blob, code)).code == 403, "the code itself is no token"
        with pytest.raises(ForbiddenError, match="has ended"):
            await asyncio.to_thread(commdoc.join, url=link)


@pytest.mark.parametrize("role", ["window", "viewer", None, "another room", "nonsense"])
async def test_nobody_else_may_invite(role: Any) -> None:
    async with site() as it:
        token = it.token("bridge", "elsewhere") if role == "another room" else role
        token = it.token(role) if role in ("window", "viewer") else token
        assert (await post(it, token)).code == 403
        with pytest.raises(CommdocError, match="gives no link"):
            await asyncio.to_thread(invite, Endpoint(it.url, token or "none"))


async def test_another_site_s_page_may_not_ask() -> None:
    async with site() as it:
        assert (await post(it, it.token("bridge"), Origin="https://evil.example")).code == 403


@pytest.mark.parametrize("code", ["nonsense", "%00", "..%2f", "a" * 5000, "ü".encode().hex()])
async def test_a_code_that_is_none_opens_nothing(code: str) -> None:
    async with site() as it:
        assert (await it.get(f"/commdoc/rooms/{ROOM}/open/{code}")).code in (403, 404)


async def test_a_code_opens_its_own_room_alone() -> None:
    store = Invitations(TokenStore())
    code = store.issue("a")
    assert store.redeem(code, "a")
    assert store.redeem(code, "b") is None


def test_codes_are_bounded_and_the_oldest_go_first() -> None:
    store = Invitations(TokenStore(), lambda room: "t")
    first, *others = [store.issue("a") for _ in range(MAX_CODES + 1)]
    assert store.redeem(first, "a") is None
    assert all(store.redeem(code, "a") == "t" for code in others)


async def test_a_python_window_may_follow_it_too() -> None:
    async with site() as it:
        link, _ = await asyncio.to_thread(invite, Endpoint(it.url, it.token("bridge")))
        joined = await asyncio.to_thread(commdoc.join, url=link)
        assert joined.room_id == ROOM
        await asyncio.to_thread(joined.close)
        with pytest.raises(RoomNotFoundError):
            await asyncio.to_thread(commdoc.join, url=f"{it.base}/commdoc/rooms/none/ws/open/x?token=y")


def test_a_host_that_is_gone_costs_the_cell_no_time() -> None:
    with pytest.raises(CommdocError, match="gives no link"):
        invite(Endpoint("http://127.0.0.1:9/commdoc/rooms/r/", "t"))
    with pytest.raises(RoomNotFoundError, match="nobody answers"):
        commdoc.join(url="http://127.0.0.1:9/commdoc/rooms/r/open/x")
