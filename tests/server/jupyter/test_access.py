"""Who comes in at a Jupyter server, and who doesn't: the refusals are 403 and a line in the server's log."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from commdoc.protocol import frames
from commdoc.rooms.tokens import TokenStore
from commdoc.server.jupyter.access import BridgeKeys
from tests.conftest import until
from tests.server.jupyter.serving import BASE, ENABLED, TOKEN, Kernel, Server, joined, jupyter_server

pytestmark = pytest.mark.kernel

AUTHORIZER = """
from jupyter_server.auth import Authorizer, IdentityProvider, User

class People(IdentityProvider):
    def get_user(self, handler):
        name = handler.request.headers.get("X-Person")
        return User(name) if name else super().get_user(handler)

class Rights(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        if user.username == "guest":
            return False
        if user.username == "no-execute":
            return action != "execute"
        return action == "read" if user.username == "reader" else True

c.ServerApp.identity_provider_class = People
c.ServerApp.authorizer_class = Rights
"""
"""Some whom the test's proxy would have let in: the server believes the header."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with jupyter_server(tmp_path_factory.mktemp("jupyter"), (ENABLED,), config=AUTHORIZER) as server:
        yield server


@pytest.fixture(scope="module")
def kernel(server: Server) -> Kernel:
    kernel = server.start("a.ipynb")
    kernel.load("s = w.IntSlider(value=1)\ni = w.Image(value=b'image bytes')")
    joined(server, kernel)
    return kernel


@pytest.fixture(scope="module")
def room_id(server: Server, kernel: Kernel) -> str:
    return str(server.room(kernel_id=kernel.kernel_id)["room_id"])


def token_in(link: str) -> str:
    return link.partition("#token=")[2]


def own_origin(server: Server) -> str:
    parts = urlsplit(server.url)
    return f"{parts.scheme}://{parts.netloc}"


@contextlib.contextmanager
def socket(server: Server, path: str, token: str | None = None, **headers: str) -> Iterator[Any]:
    address = server.url.replace("http", "ws", 1) + path
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    with connect(address, additional_headers=headers, proxy=None, open_timeout=20) as connection:
        yield connection


def hello(connection: Any, **more: Any) -> dict[str, Any]:
    message = {"type": "hello", "protocol": [1, 1], "client": "test", "name": "test", **more}
    connection.send(frames.encode(message))
    return dict(frames.decode(connection.recv(timeout=20)).message)


def refused(server: Server, path: str, token: str | None = None, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as error, socket(server, path, token, **headers):
        pass
    return error.value.response.status_code


def logged(server: Server, what: str) -> bool:
    return any("403" in line and what in line for line in server.log().splitlines())


@pytest.mark.scenario("S47")
def test_without_a_token_or_with_a_wrong_one_nothing_opens(server: Server, room_id: str) -> None:
    for token in (None, "guess"):
        for method, path in [
            ("GET", "commdoc/api/status"),
            ("GET", "commdoc/api/rooms"),
            ("POST", "commdoc/api/rooms"),
            ("POST", f"commdoc/api/rooms/{room_id}/links"),
            ("POST", "commdoc/api/bridge"),
            ("GET", f"commdoc/rooms/{room_id}/blobs/{'0' * 64}"),
            ("GET", f"commdoc/rooms/{room_id}/nbextensions?module=x"),
        ]:
            answer = server.ask(method, path, token=token)
            assert answer.status == 403, (method, path, answer)
            assert room_id not in answer.text
        assert refused(server, f"commdoc/rooms/{room_id}/ws", token) == 403
        assert refused(server, "commdoc/bridge/some-kernel/ws", token) == 403
    assert logged(server, "no user") or logged(server, "unknown token")
    assert TOKEN not in server.log()


@pytest.mark.scenario("S47")
def test_a_bridge_s_token_is_good_for_that_kernel_s_bridge_and_nothing_else(
    server: Server, kernel: Kernel, room_id: str
) -> None:
    other = server.start("b.ipynb")
    token = server.api("POST", "commdoc/api/bridge", {"kernel_id": other.kernel_id})["token"]
    assert server.ask("GET", f"commdoc/bridge/{other.kernel_id}", token=token).status == 200
    for method, path in [
        ("GET", "api/kernels"),
        ("GET", "commdoc/api/rooms"),
        ("POST", "commdoc/api/rooms"),
        ("POST", "commdoc/api/bridge"),
        ("GET", f"commdoc/bridge/{kernel.kernel_id}"),
        ("POST", f"commdoc/bridge/{kernel.kernel_id}/invitations"),
    ]:
        assert server.ask(method, path, token=token).status == 403, path
    assert refused(server, f"commdoc/rooms/{room_id}/ws", token) == 403
    assert refused(server, f"commdoc/bridge/{kernel.kernel_id}/ws", token) == 403
    assert logged(server, "not the token of this kernel's bridge")
    assert token not in server.log()

    # What it says to be in its hello does not count: it is that kernel's bridge, in that kernel's room.
    with socket(server, f"commdoc/bridge/{other.kernel_id}/ws", token) as bridge:
        claimed = {"kernel_id": kernel.kernel_id, "epoch": "e9", "pid": 1, "name": "python3"}
        welcome = hello(bridge, kernel={**claimed, "connection_file": "/etc/passwd"})
        assert welcome["role"] == "bridge"
        assert welcome["kernel"]["kernel_id"] == other.kernel_id
        assert welcome["room_id"] == server.room(kernel_id=other.kernel_id)["room_id"] != room_id
    assert server.room(kernel_id=kernel.kernel_id)["room_id"] == room_id
    server.api("DELETE", f"api/sessions/{other.session_id}")
    until(
        lambda: server.ask("GET", f"commdoc/bridge/{other.kernel_id}", token=token).status == 404,
        what="the token ends with its kernel",
    )


@pytest.mark.scenario("S47")
def test_links_are_good_for_their_room_and_role(server: Server, room_id: str) -> None:
    server.write("c.ipynb")
    elsewhere = server.room(path="c.ipynb")["room_id"]
    viewer, window = (token_in(server.link(room_id, role)) for role in ("viewer", "window"))
    for token, role in ((viewer, "viewer"), (window, "window")):
        with socket(server, f"commdoc/rooms/{room_id}/ws", token) as connection:
            assert hello(connection)["role"] == role
        rooms = server.ask("GET", "commdoc/api/rooms", token=token).json["rooms"]
        assert [each["room_id"] for each in rooms] == [room_id]
        assert refused(server, f"commdoc/rooms/{elsewhere}/ws", token) == 403
        assert server.ask("GET", "api/contents", token=token).status == 403
        assert server.ask("POST", "commdoc/api/bridge", {"kernel_id": "x"}, token=token).status == 403
    assert (
        server.ask("POST", f"commdoc/api/rooms/{room_id}/links", {"role": "window"}, token=viewer).status
        == 403
    )
    assert (
        server.ask("POST", f"commdoc/api/rooms/{room_id}/links", {"role": "viewer"}, token=viewer).status
        == 200
    )
    assert server.ask("POST", f"commdoc/api/rooms/{room_id}/links", {"role": "bridge"}).status == 400
    with server.window(room_id, "viewer") as joined_viewer:
        [image] = joined_viewer.find("ImageModel")
        assert bytes(image["value"]) == b"image bytes"
        with pytest.raises(Exception, match="viewer"):
            joined_viewer.find("IntSliderModel")[0].set(value=5)


@pytest.mark.scenario("S47")
def test_what_a_person_may_is_what_the_server_s_authorizer_says(server: Server, room_id: str) -> None:
    for person, role in (("owner", "window"), ("reader", "viewer"), ("no-execute", "viewer")):
        with socket(server, f"commdoc/rooms/{room_id}/ws", **{"X-Person": person}) as connection:
            assert hello(connection)["role"] == role
    assert refused(server, f"commdoc/rooms/{room_id}/ws", **{"X-Person": "guest"}) == 403
    assert logged(server, "may not read notebooks")


def until_frame(connection: Any, kind: str) -> dict[str, Any]:
    """Return the next message of a kind."""
    while True:
        data = connection.recv(timeout=20)
        if frames.frame_type(data) == frames.MESSAGE and frames.decode(data).message["type"] == kind:
            return dict(frames.decode(data).message)


@pytest.mark.scenario("S47")
@pytest.mark.parametrize("who", ["a link's bearer", "a person who may only read"])
def test_what_a_viewer_asks_is_refused_and_logged_and_does_nothing(
    server: Server, kernel: Kernel, room_id: str, who: str
) -> None:
    token = token_in(server.link(room_id, "viewer")) if who == "a link's bearer" else None
    person = {} if token else {"X-Person": "reader"}
    slider, state = kernel.run("print(s.model_id)").strip(), {"value": 77}
    asks: dict[str, dict[str, Any]] = {
        "request": {"request_id": "r", "comm_id": slider, "state": state},
        "message": {"message_id": "m", "comm_id": slider, "data": {"method": "update", "state": state}},
        "open": {"message_id": "o", "comm_id": "new", "target_name": "jupyter.widget", "data": {}},
        "close": {"message_id": "c", "comm_id": slider},
    }
    with socket(server, f"commdoc/rooms/{room_id}/ws", token, **person) as connection:
        assert hello(connection, name=who)["role"] == "viewer"
        for kind, ask in asks.items():
            connection.send(frames.encode({"type": kind, **ask}))
            assert until_frame(connection, "error")["code"] == "viewer"
            assert f"({who}) sent a {kind}: refused" in server.log()
    assert kernel.run("print(s.value, s.comm is not None)").strip() == "1 True"


@pytest.mark.scenario("S47")
def test_tokens_of_another_server_open_nothing(server: Server, kernel: Kernel, room_id: str) -> None:
    """Somebody else's, on a machine that several people share."""
    link = TokenStore().issue("window", room_id)
    bridge = BridgeKeys(b"the other server's secret").token(kernel.kernel_id)
    for token in (link, bridge):
        assert refused(server, f"commdoc/rooms/{room_id}/ws", token) == 403
        assert logged(server, f"GET {BASE}commdoc/rooms/{room_id}/ws from 127.0.0.1: unknown token")
        assert server.ask("GET", "commdoc/api/rooms", token=token).status == 403
        assert logged(server, f"GET {BASE}commdoc/api/rooms from 127.0.0.1: unknown token")
        assert refused(server, f"commdoc/bridge/{kernel.kernel_id}/ws", token) == 403
        assert logged(server, f"commdoc/bridge/{kernel.kernel_id}/ws from 127.0.0.1: not the token")


def cross(
    server: Server,
    method: str,
    path: str,
    *,
    xsrf: bool = False,
    fetching: str = "",
    into: str = "empty",
    **headers: str,
) -> int:
    """Ask as a page in a browser does whose user is logged in.

    `xsrf`: one of the server's own; `fetching`: what a browser says in place of an origin; `into`: and what it is for.
    """
    if fetching:
        headers |= {"Sec-Fetch-Site": fetching, "Sec-Fetch-Dest": into}
    jar = http.cookiejar.CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar), _Stay())
    for page in ("login", f"api/me?token={TOKEN}"):
        opener.open(server.url + page).close()
    if xsrf:
        headers["X-XSRFToken"] = next(str(cookie.value) for cookie in jar if cookie.name == "_xsrf")
    data = json.dumps({"path": "a.ipynb"}).encode() if method == "POST" else None
    try:
        with opener.open(Request(server.url + path, data, headers, method=method)) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


@pytest.mark.scenario("S47")
def test_pages_of_other_origins_don_t_get_in_with_a_person_s_cookies(server: Server, room_id: str) -> None:
    evil, own = "http://evil.example", own_origin(server)
    before = len(server.log())
    assert cross(server, "GET", "commdoc/api/rooms", Origin=own) == 200
    room = f"commdoc/rooms/{room_id}"
    assert cross(server, "GET", room, fetching="same-site", into="document") == 303
    assert cross(server, "GET", room, fetching="same-origin", into="iframe") == 303
    assert cross(server, "GET", room, fetching="same-site", into="iframe") == 403
    assert cross(server, "GET", "commdoc/api/rooms", Origin=evil) == 403
    assert cross(server, "GET", "commdoc/api/rooms", Origin="null") == 403
    assert cross(server, "GET", "commdoc/api/rooms", fetching="same-origin") == 200
    assert cross(server, "GET", "commdoc/api/rooms", fetching="cross-site") == 403
    assert logged(server, "a page of another origin")
    assert cross(server, "POST", "commdoc/api/rooms", Origin=own) == 403, "no XSRF token"
    assert cross(server, "POST", "commdoc/api/rooms", Origin=own, xsrf=True) == 200
    assert cross(server, "POST", "commdoc/api/rooms", Origin=evil) in (403, 404)
    viewer = token_in(server.link(room_id, "viewer"))
    for origin in (evil, "null"):
        assert refused(server, f"commdoc/rooms/{room_id}/ws", viewer, Origin=origin) == 403
        assert server.ask("GET", "commdoc/api/rooms", token=viewer, headers={"Origin": origin}).status == 403
    with socket(server, f"commdoc/rooms/{room_id}/ws", viewer, Origin=own) as connection:
        assert hello(connection)["role"] == "viewer"
    assert refused(server, f"commdoc/rooms/{room_id}/ws", Origin=evil, **cookies_of(server)) == 403
    with socket(server, f"commdoc/rooms/{room_id}/ws", Origin=own, **cookies_of(server)) as connection:
        assert hello(connection)["role"] == "window"
    said = server.log()[before:]
    for origin in (evil, "null"):
        for method, path in (("GET", "api/rooms"), ("GET", f"rooms/{room_id}/ws")):
            assert f"403 {method} {BASE}commdoc/{path} from 127.0.0.1: origin '{origin}'" in said
    assert "'_xsrf' argument missing" in said
    for token in (viewer, TOKEN):
        answer = server.ask("GET", "commdoc/api/rooms", token=token, headers={"Host": "rebound.example"})
        assert answer.status == 403
    assert "rebound.example" in server.log()


@pytest.mark.scenario("S47")
def test_a_page_that_may_embed_rooms_gets_in_with_a_link_s_token_and_with_nothing_else(
    tmp_path: Path,
) -> None:
    dash = "https://dash.example"
    with jupyter_server(tmp_path, [ENABLED, f"--CommdocServer.embed_origins={dash}"]) as server:
        server.start("a.ipynb").run("%load_ext commdoc")
        room = str(server.room(path="a.ipynb")["room_id"])
        socket_path = f"commdoc/rooms/{room}/ws"
        token = token_in(server.link(room, "window"))
        with socket(server, socket_path, token, Origin=dash) as connection:
            assert hello(connection)["role"] == "window"
        assert refused(server, socket_path, token, Origin="https://evil.example") == 403
        assert refused(server, socket_path, Origin=dash, **cookies_of(server)) == 403
        assert cross(server, "GET", "commdoc/api/rooms", Origin=dash) == 403
        asks = {"Origin": dash, "Access-Control-Request-Method": "GET"}
        where = f"commdoc/rooms/{room}/nbextensions?module=some"
        before = server.ask("OPTIONS", where, token=None, headers=asks)
        assert (before.status, before.headers["Access-Control-Allow-Origin"]) == (204, dash)
        assert before.headers["Access-Control-Allow-Headers"] == "Authorization"
        asks["Origin"] = "https://evil.example"
        assert server.ask("OPTIONS", where, token=None, headers=asks).status in (403, 405)
        answer = server.ask("GET", where, token=token, headers={"Origin": dash})
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (404, dash)
        page = server.ask("GET", f"commdoc/rooms/{room}/", token=None)
        assert page.headers["Content-Security-Policy"].endswith(f"frame-ancestors {dash}")


def cookies_of(server: Server) -> dict[str, str]:
    jar = http.cookiejar.CookieJar()
    build_opener(HTTPCookieProcessor(jar)).open(f"{server.url}api/me?token={TOKEN}").close()
    return {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)}


def test_the_page_opens_for_who_is_logged_in(server: Server, room_id: str) -> None:
    page = f"commdoc/rooms/{room_id}"
    request = Request(server.url + page, headers=cookies_of(server))
    with pytest.raises(HTTPError) as redirect:
        build_opener(_Stay()).open(request)
    with redirect.value as answer:
        location = answer.headers["Location"]
        assert (answer.code, location.partition("#")[0]) == (303, f"{BASE}{page}/")
    with socket(server, f"{page}/ws", token_in(location)) as connection:
        assert hello(connection)["role"] == "window"
    with pytest.raises(HTTPError) as login:
        build_opener(_Stay()).open(server.url + page)
    with login.value as answer:
        assert answer.code == 302
        assert f"{BASE}login?next=" in answer.headers["Location"]
    empty = server.ask("GET", f"{page}/", token=None)
    assert empty.status == 200
    assert "default-src 'none'" in empty.headers["Content-Security-Policy"]
    frame = server.ask("GET", "commdoc/static/frame.html", token=None, headers={"Origin": "null"})
    policy = frame.headers["Content-Security-Policy"]
    assert (
        f"script-src {own_origin(server)}{BASE}commdoc/static/ {own_origin(server)}{BASE}commdoc/nb" in policy
    )
    script = server.ask("GET", "commdoc/static/viewer.js", token=None)
    assert script.headers["Content-Type"].startswith("text/javascript")
    for path in ("../pages.py", "..%2fpages.py", "%2e%2e/pages.py", "viewer.js%00.html"):
        assert server.ask("GET", f"commdoc/static/{path}", token=None).status in (403, 404)


def test_a_log_of_the_server_names_no_token(server: Server, kernel: Kernel, room_id: str) -> None:
    link = server.link(room_id)
    assert token_in(link) not in server.log()
    assert TOKEN not in server.log()
    files = list(Path(server.info.parent).glob("commdoc-*.json"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    assert kernel.kernel_id in server.log()
