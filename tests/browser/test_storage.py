"""A room is kept, or says that it isn't; a page that was open comes back after its host was killed."""

from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pytest
from jupyter_core.paths import jupyter_runtime_dir
from playwright.sync_api import Browser, expect

from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.server.jupyter.serving import ENABLED, Server, joined

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.scenario("S45")]

SLIDER = "import ipywidgets as w; s = w.IntSlider(value=3, max=1000, description='s'); display(s)"


def listed(notebook: Notebook) -> dict[str, object]:
    """What the room's host says of it."""
    address, token = notebook.link.split("#token=")
    url = address.split("/rooms/")[0] + "/api/rooms"
    with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=10) as answer:
        (room,) = json.loads(answer.read())["rooms"]
    found: dict[str, object] = room
    return found


@pytest.mark.acceptance("E3")
def test_on_a_full_disk_the_room_works_on_and_says_so_and_is_saved_when_there_is_room_again(
    notebook: Notebook, open_page: OpenPage, chromium: Browser
) -> None:
    notebook.run(SLIDER)
    page, reader = open_page(), RoomPage(chromium, notebook.reading_link())
    for each in (page, reader):
        each.expect_readout("s", "3")
        expect(each.page.locator("#notice")).to_be_hidden()
    assert listed(notebook)["store"] == {"status": "kept"}

    announcement = Path(jupyter_runtime_dir(), f"commdoc-{notebook.kernel_id}.json")
    host = psutil.Process(json.loads(announcement.read_text(encoding="utf-8"))["pid"])
    unlimited = host.rlimit(psutil.RLIMIT_FSIZE)
    host.rlimit(psutil.RLIMIT_FSIZE, (1024, unlimited[1]))  # no file of its may grow longer: the log has room
    notebook.run("s.tooltip = 'a' * 900")
    notebook.run("s.tooltip = 'b' * 900; s.value = 4")
    for each in (page, reader):
        each.expect_readout("s", "4")
        expect(each.page.locator("#notice")).to_contain_text("can't be saved just now")
    expect(page.page.locator("#notice")).to_contain_text("File too large")
    expect(reader.page.locator("#notice")).not_to_contain_text("File too large")
    assert listed(notebook)["store"]["status"] == "failing"  # type: ignore[index]
    assert "is in memory only" in announcement.with_suffix(".log").read_text(encoding="utf-8")
    page.page.screenshot(path=page.picture("full-disk"))

    host.rlimit(psutil.RLIMIT_FSIZE, unlimited)
    for each in (page, reader):
        expect(each.page.locator("#notice")).to_be_hidden(timeout=20_000)
    assert listed(notebook)["store"] == {"status": "kept"}
    assert resource.RLIM_INFINITY in unlimited
    for each in (page, reader):
        each.expect_clean()
    reader.close()


@pytest.mark.acceptance("E2")
@pytest.mark.scenario("S09")
def test_a_page_comes_back_by_itself_after_server_and_kernel_were_killed(
    chromium: Browser, tmp_path: Path
) -> None:
    server = Server(tmp_path, (ENABLED,))
    try:
        kernel = server.start("a.ipynb")
        kernel.load(SLIDER)
        pid = int(kernel.run("import os; print(os.getpid())"))
        room = joined(server, kernel)
        link = server.api("POST", f"commdoc/api/rooms/{room['room_id']}/links", {"role": "window"})["url"]
        page = RoomPage(chromium, f"http://127.0.0.1:{server.port}{link}")
        page.expect_readout("s", "3")
        kernel.run("s.value = 8")
        page.expect_readout("s", "8")
        server.kill()
        os.kill(pid, signal.SIGKILL)
        page.expect_state("disconnected")
        server.start_process(server.port)
        page.expect_state("live")
        page.expect_readout("s", "8")
        expect(page.page.locator("#notice")).to_contain_text("last state")

        again = server.start("a.ipynb")
        again.load(SLIDER)
        assert joined(server, again)["room_id"] == room["room_id"]
        page.expect_readout("s", "3")
        expect(page.page.locator("#notice")).to_be_hidden()
        page.close()
    finally:
        server.close()
