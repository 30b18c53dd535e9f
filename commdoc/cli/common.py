"""What the commands share: which room is meant, and how values are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from commdoc.window import Window, join

LONGEST: Final = 60
"""Characters of a value in a line."""

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def json_option() -> Decorator:
    """Return the option ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program to read.")


def room_argument() -> Decorator:
    """Return the argument that names a room."""
    return click.argument("room", required=False)


def which(room: str | None) -> dict[str, Any]:
    """Return how `commdoc.join` finds what a person calls a room: a link, a notebook, or (the beginning of) an id."""
    if room is None:
        return {}
    if room.startswith(("http://", "https://")):
        return {"url": room}
    if room.endswith(".ipynb"):
        return {"notebook": Path(room)}
    return {"room": room}


def join_to_look(room: str | None, *, timeout: float = 10.0) -> Window:
    """Join a room as a viewer."""
    return join(**which(room), role="viewer", name="commdoc command line", timeout=timeout)


def echo_json(content: object) -> None:
    """Print JSON, indented."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def short(value: object, longest: int = LONGEST) -> str:
    """Return a value in one line."""
    text = _brief(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _brief(value: object) -> str:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_brief(item)}" for key, item in list(value.items())[:20]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_brief, value[:20])) + ("…]" if len(value) > 20 else "]")
    return repr(value)
