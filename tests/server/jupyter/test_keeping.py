"""A Jupyter server's rooms on a full disk, with a file that is cut in half, and in a folder that two servers have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import until
from tests.disk import FULL_BYTES, full_disk
from tests.server.jupyter.serving import ENABLED, Server, joined, jupyter_server

pytestmark = [pytest.mark.kernel, pytest.mark.scenario("S45"), pytest.mark.acceptance("E3")]

PATIENCE = 40.0
"""A place that fails is tried again after up to thirty seconds."""


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    return tmp_path / "rooms"


@pytest.fixture
def server(tmp_path: Path, rooms: Path) -> Iterator[Server]:
    with jupyter_server(tmp_path, (ENABLED, f"--CommdocServer.store={rooms}")) as server:
        yield server


def listed(server: Server, room_id: str) -> dict[str, Any]:
    (found,) = (
        each for each in server.api("GET", "commdoc/api/rooms")["rooms"] if each["room_id"] == room_id
    )
    return dict(found)


def is_kept(server: Server, room_id: str) -> bool:
    return bool(listed(server, room_id)["store"] == {"status": "kept"})


def test_a_full_disk_then_a_kill_then_a_snapshot_that_is_cut_in_half(server: Server, rooms: Path) -> None:
    kernel = server.start("a.ipynb")
    kernel.load("import os\ns = w.IntSlider(value=1)")
    room_id = joined(server, kernel)["room_id"]
    with server.window(room_id) as window:
        with full_disk(server.process.pid):
            kernel.run(f"image = w.Image(value=os.urandom({2 * FULL_BYTES}))")
            until(lambda: not is_kept(server, room_id), what="the list says that it isn't kept")
            told = listed(server, room_id)["store"]
            assert told["status"] == "failing"
            assert "File too large" in told["reason"]
            assert (
                f"room {room_id} is in memory only, and is tried to be kept again: File too large"
                in server.log()
            )
            slider = window.find("IntSliderModel")[0]
            assert slider.set(value=5) == {"value": 5}, "the room works on"
            late = server.window(room_id)
            with late:
                image = late.wait_for("ImageModel", timeout=10)["value"]
                assert len(image) == 2 * FULL_BYTES
        until(lambda: is_kept(server, room_id), timeout=PATIENCE, what="it is kept again")
        assert f"room {room_id} is kept again" in server.log()

        port = server.port
        server.kill()
        server.start_process(port)
        kept = listed(server, room_id)
        assert (kept["path"], kept["displaced_from"]) == ("a.ipynb", None)
        assert kept["size"]
        assert kept["saved_at"]
        assert server.room(path="a.ipynb")["room_id"] == room_id
        until(lambda: window.connected, timeout=30, what="the window comes back by itself")
        with server.window(room_id) as late:
            assert late.find("IntSliderModel")[0]["value"] == 5
            assert late.find("ImageModel")[0]["value"] == image
            assert late.kernel.status == "disconnected"

    server.kill()
    snapshot = rooms / room_id / "snapshot"
    content = snapshot.read_bytes()
    snapshot.write_bytes(content[: len(content) // 2])
    server.start_process(port)
    fresh = server.room(path="a.ipynb")
    with server.window(fresh["room_id"]) as window:
        assert not window.comms
    assert (rooms / room_id / "snapshot.corrupt").read_bytes() == content[: len(content) // 2]
    assert "snapshot.corrupt" in server.log()


def test_the_second_server_of_a_folder_works_in_memory_and_says_so(
    server: Server, rooms: Path, tmp_path: Path
) -> None:
    kernel = server.start("a.ipynb")
    kernel.load("s = w.IntSlider(value=1)")
    room_id = joined(server, kernel)["room_id"]
    until(lambda: is_kept(server, room_id))
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "root").symlink_to(server.root)
    with jupyter_server(beside, (ENABLED, f"--CommdocServer.store={rooms}")) as second:
        other = second.start("a.ipynb")
        other.load("s = w.IntSlider(value=2)")
        assert joined(second, other)["room_id"] == room_id
        assert "another server or sidecar keeps this room" in listed(second, room_id)["store"]["reason"]
        assert f"room {room_id} is in memory only" in second.log()
        with second.window(room_id) as window:
            assert window.wait_for("IntSliderModel", timeout=10).set(value=3) == {"value": 3}
        assert is_kept(server, room_id), "the first has nothing to do with it"
        server.close()
        until(lambda: is_kept(second, room_id), timeout=PATIENCE, what="it has the folder for itself")
        aside = [each for each in second.api("GET", "commdoc/api/rooms")["rooms"] if each["displaced_from"]]
        assert [each["displaced_from"] for each in aside] == ["a.ipynb"], (
            "what the first had is a room of its own"
        )
        with second.window(aside[0]["room_id"]) as window:
            assert [each["value"] for each in window.find("IntSliderModel")] == [1]
