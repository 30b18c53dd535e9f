"""``commdoc show``."""

from __future__ import annotations

from typing import Any, Final

import click

from commdoc.cli.common import comm_argument, echo_json, join_to_look, json_option, room_argument, short
from commdoc.cli.terminal import console, one_line, print_table, short_ids, table
from commdoc.errors import RoomNotFoundError
from commdoc.window import Model, Window

WIDEST_NAME: Final = 28

EPILOG: Final = """\b
ROOM is the beginning of a room's or kernel's id, a notebook's path, or a page link; the newest room without it.
COMM is the beginning of a comm's id, or a model's name.

\b
Examples:
  commdoc show                              the comms of the newest room
  commdoc show 3f2a IntSliderModel          the state of its sliders
  commdoc show analysis.ipynb --json        all of it, values as in the document
"""


@click.command(epilog=EPILOG, short_help="Show a room's comms, or one comm's state.")
@room_argument()
@comm_argument()
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
    from rich.text import Text

    out = console()
    kernel = window.kernel
    out.print(Text(f"room    {window.room_id}"))
    out.print(Text(f"kernel  {kernel.kernel_id or '–'}  {kernel.status}"))
    out.print(Text(f"{len(models)} comms\n"))
    ids = short_ids(model.comm_id for model in models)
    it = table("seq", "comm", "what", "value", right=("seq",), wide="value")
    for model in models:
        value = next((short(model[key]) for key in ("value", "description") if key in model), "")
        what = one_line(model.model_name or model.target_name)
        it.add_row(str(model.seq), ids[model.comm_id], what[:WIDEST_NAME], value)
    print_table(out, it)


def _print_state(model: Model) -> None:
    from rich.text import Text

    out = console()
    out.print(Text(f"{one_line(model.model_name or model.target_name)}  {model.comm_id}", style="bold"))
    it = table("key", "value", wide="value")
    it.show_header = False
    state = model.state if model.has_state else {"data": model.data}
    for key, value in state.items():
        it.add_row(Text(f"  {one_line(key)}"), Text(short(value, 200)))
    print_table(out, it)
