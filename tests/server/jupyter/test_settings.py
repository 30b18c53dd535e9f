"""A user's settings and a real Jupyter server with real kernels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import until
from tests.server.jupyter.serving import Server, joined, jupyter_server

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]

COMMDOC = Path(sys.executable).with_name("commdoc")

WINDOW = "print(get_ipython().kernel._commdoc_bridge._flush.window_seconds)"
LOADED = "print(hasattr(get_ipython().kernel, '_commdoc_bridge'))"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    (folder / "commdoc").mkdir()
    # Of an old version, and there before the server.
    old = {"coalesce_ms": 21, "autoload": False, "mine": 1}
    (folder / "commdoc" / "settings.json").write_text(json.dumps(old), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with jupyter_server(tmp_path_factory.mktemp("server"), env={"JUPYTER_CONFIG_DIR": str(config)}) as server:
        yield server


def mirror(config: Path) -> Any:
    return json.loads((config / "commdoc" / "settings.json").read_text(encoding="utf-8"))


def edit(config: Path, section: str, **keys: Any) -> None:
    content = mirror(config)
    content[section].update(keys)
    (config / "commdoc" / "settings.json").write_text(json.dumps(content), encoding="utf-8")


def test_an_old_file_is_migrated_when_the_server_starts(server: Server, config: Path) -> None:
    assert mirror(config)["kernel"]["window_ms"] == 21
    assert mirror(config)["mine"] == 1
    assert "coalesce_ms" not in mirror(config)


def test_a_kernel_follows_the_file(server: Server, config: Path) -> None:
    kernel = server.start("follows.ipynb")
    assert kernel.run(LOADED).strip() == "False"  # nobody wanted it
    kernel.load()
    joined(server, kernel)
    until(lambda: kernel.run(WINDOW).strip() == "0.021")
    edit(config, "kernel", window_ms=33, blob_threshold=5000)
    until(lambda: kernel.run(WINDOW).strip() == "0.033")
    kernel.run("t = w.Text('x' * 3000)")
    room = joined(server, kernel)
    with server.window(room["room_id"]) as window:
        text = window.wait_for("TextModel")
        assert text.encoded_state["value"] == "x" * 3000  # no blob


def test_limits_are_followed_too(server: Server, config: Path) -> None:
    kernel = server.start("limits.ipynb")
    kernel.load()
    room = joined(server, kernel)["room_id"]
    edit(config, "rooms", windows=1)
    with server.window(room):

        def is_full() -> bool:
            try:
                server.window(room, timeout=5).close()
            except Exception as error:
                return "no more are let in" in str(error)
            return False

        until(is_full, what="a second window is refused")
    edit(config, "rooms", windows=200)


def test_autoload(server: Server, config: Path) -> None:
    said = subprocess.run(
        [str(COMMDOC), "settings", "set", "server.autoload", "true"],
        env={**os.environ, "JUPYTER_CONFIG_DIR": str(config)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "from now on" in said

    def loads() -> bool:
        kernel = server.start()
        loaded = kernel.run(LOADED).strip() == "True"
        server.api("DELETE", f"api/kernels/{kernel.kernel_id}")
        return loaded

    until(loads, timeout=60, what="a kernel loads commdoc by itself")
    edit(config, "server", autoload=False)
    until(lambda: not loads(), timeout=60, what="a kernel starts as before")
