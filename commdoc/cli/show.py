"""``commdoc show``."""

from __future__ import annotations

from typing import Any, Final

import click

from commdoc.cli.common import echo_json, join_to_look, json_option, room_argument, short
from commdoc.errors import RoomNotFoundError
from commdoc.window import Model, Window

EPILOG: Final = """\b
ROOM is the beginning of a room's or kernel's id, a notebook's path, or a page link; the newest room without it.
COMM is the beginning of a comm's id, or a model's name.

\b
Examples:
  commdoc show                              the comms of the newest room
  commdoc show 3f2a IntSliderModel          the state of its sliders
  commdoc show analysis.ipynb --json        all of it, values as in the document
"""


@click.command(epilog=EPILOG)
@room_argument()
@click.argument("comm", required=False)
@json_option()
def show(*, room: str | None, comm: str | None, as_json: bool) -> None:
    """Show a room's comms, or one comm's state."""
    with join_to_look(room) as window:
        models = list(window.comms.values())
        if comm is not None:
            models = window.find(comm) or [model for model in models if model.comm_id.startswith(comm)]
            if not models:
                raise RoomNotFoundError(f"room {window.room_id} has no comm {comm}")
        if as_json:
            echo_json(_plain(window, models))
        elif comm is None:
            _print_list(window, models)
        else:
            for model in models:
                _print_state(model)


def _plain(window: Window, models: list[Model]) -> dict[str, Any]:
    return {
        "room_id": window.room_id,
        "kernel": {
            "kernel_id": window.kernel.kernel_id,
            "epoch": window.kernel.epoch,
            "status": window.kernel.status,
        },
        "comms": {
            model.comm_id: {
                "target_name": model.target_name,
                "model_module": model.model_module,
                "model_module_version": model.model_module_version,
                "model_name": model.model_name,
                "seq": model.seq,
                "epoch": model.epoch,
                "state": model.encoded_state if model.has_state else None,
            }
            for model in models
        },
    }


def _print_list(window: Window, models: list[Model]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    kernel = window.kernel
    about = f"room {window.room_id}   kernel {kernel.kernel_id} {kernel.status}   {len(models)} comms"
    console.print(about, markup=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column("seq", justify="right")
    for column in ("comm", "what", "value"):
        table.add_column(column)
    for model in models:
        value = next((short(model[key]) for key in ("value", "description") if key in model), "")
        table.add_row(str(model.seq), model.comm_id[:12], model.model_name or model.target_name, value)
    console.print(table, markup=False)


def _print_state(model: Model) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(f"{model.model_name or model.target_name} {model.comm_id}", markup=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    if model.has_state:
        for key, value in model.state.items():
            table.add_row(f"  {key}", Text(short(value, 200)))
    else:
        table.add_row("  data", Text(short(model.data, 200)))
    console.print(table)
