"""The room's connection is lost and made again; commdoc is unloaded and loaded again (P9)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.test_late_window import WIDGETS
from tests.lab.windows import Delay, LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]


def two_windows(server: LabServer, open_window: OpenWindow, name: str, delay: Delay) -> list[LabWindow]:
    first = open_window(server.add(name, [WIDGETS]))
    first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.expect_live(2)
    first.save()
    second = open_window(server.at(name), delayed=delay)
    second.expect_live(2)
    return [first, second]


def asks_for_all(window: LabWindow) -> int:
    """Return how often a window has asked the kernel for all its widgets, as a plain one does."""
    return sum("request_states" in line for line in window.told_kernel())


def test_a_window_that_lost_its_connection_comes_back_to_what_is_there(
    server: LabServer, open_window: OpenWindow
) -> None:
    delay = Delay(r"/commdoc/rooms/[^/]+/ws")
    first, second = two_windows(server, open_window, "lost.ipynb", delay)
    delay.refuse()
    expect(second.page.locator(".commdoc-StatusItem")).to_contain_text("connecting…")
    second.press("speed", "ArrowRight", 2)
    second.expect_value("speed", 5)
    assert second.page.locator("[data-comm-id][inert]").count() == 0, "a lost connection is not a dead kernel"
    first.kernel_run("name.value = 'meanwhile'; out.append_stdout('more')")
    delay.release()
    first.expect_value("speed", 5, seconds=20)
    second.expect_text(0, "more")
    expect(second.page.locator(".jp-Cell .widget-text input")).to_have_value("meanwhile")
    until(lambda: first.value("speed.value") == 5, what="the kernel has it")
    assert first.models() == second.models()


def test_unloaded_windows_are_plain_again_and_loaded_again_the_documents(
    server: LabServer, open_window: OpenWindow
) -> None:
    delay = Delay("no such socket")
    first, second = two_windows(server, open_window, "unloaded.ipynb", delay)
    first.press("speed", "ArrowRight")
    second.expect_value("speed", 4)
    windows = (first, second)
    before = [asks_for_all(window) for window in windows]
    first.kernel_run("%unload_ext commdoc\nfresh = w.IntSlider(description='fresh', value=8)\ndisplay(fresh)")
    until(
        lambda: [asks_for_all(window) for window in windows] == [asked + 1 for asked in before],
        what="plain windows",
    )
    first.press("speed", "ArrowRight")
    second.expect_value("speed", 5)
    assert first.value("speed.value") == 5
    first.kernel_run("with out: print('plain')")
    for window in (first, second):
        window.expect_text(0, "plain")
        assert any(model["state"].get("value") == 8 for model in window.models().values())

    first.kernel_run("%load_ext commdoc")
    expect(second.page.locator(".commdoc-StatusItem")).to_contain_text("idle")
    told = second.told_kernel()
    second.press("speed", "ArrowRight")
    first.expect_value("speed", 6)
    first.kernel_run("with out: print('again')")
    for window in (first, second):
        window.expect_text(0, "again")
    until(lambda: first.value("speed.value") == 6, what="the kernel has it")
    assert second.told_kernel() == told
    assert first.models() == second.models()
