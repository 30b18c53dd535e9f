"""``commdoc demo``: a real kernel runs a notebook, and windows join it while it is busy."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from commdoc.cli.demo_run import Demo, Joined, Report, Watcher

if TYPE_CHECKING:
    from rich.console import Console

PACKAGED: Final = Path(__file__).with_name("tour.ipynb")
IN_A_CHECKOUT: Final = Path(__file__).parents[2] / "notebooks" / "tour.ipynb"

NEEDS: Final = ("anywidget", "ipywidgets", "nbclient", "nbformat", "numpy")
"""What the tour and running it need; a browser window needs playwright too, and does without."""

EPILOG: Final = """\b
Examples:
  commdoc demo                     serve until Ctrl-C
  commdoc demo --once --json       for scripts: exit 0 when all windows had everything
"""


@click.command(epilog=EPILOG, short_help="Show it: windows join a busy kernel.")
@click.option("--once", is_flag=True, help="End when the notebook has run, instead of serving until Ctrl-C.")
@click.option(
    "--notebook",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another notebook than the tour; windows join at the cell tagged 'late', or after the last.",
)
@click.option("--no-browser", is_flag=True, help="Leave the headless Chromium windows out.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def demo(*, once: bool, notebook: Path | None, no_browser: bool, as_json: bool) -> None:
    """Run a notebook in a real kernel and let windows join it while it is busy.

    A Python window, and two windows of a headless Chromium where there is one: the first opens before the kernel has
    any widget, the others while a cell keeps the kernel busy. Printed is what each had, and after how long; at the end
    kernel, document and a fresh window are compared value by value.
    """
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        msg = f"the demo needs {', '.join(missing)}: pip install 'commdoc[demo]'"
        raise click.ClickException(msg)
    path = (notebook or tour()).resolve()
    sys.exit(asyncio.run(_run(path, once=once, browser=not no_browser, as_json=as_json)))


def tour() -> Path:
    """Return the notebook that comes with commdoc."""
    return PACKAGED if PACKAGED.exists() else IN_A_CHECKOUT


async def _run(path: Path, *, once: bool, browser: bool, as_json: bool) -> int:
    from rich.console import Console

    console = Console(quiet=as_json, highlight=False)
    report = Report(str(path))
    stop = asyncio.Event()
    try:
        with _Progress(console) as progress:
            run = Demo(path, browser=browser, watcher=progress.watcher)
            async with run.start() as report:
                progress.stop()
                _show(console, report)
                if not once and report.url:
                    console.print("\nServing until Ctrl-C. Open it in a browser of your own:")
                    console.print(report.url, soft_wrap=True, markup=False, style="bold")
                    for number in (signal.SIGINT, signal.SIGTERM):
                        asyncio.get_running_loop().add_signal_handler(number, stop.set)
                    await stop.wait()
    finally:
        if as_json:
            click.echo(json.dumps(report.to_dict(), indent=2))
    return 0 if report.ok else 1


class _Progress:
    """A line that says which cell is running, and lines for what happened."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = console
        self._bar = Progress(
            TextColumn("running"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("starting the kernel", total=None)
        self.watcher = Watcher(cell=self._cell, joined=self._joined, say=self._say)

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def _cell(self, done: int, total: int, heading: str) -> None:
        self._bar.update(self._task, completed=done, total=total, description=heading)

    def _joined(self, row: Joined) -> None:
        self._say(
            f"{row.window} joined, kernel {row.kernel}: "
            f"{row.models} models, {row.views} views in {row.seconds:.2f} s"
        )

    def _say(self, text: str) -> None:
        self._bar.console.print(text, soft_wrap=True)


def _show(console: Console, report: Report) -> None:
    from rich.table import Table

    if report.windows:
        table = Table("window", "kernel", title="What each late window rebuilt", title_justify="left")
        for name in ("models", "views", "seconds"):
            table.add_column(name, justify="right")
        for row in report.windows:
            table.add_row(row.window, row.kernel, str(row.models), str(row.views), f"{row.seconds:.2f}")
        console.print()
        console.print(table)
    for note in report.notes:
        console.print(f"note: {note}", style="yellow", soft_wrap=True)
    if report.compared is not None:
        verdict = "all equal" if not report.differences else f"{len(report.differences)} differences"
        console.print(f"kernel = document = fresh window: {report.compared} comms compared, {verdict}")
    for text in report.problems + report.differences:
        console.print(f"problem: {text}", style="red", soft_wrap=True, markup=False)
