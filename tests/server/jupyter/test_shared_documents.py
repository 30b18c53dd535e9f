"""A room whose document is the notebook's own: that of jupyter-collaboration, and that of jupyter-server-documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import nbformat
import pycrdt
import pytest

from tests.conftest import until
from tests.server.jupyter.environments import Name, python_of
from tests.server.jupyter.serving import ENABLED, TOKEN, Kernel, Server, joined, jupyter_server
from tests.server.jupyter.yjs_client import YjsClient, yjs_client

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(900)]  # the first run makes the environments

KINDS: dict[Name, str] = {
    "collaboration": "jupyter-collaboration",
    "documents": "jupyter-server-documents",
}
OPTIONS: dict[Name, list[str]] = {
    "collaboration": [
        "--YDocExtension.document_cleanup_delay=1",
        "--YDocExtension.file_poll_interval=0.2",
        "--YDocExtension.document_save_delay=0.2",
    ],
    "documents": ["--YRoomManager.auto_free_interval=1", "--YRoom.inactivity_timeout=1"],
}


@pytest.fixture(scope="module", params=["collaboration", "documents"])
def server(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    name: Name = request.param
    options = [ENABLED, *OPTIONS[name]]
    with jupyter_server(tmp_path_factory.mktemp(name), options, python=python_of(name)) as server:
        server.kind = KINDS[name]  # type: ignore[attr-defined]
        yield server


def file_id(server: Server, path: str) -> tuple[str, str]:
    """Return a file's id and the server's session, as the extensions' front ends ask for them."""
    if server.kind == "jupyter-collaboration":  # type: ignore[attr-defined]
        about = server.api("PUT", f"api/collaboration/session/{path}", {"format": "json", "type": "notebook"})
        return about["fileId"], about["sessionId"]
    return server.api("POST", f"api/fileid/index?path={path}")["id"], ""


def front(server: Server, path: str) -> Any:
    return yjs_client(server.url, TOKEN, path, *file_id(server, path))


def values(server: Server, window: Any) -> dict[str, Any]:
    return {model.comm_id: model["value"] for model in window.find("IntSliderModel")}


def started(server: Server, path: str) -> tuple[Kernel, dict[str, Any]]:
    kernel = server.start(path)
    kernel.load("s = w.IntSlider(value=1, max=10**6)")
    return kernel, joined(server, kernel)


def test_the_notebook_s_own_windows_have_the_comms(server: Server) -> None:
    path = "shared.ipynb"
    server.write(path)
    with front(server, path) as early:
        kernel, room = started(server, path)
        assert room["document"] == server.kind  # type: ignore[attr-defined]
        until(lambda: list(early.values().values()) == [1], timeout=30)
        with server.window(room["room_id"]) as window, front(server, path) as late:
            slider = window.wait_for("IntSliderModel")
            slider.set(value=5)
            everybody: list[YjsClient] = [early, late]
            until(lambda: all(list(each.values().values()) == [5] for each in everybody))
            kernel.run("for n in range(500): s.value = 1000 + n")
            for n in range(20):
                everybody[n % 2].add_cell(f"x{n}")
            until(lambda: all(list(each.values().values()) == [1499] for each in everybody), timeout=30)

            def same() -> bool:
                cells = window.doc.get("cells", type=pycrdt.Array)
                return len(early.sources()) == len(late.sources()) == len(cells) > 20

            until(same)
            assert {f"x{n}" for n in range(20)} <= set(early.sources())
            assert early.sources() == late.sources()
            assert slider["value"] == 1499
    file = server.root / path
    until(lambda: '"x19"' in file.read_text(encoding="utf-8"), timeout=30, what="the notebook is saved")
    assert "comms" not in file.read_text(encoding="utf-8")
    nbformat.validate(nbformat.read(file, as_version=4))


SHOWN = "from IPython.display import display\nhandle = display('first', display_id=True)"


@pytest.mark.scenario("S33")
def test_a_display_in_a_cell_is_changed_also_when_the_window_that_ran_the_cell_has_gone(
    server: Server,
) -> None:
    path = "displays.ipynb"
    kernel, room = started(server, path)
    with front(server, path) as runner:
        runner.add_cell("shows")
        shows = [{"text/plain": "'first'"}, {"text/plain": "'first'"}]
        kernel.run_cell(SHOWN, "cell-shows")
        kernel.run("handle.update('second')")
        runner.add_outputs("cell-shows", shows)  # of which only the first is a display's: a front end is late
        until(lambda: runner.outputs("cell-shows") == ["'second'", "'first'"], timeout=30)
    kernel.run("handle.update('third')")
    with front(server, path) as late, server.window(room["room_id"]) as window:
        until(lambda: late.outputs("cell-shows") == ["'third'", "'first'"], timeout=30)
        until(lambda: "'third'" in str(window.doc.get("cells", type=pycrdt.Array).to_py()))
        kernel.run("s.value = 77")
        until(lambda: list(late.values().values()) == [77], timeout=30)
    assert "Traceback" not in server.log()


@pytest.mark.scenario("S51")
def test_what_such_a_window_writes_into_the_comms_is_reverted(server: Server) -> None:
    path = "foreign.ipynb"
    kernel, room = started(server, path)
    with front(server, path) as evil, front(server, path) as other, server.window(room["room_id"]) as window:
        until(lambda: list(other.values().values()) == list(evil.values().values()) == [1], timeout=30)
        [comm_id] = evil.values()
        array = evil.doc.get("comms", type=pycrdt.Array)
        evil.write(lambda: array.append(json.dumps(["u", comm_id, {"value": 666}])))
        kernel.run("s.value = 2")
        until(lambda: other.values() == evil.values() == values(server, window) == {comm_id: 2}, timeout=30)
        with other.lock:
            assert not any("666" in str(text) for text in other.doc.get("comms", type=pycrdt.Array))
    assert "foreign write into the comms map" in server.log()


def test_a_file_that_changes_on_disk_while_widgets_move_costs_neither(server: Server) -> None:
    path = "reloaded.ipynb"
    kernel, room = started(server, path)
    with front(server, path) as window:
        until(lambda: list(window.values().values()) == [1], timeout=30)
        moving = kernel.client.execute(
            "import time\nfor n in range(300):\n    s.value = 5000 + n\n    time.sleep(0.01)"
        )
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(f"cell {n} = 'changed'") for n in range(400)]
        nbformat.write(notebook, server.root / path)
        until(
            lambda: kernel.client.get_shell_msg(timeout=60)["parent_header"]["msg_id"] == moving, timeout=60
        )
        until(lambda: list(window.values().values()) == [5299], timeout=30)
        until(lambda: len(window.sources()) == 400, timeout=60)
    with server.window(room["room_id"]) as late:
        assert [model["value"] for model in late.find("IntSliderModel")] == [5299]
    assert "Traceback" not in server.log()


def test_a_kernel_s_widgets_go_to_the_document_of_its_notebook(server: Server) -> None:
    kernel = server.start()
    kernel.load("s = w.IntSlider(value=1)")
    before = joined(server, kernel)
    assert before["path"] is None
    server.write("later.ipynb")
    about = {
        "path": "later.ipynb",
        "name": "later.ipynb",
        "type": "notebook",
        "kernel": {"id": kernel.kernel_id},
    }
    session_id = server.api("POST", "api/sessions", about)["id"]
    with front(server, "later.ipynb") as window:
        until(lambda: list(window.values().values()) == [1], timeout=30)
    assert server.room(kernel_id=kernel.kernel_id)["path"] == "later.ipynb"
    server.write("saved-as.ipynb")
    server.api("PATCH", f"api/sessions/{session_id}", {"path": "saved-as.ipynb"})
    with front(server, "saved-as.ipynb") as window:
        until(lambda: list(window.values().values()) == [1], timeout=30)
        kernel.run("s.value = 2")
        until(lambda: list(window.values().values()) == [2], timeout=30)
    assert server.room(kernel_id=kernel.kernel_id)["path"] == "saved-as.ipynb"


def test_a_session_that_hears_late_of_a_renaming_takes_no_kernel_from_its_room(server: Server) -> None:
    """JupyterLab tells a session its new path and its new name by two requests at once, which come in any order."""
    path, new = "late-session.ipynb", "late-session-named.ipynb"
    kernel, room = started(server, path)
    with server.window(room["room_id"]) as window:
        slider = window.wait_for("IntSliderModel")
        server.api("PATCH", f"api/contents/{path}", {"path": new})
        until(lambda: server.room(kernel_id=kernel.kernel_id)["path"] == new)
        for change in ({"name": new}, {"path": new}):
            server.api("PATCH", f"api/sessions/{kernel.session_id}", change)
            found = server.room(kernel_id=kernel.kernel_id)
            assert (found["room_id"], found["path"], found["kernel"]["live"]) == (room["room_id"], new, True)
        assert slider.set(value=7) == {"value": 7}
    assert "a session has changed" not in server.log()


def test_a_notebook_that_was_closed_and_opened_again_has_its_widgets(server: Server) -> None:
    path = "again.ipynb"
    kernel, room = started(server, path)
    with server.window(room["room_id"]) as window:
        room_name = f"json:notebook:{file_id(server, path)[0]}"
        lines = (f"Deleting Y document from memory: {room_name}", f"Deleted YRoom '{room_name}'")

        def closed() -> int:
            log = server.log()
            return sum(log.count(line) for line in lines)

        with front(server, path) as first:
            until(lambda: list(first.values().values()) == [1], timeout=30)
            before = closed()  # one that nobody had open while the kernel started may be gone already
        until(lambda: closed() > before, timeout=30, what="the document is closed")
        kernel.run("s.value = 2")
        with front(server, path) as second:
            again = server.room(kernel_id=kernel.kernel_id)
            assert again["room_id"] == room["room_id"]
            assert again["document_id"] != room["document_id"]
            until(lambda: list(second.values().values()) == [2], timeout=30)
            until(lambda: list(values(server, window).values()) == [2], timeout=30)
            kernel.run("s.value = 3")
            until(lambda: list(second.values().values()) == list(values(server, window).values()) == [3])
