"""A page with many models, late, and a page whose sliders all move.

**Late.** By turns the room's page is opened and a static page of the same models: `@jupyter-widgets/html-manager`'s own
bundle (`embed.js`) and the widget state that `ipywidgets.embed` writes in the same kernel, in one file. *Drawn*: from
the address being entered until all sliders have a handle and a readout, and can be used. *Moved*: until a key pressed
on the last one has changed its readout. The page of the room does more until then: it connects, joins, reads the
document, and what is moved is asked of the kernel; the static page tells nobody. *Cold*: a browser context of its own,
with empty caches. *Warm*: a second visit in that context.

**Moving.** The kernel sets 100 sliders 60 times a second. Frames are those that the browser's trace has as drawn by the
process of the widgets' document; beside the sliders a dot is moved for each frame, so that a page at rest draws, too.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Frame, Page
from rich.table import Table

from tests.browser.notebook import Notebook
from tests.conftest import ROOT

EMBED: Final = ROOT / "js-shim/node_modules/@jupyter-widgets/html-manager/dist/embed.js"

SLIDERS: Final = """
import ipywidgets
sliders = [ipywidgets.IntSlider(description=f"s{{n}}", max=1_000_000) for n in range({count})]
box = ipywidgets.VBox([ipywidgets.HBox(sliders[n:n + 4]) for n in range(0, {count}, 4)])
display(box)
"""

STATE: Final = """
import json
from ipywidgets.embed import dependency_state, embed_data
data = embed_data([box], state=dependency_state([box]))
with open({path!r}, "w") as file:
    json.dump([data["manager_state"], data["view_specs"][0]], file)
"""

ALL_THERE: Final = """
count => document.body !== null && document.body.dataset.live !== "false"
      && document.querySelectorAll(".noUi-handle").length === count
      && [...document.querySelectorAll(".widget-readout")].every(each => each.textContent !== "")
"""

LAST_SAYS: Final = "value => [...document.querySelectorAll('.widget-readout')].at(-1).textContent === value"

PATIENCE_MS: Final = 120_000


@dataclass(frozen=True)
class Visit:
    """Seconds from the address being entered."""

    drawn: float
    moved: float


@dataclass
class Visits:
    """Of one number of models."""

    models: int
    sliders: int
    ours: dict[str, list[Visit]] = field(default_factory=lambda: {"cold": [], "warm": []})
    static: dict[str, list[Visit]] = field(default_factory=lambda: {"cold": [], "warm": []})

    def ratio(self, cache: str) -> float:
        """Return the medians' ratio, of *moved*."""
        ours, static = (
            statistics.median(each.moved for each in side[cache]) for side in (self.ours, self.static)
        )
        return ours / static


# --- late -------------------------------------------------------------------------------------------------------------


def static_page(folder: Path, state: Any, view: Any) -> None:
    """Write the page that `ipywidgets.embed` would, with the bundle beside it."""
    (folder / "embed.js").write_bytes(EMBED.read_bytes())

    def script(kind: str, content: Any) -> str:
        text = json.dumps(content).replace("</", "<\\/")
        return f'<script type="application/vnd.jupyter.widget-{kind}+json">{text}</script>'

    body = f'{script("state", state)}<script src="embed.js"></script>{script("view", view)}'
    (folder / "index.html").write_text(
        f'<!doctype html><html><head><meta charset="utf-8"></head><body>{body}</body></html>', "utf-8"
    )


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder from a process of its own, as the room has one of its own."""
    command = [
        sys.executable,
        "-u",
        "-m",
        "http.server",
        "0",
        "--bind",
        "127.0.0.1",
        "--directory",
        str(folder),
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        port = server.stdout.readline().split("port ")[1].split()[0]
        yield f"http://127.0.0.1:{port}/index.html"
    finally:
        server.terminate()
        server.communicate()


def widgets_of(page: Page, *, framed: bool) -> Frame:
    """Return the document that has the widgets."""
    if not framed:
        return page.main_frame
    element = page.wait_for_selector("iframe#frame", state="attached")
    assert element is not None
    frame = element.content_frame()
    assert frame is not None
    return frame


def visit(context: BrowserContext, address: str, count: int, value: str, *, framed: bool) -> Visit:
    """Open a page, move its last slider by one, and leave it."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    begin = time.perf_counter()
    page.goto(address, wait_until="commit")
    widgets = widgets_of(page, framed=framed)
    widgets.wait_for_function(ALL_THERE, arg=count, polling=10)
    drawn = time.perf_counter()
    widgets.locator(".noUi-handle").last.focus()
    page.keyboard.press("ArrowRight")
    widgets.wait_for_function(LAST_SAYS, arg=value, polling=10)
    end = time.perf_counter()
    page.close()
    return Visit(drawn - begin, end - begin)


def late(browser: Browser, notebook: Notebook, folder: Path, count: int, *, rounds: int) -> Visits:
    """Visit both by turns; the first pair is not counted."""
    notebook.run(SLIDERS.format(count=count))
    notebook.wait_until_the_room_has_it()
    path = folder / "state.json"
    notebook.run(STATE.format(path=str(path)))
    state, view = json.loads(path.read_text("utf-8"))
    static_page(folder, state, view)
    visits = Visits(len(state["state"]), count)
    moves = 0
    with serving(folder) as address:
        for number in range(rounds + 1):
            for side, where, framed in (
                (visits.ours, notebook.link, True),
                (visits.static, address, False),
            ):
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                for cache in ("cold", "warm"):
                    moves += framed
                    one = visit(context, where, count, str(moves) if framed else "1", framed=framed)
                    if number > 0:
                        side[cache].append(one)
                context.close()
    return visits


def table(stories: list[Visits]) -> Table:
    """Return the medians, in seconds."""
    out = Table(title="A late page, until its last slider can be moved (s)")
    for heading in ("models", "sliders", "cache", "page", "drawn", "moved", "slowest", "visits", "ratio"):
        out.add_column(heading, justify="left" if heading in ("cache", "page") else "right")
    for story in stories:
        for cache in ("cold", "warm"):
            for name, visits, ratio in (
                ("html-manager, static state", story.static[cache], ""),
                ("the room's", story.ours[cache], f"{story.ratio(cache):.2f}"),
            ):
                drawn = statistics.median(each.drawn for each in visits)
                moved = [each.moved for each in visits]
                figures = (drawn, statistics.median(moved), max(moved))
                out.add_row(
                    f"{story.models:,}",
                    f"{story.sliders:,}",
                    cache,
                    name,
                    *(f"{figure:.2f}" for figure in figures),
                    str(len(visits)),
                    ratio,
                )
    return out


# --- moving -----------------------------------------------------------------------------------------------------------

MOVING: Final = """
import threading, time
enough = threading.Event()
sent = []
def move():
    begun, tick = time.perf_counter(), 0
    while not enough.is_set():
        tick += 1
        for slider in sliders:
            slider.value = tick
        sent.append(tick)
        time.sleep(max(0, begun + tick / {hertz} - time.perf_counter()))
mover = threading.Thread(target=move)
mover.start()
"""

DOT: Final = """
() => {
  const dot = document.body.appendChild(document.createElement("div"));
  dot.style.cssText = "position: fixed; top: 0; left: 0; width: 4px; height: 4px; background: red";
  let at = 0;
  const step = () => {
    dot.style.transform = `translateX(${at++ % 50}px)`;
    requestAnimationFrame(step);
  };
  step();
  window.shown = 0;
  new MutationObserver(() => { window.shown += 1; }).observe(
    [...document.querySelectorAll(".widget-readout")].at(-1), { childList: true, characterData: true, subtree: true });
}
"""

CATEGORIES: Final = [
    "-*",
    "devtools.timeline",
    "disabled-by-default-devtools.timeline",
    "disabled-by-default-devtools.timeline.frame",
    "toplevel",
]


@dataclass(frozen=True)
class Frames:
    """What a trace says of some seconds of one document.

    Attributes
    ----------
    gaps : list of float
        Milliseconds between frames that were drawn.
    busy : float
        Share of the time in which the main thread had a task.
    long_tasks : list of float
        Milliseconds of each task above 50.
    """

    seconds: float
    gaps: list[float]
    busy: float
    long_tasks: list[float]
    sent: float = 0.0
    shown: float = 0.0

    @property
    def rate(self) -> float:
        return 1000 * len(self.gaps) / sum(self.gaps)

    def above(self, limit: float) -> float:
        """Return the share of the gaps that are longer; a tick that is late by 2 ms is in time."""
        return sum(gap > limit + 2 for gap in self.gaps) / len(self.gaps)


def read_trace(trace: bytes, url_part: str, seconds: float) -> Frames:
    """Read the frames of the process that has a document of this address."""
    events = json.loads(trace)["traceEvents"]
    started = next(event for event in events if event["name"] == "TracingStartedInBrowser")
    pid = next(frame["processId"] for frame in started["args"]["data"]["frames"] if url_part in frame["url"])
    mine = [event for event in events if event["pid"] == pid]
    main = next(
        event["tid"]
        for event in mine
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    )
    drawn = sorted(event["ts"] for event in mine if event["name"] == "DrawFrame")
    tasks = [
        event["dur"] / 1000
        for event in mine
        if event["name"] == "RunTask" and event["tid"] == main and "dur" in event
    ]
    return Frames(
        seconds,
        [(two - one) / 1000 for one, two in itertools.pairwise(drawn)],
        sum(tasks) / 1000 / seconds,
        [task for task in tasks if task > 50],
    )


def traced(browser: Browser, page: Page, seconds: float) -> bytes:
    """Trace a page for a while."""
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.wait_for_timeout(seconds * 1000)
    return browser.stop_tracing()


def moving(browser: Browser, notebook: Notebook, *, count: int, hertz: int, seconds: float) -> list[Frames]:
    """Trace the page at rest and while all sliders move."""
    notebook.run(SLIDERS.format(count=count))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(notebook.link, wait_until="commit")
    widgets = widgets_of(page, framed=True)
    widgets.wait_for_function(ALL_THERE, arg=count)
    widgets.evaluate(DOT)
    page.wait_for_timeout(1000)
    found = [read_trace(traced(browser, page, seconds), "frame.html", seconds)]
    notebook.run(MOVING.format(hertz=hertz))
    page.wait_for_timeout(1000)
    before = notebook.value("len(sent)"), widgets.evaluate("shown"), time.perf_counter()
    frames = read_trace(traced(browser, page, seconds), "frame.html", seconds)
    after = notebook.value("len(sent)"), widgets.evaluate("shown"), time.perf_counter()
    notebook.run("enough.set(); mover.join()")
    took = after[2] - before[2]
    found.append(
        Frames(
            seconds,
            frames.gaps,
            frames.busy,
            frames.long_tasks,
            sent=(after[0] - before[0]) / took,
            shown=(after[1] - before[1]) / took,
        )
    )
    page.close()
    return found


def frames_table(found: list[Frames], count: int) -> Table:
    out = Table(title=f"Frames of the page with {count} sliders, of the browser's trace")
    for heading in (
        "kernel",
        "sets/s",
        "shown/s",
        "frames/s",
        "> 16.7 ms",
        "> 33 ms",
        "longest",
        "main busy",
        "> 50 ms",
    ):
        out.add_column(heading, justify="left" if heading == "kernel" else "right")
    for name, frames in zip(("at rest", "sets all"), found, strict=True):
        out.add_row(
            name,
            f"{frames.sent:.0f}",
            f"{frames.shown:.0f}",
            f"{frames.rate:.1f}",
            f"{frames.above(1000 / 60):.1%}",
            f"{frames.above(2000 / 60):.1%}",
            f"{max(frames.gaps):.0f} ms",
            f"{frames.busy:.0%}",
            str(len(frames.long_tasks)),
        )
    return out
