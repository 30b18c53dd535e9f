"""What the commands share: which room is meant, and how values are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from commdoc.cli.hosts import check_unambiguous
from commdoc.cli.terminal import one_line
from commdoc.errors import CommdocError
from commdoc.window import Window, join
from commdoc.window.address import announcements

LONGEST: Final = 60
"""Characters of a value in a line."""

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def json_option() -> Decorator:
    """Return the option ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program to read.")


def room_argument() -> Decorator:
    """Return the argument that names a room; a shell completes it with the ids of those that there are."""
    return click.argument("room", required=False, shell_complete=complete_room)


def comm_argument() -> Decorator:
    """Return the argument that names a comm of it; a shell completes it with ids and names."""
    return click.argument("comm", required=False, shell_complete=complete_comm)


def complete_room(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the rooms whose id, or whose kernel's, begins so, with their notebooks."""
    return [
        CompletionItem(each.room_id, help=each.notebook or f"kernel {each.kernel_id[:8]}")
        for each in announcements()
        if each.room_id.startswith(incomplete) or (incomplete and each.kernel_id.startswith(incomplete))
    ]


def complete_comm(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the comms and model names of the room on the line."""
    try:
        with join_to_look(ctx.params.get("room"), timeout=2.0) as window:
            names = {comm_id: model.model_name or "" for comm_id, model in window.comms.items()}
    except CommdocError:
        return []
    models = [CompletionItem(name, help="model") for name in sorted(set(names.values()) - {""})]
    comms = [CompletionItem(comm_id, help=name) for comm_id, name in names.items()]
    return [each for each in [*models, *comms] if each.value.startswith(incomplete)]


def which(room: str | None) -> dict[str, Any]:
    """Return how `commdoc.join` finds what a person calls a room: a link, a notebook, or (the beginning of) an id."""
    if room is None:
        return {}
    if room.startswith(("http://", "https://")):
        return {"url": room}
    if room.endswith(".ipynb"):
        return {"notebook": Path(room)}
    check_unambiguous(room)
    return {"room": room}


def join_to_look(room: str | None, *, timeout: float = 10.0) -> Window:
    """Join a room as a viewer."""
    return join(**which(room), role="viewer", name="commdoc command line", timeout=timeout)


def echo_json(content: object) -> None:
    """Print JSON, indented."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def short(value: object, longest: int = LONGEST) -> str:
    """Return a value in one line."""
    text = one_line(_brief(value))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _brief(value: object) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_brief(item)}" for key, item in list(value.items())[:20]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_brief, value[:20])) + ("…]" if len(value) > 20 else "]")
    return repr(value)
