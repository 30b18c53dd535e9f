"""Front ends of widget packages: who gets which files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from commdoc.server import nbextensions
from tests.rooms.parties import opened
from tests.server.serving import ROOM, Site, bridge, site

SECRET = "not for windows"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Jupyter data path with some packages; returns its `nbextensions`."""
    base = tmp_path / "jupyter" / "nbextensions"
    for name, file, text in [
        ("plain", "index.js", "define([], () => ({}))"),
        ("plain", "chunks/1.png", "a picture"),
        ("plain", "drawing.svg", "<svg/>"),
        ("plain", ".hidden", SECRET),
        ("other", "index.js", SECRET),
        ("@some/scoped", "index.js", "define([], () => ({}))"),
        ("folder", "extension.js", "config({map: {'*': {'its-module': 'nbextensions/folder/main'}}})"),
        ("folder", "main.js", "define(['three'], () => ({}))"),
        (
            "small",
            "extension.js",
            'config({map:{"*":{"s-m":"nbextensions/small/index",three:"nbextensions/small/3"}}})',
        ),
        ("small", "index.js", "define(['three'], () => ({}))"),
        ("thief", "extension.js", "{'stolen': 'nbextensions/other/index'}"),
        ("thief", "index.js", "define([], () => ({}))"),
        ("empty", "extension.js", "define(() => ({}))"),
    ]:
        path = base / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "secret.js").write_text(SECRET)
    (base / "secret.js").write_text(SECRET)
    (base / "plain" / "link.js").symlink_to(tmp_path / "secret.js")
    (base / "plain" / "across.js").symlink_to(base / "other" / "index.js")
    (base / "linked").symlink_to(tmp_path)
    (tmp_path / "index.js").write_text(SECRET)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    return base


def model(name: str, **state: str) -> dict[str, Any]:
    """The operation that opens a comm whose model is of a module."""
    return opened(_model_module=name, **state)


async def asked(host: Site, name: str, token: str | None = None) -> dict[str, object] | int:
    path = f"/commdoc/rooms/{ROOM}/nbextensions?module={name}"
    response = await host.get(path, host.token() if token is None else token)
    return json.loads(response.body) if response.code == 200 else response.code


async def base_of(host: Site, name: str) -> str:
    answer = await asked(host, name)
    assert isinstance(answer, dict), answer
    return str(answer["base"])


@pytest.mark.usefixtures("installed")
async def test_a_package_that_a_live_comm_asks_for_is_sent_to_the_frame() -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(model("plain"))
        base = await base_of(host, "plain")
        for file, kind in [
            ("index.js", "text/javascript; charset=utf-8"),
            ("chunks/1.png", "image/png"),
            ("drawing.svg", "image/svg+xml"),
        ]:
            response = await host.get(base + file, Origin="null")
            assert (response.code, response.headers["Content-Type"]) == (200, kind)
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Access-Control-Allow-Origin"] == "null"
            assert response.headers["Cache-Control"] == "private, immutable, max-age=31536000"
            assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("@some/scoped", {"@some/scoped": "index.js"}),
        ("its-module", {"its-module": "main.js"}),
        ("s-m", {"s-m": "index.js", "three": "3.js"}),
    ],
)
async def test_a_module_is_found_by_its_folder_or_by_a_declaration(
    name: str, modules: dict[str, str]
) -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(model(name))
        answer = await asked(host, name)
        assert isinstance(answer, dict)
        assert answer["modules"] == modules
        assert (await host.get(f"{answer['base']}{modules[name]}")).code == 200


@pytest.mark.usefixtures("installed")
async def test_a_view_may_be_of_another_module_than_its_model() -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(model("other", _view_module="plain"))
        assert (await host.get(await base_of(host, "plain") + "index.js")).code == 200
        await kernel.do({"op": "update", "comm_id": "c1", "state": {"_view_module": "its-module"}})
        assert await asked(host, "plain") == 404
        assert isinstance(await asked(host, "its-module"), dict)


@pytest.mark.scenario("S47")
@pytest.mark.usefixtures("installed")
async def test_nothing_is_sent_that_no_live_comm_asks_for() -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        assert await asked(host, "plain") == 404
        await kernel.do(model("plain"))
        base = await base_of(host, "plain")
        assert await asked(host, "other") == 404
        await kernel.do({"op": "close", "comm_id": "c1"})
        assert await asked(host, "plain") == 404
        assert (await host.get(base + "index.js")).code == 404


@pytest.mark.scenario("S47")
@pytest.mark.usefixtures("installed")
async def test_without_a_token_there_is_no_address_and_without_its_ticket_no_file() -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(model("plain"))
        assert await asked(host, "plain", "") == 403
        assert await asked(host, "plain", host.token(room="room2")) == 403
        assert isinstance(await asked(host, "plain", host.token("viewer")), dict)
        base = await base_of(host, "plain")
        ticket = base.split("/")[-2]
        assert len(ticket) >= 32
        assert await base_of(host, "plain") == base, "browsers keep what they have"
        for other in (
            base.replace(ticket, "guess"),
            base.replace(ROOM, "room2"),
            base.replace(f"{ROOM}/{ticket}", ROOM),
        ):
            assert (await host.get(f"{other}index.js", host.token())).code == 404
        assert (await host.get(base + "index.js", Origin="http://evil.example")).code == 403
        assert (await host.get(base + "index.js", Host="rebound.example")).code == 403
        query = f"/commdoc/rooms/{ROOM}/nbextensions?module=plain"
        assert (await host.get(query, host.token(), Origin="null")).code == 403, (
            "the frame has no business there"
        )


@pytest.mark.scenario("S47")
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "file",
    [
        "../other/index.js",
        "..%2fother%2findex.js",
        "%2e%2e/secret.js",
        "chunks/../../secret.js",
        "chunks//1.png",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "..%5csecret.js",
        "index.js%00.png",
        ".hidden",
        "chunks",
        "chunks/",
        "link.js",
        "across.js",
        "absent.js",
    ],
)
async def test_no_path_and_no_link_leads_out_of_the_folder(file: str) -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(model("plain"))
        response = await host.get(await base_of(host, "plain") + file)
        assert response.code == 404
        assert SECRET.encode() not in response.body


@pytest.mark.scenario("S47")
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "name", ["..", ".", "../secret", "plain/..", "plain/chunks", "linked", "stolen", "empty", "", "a" * 300]
)
async def test_a_name_that_is_no_installed_package_is_not_found(name: str) -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(model(name))
        assert await asked(host, name) == 404


async def test_a_file_that_would_fill_the_memory_is_not_sent(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nbextensions, "_LARGEST_FILE", 100)
    for name, size in (("most", 100), ("more", 101)):
        (installed / "plain" / f"{name}.map").write_bytes(bytes(size))
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(model("plain"))
        base = await base_of(host, "plain")
        assert (await host.get(f"{base}most.map")).code == 200
        assert (await host.get(f"{base}more.map")).code == 404


async def test_an_upgraded_package_has_another_address(installed: Path) -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(model("plain"))
        before = await base_of(host, "plain")
        (installed / "plain" / "index.js").write_text("define([], () => ({version: 2}))")
        assert (await host.get(before + "index.js")).code == 404
        after = await base_of(host, "plain")
        assert after != before
        assert b"version: 2" in (await host.get(after + "index.js")).body
        assert (await host.get(before + "index.js")).code == 404


def test_a_folder_that_cannot_be_read_hides_no_other(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", os.pathsep.join([str(tmp_path / "absent"), str(installed.parent)]))
    (installed / "folder" / "extension.js").write_bytes(b"\xff\xfe{'its-module': 'nbextensions/folder/main'}")
    found = nbextensions.find("its-module")
    assert found is not None
    assert found.modules["its-module"] == "main.js"


@pytest.mark.scenario("S47")
@pytest.mark.usefixtures("installed")
def test_a_ticket_is_good_for_one_room() -> None:
    tickets, found = nbextensions.Tickets(), nbextensions.find("plain")
    assert found is not None
    ticket = tickets.issue("room1", "plain", found)
    assert tickets.check(ticket, "room1") is not None
    assert tickets.check(ticket, "room2") is None
    assert tickets.issue("room2", "plain", found) != ticket
