"""A late JupyterLab window: how long until its last slider can be moved, with commdoc beside plain JupyterLab (C7).

A slider is three models. A first window has run the cell and shows all of them; then by turns a window opens at the
server with commdoc and one at the plain server, each with empty caches, and is closed again. *There*: from the
notebook's first cell being visible until the page has all sliders. *Moved*: until a key pressed on the last one has
moved it. *Opened*: the same from the address being entered; what it has more is JupyterLab itself.

Under a busy kernel the plain window has no widget before the cell ends; the cell ends `CELL_SECONDS` after the window
was opened.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from rich.table import Table

from tests.browser.lab import LabNotebook, LabServer
from tests.lab.windows import LabWindow

MODELS_PER_SLIDER: Final = 3
CELL_SECONDS: Final = 20.0

PATIENCE_SECONDS: Final = 60
NEVER: Final = float("inf")
"""Of a window that has not all sliders `PATIENCE_SECONDS` after the cell has ended: JupyterLab's may stay without."""

SLIDERS: Final = """
import ipywidgets as w
sliders = [w.IntSlider(description=f"s{{i}}", max=1_000_000) for i in range({count})]
display(w.VBox(sliders))
"""

BUSY: Final = """
import time, os
while not os.path.exists({flag!r}):
    time.sleep(0.01)
"""

ALL_THERE: Final = """
count => document.querySelectorAll(".jp-Notebook .noUi-handle").length === count
      && [...document.querySelectorAll(".jp-Notebook .widget-readout")].every(each => each.textContent !== "")
"""

Opener = Callable[[LabNotebook], LabWindow]


@dataclass(frozen=True)
class Join:
    """One late window; seconds."""

    opened: float
    there: float
    moved: float


@dataclass
class Story:
    """Late windows of one number of models."""

    models: int
    plain: list[Join] = field(default_factory=list)
    ours: list[Join] = field(default_factory=list)
    plain_busy: list[Join] = field(default_factory=list)
    ours_busy: list[Join] = field(default_factory=list)

    def ratio(self) -> float:
        """Return commdoc's time until all is moved in plain JupyterLab's: the median of the pairs' ratios."""
        pairs = zip(self.ours, self.plain, strict=True)
        return statistics.median(ours.moved / plain.moved for ours, plain in pairs)


class Side:
    """A notebook with many sliders in one of the servers, open in a first window."""

    def __init__(self, server: LabServer, name: str, count: int, flag: Path, open_: Opener, *, load: bool):
        self.count = count
        self.flag = flag
        self._open = open_
        self._notebook = server.add(
            f"{name}-{count}.ipynb", [SLIDERS.format(count=count), BUSY.format(flag=str(flag))]
        )
        self.first = open_(self._notebook)
        self.first.wait_ready()
        if load:
            self.first.kernel_run("%load_ext commdoc")
        self.first.run(0)
        self.first.page.wait_for_function(ALL_THERE, arg=count)
        self.first.save()
        self._value = 0

    def join(self, *, flag_after: float | None = None) -> Join:
        """Open a late window, move its last slider, and close it."""
        begin = time.perf_counter()
        window = self._open(self._notebook)
        visible = time.perf_counter()
        page = window.page
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        if flag_after is not None:
            page.wait_for_timeout(max(0.0, flag_after - (time.perf_counter() - begin)) * 1000)
            self.flag.touch()
        try:
            page.wait_for_function(ALL_THERE, arg=self.count, polling=10)
        except PlaywrightTimeoutError:
            window.close()
            return Join(NEVER, NEVER, NEVER)
        there = time.perf_counter()
        self._value += 1
        page.locator(".jp-Notebook .noUi-handle").last.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "value => [...document.querySelectorAll('.jp-Notebook .widget-readout')].at(-1).textContent === value",
            arg=str(self._value),
            polling=10,
        )
        end = time.perf_counter()
        window.close()
        return Join(end - begin, there - visible, end - visible)

    def busy(self) -> None:
        """Start the cell that keeps the kernel busy."""
        self.flag.unlink(missing_ok=True)
        self.first.start(1)
        self.first.page.wait_for_function("lab.kernel().status === 'busy'")

    def enough(self) -> None:
        """End it."""
        self.flag.touch()
        self.first.page.wait_for_function("lab.kernel().status === 'idle'")


def measure(
    models: int, ours: LabServer, plain: LabServer, folder: Path, open_: Opener, *, rounds: int
) -> Story:
    """Open late windows by turns; the first pair is not counted."""
    count = models // MODELS_PER_SLIDER
    with_it = Side(ours, "ours", count, folder / f"ours-{count}", open_, load=True)
    without = Side(plain, "plain", count, folder / f"plain-{count}", open_, load=False)
    story = Story(models)
    with_it.join()
    without.join()
    for _ in range(rounds):
        story.ours.append(with_it.join())
        story.plain.append(without.join())
    for _ in range(max(1, rounds // 3)):
        with_it.busy()
        story.ours_busy.append(with_it.join())
        with_it.enough()
        without.busy()
        story.plain_busy.append(without.join(flag_after=CELL_SECONDS))
        without.enough()
    for side in (with_it, without):
        side.first.close()
    return story


def table(stories: list[Story]) -> Table:
    """Return the medians, in seconds, with the slowest of the windows behind each."""
    out = Table(title="A late JupyterLab window, until its last slider can be moved (s)")
    for heading in ("models", "kernel", "window", "there", "moved", "slowest", "opened", "windows", "ratio"):
        out.add_column(heading, justify="left" if heading in ("kernel", "window") else "right")
    for story in stories:
        for kernel, window, joins, ratio in (
            ("idle", "plain JupyterLab", story.plain, ""),
            ("idle", "with commdoc", story.ours, f"{story.ratio():.2f}"),
            ("busy", "plain JupyterLab", story.plain_busy, "when the cell was done"),
            ("busy", "with commdoc", story.ours_busy, ""),
        ):
            there, moved, opened = (
                statistics.median(times)
                for times in zip(*((join.there, join.moved, join.opened) for join in joins), strict=True)
            )
            slowest = max(join.moved for join in joins)
            figures = [
                "never" if figure == NEVER else f"{figure:.2f}" for figure in (there, moved, slowest, opened)
            ]
            out.add_row(f"{story.models:,}", kernel, window, *figures, str(len(joins)), ratio)
    return out
