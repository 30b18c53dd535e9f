"""A reverse proxy before the server, under another address, and the commands beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

import commdoc
from tests.acceptance.proxy import Proxy
from tests.conftest import until
from tests.server.jupyter.serving import BASE, ENABLED, Kernel, Server, free_port, joined, jupyter_server

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with jupyter_server(tmp_path_factory.mktemp("jupyter"), (ENABLED,)) as server:
        yield server


@pytest.fixture(scope="module")
def kernel(server: Server) -> Kernel:
    kernel = server.start("a.ipynb")
    kernel.load("s = w.IntSlider(value=7, max=50)")
    joined(server, kernel)
    return kernel


def test_behind_a_reverse_proxy_all_addresses_are_the_proxy_s(server: Server, kernel: Kernel) -> None:
    room_id = server.room(kernel_id=kernel.kernel_id)["room_id"]
    proxy = Proxy(server.port)
    direct = server.url
    try:
        server.url = f"http://localhost:{proxy.port}{BASE}"
        link = server.link(room_id)
        assert urlsplit(link).netloc == f"localhost:{proxy.port}"
        with commdoc.join(url=link) as window:
            window.find("IntSliderModel")[0].set(value=70)
            assert window.find("IntSliderModel")[0]["value"] == 50
            proxy.cut()
            until(lambda: window.kernel.status == "disconnected", timeout=20)
            kernel.run("s.value = 8")
            until(lambda: window.find("IntSliderModel")[0]["value"] == 8, timeout=30)
        page = server.ask("GET", f"commdoc/rooms/{room_id}/", token=None)
        assert f"ws://localhost:{proxy.port}" in page.headers["Content-Security-Policy"]
        assert str(urlsplit(direct).port) not in page.headers["Content-Security-Policy"]
    finally:
        server.url = direct
        proxy.close()


def test_kernels_use_the_address_that_is_configured_and_are_seen_to_die_without_a_restarter(
    tmp_path: Path,
) -> None:
    port = free_port()
    proxy = Proxy(port)
    url = f"http://localhost:{proxy.port}{BASE}"
    try:
        options = (ENABLED, f"--CommdocServer.bridge_url={url}", "--KernelManager.autorestart=False")
        with jupyter_server(tmp_path, options, port=port) as server:
            kernel = server.start("b.ipynb")
            kernel.load()
            room = joined(server, kernel)
            assert proxy.accepted >= 1
            # Without a restarter nobody but its bridge's end says that this kernel is gone.
            psutil.Process(int(kernel.run("import os; print(os.getpid())"))).kill()
            with server.window(room["room_id"]) as window:
                until(lambda: window.kernel.status == "dead", timeout=20, what="a killed kernel is seen")
                assert window.find("IntSliderModel")
    finally:
        proxy.close()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "commdoc.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_commands_find_rooms_of_a_server(server: Server, kernel: Kernel) -> None:
    room_id = server.room(kernel_id=kernel.kernel_id)["room_id"]
    found = json.loads(command("rooms", "--json").stdout)
    assert room_id in json.dumps(found)
    verified = command("verify", room_id)
    assert verified.returncode == 0, verified.stdout + verified.stderr
