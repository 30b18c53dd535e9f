"""``commdoc rooms``."""

from __future__ import annotations

from typing import Any, Final

import click

from commdoc.cli.common import echo_json, json_option
from commdoc.errors import CommdocError
from commdoc.window import join
from commdoc.window.address import Announcement, announcements

LOOK_SECONDS: Final = 3.0

EPILOG: Final = """\b
Examples:
  commdoc rooms
  commdoc rooms --link            with the links to open in a browser
  commdoc rooms --link=viewer     with links for those who may look and change nothing
"""


@click.command(epilog=EPILOG)
@click.option(
    "--link",
    type=click.Choice(["window", "viewer"]),
    is_flag=False,
    flag_value="window",
    help="Print the page links; each has its token: who has it may join, or, with `viewer`, may look.",
)
@json_option()
def rooms(*, link: str | None, as_json: bool) -> None:
    """List the rooms of this user, newest first."""
    found = [_look(room, link=link) for room in announcements()]
    if as_json:
        echo_json(found)
    elif not found:
        click.echo("no rooms: run %load_ext commdoc in a notebook")
    else:
        _print(found)


def _look(room: Announcement, *, link: str | None) -> dict[str, Any]:
    seen: dict[str, Any] = {
        "room_id": room.room_id,
        "kernel_id": room.kernel_id,
        "notebook": room.notebook,
        "url": room.url,
        "pid": room.pid,
    }
    try:
        with join(room.room_id, role="viewer", name="commdoc rooms", timeout=LOOK_SECONDS) as window:
            seen["status"] = window.kernel.status
            seen["comms"] = len(window.comms)
            seen["windows"] = sum(peer["role"] != "bridge" for peer in window.peers) - 1
    except CommdocError as error:
        seen["error"] = str(error)
    if link is not None:
        seen["link"] = f"{room.url}#token={room.tokens.get(link, '')}"
    return seen


def _print(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("room", "notebook", "kernel", "status"):
        table.add_column(column, overflow="fold")
    for column in ("comms", "windows"):
        table.add_column(column, justify="right")
    for seen in found:
        status = seen.get("status") or f"[red]{seen['error']}[/red]"
        counts = (str(seen.get("comms", "")), str(seen.get("windows", "")))
        table.add_row(seen["room_id"][:12], seen["notebook"] or "", seen["kernel_id"][:12], status, *counts)
    console = Console()
    console.print(table)
    for seen in found:
        if "link" in seen:
            click.echo(seen["link"])
