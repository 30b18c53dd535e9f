"""A late window beside `request_states`, on the same kernel, by turns: `python -m tests.bench.bench_join [--short]`.

Each round is a pair, one join of each kind, so that whatever else the machine does falls on both; figures are medians
of the rounds, ratios the median of the pairs' ratios. How a join is timed and what is counted: `joining`.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from tests.bench.joining import Joined, NodeJoins, Subject, WireCount, subject, widgets

LIMIT = 0.6
"""Of request_states' time and bytes, with an idle kernel."""

MORE_SECONDS = 0.1
"""What a join may take more under a busy kernel."""

ESM_BYTES = 100_000

SLIDERS = """
import ipywidgets
sliders = [ipywidgets.IntSlider(description=f"slider {{n}}") for n in range({models} // 3)]
boxes = [ipywidgets.Layout() for _ in range({models} % 3)]
"""
"""A slider is three models, its layout and its style among them."""

IMAGES = """
import ipywidgets, os
images = [ipywidgets.Image(value=os.urandom({size}), format="png") for _ in range({models} // 2)]
"""
"""An image is two models. A picture is compressed already: random bytes are as hard."""

SOURCES = """
import anywidget, base64, os
class Large(anywidget.AnyWidget):
    _esm = "export default {{ large_class() {{}} }}; // " + base64.b85encode(os.urandom({size} * 4 // 5)).decode()
larges = [Large() for _ in range({models} // 2)]
"""
"""One is two models. Deflating leaves the text nearly as it is: its bytes can be told from all others."""

TEXT = b"large_class"
"""Is in each copy of the text."""

COUNT_BRIDGE = """
import commdoc.kernel.link as _link
_sent, _texts = [0], [0]
_submit = _link.Link.submit
def _counted(self, frame):
    _sent[0] += len(frame)
    _texts[0] += frame.count(b"large_class")
    _submit(self, frame)
_link.Link.submit = _counted
"""

PYTHON_LOOP = """
import time
_end, _n = time.monotonic() + {seconds}, 0
while time.monotonic() < _end:
    _n += 1
"""

C_CALLS = """
import time
_number = (1 << 1_000_000) - 1
while True:
    _began = time.monotonic()
    _number * _number
    if time.monotonic() - _began > 0.15:
        break
    _number = (_number << _number.bit_length() // 4) | _number
_end = time.monotonic() + {seconds}
while time.monotonic() < _end:
    _number * _number
"""
"""Products of integers that hold the interpreter's lock for 0.15 to 0.3 s each."""


@dataclass
class Story:
    """Pairs of joins under one condition.

    Attributes
    ----------
    node : list of Joined
        Joins of a window in Node, beside the pairs.
    """

    name: str
    plain: list[Joined] = field(default_factory=list)
    ours: list[Joined] = field(default_factory=list)
    node: list[Joined] = field(default_factory=list)

    def ratio(self, ours: Callable[[Joined], float], plain: Callable[[Joined], float] | None = None) -> float:
        """Return the median of the pairs' ratios."""
        pairs = zip(self.ours, self.plain, strict=True)
        return statistics.median(ours(mine) / (plain or ours)(theirs) for mine, theirs in pairs)


def median(joins: Sequence[Joined], figure: Callable[[Joined], float]) -> float:
    return statistics.median(map(figure, joins))


@dataclass
class Results:
    """All that was measured."""

    idle: list[Story] = field(default_factory=list)
    busy: list[tuple[Story, Story]] = field(default_factory=list)
    """Idle and busy, round by round."""
    dead: dict[str, list[Joined]] = field(default_factory=dict)
    esm: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Way to bytes and copies of the text."""


# --- measuring -------------------------------------------------------------------------------------------------------


async def idle(it: Subject, name: str, rounds: int, node: NodeJoins | None) -> Story:
    story = Story(name)
    for n in range(rounds + 1):
        pair = await by_turns(n % 2 == 0, it.join, lambda: asyncio.sleep(0, it.plain.join()))
        beside = await node.join(it.link) if node is not None else None
        if n == 0:
            continue  # the first join of each kind loads what it needs
        story.ours.append(pair[0])
        story.plain.append(pair[1])
        if beside is not None:
            story.node.append(beside)
    return story


async def by_turns(
    ours_first: bool, ours: Callable[[], Awaitable[Joined]], plain: Callable[[], Awaitable[Joined]]
) -> tuple[Joined, Joined]:
    if ours_first:
        mine = await ours()
        return mine, await plain()
    theirs = await plain()
    return await ours(), theirs


async def busy(it: Subject, name: str, code: str, seconds: float, rounds: int) -> tuple[Story, Story]:
    """Alternate idle and busy rounds; in a busy one both join while a cell of `seconds` runs."""
    at_rest, under = Story("idle"), Story(name)
    for _ in range(rounds):
        at_rest.ours.append(await it.join())
        at_rest.plain.append(it.plain.join())
        it.plain.start(code.format(seconds=seconds))
        await asyncio.sleep(0.3)  # well into the cell
        under.ours.append(await it.join())
        under.plain.append(it.plain.join())  # is answered behind the cell
    return at_rest, under


async def dead(it: Subject, rounds: int) -> list[Joined]:
    it.kill()
    await it.window.wait_until(lambda: not it.window.kernel.live, 20)
    joins = [await it.join() for _ in range(rounds)]
    try:
        it.plain.join(patience=1)
    except TimeoutError:
        return joins
    raise AssertionError("a dead kernel has answered")


async def sources(models: int) -> dict[str, tuple[float, int]]:
    """Return how many bytes instances of one large class cost on each way, and how many copies of its text."""
    there, late = WireCount(TEXT), WireCount(TEXT)
    make = SOURCES.format(size=ESM_BYTES, models=models)
    async with subject("import ipywidgets", before=COUNT_BRIDGE) as it:
        with there.counting():
            it.plain.finish(it.plain.start(make))
            await it.window.wait_until(lambda: widgets(it.window) == models, 60)
        with late.counting():
            await it.join()
        plain = it.plain.join()
        bridge = it.plain.number("_sent[0]"), int(it.plain.number("_texts[0]"))
    return {
        "bridge to room": bridge,
        "room to a window that was there": (there.received, there.texts),
        "room to a late window": (late.received, late.texts),
        "request_states": (plain.wire, plain.models // 2),  # each has its own
    }


async def measure(*, rounds: int, short: bool) -> Results:
    results = Results()
    sizes = [100, 1_000] if short else [100, 1_000, 5_000]
    async with NodeJoins() as node:
        for models in sizes:
            name = f"{models:,} models"
            async with subject(SLIDERS.format(models=models)) as it:
                # So few take so little that the machine's other work shows: more rounds, which cost nothing.
                results.idle.append(await idle(it, name, 3 * rounds if models == 100 else rounds, node))
                if models == 1_000:
                    loop = await busy(it, "a Python loop", PYTHON_LOOP, 1.5, rounds)
                    held = await busy(it, "C calls that hold the GIL", C_CALLS, 2.0, rounds)
                    results.busy += [loop, held]
                results.dead[name] = await dead(it, rounds)
        size = 50_000 if short else 500_000
        name = f"200 models, {size // 10_000} MB"
        async with subject(IMAGES.format(models=200, size=size)) as it:
            results.idle.append(await idle(it, name, rounds, node))
            results.dead[name] = await dead(it, rounds)
    results.esm = await sources(200 if short else 2_000)
    return results


# --- showing ---------------------------------------------------------------------------------------------------------


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}" if abs(seconds) >= 0.02 else f"{seconds * 1000:.1f}"


def mb(count: float) -> str:
    return f"{count / 1e6:.2f}"


def table(title: str, *headings: str) -> Table:
    made = Table(title=title)
    for n, heading in enumerate(headings):
        made.add_column(heading, justify="right" if n else "left")
    return made


def idle_table(results: Results) -> Table:
    shown = table(
        f"Idle kernel: late join, medians of {len(results.idle[1].ours)} rounds by turns (ratio at most {LIMIT})",
        "",
        "request_states ms",
        "models ready ms",
        "all read ms",
        "ratio",
        "CPU ratio",
        "Node, all read ms",
        "request_states MB",
        "models ready MB",
        "all read MB",
        "ratio",
    )
    for story in results.idle:
        shown.add_row(
            story.name,
            ms(median(story.plain, lambda it: it.seconds)),
            ms(median(story.ours, lambda it: it.ready)),
            ms(median(story.ours, lambda it: it.seconds)),
            f"{story.ratio(lambda it: it.seconds):.2f}",
            f"{story.ratio(lambda it: it.cpu):.2f}",
            ms(median(story.node, lambda it: it.seconds)),
            mb(median(story.plain, lambda it: it.wire)),
            mb(median(story.ours, lambda it: it.ready_bytes)),
            mb(median(story.ours, lambda it: it.wire)),
            f"{story.ratio(lambda it: it.wire):.2f}",
        )
    return shown


def busy_table(results: Results) -> Table:
    shown = table(
        "1,000 models while a cell runs: until all is read, ms",
        "the cell",
        "commdoc, idle",
        "commdoc, in the cell",
        "more (at most 100)",
        "of which CPU",
        "request_states, idle",
        "request_states, in the cell",
    )
    for at_rest, under in results.busy:
        shown.add_row(
            under.name,
            ms(median(at_rest.ours, lambda it: it.seconds)),
            ms(median(under.ours, lambda it: it.seconds)),
            ms(more(at_rest, under, lambda it: it.seconds)),
            ms(more(at_rest, under, lambda it: it.cpu)),
            ms(median(at_rest.plain, lambda it: it.seconds)),
            f"{ms(median(under.plain, lambda it: it.seconds))}, when it was done",
        )
    return shown


def more(at_rest: Story, under: Story, figure: Callable[[Joined], float]) -> float:
    """Return how much more a join takes in a cell: the median of the rounds."""
    pairs = zip(under.ours, at_rest.ours, strict=True)
    return statistics.median(figure(slow) - figure(quick) for slow, quick in pairs)


def dead_table(results: Results) -> Table:
    shown = table("After kill -9 of the kernel", "", "models", "all read ms", "all read MB", "request_states")
    for name, joins in results.dead.items():
        shown.add_row(
            name,
            f"{joins[0].models:,}",
            ms(median(joins, lambda it: it.seconds)),
            mb(median(joins, lambda it: it.wire)),
            "no answer",
        )
    return shown


def esm_table(results: Results) -> Table:
    shown = table(f"Instances of one class with an _esm of {ESM_BYTES:,} bytes", "way", "MB", "copies of it")
    for name, (size, copies) in results.esm.items():
        shown.add_row(name, mb(size), f"{copies:,}")
    return shown


def show(results: Results) -> None:
    console = Console(width=170)
    for shown in (idle_table, busy_table, dead_table, esm_table):
        console.print(shown(results))


def main() -> None:
    from tests.conftest import pytest_configure, pytest_unconfigure

    short = "--short" in sys.argv
    pytest_configure()
    try:
        show(asyncio.run(measure(rounds=3 if short else 7, short=short)))
    finally:
        pytest_unconfigure()


if __name__ == "__main__":
    main()
