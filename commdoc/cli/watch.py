"""``commdoc watch``."""

from __future__ import annotations

import json
import queue
import time
from typing import Any, Final

import click

from commdoc.cli.common import join_to_look, json_option, room_argument, short
from commdoc.errors import CommdocError
from commdoc.window import Window, events

EPILOG: Final = """\b
ROOM is the beginning of a room's or kernel's id, a notebook's path, or a page link; the newest room without it.

\b
Examples:
  commdoc watch                             until Ctrl-C
  commdoc watch 3f2a --seconds 10 --json    one JSON object per line
"""


@click.command(epilog=EPILOG)
@room_argument()
@click.option("--seconds", type=float, help="End after this time instead of on Ctrl-C.")
@json_option()
def watch(*, room: str | None, seconds: float | None, as_json: bool) -> None:
    """Print what happens in a room, as it happens."""
    heard: queue.SimpleQueue[events.Event] = queue.SimpleQueue()
    end = None if seconds is None else time.monotonic() + seconds
    with join_to_look(room) as window:
        window.on_event(heard.put)
        told = {"room_id": window.room_id, "status": window.kernel.status, "comms": len(window.comms)}
        _print({"event": "joined", **told}, as_json=as_json)
        try:
            while end is None or time.monotonic() < end:
                _take(window, heard, as_json=as_json)
        except KeyboardInterrupt:
            pass


def _take(window: Window, heard: queue.SimpleQueue[events.Event], *, as_json: bool) -> None:
    try:
        event = heard.get(timeout=0.2)
    except queue.Empty:
        window.check()
        return
    line = _line(window, event)
    if line is not None:
        _print(line, as_json=as_json)


def _line(window: Window, event: events.Event) -> dict[str, Any] | None:
    match event:
        case events.CommOpened(comm_id) | events.OutputsChanged(comm_id):
            kind = "opened" if isinstance(event, events.CommOpened) else "outputs"
            return {"event": kind, "comm_id": comm_id, "what": _what(window, comm_id)}
        case events.CommUpdated(comm_id, keys):
            values = _values(window, comm_id, keys)
            return {"event": "updated", "comm_id": comm_id, "what": _what(window, comm_id), "values": values}
        case events.CommClosed(comm_id):
            return {"event": "closed", "comm_id": comm_id}
        case events.MessageArrived(comm_id, data, buffers):
            sizes = [len(buffer) for buffer in buffers]
            what = _what(window, comm_id)
            return {
                "event": "message",
                "comm_id": comm_id,
                "what": what,
                "data": short(data),
                "buffers": sizes,
            }
        case events.KernelChanged(kernel):
            return {"event": "kernel", "status": kernel["status"], "epoch": kernel["epoch"]}
        case events.CellEnded(msg_id, status):
            return {"event": "cell_end", "msg_id": msg_id, "status": status}
        case events.Logged(name, text):
            return {"event": "log", "name": name, "text": text}
        case events.PeersChanged(peers):
            return {"event": "peers", "names": [peer["name"] for peer in peers]}
    return None


def _what(window: Window, comm_id: str) -> str:
    model = window.comms.get(comm_id)
    return "" if model is None else model.model_name or model.target_name


def _values(window: Window, comm_id: str, keys: tuple[str, ...]) -> dict[str, str]:
    model = window.comms.get(comm_id)
    values: dict[str, str] = {}
    for key in keys if model is not None else ():
        try:
            values[key] = short(model[key]) if model is not None else ""
        except (KeyError, CommdocError):
            values[key] = "?"
    return values


def _print(line: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(line, ensure_ascii=False))
        return
    rest = dict(line)
    head = [time.strftime("%H:%M:%S"), f"{rest.pop('event'):8}", str(rest.pop("what", ""))]
    comm_id = rest.pop("comm_id", None)
    if comm_id is not None:
        head.append(comm_id[:8])
    for key, value in {**rest, **rest.pop("values", {})}.items():
        if key != "values":
            head.append(f"{key}={value}")
    click.echo(" ".join(part for part in head if part))
