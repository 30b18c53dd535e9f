"""Hands on drawings of other widget packages: what is done in one of two windows is in the kernel and in the other."""

from __future__ import annotations

import pytest
from playwright.sync_api import FloatRect, Locator, expect

from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.test_third_party import (
    FIGURE,
    GREEN,
    RED,
    WAIT_MS,
    canvas,
    expect_colour,
    expect_figure,
    expect_value,
)
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("D3")]


def test_what_a_mouse_does_on_a_canvas_is_drawn_by_the_kernel_in_both_windows(
    notebook: Notebook, open_page: OpenPage
) -> None:
    early = open_page()
    notebook.run(
        """
from ipycanvas import Canvas
c = Canvas(width=100, height=80)
def stamp(colour):
    def put(x, y):
        c.fill_style = colour
        c.fill_rect(x - 5, y - 5, 10, 10)
    return put
c.on_mouse_down(stamp('red'))
c.on_mouse_up(stamp('green'))
display(c)
        """
    )
    comm_id = notebook.value("c.model_id")
    expect(canvas(early, comm_id)).to_be_visible(timeout=WAIT_MS)
    with notebook.busy():
        late = open_page()
        expect(canvas(late, comm_id)).to_be_visible(timeout=WAIT_MS)
    for page, y in ((early, 20), (late, 60)):
        box = canvas(page, comm_id).bounding_box()
        assert box is not None
        page.page.mouse.move(box["x"] + 20, box["y"] + y)
        page.page.mouse.down()
        page.page.mouse.move(box["x"] + 70, box["y"] + y, steps=4)
        page.page.mouse.up()
        for each in (early, late):
            expect_colour(each, comm_id, 20, y, RED)
            expect_colour(each, comm_id, 70, y, GREEN)
    early.expect_clean()
    late.expect_clean()


def test_a_point_that_is_dragged_in_one_window_moves_in_the_other(
    notebook: Notebook, open_page: OpenPage
) -> None:
    early = open_page()
    notebook.run(
        """
import bqplot as b
sx, sy = b.LinearScale(min=0, max=10), b.LinearScale(min=0, max=10)
points = b.Scatter(x=[2, 5, 8], y=[5, 5, 5], scales={'x': sx, 'y': sy}, enable_move=True)
display(b.Figure(marks=[points], axes=[b.Axis(scale=sx), b.Axis(scale=sy, orientation='vertical')]))
        """
    )
    with notebook.busy():
        late = open_page()
        expect(late.frame.locator(".object_grp path.element")).to_have_count(3, timeout=WAIT_MS)
    for n, page in enumerate((early, late)):
        places = [each.frame.locator(".object_grp path.element").nth(n) for each in (early, late)]
        expect(places[0]).to_be_visible(timeout=WAIT_MS)
        box = places[n].bounding_box()
        assert box is not None
        start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.page.mouse.move(*start)
        page.page.mouse.down()
        page.page.mouse.move(start[0], start[1] - 80, steps=8)
        page.page.mouse.up()
        expect_value(notebook, f"float(points.y[{n}]) > 5.5", True)

        def risen(places: list[Locator] = places, was: FloatRect = box) -> bool:
            middles = [
                round(now["y"] + now["height"] / 2)
                for now in map(Locator.bounding_box, places)
                if now is not None
            ]
            # bqplot leaves out the last of a fast hand's steps.
            return len(middles) == 2 and len(set(middles)) == 1 and middles[0] < was["y"] - 40

        until(risen, timeout=20, what="it is far above where it was, in both")
    early.expect_clean()
    late.expect_clean()


def test_a_marker_that_is_dragged_in_one_window_moves_in_the_other(
    notebook: Notebook, open_page: OpenPage
) -> None:
    early = open_page()
    notebook.run(
        """
import ipyleaflet as l
marker = l.Marker(location=(52.0, 10.0), draggable=True)
map = l.Map(center=(52.0, 10.0), zoom=8, layers=[marker])
display(map)
        """
    )
    with notebook.busy():
        late = open_page()
        expect(late.frame.locator("img.leaflet-marker-icon")).to_be_visible(timeout=WAIT_MS)
    icons = [page.frame.locator("img.leaflet-marker-icon") for page in (early, late)]
    for page, icon, (x, y) in ((early, icons[0], (60, 0)), (late, icons[1], (-30, 40))):
        before, places = notebook.value("marker.location"), [each.bounding_box() for each in icons]
        box = icon.bounding_box()
        assert box is not None
        start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.page.mouse.move(*start)
        page.page.mouse.down()
        page.page.mouse.move(start[0] + x, start[1] + y, steps=8)
        page.page.mouse.up()
        expect_value(notebook, f"list(marker.location) == list({before!r})", False)

        def moved(places: list[FloatRect | None] = places, x: int = x, y: int = y) -> bool:
            now = [each.bounding_box() for each in icons]
            ways = [
                (round(one["x"] - two["x"]), round(one["y"] - two["y"]))
                for one, two in zip(now, places, strict=True)
                if one is not None and two is not None
            ]
            return len(set(ways)) == 1 and abs(ways[0][0] - x) <= 2 and abs(ways[0][1] - y) <= 2

        until(moved, timeout=20, what="it is as far from where it was in both")
    for each in (early, late):
        each.expect_clean()


def test_a_figure_that_is_panned_in_one_window_is_panned_in_the_other(
    notebook: Notebook, open_page: OpenPage
) -> None:
    early = open_page()
    notebook.run(FIGURE)
    with notebook.busy():
        late = open_page()
        expect(late.frame.locator(".jupyter-matplotlib")).to_be_visible(timeout=WAIT_MS)
    expect_figure(notebook, early, late)
    limits = "[float(round(n, 6)) for n in (*axes.get_xlim(), *axes.get_ylim())]"
    early.frame.locator(".jupyter-matplotlib").hover()  # its buttons are there then
    early.frame.locator(".jupyter-matplotlib button[title*='pans' i]").click()
    expect_value(notebook, "str(figure.canvas.toolbar.mode)", "pan/zoom")
    for page, way in ((early, 60), (late, -90)):
        before = notebook.value(limits)
        canvas = page.frame.locator(".jupyter-matplotlib canvas").nth(1)
        box = canvas.bounding_box()
        assert box is not None
        start = box["x"] + 150, box["y"] + 120
        page.page.mouse.move(*start)
        page.page.mouse.down()
        page.page.mouse.move(start[0] + way, start[1], steps=6)
        page.page.mouse.up()
        expect_value(notebook, f"{limits} == {before!r}", False)
        after = notebook.value(limits)
        assert (after[0] < before[0]) == (way > 0)
        expect_figure(notebook, early, late)
    for page in (early, late):
        page.expect_clean()
