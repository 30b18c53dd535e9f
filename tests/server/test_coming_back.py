"""A sidecar that was killed comes back where it was; a room goes over to the next kernel of its notebook."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

import commdoc
from commdoc.rooms.tokens import LIFETIME, TokenStore
from commdoc.server import announce
from commdoc.server.announcer import Announcer
from commdoc.server.watch import KernelProcess
from commdoc.window.address import find
from tests.rooms.parties import opened, until
from tests.server.serving import bridge, window
from tests.server.sleeper import Sleeper, leftovers, start

URL = "http://127.0.0.1:1/commdoc/rooms/r/"


async def killed(kernel: Sleeper, how: signal.Signals = signal.SIGKILL) -> announce.Announcement:
    """End the kernel's sidecar; return what it had announced."""
    found = kernel.announcement
    assert found is not None
    os.kill(found["pid"], how)
    await until(lambda: not KernelProcess(found["pid"]).alive(), patience=10)
    # A process is a zombie already when its other threads still have its sockets.
    await until(lambda: not listens(announce.port_of(found)), patience=10)
    return found


def listens(port: int) -> bool:
    """Whether anybody listens there."""
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def link(found: announce.Announcement) -> str:
    return f"{found['url']}#token={found['tokens']['window']}"


@asynccontextmanager
async def occupied(port: int) -> AsyncIterator[None]:
    """Have somebody else listen there."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.scenario("S09", "S48")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_it_comes_back_with_its_address_and_its_links(kernel: Sleeper, how: signal.Signals) -> None:
    endpoint = await start(kernel)
    found = await killed(kernel, how)
    assert leftovers(kernel)
    assert stat.S_IMODE(announce.path_of(kernel.kernel_id).stat().st_mode) == 0o600
    assert await start(kernel) == endpoint
    again = kernel.announcement
    assert again is not None
    assert again["pid"] != found["pid"]
    assert (again["tokens"], again["expires"], again["created"]) == (
        found["tokens"],
        found["expires"],
        found["created"],
    )
    async with window(found["url"], found["tokens"]["window"]):
        pass
    await killed(kernel)
    assert await start(kernel) == endpoint, "a second time, too"


@pytest.mark.scenario("S09")
async def test_a_window_that_is_open_goes_on_at_the_same_address(kernel: Sleeper) -> None:
    endpoint = await start(kernel)
    found = kernel.announcement
    assert found is not None
    async with bridge(endpoint.url, endpoint.token, pid=kernel.process.pid) as mirror:
        await mirror.do(opened(value=5))
        it = await asyncio.to_thread(commdoc.join, url=link(found))
    try:
        await killed(kernel)
        await until(lambda: not it.connected)
        endpoint = await start(kernel)
        async with bridge(endpoint.url, endpoint.token, pid=kernel.process.pid) as mirror:
            await mirror.do(opened(value=6))
            await until(lambda: it.connected and it.find("IntSliderModel")[0]["value"] == 6, patience=10)
            assert it._window._connection._connect.__self__._address.url == found["url"]  # type: ignore[attr-defined]
    finally:
        await asyncio.to_thread(it.close)


@pytest.mark.scenario("S47", "S48")
async def test_where_somebody_else_has_its_port_the_old_tokens_end(kernel: Sleeper) -> None:
    await start(kernel)
    found = await killed(kernel)
    port = announce.port_of(found)
    async with occupied(port):
        again = await start(kernel)
        assert announce.port_of({**found, "url": again.url}) != port
        assert again.url.split("/rooms/")[1] == found["url"].split("/rooms/")[1], "it is the same room"
        for token in found["tokens"].values():
            with pytest.raises(InvalidStatus):
                async with window(again.url, token):
                    pass
        assert find(kernel_id=kernel.kernel_id).url == again.url, "who looks for it finds it"


@pytest.mark.scenario("S47")
async def test_what_others_could_read_is_not_taken_over(
    kernel: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMDOC_STORE", "memory")  # else the room is found there, by its kernel
    await start(kernel)
    found = await killed(kernel)
    announce.path_of(kernel.kernel_id).chmod(0o640)
    again = await start(kernel)
    assert again.token != found["tokens"]["bridge"]
    assert again.url.split("/rooms/")[1] != found["url"].split("/rooms/")[1]


@pytest.mark.parametrize(
    "change",
    [
        {"expires": 1.0},
        {"version": 99},
        {"connection_file": "/elsewhere/kernel-x.json"},
        {"url": "http://127.0.0.1/no/port"},
        {"url": 5},
        {"tokens": None, "expires": "soon"},
        {"room_id": 5},
        {"room_id": "../x"},
        {"tokens": {"window": "w"}},
        {"tokens": {"bridge": 1, "window": 2, "viewer": 3}},
        {"created": None},
        {"earlier": [{"tokens": {"window": 7}, "expires": 1e12}]},
    ],
)
async def test_what_has_expired_or_is_broken_is_not_taken_over(
    kernel: Sleeper, change: dict[str, object]
) -> None:
    await start(kernel)
    found = await killed(kernel)
    path = announce.path_of(kernel.kernel_id)
    path.write_text(json.dumps({**found, **change}))
    assert announce.left_behind(path, found["connection_file"]) is None
    again = await start(kernel)
    assert again.token != found["tokens"]["bridge"]


async def test_a_link_in_the_place_of_the_announcement_is_not_used(kernel: Sleeper, tmp_path: Path) -> None:
    await start(kernel)
    found = await killed(kernel)
    path = announce.path_of(kernel.kernel_id)
    other = path.rename(tmp_path / "other.json")
    path.symlink_to(other)
    assert announce.left_behind(other, found["connection_file"]) is not None
    assert announce.left_behind(path, found["connection_file"]) is None


async def test_the_host_of_another_kernel_leaves_it_alone_while_its_kernel_lives(kernel: Sleeper) -> None:
    endpoint = await start(kernel)
    await killed(kernel)
    announce.remove_stale(but=Path("other"))
    assert await start(kernel) == endpoint
    await killed(kernel)
    kernel.kill()
    announce.remove_stale(but=Path("other"))
    assert leftovers(kernel) == []


def test_tokens_from_before_end_when_they_would_have_ended() -> None:
    now = time.time()
    clock = [now]
    store = TokenStore(lambda: clock[0])
    older: announce.Issue = {"tokens": {"window": "older"}, "expires": now + 10}
    before: announce.Announcement = {
        "version": 1,
        "url": URL,
        "room_id": "r",
        "pid": 1,
        "kernel_id": "k",
        "kernel_pid": os.getpid(),
        "connection_file": "/k.json",
        "tokens": {"window": "newest", "bridge": "b", "viewer": "v"},
        "expires": now + LIFETIME * 0.9,
        "created": 5.0,
        "earlier": [older],
    }
    announcer = Announcer(store, "r", URL, before)
    assert announcer.current == before["tokens"], "half of its life is left: no new ones"
    assert {store.check(token).expires for token in ("newest", "b", "v")} == {before["expires"]}
    assert store.check("older").expires == now + 10
    clock[0] = now + 11
    with pytest.raises(commdoc.CommdocError, match="expired"):
        store.check("older")
    clock[0] = now + LIFETIME
    with pytest.raises(commdoc.CommdocError, match="expired"):
        store.check("newest")


def test_a_file_can_not_lengthen_a_token_s_life() -> None:
    far = time.time() + 10 * LIFETIME
    store = TokenStore()
    before = {"tokens": {"window": "w"}, "expires": far, "created": 1.0}
    Announcer(store, "r", URL, before)  # type: ignore[arg-type]
    assert store.check("w").expires <= time.time() + LIFETIME


def test_tokens_that_were_renewed_stay_known_to_the_next_host(kernel: Sleeper) -> None:
    store = TokenStore()
    announcer = Announcer(store, "r", URL)
    about = (kernel.kernel_id, kernel.process.pid, "/k.json", None)
    announcer.announce(*about)
    first = dict(announcer.current)
    announcer.announce(*about)
    assert announcer.current == first, "it is not time yet"
    announcer.renew_at = 0
    announcer.announce(*about)
    assert announcer.current != first
    path = announce.path_of(kernel.kernel_id)
    before = announce.left_behind(path, "/k.json")
    assert before is not None
    path.unlink()
    next_store = TokenStore()
    assert Announcer(next_store, "r", URL, before).current == announcer.current
    for token in (first["window"], announcer.current["viewer"]):
        assert next_store.check(token).expires == pytest.approx(store.check(token).expires, abs=1)


# --- another kernel of the notebook --------------------------------------------------------------------------------


@pytest.fixture
def notebook(tmp_path: Path) -> str:
    return str(tmp_path / "analysis.ipynb")


async def test_the_room_of_an_ended_kernel_goes_over_to_the_next_one_of_its_notebook(
    kernel: Sleeper, notebook: str
) -> None:
    first = await start(kernel, session_name=notebook, grace=5)
    found = kernel.announcement
    assert found is not None
    following = Sleeper()
    try:
        async with window(first.url, found["tokens"]["window"]) as watching:
            async with bridge(first.url, first.token, pid=kernel.process.pid) as mirror:
                await mirror.do(opened("old"))
                kernel.kill()
                await watching.wait("kernel", status="dead")
            second = await start(following, session_name=notebook)
            assert second == first
            info = {"kernel_id": following.kernel_id, "epoch": "f1", "pid": following.process.pid}
            file = following.config()["connection_file"]
            async with bridge(second.url, second.token, **info, connection_file=file) as mirror:
                await until(lambda: not watching.comms, "the old entries go before the first new one")
                await mirror.do(opened("new"))
                await until(lambda: set(watching.comms) == {"new"})
                await until(lambda: following.announcement, "it is found under its kernel's name")
            assert leftovers(kernel) == []
            assert await start(following) == first, "and its restart finds it"
            await asyncio.sleep(0.7)
            assert following.announcement is not None
            assert following.announcement["kernel_pid"] == following.process.pid
    finally:
        following.kill()
        found = following.announcement
        if found is not None:
            os.kill(found["pid"], signal.SIGTERM)
    await until(lambda: leftovers(following) == [], patience=10)


async def test_a_second_kernel_of_a_notebook_has_a_room_of_its_own_while_the_first_lives(
    kernel: Sleeper, notebook: str
) -> None:
    first = await start(kernel, session_name=notebook)
    other = Sleeper()
    try:
        second = await start(other, session_name=notebook)
        assert second.url != first.url
        assert find(notebook="analysis.ipynb").url == second.url, "the newest is found by the notebook's name"
        assert await start(kernel, session_name=notebook) == first
    finally:
        other.kill()
    await until(lambda: leftovers(other) == [], patience=10)


@pytest.mark.parametrize("name", ["analysis.ipynb", "console-1"])
async def test_a_name_that_is_no_path_says_nothing_about_the_notebook(kernel: Sleeper, name: str) -> None:
    first = await start(kernel, session_name=name, grace=3)
    kernel.kill()
    other = Sleeper()
    try:
        assert (await start(other, session_name=name)).url != first.url
    finally:
        other.kill()
    await until(lambda: leftovers(other) + leftovers(kernel) == [], patience=10)
