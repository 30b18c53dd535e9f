"""A late window of the JavaScript library in Node, as a side of `commdoc.window.verify`."""

from __future__ import annotations

import base64
from typing import Any

from commdoc.window.compare import RoomDump
from commdoc.window.kernel_dump import canonical
from tests.interop.node import NodePipe


def dump(link: str) -> RoomDump:
    """Return what a window in Node shows that has just joined."""
    with NodePipe() as node:
        node.do("join", url=link)
        shown = node.do("dump")
    assert shown["missing"] == []
    return {
        comm["comm_id"]: {
            "target_name": comm["target_name"],
            "epoch": comm["epoch"],
            "browser": True,
            "state": {key: _canonical(value) for key, value in comm["state"].items()}
            if "state" in comm
            else None,
        }
        for comm in shown["comms"]
    }


def _canonical(notation: Any) -> Any:
    """Return the canonical form of a value in the typed notation of the browser's side."""
    match notation:
        case {"number": text}:
            return ["number", repr(float(text))]
        case {"dataview": text}:
            return canonical(base64.b64decode(text))
        case {"list": items}:
            return ["list", *map(_canonical, items)]
        case {"dict": items}:
            return {key: _canonical(items[key]) for key in sorted(items)}
    return canonical(notation)
