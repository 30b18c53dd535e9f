"""``commdoc verify``."""

from __future__ import annotations

import sys
from typing import Final

import click

from commdoc.cli.common import echo_json, json_option, room_argument, which
from commdoc.cli.terminal import console, one_line, print_table, short_ids, table
from commdoc.window.address import find
from commdoc.window.compare import Difference
from commdoc.window.verify import Report
from commdoc.window.verify import verify as compare

EPILOG: Final = """\b
ROOM is the beginning of a room's or kernel's id, a notebook's path, or a page link; the newest room without it.

\b
Examples:
  commdoc verify                            exit 0: the same everywhere; exit 1: not, or the kernel didn't answer
  commdoc verify 3f2a --timeout 30 --json
"""


@click.command(epilog=EPILOG)
@room_argument()
@click.option("--timeout", default=10.0, show_default=True, help="Seconds within which all must be the same.")
@json_option()
def verify(*, room: str | None, timeout: float, as_json: bool) -> None:
    """Compare kernel, document and a fresh window, value by value.

    The kernel is asked for the state of all its comms. One that is busy answers when it is idle; without its answer
    in time, or when it is gone, document and window are compared, and the exit code is 1.
    """
    given = which(room)
    if "url" not in given:
        given = {"kernel_id": find(**given).kernel_id}
    report = compare(**given, timeout=timeout)
    if as_json:
        echo_json(report.to_dict())
    else:
        _print(report)
    sys.exit(0 if report.equal else 1)


def _print(report: Report) -> None:
    counted = f"{report.comms} comms, {report.values} values, {report.seconds:.2f} s"
    sides = ", ".join(report.sides)
    if report.equal:
        click.echo(f"{sides}: the same")
        click.echo(counted)
        return
    for note in report.notes:
        click.echo(note)
    if report.differences:
        _print_differences(report.differences)
        count = len(report.differences)
        click.echo(f"{count} difference{'' if count == 1 else 's'} between {sides}")
    else:
        click.echo(f"{sides}: the same, but not compared with the kernel")
    click.echo(counted)


def _print_differences(differences: list[Difference]) -> None:
    """Print a head for each value, and below it a line for what each side has."""
    from rich.text import Text

    out = console()
    ids = short_ids(each.comm_id for each in differences)
    for each in differences:
        key = "" if each.key is None else f" {one_line(each.key)!r}"
        out.print(Text(f"{one_line(each.name)} {ids[each.comm_id]}{key}", style="bold"))
        it = table("side", "value", wide="value")
        it.show_header = False
        for side, value in each.values.items():
            it.add_row(f"  {side}", Text(one_line(value)))
        print_table(out, it)
