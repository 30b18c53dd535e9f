"""``commdoc export``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from commdoc.cli.common import echo_json, join_to_look, json_option, room_argument
from commdoc.errors import RoomNotFoundError
from commdoc.window.address import find
from commdoc.window.exporting import Exported, FileThereError, UnknownFormatError, check_target, export

EPILOG: Final = """\b
ROOM is the beginning of a room's or kernel's id, a notebook's path, or a page link; the newest room without it.
A notebook that no room has open is read from its file: that needs no server.

\b
Examples:
  commdoc export -o page.html                   the newest room, as a page that opens without a server
  commdoc export analysis.ipynb -o page.html    of that notebook
  commdoc export 3f2a -o copy.ipynb --json      a notebook with its widgets in it
"""


@click.command("export", epilog=EPILOG)
@room_argument()
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="What is written: .html or .ipynb."
)
@click.option("--widgets/--no-widgets", default=True, help="Whether widgets are in it.  [default: widgets]")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option()
def export_command(*, room: str | None, output: Path, widgets: bool, force: bool, as_json: bool) -> None:
    """Write a room's notebook, outputs and widgets into one file: a page or a notebook."""
    try:
        check_target(output, force=force)
    except UnknownFormatError as error:
        raise click.UsageError(str(error)) from error
    except FileThereError as error:
        raise click.ClickException(str(error)) from error
    done = _export(room, output, widgets=widgets, force=force)
    if as_json:
        echo_json(done.to_dict())
        return
    for warning in done.warnings:
        click.echo(f"Warning: {warning}", err=True)
    click.echo(f"{done.path}: {done.cells} cells, {done.widgets} models, {done.bytes:,} bytes")


def _export(room: str | None, output: Path, *, widgets: bool, force: bool) -> Exported:
    if room is not None and _is_file_only(room):
        return export(room, output, widgets=widgets, force=force)
    try:
        with join_to_look(room) as window:
            return export(window, output, widgets=widgets, force=force)
    except RoomNotFoundError as error:
        if room is None or not room.endswith(".ipynb") or Path(room).exists():
            raise
        raise click.ClickException(
            f"there is no file {room}, and no room has a notebook of that name"
        ) from error


def _is_file_only(room: str) -> bool:
    """Tell whether this is a notebook's file that no room of this user has open."""
    if room.startswith(("http://", "https://")) or not room.endswith(".ipynb") or not Path(room).is_file():
        return False
    try:
        find(notebook=Path(room).resolve())
    except RoomNotFoundError:
        return True
    return False
