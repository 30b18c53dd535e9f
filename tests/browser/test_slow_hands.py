"""Dragging while the kernel is slow: its callback takes 50 ms, and rounds or clamps what it is given (S12, S13).

A screen moves a thumb sixty times a second, the kernel answers twenty times. What it answers comes while the hand is
elsewhere already, and must not be seen before the hand has let go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Frame, FrameLocator, Locator, Page

import commdoc
from tests.browser.conftest import OpenPage
from tests.browser.embedding import open_embedding
from tests.browser.hands import Grip, drag, falls, rises
from tests.browser.notebook import Notebook
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("D4")]

CALLBACKS = {
    "takes its time": "",
    "rounds": "s.value = round(s.value / 10) * 10",
    "clamps": "s.value = min(s.value, 35)",
}

SLOW = """
import time
handled = []
def slow(change):
    handled.append(change["new"])
    time.sleep(0.05)
    {then}
s.observe(slow, "value")
display(s, ipywidgets.Text(description="elsewhere"))
"""

CORE = """
import ipywidgets
s = ipywidgets.IntSlider(description="s", max=100, layout=dict(width="600px"))
"""

ANYWIDGET = """
import anywidget, ipywidgets, traitlets
class Thumb(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      el.innerHTML = `<div class="track"><div class="thumb"></div></div><output></output>`;
      const [track, thumb, output] = [".track", ".thumb", "output"].map((it) => el.querySelector(it));
      track.style.cssText = "position: relative; width: 500px; height: 20px; background: silver";
      thumb.style.cssText = "position: absolute; width: 20px; height: 20px; translate: -10px; background: teal";
      const show = () => {
        thumb.style.left = `${model.get("value")}%`;
        output.textContent = model.get("value");
      };
      model.on("change:value", show);
      show();
      track.addEventListener("pointerdown", ({ pointerId }) => track.setPointerCapture(pointerId));
      track.addEventListener("pointermove", ({ buttons, clientX }) => {
        if (!buttons) return;
        const { left, width } = track.getBoundingClientRect();
        model.set("value", Math.round(Math.min(1, Math.max(0, (clientX - left) / width)) * 100));
        model.save_changes();
      });
      // Without a hand: a value for each frame.
      globalThis.play = (end) => {
        if (model.get("value") >= end) return;
        model.set("value", model.get("value") + 1);
        model.save_changes();
        requestAnimationFrame(() => play(end));
      };
    } };'''
    value = traitlets.Int(0).tag(sync=True)
s = Thumb()
"""

EMBEDDING = """
import { joinRoom } from "commdoc";
import { afmOf } from "commdoc/afm";
const room = await joinRoom(link);
const [thumb] = [...room.comms.values()].filter((comm) => comm.keys.includes("_esm"));
afmOf(room).widget(thumb.commId).render(document.body);
document.body.append(document.createElement("input"));
"""

MAKERS = {"a slider": CORE, "an anywidget": ANYWIDGET, "an anywidget that a page embeds": ANYWIDGET}


@dataclass
class Shown:
    """The widget in one window."""

    grip: Grip
    text: Locator
    elsewhere: Locator
    """Where something can be typed."""

    @property
    def value(self) -> int:
        return int(self.text.inner_text())


OpenShown = Callable[[], Shown]


@pytest.fixture
def open_shown(
    request: pytest.FixtureRequest, notebook: Notebook, open_page: OpenPage, chromium: Browser
) -> Iterator[OpenShown]:
    """Open windows that show what `what` names."""
    what: str = request.getfixturevalue("what")
    contexts = []

    def opened() -> Shown:
        if what == "an anywidget that a page embeds":
            contexts.append(chromium.new_context(viewport={"width": 1280, "height": 900}))
            page = contexts[-1].new_page()
            open_embedding(page, notebook.link, EMBEDDING)
            return shown(page, page.main_frame, ".track", ".thumb", "output")
        page = open_page().page
        frame = page.frame_locator("iframe#frame")
        if what == "an anywidget":
            return shown(page, frame, ".track", ".thumb", "output")
        return shown(page, frame, ".noUi-base", ".noUi-handle", ".widget-readout")

    yield opened
    for context in contexts:
        context.close()


def shown(page: Page, place: Frame | FrameLocator, track: str, thumb: str, text: str) -> Shown:
    grip = Grip(page, place.locator(track), thumb=thumb)
    return Shown(grip, place.locator(text), place.locator("input"))


@pytest.mark.scenario("S12")
@pytest.mark.parametrize("callback", CALLBACKS)
@pytest.mark.parametrize("what", MAKERS)
def test_the_thumb_stays_under_the_hand_and_then_shows_what_the_kernel_has(
    notebook: Notebook, open_shown: OpenShown, what: str, callback: str
) -> None:
    notebook.run(MAKERS[what] + SLOW.format(then=CALLBACKS[callback]))
    mine, other = open_shown(), open_shown()
    # The hand comes from something that had the focus, and takes it away from there.
    mine.elsewhere.click()
    mine.grip.grab()
    drag((mine.grip, 0, 0.72))
    made = made_of(callback, 72)
    # The kernel's answers to all of it come while the hand rests where it is.
    until(
        lambda: notebook.value("[s.value, 72 in handled]") == [made, True], what="the kernel has handled it"
    )
    until(lambda: other.value == made, what="the other window shows the kernel's value")
    assert mine.value == 72
    mine.grip.let_go()
    expect_agreement(notebook, {made}, mine, other)

    record = mine.grip.record()
    assert rises(record.held), record.held
    assert len(record.held) > 30, "it followed the hand"
    assert record.held[-1] == pytest.approx(0.72, abs=0.005)
    # From there to the kernel's value in one step.
    assert set(record.free) <= {record.held[-1], record.free[-1]}
    watched = other.grip.record().free
    assert watched[-1] == pytest.approx(made / 100, abs=0.005)
    assert rises(watched) or callback != "takes its time", watched


@pytest.mark.scenario("S13")
@pytest.mark.parametrize("callback", CALLBACKS)
@pytest.mark.parametrize("what", MAKERS)
def test_two_hands_at_once_are_not_pulled_back_and_all_agree_in_the_end(
    notebook: Notebook, open_shown: OpenShown, what: str, callback: str
) -> None:
    notebook.run(MAKERS[what] + SLOW.format(then=CALLBACKS[callback]))
    up, down = open_shown(), open_shown()
    for each in (up, down):
        each.grip.grab()
    # A key is a hand's own from its first move on.
    up.grip.move(0.01)
    down.grip.move(1)
    drag((up.grip, 0.01, 0.84), (down.grip, 1, 0.13))
    assert (up.value, down.value) == (84, 13)
    for each in (up, down):
        each.grip.let_go()
    # Either hand may be the last that the kernel hears.
    expect_agreement(notebook, {made_of(callback, 84), made_of(callback, 13)}, up, down)
    rising, falling = up.grip.record().held, down.grip.record().held
    assert rises(rising), rising
    assert falls(falling[falling.index(max(falling)) :]), falling
    assert min(len(rising), len(falling)) > 30, "they followed their hands"


@pytest.mark.scenario("S12")
@pytest.mark.parametrize("callback", CALLBACKS)
@pytest.mark.parametrize("what", [what for what in MAKERS if what != "a slider"])
def test_what_a_module_sets_for_each_frame_is_not_set_back_by_what_it_has_set_before(
    notebook: Notebook, open_shown: OpenShown, what: str, callback: str
) -> None:
    notebook.run(MAKERS[what] + SLOW.format(then=CALLBACKS[callback]))
    mine, other = open_shown(), open_shown()
    # It goes on from where it is: a kernel that clamps would keep it there for ever.
    mine.text.evaluate("(_, end) => play(end)", 33)
    until(lambda: notebook.value("33 in handled"), what="the kernel has handled it")
    expect_agreement(notebook, {made_of(callback, 33)}, mine, other)
    if callback != "rounds":
        places = mine.grip.record().free
        assert rises(places), places
        assert len(places) > 20, "each of them was shown"


def made_of(callback: str, value: int) -> int:
    """What the kernel makes of a value."""
    return {"takes its time": value, "rounds": round(value / 10) * 10, "clamps": min(value, 35)}[callback]


def expect_agreement(notebook: Notebook, values: set[int], *windows: Shown) -> None:
    """Wait until thumbs, texts, document and kernel have one of these values, and the kernel is done."""
    with commdoc.join(url=notebook.link) as script:
        (comm,) = script.find(notebook.value("s.model_id"))

        def state() -> tuple[int, set[int]]:
            texts = {each.value for each in windows}
            return notebook.value("len(handled)"), {*texts, comm["value"], notebook.value("s.value")}

        def rest() -> set[int]:
            before = state()
            windows[0].grip.page.wait_for_timeout(500)
            return before[1] if before == state() and len(before[1]) == 1 and before[1] <= values else set()

        (value,) = until(rest, what=f"all have one of {values}, and stay there")
    for each in windows:
        assert each.grip.record().free[-1] == pytest.approx(value / 100, abs=0.005)
