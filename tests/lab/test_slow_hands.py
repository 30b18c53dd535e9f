"""Dragging in JupyterLab with commdoc while the kernel's callback takes 50 ms (S12, S13)."""

from __future__ import annotations

import pytest

from tests.browser.hands import Grip, drag, falls, rises
from tests.browser.lab import LabServer
from tests.browser.test_slow_hands import CALLBACKS, CORE, SLOW, made_of
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("D4")]


def windows(server: LabServer, open_window: OpenWindow, callback: str) -> list[LabWindow]:
    """Open two windows with the slider, one of them late."""
    name = f"slow-hands-{callback.replace(' ', '-')}.ipynb"
    notebook = server.add(name, [CORE + SLOW.format(then=CALLBACKS[callback])])
    first = open_window(notebook)
    first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.expect_value("s", 0)
    first.save()
    late = open_window(notebook)
    late.expect_value("s", 0)
    return [first, late]


def grip_of(window: LabWindow) -> Grip:
    return Grip(window.page, window.widget("s").locator(".noUi-base"), thumb=".noUi-handle")


def shown(window: LabWindow) -> int:
    return int(window.widget("s").locator(".widget-readout").inner_text())


@pytest.mark.scenario("S12", "S13")
@pytest.mark.parametrize("callback", CALLBACKS)
def test_no_hand_is_pulled_back_and_all_agree_in_the_end(
    server: LabServer, open_window: OpenWindow, callback: str
) -> None:
    first, late = windows(server, open_window, callback)
    up, down = grip_of(first), grip_of(late)
    up.grab()
    drag((up, 0, 0.72))
    made = made_of(callback, 72)
    until(lambda: first.value("[s.value, 72 in handled]") == [made, True], what="the kernel has handled it")
    late.expect_value("s", made)
    assert shown(first) == 72
    down.grab()
    down.move(0.9)
    drag((up, 0.72, 0.84), (down, 0.9, 0.13))
    assert (shown(first), shown(late)) == (84, 13)
    for grip in (up, down):
        grip.let_go()
    # Either hand may be the last that the kernel hears.
    ends = {made_of(callback, 84), made_of(callback, 13)}

    def state() -> tuple[int, set[int]]:
        return first.value("len(handled)"), {first.value("s.value"), shown(first), shown(late)}

    def rest() -> bool:
        before = state()
        first.page.wait_for_timeout(500)
        return before == state() and len(before[1]) == 1 and before[1] <= ends

    until(rest, what=f"all have one of {ends}, and stay there")
    rising, falling = up.record().held, down.record().held
    assert rises(rising), rising
    assert falls(falling[falling.index(max(falling)) :]), falling
    assert min(len(rising), len(falling)) > 30, "they followed their hands"
