"""Widgets of many packages in a window that opened while a cell ran: at rest it shows what the first one shows (C8)."""

from __future__ import annotations

import difflib
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.test_late_window import BUSY, MORE, expect_counter
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

CORE: Final = """
import ipywidgets as w, os, time, numpy
speed = w.IntSlider(value=3, description="speed")
kinds = [
    speed, w.FloatRangeSlider(value=(2.5, 5.0), description="range"), w.IntProgress(value=4, description="done"),
    w.Text("hello", description="name"), w.Textarea("two\\nlines"), w.Checkbox(True, description="check"),
    w.ToggleButton(True, description="toggle"), w.Dropdown(options=["a", "b"], value="b"),
    w.RadioButtons(options=["c", "d"], value="d"), w.SelectMultiple(options=["e", "f"], value=["f"]),
    w.DatePicker(), w.ColorPicker(value="#ff0000"), w.HTML("<b>bold</b>"), w.HTMLMath(r"$x^2$"),
    w.Button(description="press", icon="check"), w.Valid(True), w.TagsInput(value=["tag"]),
    w.Image(value=bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63f8cfc0f01f00"
        "0500 01ff 56c7 2f0d 0000 0000 49454e44ae426082".replace(" ", ""))),
]
tabs = w.Tab([w.Label("first"), w.Accordion([w.Label("folded")], titles=["fold"])], titles=["one", "two"])
display(w.VBox([*kinds, w.GridBox([w.Label("left"), w.Label("right")]), tabs]))
"""

OUTPUTS: Final = """
out = w.Output()
with out:
    print("captured")
    display(w.Button(description="inside"))
a, b = w.IntSlider(value=5, description="from"), w.IntSlider(description="to")
link = w.jslink((a, "value"), (b, "value"))
display(out, w.VBox([a, b]))
w.interact(lambda y: print(f"thrice {3 * y}"), y=(0, 10));
"""

DRAWN: Final = """
import bqplot, ipyleaflet, ipycanvas
sx, sy = bqplot.OrdinalScale(), bqplot.LinearScale()
bars = bqplot.Bars(x=list("abcd"), y=[1, 2, 3, 4], scales={"x": sx, "y": sy})
axes = [bqplot.Axis(scale=sx), bqplot.Axis(scale=sy, orientation="vertical")]
display(bqplot.Figure(marks=[bars], axes=axes, title="squares", animation_duration=0))
circle = ipyleaflet.Circle(location=(52, 10), radius=9000)
area = ipyleaflet.Map(center=(52, 10), zoom=8, layers=[ipyleaflet.Marker(location=(52, 10)), circle])
display(area)
canvas = ipycanvas.Canvas(width=100, height=80, sync_image_data=True)
display(canvas)
"""

DRAW: Final = "canvas.fill_style = 'red'; canvas.fill_rect(10, 10, 40, 40)"

LATER: Final = """
bars.y = [4, 3, 2, 1]
area.zoom = 9
canvas.fill_style = "blue"
canvas.fill_rect(60, 10, 20, 20)
figure.canvas.draw()
"""

FIGURE: Final = """
import matplotlib; matplotlib.use("module://ipympl.backend_nbagg")
import matplotlib.pyplot as plt
with plt.ioff():
    figure, plot = plt.subplots(figsize=(4, 3))
line, = plot.plot([1, 2, 3])
display(figure.canvas)
"""

ELEMENTS: Final = """
() => {
  const own = /^(id|for|list|name|data-jp-item-name|data-comm-id|aria-labelledby|aria-controls|tabindex)$/;
  const passing = /^(noUi-active|noUi-state-.*|jp-mod-.*|lm-mod-.*|leaflet-drag.*)$/;
  const anyId = text => text.replace(/[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}/g, "ID");
  // Runs of equal pixels; a copy is read, so that the widget's own canvas stays as it is.
  const pixels = canvas => {
    if (canvas.width * canvas.height === 0) return "none";
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const runs = [];
    for (const pixel of new Uint32Array(copy.getImageData(0, 0, canvas.width, canvas.height).data.buffer)) {
      const last = runs.at(-1);
      if (last?.[0] === pixel) last[1] += 1;
      else runs.push([pixel, 1]);
    }
    return runs.map(([pixel, count]) => `${pixel.toString(16)} ${count}`).join(", ");
  };
  const describe = element => {
    const said = [element.localName];
    for (const { name, value } of element.attributes) {
      if (own.test(name)) continue;
      const words = name === "class" ? value.split(/\\s+/).filter(one => !passing.test(one)).sort().join(" ") : value;
      said.push(`${name}=${anyId(words)}`);
    }
    if ("value" in element) said.push(`value ${element.value}`);
    if ("checked" in element) said.push(`checked ${element.checked}`);
    if (element.localName === "canvas") said.push(`pixels ${pixels(element)}`);
    for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) said.push(node.data);
    return said.join(" | ");
  };
  const areas = [...document.querySelectorAll(".jp-Notebook .jp-Cell-outputArea")];
  return areas.flatMap((area, n) => [...area.querySelectorAll("*")].map(element => `${n} ${describe(element)}`));
}
"""
"""Each element in the outputs of cells: what it is, how it looks and what it says; not under which id."""

VIEWS: Final = 12
"""What the cells below display."""


def elements(window: LabWindow) -> list[str]:
    return list(window.page.evaluate(ELEMENTS))


def expect_same(first: LabWindow, second: LabWindow) -> None:
    """Wait until two windows show the same, element by element."""
    shown: list[str] = []
    late: list[str] = []

    def same() -> bool:
        shown[:], late[:] = elements(first), elements(second)
        return shown == late

    try:
        until(same, timeout=20, what="both windows show the same")
    except BaseException:
        print("\n".join(line[:400] for line in difflib.unified_diff(shown, late, lineterm="", n=0)))
        raise


def zoomed(window: LabWindow) -> bool:
    """Tell whether the map has come to where the kernel wants it: it flies there."""
    [area] = [each["state"] for each in window.models().values() if each["name"] == "LeafletMapModel"]
    return bool(area["zoom"] == 9)


def begun(server: LabServer, open_window: OpenWindow, flag: Path, *, load: bool) -> LabWindow:
    """Open a notebook with all of them, whose last cell goes on until there is the flag."""
    cells = [CORE, MORE, OUTPUTS, DRAWN, FIGURE, BUSY.format(flag=str(flag))]
    window = open_window(server.add("packages.ipynb", cells))
    if load:
        window.kernel_run("%load_ext commdoc")
    for index in range(len(cells) - 1):
        window.run(index)
    expect(window.page.locator(".jupyter-matplotlib canvas").first).to_be_visible(timeout=20_000)
    expect(window.page.locator("rect.bar")).to_have_count(4)
    window.kernel_run(DRAW)
    window.save()
    return window


def test_a_late_window_shows_what_the_first_one_shows(
    server: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "enough"
    first = begun(server, open_window, flag, load=True)
    until(lambda: first.value("canvas.image_data is not None"), what="the kernel has the canvas' image")
    first.start(5)
    first.expect_running(5)
    second = open_window(server.at("packages.ipynb"), wait=False)
    second.expect_live(VIEWS)
    expect(second.page.locator("rect.bar")).to_have_count(4)
    expect(second.page.locator("img.leaflet-marker-icon")).to_be_visible()
    second.press("speed", "ArrowRight", 2)
    second.press("from", "ArrowRight", 3)
    second.page.locator("button.counter").click()
    first.expect_value("to", 8)
    second.expect_value("to", 8)
    expect_counter(first, "count 1")
    first.expect_running(5)

    flag.touch()
    first.expect_done(5)
    first.press("y", "ArrowRight")
    until(
        lambda: first.value("[speed.value, a.value, b.value, counter.count]") == [5, 8, 8, 1],
        what="the kernel has all",
    )
    first.kernel_run(LATER)
    for window in (first, second):
        until(partial(zoomed, window), timeout=20, what="the map is zoomed")
    expect_same(first, second)
    first.expect_same(second)
    assert first.console == second.console == []


def test_without_commdoc_a_late_window_has_nothing(
    plain_server: LabServer, open_window: OpenWindow, tmp_path: Path
) -> None:
    flag = tmp_path / "enough"
    first = begun(plain_server, open_window, flag, load=False)
    first.start(5)
    first.expect_running(5)
    second = open_window(plain_server.at("packages.ipynb"), wait=False)
    until(second.told_kernel, timeout=20, what="the window asks the kernel for the widgets")
    loading = second.page.locator(".jp-Notebook .jp-OutputArea-output", has_text="Loading widget...")
    expect(loading).to_have_count(VIEWS - 1)
    assert second.page.locator(".jp-Notebook .jp-OutputArea-output .jupyter-widgets").count() == 0
    first.expect_running(5)
    flag.touch()
    first.expect_done(5)
