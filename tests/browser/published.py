"""Ten published anywidgets: what a kernel does with each, how it looks when it is drawn, and what a person does in it.

Those whose module loads all that it needs from its own package; of these the ones that are downloaded most, are of
different making (SVG, canvas, WebGL, shadow roots, Arrow and image buffers) and have a release of the last two years.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from PIL import Image
from playwright.sync_api import Locator, expect

from tests.browser.room_page import RoomPage
from tests.conftest import until

WAIT_MS: Final = 20_000
"""Megabytes of JavaScript are compiled and drawn by a processor, with no graphics card."""


@dataclass(frozen=True)
class Published:
    """One of them.

    Attributes
    ----------
    distribution : str
        On PyPI.
    make : str
        Displays it; it is ``w`` then.
    drawn : callable
        Waits until a view is drawn.
    act : callable
        What a person does in the view.
    heard : str
        True in the kernel when it has heard that.
    change : str
        What the kernel changes then.
    seen : callable
        Waits until a view shows that.
    says : str
        What its own code or the graphics driver says on the console: a regular expression.
    everywhere : bool
        Whether other windows than the one that was acted in show the change, too.
    """

    distribution: str
    make: str
    drawn: Callable[[Locator], None]
    act: Callable[[RoomPage, Locator], None]
    heard: str
    change: str
    seen: Callable[[Locator], None]
    says: str = r"(?!)"
    everywhere: bool = True


def has_text(text: str) -> Callable[[Locator], None]:
    """Wait for a text."""
    return lambda view: expect(view).to_contain_text(text, timeout=WAIT_MS)


def both(*waits: Callable[[Locator], None]) -> Callable[[Locator], None]:
    """Wait for one after the other."""

    def wait(view: Locator) -> None:
        for each in waits:
            each(view)

    return wait


def has(selector: str, count: int) -> Callable[[Locator], None]:
    """Wait until there are so many."""
    return lambda view: expect(view.locator(selector)).to_have_count(count, timeout=WAIT_MS)


def box(it: Locator) -> tuple[float, float, float, float]:
    """Return left, top, width and height of an element, which is in sight then."""
    it.scroll_into_view_if_needed()
    found = it.bounding_box()
    assert found is not None
    return found["x"], found["y"], found["width"], found["height"]


def click(page: RoomPage, it: Locator, x: float = 0.5, y: float = 0.5) -> None:
    """Click at a share of an element's width and height, whatever lies above it."""
    left, top, width, height = box(it)
    page.page.mouse.move(left + x * width - 3, top + y * height, steps=4)
    page.page.mouse.move(left + x * width, top + y * height)
    page.page.mouse.down()
    page.page.mouse.up()


def drag(page: RoomPage, it: Locator, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from one share of an element's width and height to another."""
    left, top, width, height = box(it)
    page.page.mouse.move(left + begin[0] * width, top + begin[1] * height)
    page.page.mouse.down()
    page.page.mouse.move(left + end[0] * width, top + end[1] * height, steps=8)
    page.page.mouse.up()


def colours(it: Locator) -> dict[tuple[int, ...], int]:
    """Return which colours are to be seen, and how often."""
    image = Image.open(io.BytesIO(it.screenshot(animations="disabled"))).convert("RGB")
    found = cast("list[tuple[int, tuple[int, ...]]]", image.getcolors(image.width * image.height))
    return {colour: count for count, colour in found}


def expect_picture(it: Locator, colour: tuple[int, int, int], *, share: float = 0.02) -> None:
    """Wait until a part of an element has a colour."""

    def shown() -> bool:
        found = colours(it)
        return found.get(colour, 0) > share * sum(found.values())

    until(shown, timeout=WAIT_MS / 1000, what=f"{colour} is to be seen")


def hover_and_click(page: RoomPage, view: Locator) -> None:
    """Click on the second bar when it says what it is."""
    left, top, width, height = box(view.locator(".barlayer .point").nth(1))
    page.page.mouse.move(left + width / 2, top + height / 2, steps=4)
    expect(view.locator(".hoverlayer text").first).to_contain_text("b", timeout=WAIT_MS)
    page.page.mouse.down()
    page.page.mouse.up()


def pick_two(_: RoomPage, view: Locator) -> None:
    """Choose from a menu."""
    view.locator("select").select_option("two")


def draw_twice(page: RoomPage, view: Locator) -> None:
    """Draw two lines; of the first the widget itself takes no notice, since it has changed the model's own list."""
    drag(page, view.locator("svg.dd-scatter-svg"), (0.3, 0.3), (0.6, 0.6))
    drag(page, view.locator("svg.dd-scatter-svg"), (0.3, 0.6), (0.6, 0.3))


PLOTLY: Final = Published(
    "plotly",
    """
import plotly.graph_objects as go
clicked = []
w = go.FigureWidget(data=[go.Bar(x=["a", "b", "c"], y=[3, 1, 2])])
w.data[0].on_click(lambda trace, points, state: clicked.append(list(points.point_inds)))
""",
    drawn=has(".barlayer .point", 3),
    act=hover_and_click,
    heard="clicked == [[1]]",
    change="w.layout.title.text = 'heard'; w.add_bar(x=['a'], y=[2])",
    seen=both(has_text("heard"), has(".barlayer .point", 4)),
)

ALTAIR: Final = Published(
    "altair",
    """
import altair as alt
alt.JupyterChart.enable_offline()
size = alt.param(name="size", value=50, bind=alt.binding_range(min=10, max=200, name="size"))
values = alt.Data(values=[{"x": i, "y": i * i % 7} for i in range(10)])
w = alt.JupyterChart(alt.Chart(values).mark_point(size=size).encode(x="x:Q", y="y:Q").add_params(size))
""",
    drawn=has(".mark-symbol path", 10),
    act=lambda _, view: view.locator("input[type=range]").fill("150"),
    heard="w.params.size == 150",
    change="w.params.size = 20",
    seen=lambda view: expect(view.locator("input[type=range]")).to_have_value("20", timeout=WAIT_MS),
)

ITABLES: Final = Published(
    "itables",
    """
import pandas as pd
from itables.widget import ITable
w = ITable(pd.DataFrame({"name": ["Ann", "Bob", "Cid"], "age": [31, 42, 53]}), select=True)
""",
    drawn=has("tbody tr", 3),
    act=lambda _, view: view.locator("tbody tr", has_text="Bob").click(),
    heard="w.selected_rows == [1]",
    change="w.selected_rows = [2]; w.caption = 'heard'",
    seen=both(
        has_text("heard"),
        lambda view: expect(view.locator("tr.selected")).to_contain_text("Cid", timeout=WAIT_MS),
    ),
)

JUPYTER_RFB: Final = Published(
    "jupyter-rfb",
    """
import jupyter_rfb, numpy
class Frames(jupyter_rfb.RemoteFrameBuffer):
    colour, events = (200, 0, 0), []
    def get_frame(self):
        return numpy.full((40, 60, 3), self.colour, numpy.uint8)
    def handle_event(self, event):
        self.events.append(event["event_type"])
w = Frames(css_width="120px", css_height="80px")
""",
    drawn=lambda view: expect_picture(view, (200, 0, 0)),
    act=lambda page, view: click(page, view.locator("img, canvas").first),
    heard="'pointer_down' in w.events and 'pointer_up' in w.events",
    change="w.colour = (0, 120, 0); w.request_draw()",
    seen=lambda view: expect_picture(view, (0, 120, 0)),
)

JUPYTER_SCATTER: Final = Published(
    "jupyter-scatter",
    """
import jscatter, numpy
x, y = numpy.array([0.1, 0.5, 0.9]), numpy.array([0.1, 0.9, 0.4])
scatter = jscatter.Scatter(x=x, y=y, width=300, height=200)
w = scatter.widget
""",
    drawn=both(
        lambda view: expect(view.locator("canvas").first).to_be_visible(timeout=WAIT_MS), has_text("0.9")
    ),
    act=lambda _, view: view.get_by_title("Activate lasso selection").click(),
    heard="w.mouse_mode == 'lasso'",
    change="scatter.axes(labels=['across', 'upwards'])",
    seen=has_text("across"),
    says="GL Driver Message .*GPU stall due to ReadPixels",
)

QUAK: Final = Published(
    "quak",
    """
import pandas as pd, quak
w = quak.Widget(pd.DataFrame({"name": ["Ann", "Bob", "Cid"], "age": [31, 42, 53]}))
""",
    drawn=both(has_text("Ann"), has_text("3 rows")),
    act=lambda page, view: drag(page, view.locator("thead svg").last, (0.02, 0.5), (0.3, 0.5)),
    heard="'BETWEEN' in w.sql.upper()",
    change="pass",
    # It asks the kernel's database; what a window filters is its own. An answer fails in those that didn't ask.
    seen=has_text("1 of 3 rows"),
    everywhere=False,
    says="a message failed: no open query",
)

MOSAIC: Final = Published(
    "mosaic-widget",
    """
import mosaic_widget, pandas as pd
def spec(label):
    plot = {"plot": [{"mark": "dot", "data": {"from": "t"}, "x": "a", "y": "b"}], "xLabel": label}
    menu = {"input": "menu", "label": "pick", "as": "$pick", "options": ["one", "two"]}
    return {"params": {"pick": "one"}, "vconcat": [menu, {**plot, "width": 300, "height": 200}]}
w = mosaic_widget.MosaicWidget(spec("before"), data={"t": pd.DataFrame({"a": [1, 2, 3], "b": [3, 1, 2]})})
""",
    drawn=has("svg circle", 3),
    act=pick_two,
    heard="w.params['pick']['value'] == 'two'",
    change="w.spec = spec('heard')",
    seen=has_text("heard"),
    # As with quak, an answer fails in the windows that didn't ask.
    says="a message failed: Cannot read properties of undefined",
)

DRAWDATA: Final = Published(
    "drawdata",
    "import drawdata\nw = drawdata.ScatterWidget()\n",
    drawn=lambda view: expect(view.locator("svg.dd-scatter-svg")).to_be_visible(timeout=WAIT_MS),
    act=draw_twice,
    heard="len(w.data) > 5 and {'x', 'y', 'color'} <= set(w.data[0])",
    change="w.data = w.data[:2]",
    seen=has("circle.drawn", 2),
    says='<svg> attribute height: Expected length, "auto"',
)

WIGGLYSTUFF: Final = Published(
    "wigglystuff",
    "import wigglystuff\nw = wigglystuff.Slider2D(width=200, height=200)\n",
    drawn=has_text("X: 0.00, Y: 0.00"),
    act=lambda page, view: click(page, view.locator("canvas"), 0.75, 0.25),
    heard="w.x > 0.4 and w.y > 0.4",
    change="w.x, w.y = -0.5, 0.25",
    seen=has_text("X: -0.50, Y: 0.25"),
)

IPYNIIVUE: Final = Published(
    "ipyniivue",
    """
import ipyniivue, pathlib, struct, tempfile
head = bytearray(352)
struct.pack_into("<i", head, 0, 348)
struct.pack_into("<8h", head, 40, 3, 8, 8, 8, 1, 1, 1, 1)
struct.pack_into("<2h", head, 70, 2, 8)
struct.pack_into("<8f", head, 76, *[1.0] * 8)
struct.pack_into("<2f", head, 108, 352.0, 1.0)
struct.pack_into("<h", head, 254, 1)
struct.pack_into("<12f", head, 280, 1, 0, 0, -4, 0, 1, 0, -4, 0, 0, 1, -4)
head[344:348] = b"n+1\\0"
brain = pathlib.Path(tempfile.mkdtemp(), "brain.nii")
brain.write_bytes(bytes(head) + bytes(n % 251 for n in range(512)))
w = ipyniivue.NiiVue()
w.load_volumes([{"path": str(brain)}])
places = []
w.on_location_change(lambda place: places.append(place))
""",
    drawn=lambda view: expect(view.locator("canvas").first).to_be_visible(timeout=WAIT_MS),
    act=lambda page, view: click(page, view.locator("canvas").first, 0.2, 0.5),
    heard="len(places) > 0",
    change="w.opts.back_color = (0.0, 0.0, 1.0, 1.0)",
    seen=lambda view: expect_picture(view, (0, 0, 255)),
    says="GL Driver Message .*GPU stall due to ReadPixels",
)

ALL: Final = (
    PLOTLY,
    ALTAIR,
    ITABLES,
    JUPYTER_RFB,
    JUPYTER_SCATTER,
    QUAK,
    MOSAIC,
    DRAWDATA,
    WIGGLYSTUFF,
    IPYNIIVUE,
)
