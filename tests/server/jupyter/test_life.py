from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import until
from tests.server.jupyter.serving import BASE, Server, joined, jupyter_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with jupyter_server(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.mark.kernel
def test_a_kernel_finds_the_room_of_its_notebook_and_a_window_joins_it(server: Server) -> None:
    kernel = server.start("first.ipynb")
    kernel.load("s = w.IntSlider(value=7, max=50)")
    room = joined(server, kernel)
    assert room["path"] == "first.ipynb"
    assert room["role"] == "window"
    assert room["document"] == "own"
    with server.window(room["room_id"]) as window:
        slider = window.wait_for("IntSliderModel", timeout=10)
        assert slider["value"] == 7
        slider.set(value=70)
        assert slider["value"] == 50, "what the kernel made of it"
        kernel.run("s.value = 3")
        until(lambda: slider["value"] == 3)
    assert server.url.endswith(BASE)
