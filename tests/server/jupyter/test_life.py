"""Kernels of a Jupyter server and their rooms, from the first cell to what is left when they are gone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import commdoc
from commdoc.window import Window
from tests.conftest import processes_of_this_run, until
from tests.server.jupyter.serving import BASE, Kernel, Server, joined, jupyter_server

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with jupyter_server(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


def status(window: Window) -> str:
    return str(window.kernel.status)


def no_sidecar() -> bool:
    return not any("sidecar" in command for command in processes_of_this_run().values())


def test_a_kernel_finds_the_room_of_its_notebook_and_a_window_joins_it(server: Server) -> None:
    kernel = server.start("deep/first.ipynb")
    kernel.load("s = w.IntSlider(value=7, max=50)")
    room = joined(server, kernel)
    assert room["path"] == "deep/first.ipynb"
    assert (room["role"], room["document"]) == ("window", "own")
    with server.window(room["room_id"]) as window:
        slider = window.wait_for("IntSliderModel", timeout=10)
        assert slider["value"] == 7
        slider.set(value=70)
        assert slider["value"] == 50, "what the kernel made of it"
        kernel.run("s.value = 3")
        until(lambda: slider["value"] == 3)
    assert no_sidecar()
    left = "import os, subprocess, sys\nprint([n for n in os.environ if n.startswith('COMMDOC_BRIDGE')])"
    assert kernel.run(left) == "[]\n"
    printed = kernel.run("%commdoc")
    assert f"{server.url}commdoc/rooms/{room['room_id']}  (for who is logged in there)" in printed
    assert server.url.endswith(BASE)
    kernel.run("%unload_ext commdoc\n%load_ext commdoc")
    again = joined(server, kernel)
    assert again["room_id"] == room["room_id"]
    assert again["kernel"]["epoch"] == room["kernel"]["epoch"]


def test_programs_of_this_user_find_the_room_without_its_address(server: Server) -> None:
    kernel = server.start("announced.ipynb")
    kernel.load()
    room = joined(server, kernel)
    file = Path(os.environ["JUPYTER_RUNTIME_DIR"], f"commdoc-{kernel.kernel_id}.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(json.loads(file.read_text(encoding="utf-8"))["tokens"]) == {"window", "viewer"}
    with commdoc.join(notebook=server.root / "announced.ipynb") as window:
        assert window.find("IntSliderModel")
    with commdoc.join(kernel_id=kernel.kernel_id, role="viewer") as viewer:
        assert viewer.find("IntSliderModel")
    assert server.room(path="announced.ipynb")["room_id"] == room["room_id"]


def test_a_kernel_that_has_no_address_asks_the_server_that_started_it(server: Server) -> None:
    kernel = server.start("before.ipynb")
    # As one that the server started before commdoc was installed there.
    kernel.run("import os\nfor name in ('URL', 'TOKEN'): del os.environ['COMMDOC_BRIDGE_' + name]")
    kernel.load()
    assert joined(server, kernel)["path"] == "before.ipynb"
    assert no_sidecar()


@pytest.mark.scenario("S40")
def test_restart_kill_and_shutdown_leave_the_last_state_marked(server: Server) -> None:
    kernel = server.start("lives.ipynb")
    kernel.load("s = w.IntSlider(value=1)")
    room = joined(server, kernel)
    with server.window(room["room_id"]) as window:
        window.wait_for("IntSliderModel", timeout=10)
        first = window.kernel.epoch

        server.api("POST", f"api/kernels/{kernel.kernel_id}/restart")
        until(lambda: status(window) == "dead", timeout=30, what="the restart is seen")
        assert window.find("IntSliderModel")[0]["value"] == 1
        kernel.forget()
        kernel.load("s = w.IntSlider(value=2)")
        until(lambda: [m["value"] for m in window.find("IntSliderModel")] == [2], timeout=30)
        assert window.kernel.epoch != first
        until(lambda: status(window) == "idle", timeout=30)

        pid = (
            window.kernel.pid
            if hasattr(window.kernel, "pid")
            else int(kernel.run("import os; print(os.getpid())"))
        )
        psutil.Process(pid).kill()
        until(
            lambda: status(window) == "dead",
            timeout=3,
            what="a killed kernel is seen before the server's poll",
        )
        assert window.find("IntSliderModel")[0]["value"] == 2
        until(lambda: server.log().count("AsyncIOLoopKernelRestarter: restarting"), timeout=30)
        kernel.forget()
        kernel.load("s = w.IntSlider(value=3)")
        until(lambda: [m["value"] for m in window.find("IntSliderModel")] == [3], timeout=30)
        until(lambda: status(window) == "idle", timeout=30)

        server.api("DELETE", f"api/sessions/{kernel.session_id}")
        until(lambda: status(window) == "dead", timeout=30, what="the shutdown is seen")
    after = server.room(path="lives.ipynb")
    assert after["room_id"] == room["room_id"]
    assert not after["kernel"]["live"]
    assert server.room(kernel_id=kernel.kernel_id)["room_id"] == room["room_id"], (
        "by its kernel, which is gone"
    )
    with server.window(room["room_id"], "viewer") as late:
        assert late.find("IntSliderModel")[0]["value"] == 3

    kernel.forget()
    other = server.start("lives.ipynb")
    assert other.kernel_id != kernel.kernel_id
    other.load("s = w.IntSlider(value=4)")
    assert joined(server, other)["room_id"] == room["room_id"]
    with server.window(room["room_id"]) as window:
        until(lambda: [m["value"] for m in window.find("IntSliderModel")] == [4], timeout=30)


@pytest.mark.scenario("S43")
def test_a_room_follows_its_notebook(server: Server) -> None:
    kernel = server.start("folder/Untitled.ipynb")
    kernel.load()
    room_id = joined(server, kernel)["room_id"]

    server.api("PATCH", "api/contents/folder/Untitled.ipynb", {"path": "folder/named.ipynb"})
    until(lambda: server.room(kernel_id=kernel.kernel_id)["path"] == "folder/named.ipynb")
    assert server.room(path="folder/named.ipynb")["room_id"] == room_id
    server.api("PATCH", f"api/sessions/{kernel.session_id}", {"path": "folder/named.ipynb"})

    server.api("PATCH", "api/contents/folder", {"path": "box"})
    until(lambda: server.room(path="box/named.ipynb")["room_id"] == room_id, what="a folder is renamed")
    server.api("PATCH", f"api/sessions/{kernel.session_id}", {"path": "box/named.ipynb"})

    server.write("saved-as.ipynb")
    early = server.room(path="saved-as.ipynb")["room_id"]
    with server.window(early) as waiting:
        server.api("PATCH", f"api/sessions/{kernel.session_id}", {"path": "saved-as.ipynb"})
        found = server.room(kernel_id=kernel.kernel_id)
        assert (found["path"], found["room_id"]) == ("saved-as.ipynb", room_id)
        assert server.room(path="saved-as.ipynb")["room_id"] == room_id, "there are no two rooms for one path"
        until(lambda: waiting.kernel.status == "disconnected", timeout=20)
    assert server.room(path="box/named.ipynb")["room_id"] != room_id, "the old file is another notebook"
    with server.window(room_id) as window:
        assert window.find("IntSliderModel")

    busy = server.start("busy.ipynb")
    busy.load()
    taken = joined(server, busy)["room_id"]
    server.api("PATCH", f"api/sessions/{kernel.session_id}", {"path": "busy.ipynb"})
    with server.window(room_id) as left:
        until(lambda: left.kernel.status == "dead", timeout=20, what="the kernel leaves its room")
    assert server.room(path="busy.ipynb")["room_id"] == taken, "a notebook with widgets keeps its room"
    server.api("PATCH", f"api/sessions/{kernel.session_id}", {"path": "saved-as.ipynb"})
    until(lambda: server.room(path="saved-as.ipynb")["kernel"]["live"], timeout=30)

    server.api("DELETE", "api/contents/saved-as.ipynb")
    server.write("saved-as.ipynb")
    until(
        lambda: server.room(path="saved-as.ipynb")["room_id"] != room_id, what="a new file is a new notebook"
    )


def test_consoles_and_second_notebooks_on_a_kernel_get_its_room(server: Server) -> None:
    kernel = server.start("one.ipynb")
    kernel.load()
    room = joined(server, kernel)
    server.write("two.ipynb")
    for path, kind in (("console-1", "console"), ("two.ipynb", "notebook")):
        about = {"path": path, "name": path, "type": kind, "kernel": {"id": kernel.kernel_id}}
        server.api("POST", "api/sessions", about)
        assert server.room(kernel_id=kernel.kernel_id, path=path)["room_id"] == room["room_id"]
    kernel.run("%unload_ext commdoc\n%load_ext commdoc")
    assert joined(server, kernel)["room_id"] == room["room_id"], "it stays in its room"


def test_a_kernel_may_be_there_before_its_notebook(server: Server) -> None:
    kernel: Kernel = server.start()
    kernel.load()
    room = joined(server, kernel)
    assert room["path"] is None
    server.write("later.ipynb")
    about = {
        "path": "later.ipynb",
        "name": "later.ipynb",
        "type": "notebook",
        "kernel": {"id": kernel.kernel_id},
    }
    server.api("POST", "api/sessions", about)
    assert server.room(path="later.ipynb")["room_id"] == room["room_id"]


def test_there_is_no_room_for_what_is_not_there(server: Server) -> None:
    assert server.ask("POST", "commdoc/api/rooms", {"path": "nowhere.ipynb"}).status == 404
    assert server.ask("POST", "commdoc/api/rooms", {"kernel_id": "nobody"}).status == 404
    assert server.ask("POST", "commdoc/api/rooms", ["path"]).status == 400
    assert server.ask("POST", "commdoc/api/rooms", {"path": 5}).status == 400
    server.write("no-kernel.ipynb")
    before = server.room(path="no-kernel.ipynb")
    assert before == server.room(path="/no-kernel.ipynb")
    assert before["kernel"]["kernel_id"] is None
    listed = server.api("GET", "commdoc/api/rooms")["rooms"]
    assert before["room_id"] in [each["room_id"] for each in listed]
