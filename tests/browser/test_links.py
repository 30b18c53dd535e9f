"""How a page gets in, and stays in: the link that a cell prints, and a host that was killed."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import Browser, expect

from commdoc.window.address import announcements, find
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def printed_link(notebook: Notebook) -> str:
    found = re.search(r"http://\S+/open/\S+", notebook.run("%commdoc"))
    assert found is not None
    return found.group()


@pytest.mark.scenario("S47")
def test_the_link_that_a_cell_prints_opens_the_page(chromium: Browser, notebook: Notebook) -> None:
    notebook.run("import ipywidgets as w; s = w.IntSlider(7, description='speed'); s")
    link = printed_link(notebook)
    for _ in range(2):
        page = RoomPage(chromium, link)
        try:
            page.expect_readout("speed", "7")
            code = link.rpartition("/")[2]
            assert code not in page.page.url
            assert "token" not in page.page.url, "nothing that opens the room is in the address bar"
            page.page.reload()
            page.expect_state("live")
        finally:
            page.close()


@pytest.mark.scenario("S47")
def test_a_printed_link_that_has_ended_says_what_to_do(chromium: Browser, notebook: Notebook) -> None:
    link = printed_link(notebook).rpartition("/")[0] + "/a-code-of-yesterday"
    page = RoomPage(chromium, link, wait=False)
    try:
        expect(page.page.locator("body")).to_contain_text("This link has ended")
        expect(page.page.locator("body")).to_contain_text("%commdoc")
    finally:
        page.close()


@pytest.mark.scenario("S09")
def test_a_page_goes_on_when_its_host_was_killed(open_page: OpenPage, notebook: Notebook) -> None:
    notebook.run("import ipywidgets as w; s = w.IntSlider(7, description='speed'); s")
    page = open_page()
    page.expect_readout("speed", "7")
    host = find(kernel_id=notebook.kernel_id)
    os.kill(host.pid, signal.SIGKILL)
    notebook.run("s.value = 8; t = w.IntSlider(3, description='more'); display(t)")
    until(lambda: [room for room in announcements() if room.room_id == host.room_id], timeout=20)
    assert find(kernel_id=notebook.kernel_id).url == host.url
    page.expect_state("live", seconds=30)
    page.expect_readout("speed", "8", seconds=15)
    page.press("speed", "ArrowRight")
    until(lambda: notebook.value("s.value") == 9)
    page.expect_readout("speed", "9")
