"""Pages of other origins that may show a room: those of a list, and nobody else."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from commdoc.errors import OriginError
from commdoc.server.embedding import Embedding
from tests.server.serving import ROOM, Site, site

DASH = "https://dash.example"
EVIL = "https://evil.example"
ASKS = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
MODULE = f"/commdoc/rooms/{ROOM}/nbextensions?module=some"


async def comes_in(host: Site, origin: str, token: str) -> bool:
    protocols = ["commdoc", f"commdoc.token.{token}"]
    address = host.url.replace("http", "ws", 1) + "ws"
    try:
        async with connect(address, subprotocols=protocols, origin=origin, proxy=None):  # type: ignore[arg-type]
            return True
    except InvalidStatus as error:
        if error.response.status_code != 403:
            raise
        return False


@pytest.mark.scenario("S47")
async def test_nobody_elsewhere_gets_in_unless_somebody_says_so() -> None:
    async with site() as host:
        assert not await comes_in(host, DASH, host.token())
        answer = await host.get(MODULE, host.token(), Origin=DASH)
        assert answer.code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert (await host.get(MODULE, method="OPTIONS", Origin=DASH, **ASKS)).code == 403
        page = await host.get(f"/commdoc/rooms/{ROOM}/")
        assert page.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")


@pytest.mark.scenario("S47")
async def test_a_page_of_the_list_gets_in_with_a_token_and_the_others_don_t() -> None:
    async with site(embed_origins=[DASH]) as host:
        assert await comes_in(host, DASH, host.token())
        assert await comes_in(host, DASH, host.token("viewer"))
        assert await comes_in(host, host.base, host.token())
        assert not await comes_in(host, DASH, "guess")
        for origin in (EVIL, "null", f"{DASH}.evil.example", "http://dash.example", f"{DASH}:444"):
            assert not await comes_in(host, origin, host.token())


@pytest.mark.scenario("S47")
async def test_it_may_ask_where_a_widget_package_is_and_read_the_answer() -> None:
    async with site(embed_origins=[DASH]) as host:
        before = await host.get(MODULE, method="OPTIONS", Origin=DASH, **ASKS)
        assert before.code == 204
        assert before.headers["Access-Control-Allow-Origin"] == DASH
        assert before.headers["Access-Control-Allow-Headers"] == "Authorization"
        assert before.headers["Access-Control-Allow-Methods"] == "GET"
        assert "Access-Control-Allow-Credentials" not in before.headers
        answer = await host.get(MODULE, host.token(), Origin=DASH)
        assert (answer.code, answer.body) == (404, b"404 no live widget asks for it\n")
        assert answer.headers["Access-Control-Allow-Origin"] == DASH
        assert answer.headers["Vary"] == "Origin"
        assert (await host.get(MODULE, Origin=DASH)).code == 403
        assert (await host.get(MODULE, method="OPTIONS", Origin=EVIL, **ASKS)).code == 403
        other = {**ASKS, "Access-Control-Request-Method": "POST"}
        assert (await host.get(MODULE, method="OPTIONS", Origin=DASH, **other)).code == 405
        assert (await host.get(MODULE, host.token(), Origin=EVIL)).code == 403


async def test_it_may_have_the_room_s_page_in_a_frame() -> None:
    async with site(embed_origins=[DASH, "http://localhost:8000"]) as host:
        page = await host.get(f"/commdoc/rooms/{ROOM}/")
        listed = f"{DASH} http://localhost:8000"
        assert page.headers["Content-Security-Policy"].endswith(f"frame-ancestors {listed}")
        frame = await host.get("/commdoc/static/frame.html", Origin="null")
        assert frame.headers["Content-Security-Policy"].endswith(f"frame-ancestors {host.base} {listed}")


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "dash.example", "https://dash.example/", "https://*.example", "https://a.example; x", ""],
)
def test_what_is_no_origin_is_refused_in_words(origin: str) -> None:
    with pytest.raises(OriginError, match="is no origin of a page; it must be like https://dash"):
        Embedding([origin])


def test_a_port_that_goes_without_saying_is_left_out_as_browsers_do() -> None:
    listed = ["https://a.example:443", "http://b.example:80", "https://a.example"]
    assert Embedding(listed).origins == ("https://a.example", "http://b.example")
