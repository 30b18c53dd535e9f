"""The room's page in Chromium, at a Jupyter server with a base URL: for who is logged in, and by a link for others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import chromium
from tests.browser.room_page import RoomPage
from tests.conftest import until
from tests.server.jupyter.serving import BASE, ENABLED, TOKEN, Kernel, Server, joined, jupyter_server

__all__ = ["chromium"]  # a fixture

pytestmark = [pytest.mark.kernel, pytest.mark.browser]

CELL = """
import anywidget, traitlets
class Hello(anywidget.AnyWidget):
    _esm = "export default { render({ el }) { el.textContent = 'hello from a module'; } }"
s = w.IntSlider(value=7, description='speed')
display(s, Hello())
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with jupyter_server(tmp_path_factory.mktemp("jupyter"), (ENABLED,)) as server:
        yield server


@pytest.fixture(scope="module")
def kernel(server: Server) -> Kernel:
    kernel = server.start("page.ipynb")
    kernel.load(CELL)
    joined(server, kernel)
    return kernel


def test_who_is_logged_in_needs_only_the_address(server: Server, kernel: Kernel, chromium: Browser) -> None:
    room_id = server.room(kernel_id=kernel.kernel_id)["room_id"]
    page = RoomPage(chromium, f"{server.url}commdoc/rooms/{room_id}?token={TOKEN}")
    try:
        assert page.page.url.partition("#")[0] == f"{server.url}commdoc/rooms/{room_id}/"
        assert BASE in page.page.url
        page.expect_readout("speed", "7")
        page.expect_text("hello from a module")
        page.press("speed", "ArrowRight", 3)
        until(lambda: kernel.run("print(s.value)") == "10\n")
        kernel.run("s.value = 30")
        page.expect_readout("speed", "30")
        page.expect_clean()
    finally:
        page.close()


def test_a_viewer_s_link_shows_it_to_others(server: Server, kernel: Kernel, chromium: Browser) -> None:
    room_id = server.room(kernel_id=kernel.kernel_id)["room_id"]
    kernel.run("s.value = 5")
    page = RoomPage(chromium, server.link(room_id, "viewer"))
    try:
        page.expect_readout("speed", "5")
        page.expect_text("hello from a module")
        page.expect_clean()
    finally:
        page.close()


def test_an_address_without_a_token_shows_nothing(server: Server, kernel: Kernel, chromium: Browser) -> None:
    room_id = server.room(kernel_id=kernel.kernel_id)["room_id"]
    page = RoomPage(chromium, f"{server.url}commdoc/rooms/{room_id}/", wait=False)
    try:
        page.expect_state("refused")
        assert "speed" not in page.page.content()
    finally:
        page.close()
