"""Widget packages of others, loaded from where they are installed: in two windows, one of them late."""

from __future__ import annotations

import hashlib
import io
from base64 import b64decode

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("D3")]

WAIT_MS = 20_000
"""Half a megabyte of JavaScript is compiled and drawn by a processor, with no graphics card."""


COPY = """{
  // A copy, so that the widget's own canvas is not what is read again and again: browsers warn of that.
  const data = (canvas, ...box) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    return copy.getImageData(...box).data;
  };"""


def pixels(canvas: Locator) -> str:
    """All pixels of a canvas, as a picture in text."""
    return str(canvas.evaluate("canvas => canvas.toDataURL()"))


def colour(canvas: Locator, x: int, y: int) -> list[int]:
    """One pixel of a canvas: red, green, blue, alpha."""
    return list(
        canvas.evaluate(f"(canvas, [x, y]) => {COPY} return [...data(canvas, x, y, 1, 1)]; }}", [x, y])
    )


def expect_value(notebook: Notebook, expression: str, wanted: object) -> None:
    """Wait until the kernel has a value."""
    until(lambda: notebook.value(expression) == wanted, what=f"{expression} is {wanted} in the kernel")


def picture(view: Locator) -> bytes:
    """What a person sees of a view."""
    return view.screenshot(animations="disabled")


# --- ipycanvas -------------------------------------------------------------------------------------------------------

RED, GREEN, BLUE = [255, 0, 0, 255], [0, 128, 0, 255], [0, 0, 255, 255]
NOTHING = [0, 0, 0, 0]

DRAWING = """
import numpy
from ipycanvas import Canvas, MultiCanvas, hold_canvas

def draw(canvas):
    with hold_canvas(canvas):
        canvas.fill_style = 'red'
        canvas.fill_rect(10, 10, 40, 40)
        canvas.stroke_lines([(5, 5), (95, 60), (50, 75)])
        canvas.fill_style = 'rgba(0, 0, 0, 0.5)'
        canvas.fill_circles(numpy.linspace(55, 95, 5), numpy.full(5, 20.0), 4)
        canvas.font = '12px sans-serif'
        canvas.fill_text('Ünïcode 你好', 5, 70)
    canvas.fill_style = 'green'
    canvas.fill_rect(60, 40, 20, 20)
    canvas.put_image_data(numpy.full((8, 8, 4), [0, 0, 255, 255]), 85, 65)
"""


def canvas(page: RoomPage, comm_id: str) -> Locator:
    return page.frame.locator(f'canvas[data-comm-id="{comm_id}"]').first


def expect_colour(page: RoomPage, comm_id: str, x: int, y: int, wanted: list[int]) -> None:
    it = canvas(page, comm_id)
    until(lambda: colour(it, x, y) == wanted, timeout=20, what=f"{wanted} at {x}, {y}")


def expect_drawing(page: RoomPage, comm_id: str) -> None:
    it = canvas(page, comm_id)
    expect_colour(page, comm_id, 88, 68, BLUE)
    assert (colour(it, 15, 15), colour(it, 70, 50), colour(it, 2, 78)) == (RED, GREEN, NOTHING)


def test_canvases_have_the_same_pixels_in_two_windows(notebook: Notebook, open_page: OpenPage) -> None:
    pages = [open_page(), open_page()]
    notebook.run(DRAWING + "\nc = Canvas(width=100, height=80); display(c)")
    comm_id = notebook.value("c.model_id")
    for page in pages:
        expect(canvas(page, comm_id)).to_be_visible(timeout=WAIT_MS)
    notebook.run("draw(c)")
    for page in pages:
        expect_drawing(page, comm_id)
    assert pixels(canvas(pages[0], comm_id)) == pixels(canvas(pages[1], comm_id))
    notebook.run(
        "with hold_canvas(c):\n"
        "    for n in range(300): c.fill_style = f'rgb({n % 256}, 0, 0)'; c.fill_rect(n % 100, n // 100, 1, 1)\n"
        "c.fill_style = 'blue'; c.fill_rect(98, 78, 2, 2)"
    )
    for page in pages:
        expect_colour(page, comm_id, 99, 79, BLUE)
        assert colour(canvas(page, comm_id), 55, 2) == [255, 0, 0, 255]
    assert pixels(canvas(pages[0], comm_id)) == pixels(canvas(pages[1], comm_id))
    pages[0].expect_clean()
    pages[1].expect_clean()


def test_a_multi_canvas_is_drawn_from_its_layers(notebook: Notebook, open_page: OpenPage) -> None:
    pages = [open_page(), open_page()]
    notebook.run(DRAWING + "\nm = MultiCanvas(2, width=100, height=80); display(m)")
    comm_id = notebook.value("m.model_id")
    for page in pages:
        expect(canvas(page, comm_id)).to_be_visible(timeout=WAIT_MS)
    notebook.run(
        "m[0].fill_style = 'red'; m[0].fill_rect(0, 0, 100, 80)\n"
        "m[1].fill_style = 'green'; m[1].fill_rect(50, 0, 50, 80)\n"
        "with hold_canvas(m): m[1].clear_rect(50, 0, 10, 80); m[0].fill_style = 'blue'; m[0].fill_rect(90, 70, 10, 10)"
    )
    for page in pages:
        # Red is what the lower layer has alone, too: the upper one is there when what it covers is green.
        expect_colour(page, comm_id, 70, 5, GREEN)
        expect_colour(page, comm_id, 55, 5, RED)
        it = canvas(page, comm_id)
        assert (colour(it, 5, 5), colour(it, 95, 75)) == (RED, GREEN)
    assert pixels(canvas(pages[0], comm_id)) == pixels(canvas(pages[1], comm_id))
    notebook.run("m[1].clear()")
    for page in pages:
        expect_colour(page, comm_id, 95, 75, BLUE)


def late_over(layer: str) -> str:
    """Return the code that says a pixel of a canvas' image as the kernel has it."""
    return f"{layer}.image_data is not None and [int(n) for n in {layer}.get_image_data()[68, 88]]"


@pytest.mark.parametrize("kind", ["Canvas(", "MultiCanvas(1, "])
def test_a_canvas_that_syncs_its_image_is_in_a_late_window_while_the_kernel_is_busy(
    notebook: Notebook, open_page: OpenPage, kind: str
) -> None:
    early = open_page()
    notebook.run(DRAWING + f"\nc = {kind}width=100, height=80, sync_image_data=True); display(c)")
    layer = "c" if kind == "Canvas(" else "c[0]"
    notebook.run(f"{layer}.sync_image_data = True")
    comm_id = notebook.value("c.model_id")
    expect(canvas(early, comm_id)).to_be_visible(timeout=WAIT_MS)
    notebook.run(f"draw({layer})")
    expect_drawing(early, comm_id)
    until(lambda: notebook.value(late_over(layer)) == BLUE, what="the kernel has the image")
    with notebook.busy():
        late = open_page()
        expect_drawing(late, comm_id)
    assert pixels(canvas(late, comm_id)) == pixels(canvas(early, comm_id))
    # From here on both get what is drawn.
    notebook.run(f"{layer}.fill_style = 'green'; {layer}.fill_rect(0, 0, 100, 80)")
    for page in (early, late):
        expect_colour(page, comm_id, 2, 78, GREEN)
        page.expect_clean()


def test_a_canvas_that_does_not_is_empty_in_a_late_window_until_it_is_drawn_again(
    notebook: Notebook, open_page: OpenPage
) -> None:
    early = open_page()
    notebook.run(DRAWING + "\nc = Canvas(width=100, height=80); display(c); draw(c)")
    comm_id = notebook.value("c.model_id")
    expect(canvas(early, comm_id)).to_be_visible(timeout=WAIT_MS)
    late = open_page()
    expect(canvas(late, comm_id)).to_be_visible(timeout=WAIT_MS)
    assert colour(canvas(late, comm_id), 15, 15) == NOTHING, "a late window gets none of the past"
    notebook.run("c.on_client_ready(lambda: draw(c)); draw(c)")
    for page in (late, open_page()):
        expect_drawing(page, comm_id)
        page.expect_clean()


def test_a_late_window_follows_one_of_several_canvases_from_the_next_change_on(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(DRAWING + "\na, b = [Canvas(width=100, height=80) for _ in 'ab']; display(a, b); draw(a)")
    late = open_page()
    comm_ids = notebook.value("[a.model_id, b.model_id]")
    for comm_id in comm_ids:
        expect(canvas(late, comm_id)).to_be_visible(timeout=WAIT_MS)
    notebook.run("draw(a); draw(b)")
    expect_drawing(late, comm_ids[1])
    assert colour(canvas(late, comm_ids[0]), 15, 15) == NOTHING, "nobody told it for which canvas that was"
    notebook.run("draw(a)")
    expect_drawing(late, comm_ids[0])
    late.expect_clean()


# --- the others ------------------------------------------------------------------------------------------------------


def test_bqplot(notebook: Notebook, open_page: OpenPage) -> None:
    early = open_page()
    notebook.run(
        """
import bqplot as b
sx, sy = b.OrdinalScale(), b.LinearScale()
bars = b.Bars(x=list('abcd'), y=[1, 2, 3, 4], scales={'x': sx, 'y': sy}, interactions={'click': 'select'})
display(b.Figure(marks=[bars], axes=[b.Axis(scale=sx), b.Axis(scale=sy, orientation='vertical')], title='squares'))
        """
    )
    with notebook.busy():
        late = open_page()
        expect(late.frame.locator("rect.bar")).to_have_count(4, timeout=WAIT_MS)
    for n, page in enumerate((early, late)):
        expect(page.frame.locator("rect.bar")).to_have_count(4, timeout=WAIT_MS)
        page.frame.locator("rect.bar").nth(n + 1).click()
        expect_value(notebook, "bars.selected is not None and [int(n) for n in bars.selected]", [n + 1])
    notebook.run("bars.y = [4, 3, 2, 1]; bars.selected = None")
    for page in (early, late):
        expect_falling_bars(page)
        page.expect_clean()


def expect_falling_bars(page: RoomPage) -> None:
    heights = "bars => bars.map(bar => Math.round(bar.getAttribute('height')))"

    def falling() -> bool:
        found = page.frame.locator("rect.bar").evaluate_all(heights)
        return len(found) == 4 and sorted(set(found), reverse=True) == found

    until(falling, what="the bars are redrawn")


def test_ipyleaflet(notebook: Notebook, open_page: OpenPage) -> None:
    early = open_page()
    notebook.run(
        """
import ipyleaflet as l
marker, circle = l.Marker(location=(52.0, 10.0)), l.Circle(location=(52, 10), radius=9000)
map = l.Map(center=(52.0, 10.0), zoom=8, layers=[marker, circle])
display(map)
        """
    )
    with notebook.busy():
        late = open_page()
        marker = late.frame.locator("img.leaflet-marker-icon")
        expect(marker).to_be_visible(timeout=WAIT_MS)
        until(lambda: marker.evaluate("img => img.naturalWidth") > 0, what="its image came")
    for n, page in enumerate((early, late)):
        expect(page.frame.locator("path.leaflet-interactive")).to_be_visible(timeout=WAIT_MS)
        page.frame.locator("a.leaflet-control-zoom-in").click()
        expect_value(notebook, "map.zoom", 9 + n)
    circle = "path.leaflet-interactive"

    def circles() -> list[str | None]:
        return [page.frame.locator(circle).get_attribute("d") for page in (early, late)]

    # A map that is moving to one zoom takes no other.
    until(lambda: len(set(circles())) == 1, what="both have come to rest")
    before = circles()
    notebook.run("map.zoom = 6")
    until(lambda: len(set(circles())) == 1 and circles()[0] not in before, what="both show it smaller")
    assert notebook.value("map.zoom") == 6
    early.expect_clean()
    late.expect_clean()


FIGURE = """
import matplotlib; matplotlib.use('module://ipympl.backend_nbagg')
import matplotlib.pyplot as plt, hashlib
with plt.ioff():
    figure, axes = plt.subplots(figsize=(4, 3))
line, = axes.plot([1, 2, 3])
presses = []
figure.canvas.mpl_connect('button_press_event', lambda event: presses.append(round(float(event.xdata), 1)))
display(figure.canvas)
"""


def expect_figure(notebook: Notebook, *pages: RoomPage) -> None:
    """Wait until windows show, pixel for pixel, what the kernel has drawn last."""

    def shown() -> set[str]:
        return {digest(page.frame.locator(".jupyter-matplotlib canvas").first) for page in pages}

    drawn = "hashlib.sha256(figure.canvas.buffer_rgba()).hexdigest()"
    until(lambda: shown() == {notebook.value(drawn)}, timeout=20, what="all show the kernel's figure")


def digest(canvas: Locator) -> str:
    """A canvas' pixels in short; nothing as long as it has no size."""
    if not canvas.evaluate("canvas => canvas.width * canvas.height"):
        return ""
    with Image.open(io.BytesIO(b64decode(pixels(canvas).partition(",")[2]))) as image:
        return hashlib.sha256(image.convert("RGBA").tobytes()).hexdigest()


def test_ipympl(notebook: Notebook, open_page: OpenPage) -> None:
    early = open_page()
    notebook.run(FIGURE)
    late = open_page()
    for n, page in enumerate((early, late)):
        it = page.frame.locator(".jupyter-matplotlib")
        expect(it).to_be_visible(timeout=WAIT_MS)
        expect_painted(it.locator("canvas >> nth=0"))
        box = it.locator("canvas").nth(1)
        box.click(position={"x": 200, "y": 150})
        expect_value(notebook, "len(presses)", n + 1)
    assert len(set(notebook.value("presses"))) == 1
    before = pixels(late.frame.locator(".jupyter-matplotlib canvas >> nth=0"))
    notebook.run("line.set_ydata([3, 1, 2]); figure.canvas.draw_idle()")

    def drawn() -> list[str]:
        return [pixels(page.frame.locator(".jupyter-matplotlib canvas >> nth=0")) for page in (early, late)]

    until(lambda: len(set(drawn())) == 1 and before not in drawn(), timeout=20, what="both show the new line")
    expect_figure(notebook, early, late)
    early.expect_clean()
    late.expect_clean()


def test_a_figure_that_is_drawn_faster_than_a_window_takes_pictures(
    notebook: Notebook, open_page: OpenPage
) -> None:
    pages = [open_page(), open_page()]
    notebook.run(FIGURE)
    for page in pages:
        expect(page.frame.locator(".jupyter-matplotlib")).to_be_visible(timeout=WAIT_MS)
    expect_figure(notebook, *pages)
    # Each picture says only what differs from the one before.
    notebook.run("line.set_ydata([3, 1, 2]); figure.canvas.draw(); figure.canvas.blit()")
    expect_figure(notebook, *pages)
    # One with holes is whole again, and what shone through it is gone.
    notebook.run(
        "figure.patch.set_alpha(0.5); figure.canvas.draw()\n"
        "line.set_visible(False); figure.canvas.draw()\n"
        "figure.patch.set_alpha(1); line.set_visible(True); figure.canvas.draw(); figure.canvas.blit()"
    )
    expect_figure(notebook, *pages, open_page())
    for page in pages:
        page.expect_clean()


def expect_painted(it: Locator) -> None:
    count = """
      if (!canvas.width || !canvas.height) return 0;
      const all = data(canvas, 0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let n = 0; n < all.length; n += 4) count += all[n + 3] > 0 && all[n] < 250;
      return count;
    }"""
    until(lambda: it.evaluate(f"canvas => {COPY} {count}") > 100, timeout=20, what="something is painted")


def test_pythreejs(notebook: Notebook, open_page: OpenPage) -> None:
    early = open_page()
    notebook.run(
        """
import pythreejs as p
material = p.MeshBasicMaterial(color='#ff0000')
camera = p.PerspectiveCamera(position=[0, 0, 5], aspect=200 / 150)
scene = p.Scene(children=[p.Mesh(p.BoxGeometry(2, 1, 1), material), camera], background='#ffffff')
turn = p.OrbitControls(controlling=camera)
renderer = p.Renderer(camera=camera, scene=scene, controls=[turn], width=200, height=150)
display(renderer)
        """
    )
    with notebook.busy():
        late = open_page()
        view = late.frame.locator(".jupyter-threejs canvas")
        until(lambda: reddish(picture(view)) > 500, timeout=30, what="a red box is drawn")
    for page in (early, late):
        it = page.frame.locator(".jupyter-threejs canvas")
        before = notebook.value("camera.position")
        box = it.bounding_box()
        assert box is not None
        page.page.mouse.move(box["x"] + 100, box["y"] + 75)
        page.page.mouse.down()
        page.page.mouse.move(box["x"] + 140, box["y"] + 75, steps=8)
        page.page.mouse.up()
        expect_value(notebook, f"camera.position == {before!r}", False)
    notebook.run("material.color = '#0000ff'")
    views = [page.frame.locator(".jupyter-threejs canvas") for page in (early, late)]
    until(
        lambda: all(reddish(picture(view)) == 0 for view in views), timeout=30, what="the box is blue in both"
    )
    until(lambda: len({picture(view) for view in views}) == 1, timeout=30, what="both see it from one side")
    # The driver of a machine without a graphics card says that it is slow.
    assert [line for page in (early, late) for line in page.console if "GL Driver Message" not in line] == []
    assert early.foreign + late.foreign == []


def reddish(png: bytes) -> int:
    """How many pixels of a picture are red."""
    with Image.open(io.BytesIO(png)) as image:
        data = image.convert("RGB").tobytes()
    return sum(data[n] > 200 and data[n + 1] < 60 and data[n + 2] < 60 for n in range(0, len(data), 3))
