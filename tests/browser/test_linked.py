"""Widgets that are linked in the pages, while somebody drags one of them and others follow."""

from __future__ import annotations

import itertools

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.scenario("S14"), pytest.mark.timeout(120)]

LINKED = """
import ipywidgets as w
s = w.IntSlider(description='s', max=100)
{others}
told = {{}}
def note(widget, name, key):
    take = told.setdefault(name, [])
    handle = widget.set_state
    widget.set_state = lambda state: (take.append(state[key]) if key in state else None, handle(state))
note(s, 's', 'value')
for name, widget, key in others:
    note(widget, name, key)
display(w.VBox([s, *[widget for _, widget, _ in others]]))
def values():
    return [s.value, *[getattr(widget, key) for _, widget, key in others]]
"""

OTHERS = {
    "slider": """
o = w.IntSlider(description='o', max=100); others = [('o', o, 'value')]
link = w.jslink((s, 'value'), (o, 'value'))
""",
    "float slider": """
o = w.FloatSlider(description='o', max=100, readout_format='d'); others = [('o', o, 'value')]
link = w.jslink((s, 'value'), (o, 'value'))
""",
    "dropdown": """
o = w.Dropdown(options=list(range(101)), index=0); others = [('o', o, 'index')]
link = w.jslink((s, 'value'), (o, 'index'))
""",
    "chain": """
o, p, q = (w.IntSlider(description=n, max=100) for n in 'opq')
others = [('o', o, 'value'), ('p', p, 'value'), ('q', q, 'value')]
links = [w.jslink((one, 'value'), (two, 'value')) for one, two in ((s, o), (o, p), (q, p))]
""",
    "circle": """
o, p = (w.IntSlider(description=n, max=100) for n in 'op')
others = [('o', o, 'value'), ('p', p, 'value')]
links = [w.jslink((one, 'value'), (two, 'value')) for one, two in ((s, o), (o, p), (p, s))]
""",
}


@pytest.mark.parametrize("what", OTHERS)
def test_linked_values_only_rise_while_one_of_them_is_dragged_up(
    notebook: Notebook, open_page: OpenPage, what: str
) -> None:
    notebook.run(LINKED.format(others=OTHERS[what]))
    hand, *watching = pages = [open_page() for _ in range(3)]
    for page in pages:
        page.expect_readout("s", "0")
    end = 0
    for share in (0.5, 0.9):
        drag_slowly(hand, "s", share)
        end = int(hand.readout("s"))
        expect_agreement(notebook, pages, end)
    # Where they are when all is over is where they stay.
    hand.page.wait_for_timeout(2500)
    expect_agreement(notebook, pages, end)
    told = notebook.value("told")
    for name, values in told.items():
        assert all(one <= two for one, two in itertools.pairwise(values)), f"{name}: {values}"
        assert len(values) > 5
    assert set(notebook.value("values()")) == {end}
    for page in watching:
        page.expect_clean()


def drag_slowly(page: RoomPage, description: str, to: float) -> None:
    """Drag a slider at the pace of a screen."""
    left, right, y = page.grab(description)
    start = left + (right - left) * int(page.readout(description)) / 100
    for n in range(90):
        page.page.mouse.move(start + (n + 1) / 90 * (left + to * (right - left) - start), y)
        page.page.wait_for_timeout(16)
    page.page.mouse.up()


def expect_agreement(notebook: Notebook, pages: list[RoomPage], value: int) -> None:
    def agree() -> bool:
        return set(notebook.value("values()")) == {value} and all(
            shown(page) == {str(value)} for page in pages
        )

    until(agree, timeout=20, what=f"all are {value} in the kernel and in every page")


def shown(page: RoomPage) -> set[str]:
    """What the sliders, and the list if there is one, show."""
    readouts = page.frame.locator(".widget-readout").all_inner_texts()
    chosen = page.frame.locator("select").evaluate_all("all => all.map((it) => String(it.selectedIndex))")
    return {*readouts, *chosen}
