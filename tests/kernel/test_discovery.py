"""Where a kernel looks for its room. The servers here answer as a test tells them: real ones can't be made to."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from commdoc.errors import CommdocError, VersionError
from commdoc.kernel import discovery
from commdoc.kernel.discovery import Discovery, Given, joined
from commdoc.kernel.sidecar import Endpoint

SIDECAR = Endpoint("http://127.0.0.1:1/commdoc/rooms/r/", "s")
GOOD = {"version": "0.1.0", "protocol": [1, 1]}


class FakeServer(ThreadingHTTPServer):
    """Answers ``(method, path)`` with a status and a JSON object, 404 to everything else."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.asked: list[tuple[str, str, str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/base/"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()

    def announce(self, pid: int, **more: Any) -> None:
        """Write its file, as a Jupyter server of the process `pid`."""
        path = Path(os.environ["JUPYTER_RUNTIME_DIR"], f"jpserver-{pid}.json")
        path.write_text(json.dumps({"url": self.url, "token": "t", "pid": pid, **more}), encoding="utf-8")

    def gives_bridge(self, **about: Any) -> None:
        url = "http://elsewhere.example:1/base/commdoc/bridge/k1"
        self.answers["POST", "/base/commdoc/api/bridge"] = (200, {**GOOD, **about, "url": url, "token": "b"})


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = self.headers.get("Authorization", "")
        server.asked.append((self.command, self.path, token, json.loads(body or b"null")))
        status, content = server.answers.get((self.command, self.path), (404, {}))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    for name in ("JUPYTERHUB_API_TOKEN", discovery.URL_NAME, discovery.TOKEN_NAME):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(discovery, "_memory", discovery._Memory())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def find(clock: Clock) -> Discovery:
    return Discovery("k1", lambda: SIDECAR, clock=clock)


def given(url: str) -> None:
    discovery._memory.given = Given(url, "g")


def test_the_address_goes_out_of_the_environment_and_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(discovery.URL_NAME, "http://127.0.0.1:2/commdoc/bridge/k1/")
    monkeypatch.setenv(discovery.TOKEN_NAME, "g")
    discovery.take_environment("k1")
    assert [name for name in os.environ if name.startswith("COMMDOC_BRIDGE")] == []
    discovery.take_environment("k1")  # a second %load_ext
    assert discovery._memory.given == Given("http://127.0.0.1:2/commdoc/bridge/k1", "g")


def test_the_address_of_another_kernel_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, ours in (("k2", False), ("gateway-4711", True)):
        monkeypatch.setenv(discovery.URL_NAME, f"http://127.0.0.1:2/commdoc/bridge/{name}")
        monkeypatch.setenv(discovery.TOKEN_NAME, "g")
        discovery.take_environment("k1")
        assert (discovery._memory.given is not None) is ours
        assert [each for each in os.environ if each.startswith("COMMDOC_BRIDGE")] == []


def test_without_anybody_there_is_a_sidecar(find: Discovery, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find() is SIDECAR
    monkeypatch.delenv("JPY_PARENT_PID")
    assert Discovery("k1", lambda: SIDECAR)() is SIDECAR


def test_the_address_that_was_given_comes_first(find: Discovery, server: FakeServer) -> None:
    server.announce(os.getpid())
    server.gives_bridge()
    server.answers["GET", "/base/commdoc/bridge/k1"] = (200, GOOD)
    given(f"{server.url}commdoc/bridge/k1")
    assert find() == Endpoint(f"{server.url}commdoc/bridge/k1", "g")
    assert server.asked == [("GET", "/base/commdoc/bridge/k1", "Bearer g", None)]


def test_where_it_is_of_no_use_any_more_the_running_servers_are_asked(
    find: Discovery, server: FakeServer
) -> None:
    given(f"{server.url}commdoc/bridge/k1")  # 404: the next server of this port has another secret
    server.announce(os.getpid())
    server.gives_bridge()
    assert find() == Endpoint(f"{server.url}commdoc/bridge/k1", "b"), "at the address where it was reached"
    assert server.asked[-1] == ("POST", "/base/commdoc/api/bridge", "Bearer t", {"kernel_id": "k1"})


def test_a_server_that_gave_an_address_is_waited_for(
    find: Discovery, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    given("http://127.0.0.1:9/commdoc/bridge/k1")
    for clock.now in (0.0, 59.0, 1_000.0):
        with pytest.raises(CommdocError, match=r"127\.0\.0\.1:9"):
            find()
    monkeypatch.setattr(find, "_parent", 2**22 + 1)  # its process is gone
    find._away_since = None
    clock.now = 2_000.0
    with pytest.raises(CommdocError):
        find()
    clock.now = 2_061.0
    assert find() is SIDECAR


def test_a_parent_without_commdoc_or_without_this_kernel_leaves_it_to_a_sidecar(
    find: Discovery, server: FakeServer
) -> None:
    server.announce(os.getpid())
    assert find() is SIDECAR
    server.answers["POST", "/base/commdoc/api/bridge"] = (403, {})
    server.answers["GET", "/base/commdoc/api/status"] = (302, {})  # to the login: no such address
    assert find() is SIDECAR


def test_there_is_no_sidecar_while_the_parent_has_commdoc(
    find: Discovery, server: FakeServer, clock: Clock
) -> None:
    server.announce(os.getpid(), token="")
    server.answers["POST", "/base/commdoc/api/bridge"] = (403, {})
    server.answers["GET", "/base/commdoc/api/status"] = (403, {})
    with pytest.raises(CommdocError, match="restart the kernel, or run `%commdoc join`"):
        find()
    server.answers["POST", "/base/commdoc/api/bridge"] = (500, {})
    with pytest.raises(CommdocError, match="failed"):
        find()
    server.announce(os.getpid())
    path = Path(os.environ["JUPYTER_RUNTIME_DIR"], f"jpserver-{os.getpid()}.json")
    path.write_text(path.read_text(encoding="utf-8").replace(str(server.server_port), "9"), encoding="utf-8")
    for clock.now in (0.0, 10_000.0):
        with pytest.raises(CommdocError, match="does not answer"):
            find()


def test_a_silent_parent_that_may_have_it_is_waited_for_and_then_said_to_be_silent(
    find: Discovery, clock: Clock, caplog: pytest.LogCaptureFixture, server: FakeServer
) -> None:
    server.url = "http://127.0.0.1:9/base/"
    server.announce(os.getpid())
    for clock.now in (0.0, 19.0):
        with pytest.raises(CommdocError, match="does not answer"):
            find()
    clock.now = 20.0
    assert find() is SIDECAR
    assert "does not answer" in caplog.text


def test_other_servers_of_this_user_are_asked_after_the_parent(find: Discovery, server: FakeServer) -> None:
    parent, dead = FakeServer(), FakeServer()
    dead.url = "http://127.0.0.1:9/"
    try:
        server.announce(os.getppid())
        dead.announce(1)
        parent.announce(os.getpid())
        server.gives_bridge()
        assert find().token == "b"
        assert len(parent.asked) == 1
    finally:
        parent.close()
        dead.close()


def test_a_server_that_has_no_http_is_passed_over(find: Discovery, server: FakeServer) -> None:
    server.announce(os.getpid(), sock="/run/jupyter.sock")
    server.gives_bridge()
    assert find() is SIDECAR
    Path(os.environ["JUPYTER_RUNTIME_DIR"], "jpserver-5.json").write_text("{", encoding="utf-8")
    assert find() is SIDECAR


@pytest.mark.parametrize(
    ("protocol", "where"),
    [([2, 3], "in the environment of this kernel"), ([0, 0], "in the environment of the Jupyter server")],
)
def test_versions_that_don_t_fit_say_what_to_upgrade(
    find: Discovery, server: FakeServer, protocol: list[int], where: str
) -> None:
    server.announce(os.getpid())
    server.gives_bridge(protocol=protocol, version="9.9")
    with pytest.raises(VersionError, match=rf"commdoc 9\.9 at .* `pip install --upgrade commdoc` {where}"):
        find()
    given(f"{server.url}commdoc/bridge/k1")
    server.answers["GET", "/base/commdoc/bridge/k1"] = (200, {"version": "9.9", "protocol": protocol})
    with pytest.raises(VersionError, match=where):
        find()


@pytest.mark.parametrize("protocol", [[0, 1], [1, 2]])
def test_one_version_apart_works(find: Discovery, server: FakeServer, protocol: list[int]) -> None:
    server.announce(os.getpid())
    server.gives_bridge(protocol=protocol)
    assert find().token == "b"


def test_a_link_to_a_room_or_bridge_is_taken_as_it_is() -> None:
    for url in ("http://h:1/b/commdoc/rooms/r/", "https://h/commdoc/bridge/k1"):
        assert joined(f"{url}#token=x", "k1")() == Endpoint(url, "x")


@pytest.mark.parametrize(
    "link", ["{url}?token=t", "{url}lab?token=t", "{url}lab/tree/a.ipynb#token=t", "{url}tree?token=t"]
)
def test_a_link_of_a_server_is_exchanged_for_a_bridge_s(server: FakeServer, link: str) -> None:
    server.gives_bridge()
    assert joined(link.format(url=server.url), "k1")() == Endpoint(f"{server.url}commdoc/bridge/k1", "b")
    assert server.asked[-1][2:] == ("Bearer t", {"kernel_id": "k1"})


def test_a_link_that_opens_nothing_says_so(server: FakeServer) -> None:
    with pytest.raises(CommdocError, match="no commdoc, or not this kernel"):
        joined(f"{server.url}?token=t", "k1")()
    server.answers["POST", "/base/commdoc/api/bridge"] = (403, {})
    with pytest.raises(CommdocError, match="the token is refused"):
        joined(f"{server.url}?token=t", "k1")()
    for link in ("x", "http://h/lab", "ftp://h/?token=t", "http:///?token=t"):
        with pytest.raises(CommdocError, match="is no link"):
            joined(link, "k1")
