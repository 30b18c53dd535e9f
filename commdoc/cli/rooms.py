"""``commdoc rooms``."""

from __future__ import annotations

from typing import Any, Final

import click

from commdoc.cli.common import echo_json, json_option
from commdoc.cli.hosts import Seen, known_rooms
from commdoc.cli.terminal import console, one_line, print_table, short_ids, size, table

EPILOG: Final = """\b
Examples:
  commdoc rooms
  commdoc rooms --link            with the links to open in a browser
  commdoc rooms --link=viewer     with links for those who may look and change nothing
"""


@click.command(epilog=EPILOG, short_help="List the rooms of this user.")
@click.option(
    "--link",
    type=click.Choice(["window", "viewer"]),
    is_flag=False,
    flag_value="window",
    help="Print the page links; each has its token: who has it may join, or, with `viewer`, may look.",
)
@json_option()
def rooms(*, link: str | None, as_json: bool) -> None:
    """List the rooms of this user: live ones, newest first, then those that a server keeps without a kernel."""
    found = known_rooms()
    if as_json:
        echo_json([_plain(seen, link) for seen in found])
    elif not found:
        click.echo("no rooms: run %load_ext commdoc in a notebook")
    else:
        _print(found, link)


def _plain(seen: Seen, link: str | None) -> dict[str, Any]:
    told = seen.told
    plain: dict[str, Any] = {
        "room_id": seen.room_id,
        "kernel_id": seen.kernel_id,
        "notebook": seen.path,
        "url": seen.url,
        "pid": None if seen.announced is None else seen.announced.pid,
        "live": seen.live,
        "status": seen.status,
    }
    for name in ("document_id", "comms", "windows", "blobs", "store", "saved_at", "size", "displaced_from"):
        if name in told:
            plain[name] = told[name]
    if seen.error is not None:
        plain["error"] = seen.error
    if link is not None and (address := _link(seen, link)) is not None:
        plain["link"] = address
    return plain


def _link(seen: Seen, role: str) -> str | None:
    if seen.announced is None or role not in seen.announced.tokens:
        return None
    return f"{seen.announced.url}#token={seen.announced.tokens[role]}"


def _print(found: list[Seen], link: str | None) -> None:
    from rich.text import Text

    out = console()
    ids = short_ids(seen.room_id for seen in found)
    kernels = short_ids(seen.kernel_id for seen in found if seen.kernel_id)
    it = table(
        "room",
        "notebook",
        "kernel",
        "status",
        "comms",
        "windows",
        right=("comms", "windows"),
        wide="notebook",
    )
    for seen in found:
        style = {"no answer": "red", "kept": "dim", "dead": "red", "busy": "yellow"}.get(seen.status, "")
        it.add_row(
            ids[seen.room_id],
            _ending(one_line(seen.path or "–"), 28),
            kernels.get(seen.kernel_id or "", "–"),
            Text(seen.status, style=style),
            str(seen.told.get("comms", "")),
            str(seen.told.get("windows", "")),
        )
    print_table(out, it)
    for seen in found:
        for text, style in _notes(seen):
            out.print(Text(f"{ids[seen.room_id]}: {text}", style=style))
    for seen in found:
        if link is not None and (address := _link(seen, link)) is not None:
            click.echo(address)


def _notes(seen: Seen) -> list[tuple[str, str]]:
    notes: list[tuple[str, str]] = []
    if seen.error is not None:
        notes.append((seen.error, "red"))
    if seen.trouble is not None:
        notes.append((seen.trouble, "bold red"))
    if seen.told.get("displaced_from"):
        notes.append((f"was {seen.told['displaced_from']}, which another room has now", "yellow"))
    if not seen.live and seen.told.get("size") is not None:
        notes.append((f"kept, {size(seen.told['size'])}; it comes back with its notebook", "dim"))
    return notes


def _ending(path: str, most: int) -> str:
    """Return a path's end: that is what tells it from others."""
    return path if len(path) <= most else f"…{path[1 - most :]}"
