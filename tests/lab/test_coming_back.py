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


def two_windows(
    server: LabServer, open_window: OpenWindow, name: str, delay: Delay | None = None
) -> list[LabWindow]:
    first = open_window(server.add(name, [WIDGETS]))
    first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.expect_live(2)
    first.save()
    second = open_window(server.at(name), delayed=delay)
    second.expect_live(2)
    return [first, second]


def asks_for_all(*windows: LabWindow) -> list[int]:
    """Return how often each window has asked the kernel for all its widgets, as a plain one does."""
    return [sum("request_states" in line for line in window.told_kernel()) for window in windows]


def expect_plain(*windows: LabWindow, asked: list[int]) -> None:
    """Wait until each window has asked the kernel once more for all its widgets."""
    until(lambda: asks_for_all(*windows) == [before + 1 for before in asked], what="plain windows")


def values(window: LabWindow) -> list[object]:
    return [model["state"].get("value") for model in window.models().values()]


def expect_own(window: LabWindow) -> None:
    """Wait until the models are JupyterLab's own again."""
    window.wait_for(
        "async () => (await lab.models()).every(([, model]) => !Object.hasOwn(model, 'set_state'))"
    )


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
    first.expect_same(second)


def test_unloaded_windows_are_plain_again_and_loaded_again_the_documents(
    server: LabServer, open_window: OpenWindow
) -> None:
    first, second = two_windows(server, open_window, "unloaded.ipynb")
    first.press("speed", "ArrowRight")
    second.expect_value("speed", 4)
    asked = asks_for_all(first, second)
    first.kernel_run("%unload_ext commdoc\nfresh = w.IntSlider(description='fresh', value=8)\ndisplay(fresh)")
    expect_plain(first, second, asked=asked)
    first.press("speed", "ArrowRight")
    second.expect_value("speed", 5)
    assert first.value("speed.value") == 5
    first.kernel_run("with out: print('plain')")
    for window in (first, second):
        window.expect_text(0, "plain")
        assert 8 in values(window)

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
    first.expect_same(second)

    asked = asks_for_all(first, second)
    first.kernel_run("%unload_ext commdoc")
    expect_plain(first, second, asked=asked)
    first.press("speed", "ArrowRight")
    second.expect_value("speed", 7)
    assert first.value("speed.value") == 7


def test_a_widget_that_comes_while_commdoc_is_unloaded_finds_its_parts(
    server: LabServer, open_window: OpenWindow
) -> None:
    delay = Delay(r"/commdoc/rooms/[^/]+/ws")
    first, second = two_windows(server, open_window, "parts.ipynb", delay)
    delay.hold()
    first.kernel_run("%unload_ext commdoc\nlayout = w.Layout()")
    until(
        lambda: any("comm_open" in line and "LayoutModel" in line for line in second.trace().received),
        what="the kernel's word of the layout, while its bridge is thought to be there",
    )
    delay.release()
    expect(second.page.locator(".commdoc-StatusItem")).to_contain_text("disconnected")
    first.kernel_run("fresh = w.IntSlider(value=8, layout=layout)")
    until(lambda: 8 in values(first) and 8 in values(second), what="the slider is there")


def test_a_window_that_has_lost_its_kernel_too_is_plain_when_that_is_back(
    server: LabServer, open_window: OpenWindow
) -> None:
    delay = Delay(r"/api/kernels/[^/]+/channels")
    first, second = two_windows(server, open_window, "both-lost.ipynb", delay)
    delay.refuse()
    asked = asks_for_all(first)
    first.kernel_run("%unload_ext commdoc")
    expect_plain(first, asked=asked)
    delay.release()
    first.press("speed", "ArrowRight")
    second.expect_value("speed", 4, seconds=30)
    expect_own(second)
    second.press("speed", "ArrowRight")
    first.expect_value("speed", 5)


def test_what_a_window_was_asking_the_kernel_when_commdoc_was_loaded_stands_in_nobodys_way(
    server: LabServer, open_window: OpenWindow
) -> None:
    notebook = server.add("asking.ipynb", [WIDGETS])
    first = open_window(notebook)
    asking = Delay(r"/api/kernels/[^/]+/channels", at=b"comm_info_request")
    document = Delay(r"/commdoc/rooms/[^/]+/ws", after=b'"live":true')

    def prepare(window: LabWindow) -> None:
        window.page.route_web_socket(document.url, document.route)

    second = open_window(notebook, wait=False, delayed=asking, prepare=prepare)
    until(lambda: second.passed(asking), what="the second asks the kernel for its comms")
    first.kernel_run("%load_ext commdoc")
    until(lambda: second.passed(document), what="the second knows that commdoc is loaded")
    first.run(0)
    asking.release()
    until(lambda: any("comm_info_reply" in line for line in second.trace().received), what="it is answered")
    document.release()
    first.expect_same(second)
