"""A game controller whose pad is in one window: the others show it, and none takes it for pulled out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

import commdoc
from tests.browser.classes.parts import GAMEPAD, PAD, connect
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

NONE = "Connect gamepad and press any button."

FRAMES = "async () => { for (let n = 0; n < 10; n++) await new Promise(requestAnimationFrame); }"
"""The page looks after its pad in each."""


def shows(page: RoomPage) -> list[str]:
    """What a page says of the controller: its name, the numbers of axes and buttons."""
    controller = page.frame.locator(".widget-controller")
    return [text for text in controller.inner_text().split("\n") if text]


def frames(page: RoomPage) -> None:
    """Let some frames pass on a page."""
    page.frame.locator("body").evaluate(FRAMES)


def pads(page: RoomPage, change: str) -> None:
    """Do something with the page's pad."""
    page.frame.locator(".widget-controller").evaluate(f"() => {{ {change} }}")


@pytest.fixture
def connected(notebook: Notebook, open_page: OpenPage) -> tuple[RoomPage, Callable[[str], object]]:
    """A page with a pad, and what the kernel has of the controller."""
    notebook.run("import ipywidgets as w; c = w.Controller(); display(c)")
    page = open_page(script=GAMEPAD)
    expect(page.frame.locator(".widget-controller")).to_have_text(NONE)
    connect(page.frame.locator(".widget-controller"))
    until(lambda: notebook.value("[a.value for a in c.axes]") == [-1, 0.25], what="the kernel has it")
    return page, notebook.value


def test_a_page_without_a_pad_that_comes_later_leaves_it_connected(
    notebook: Notebook, open_page: OpenPage, connected: tuple[RoomPage, Callable[[str], object]]
) -> None:
    page, value = connected
    before = value("[m.model_id for m in (*c.buttons, *c.axes)]")
    late = open_page()
    until(lambda: shows(late) == shows(page) == ["0", "1", "0", "1", "A pad"], what="both show it alike")
    pads(
        page, "gamepad.axes[0] = 0.75; gamepad.buttons[1] = { value: 1, pressed: true }; gamepad.timestamp++"
    )
    until(lambda: value("(c.axes[0].value, c.buttons[1].pressed)") == (0.75, True), what="the kernel has it")
    bullet = late.frame.locator(".widget-controller-axis > div > div").first
    until(lambda: bullet.evaluate("it => it.style.top") == "87.5%", what="the late page shows it")
    assert value("(c.connected, [m.model_id for m in (*c.buttons, *c.axes)])") == (True, before)
    with commdoc.join(url=notebook.link) as window:
        button = window.find("ControllerButtonModel")[0]
        assert button.state.keys() == set(value("list(c.buttons[0].get_state())"))  # type: ignore[call-overload]
    for each in (page, late):
        each.expect_clean()


def test_a_pad_that_is_pulled_out_is_gone_in_all_pages(
    open_page: OpenPage, connected: tuple[RoomPage, Callable[[str], object]]
) -> None:
    page, value = connected
    late = open_page(script=GAMEPAD)
    until(lambda: "A pad" in shows(late), what="the late page shows it")
    pads(page, "gamepad = null")
    until(
        lambda: value("(c.connected, len(c.buttons), c.name)") == (False, 0, ""), what="the kernel knows it"
    )
    for each in (page, late):
        expect(each.frame.locator(".widget-controller")).to_have_text(NONE)
    connect(late.frame.locator(".widget-controller"))
    until(
        lambda: shows(late) == shows(page) == ["0", "1", "0", "1", "A pad"],
        what="it may be plugged in elsewhere",
    )
    assert value("c.connected")


def test_another_pad_takes_over_when_one_of_its_buttons_goes_down_and_keeps_the_controller(
    notebook: Notebook, open_page: OpenPage, connected: tuple[RoomPage, Callable[[str], object]]
) -> None:
    page, value = connected  # its first button is held down all the while
    other = open_page(script=GAMEPAD)
    until(lambda: "A pad" in shows(other), what="the other page shows it")
    before = value("[m.model_id for m in (*c.buttons, *c.axes)]")
    notebook.run("seen = []; c.observe(lambda change: seen.append(change.new), ['name', 'connected'])")
    pads(other, PAD.replace("A pad", "Another pad").replace("pressed: true", "pressed: false"))
    frames(other)
    assert value("(c.name, seen)") == ("A pad", [])
    pads(other, "gamepad.buttons[0].pressed = true")
    until(
        lambda: value("(c.name, len(c.buttons), len(c.axes))") == ("Another pad", 2, 2),
        what="it has taken over",
    )
    for each in (page, other):
        until(lambda it=each: shows(it) == ["0", "1", "0", "1", "Another pad"], what="a page shows it")  # type: ignore[misc]
        frames(each)
    pads(other, "gamepad.axes[0] = 0.75; gamepad.timestamp++")
    until(lambda: value("c.axes[0].value") == 0.75, what="the kernel has what it does")
    assert value("seen") == ["Another pad"], "neither pulled out nor taken back"
    alive = f"[i for i in {before} if i in c.comm.kernel.comm_manager.comms]"
    until(lambda: value(alive) == [], what="the first pad's parts are closed")
    pads(page, "gamepad.buttons[1].pressed = true")
    until(lambda: value("c.name") == "A pad", what="the first one takes over by another button")
    for each in (page, other):
        each.expect_clean()
