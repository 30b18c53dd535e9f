"""What the kernel itself has, for `verify`: run in the kernel, independent of everything that commdoc does there.

The text of this file is executed in a namespace of its own in the kernel, so it needs nothing but what plain widgets
need. A state is told in a canonical form, JSON-ready, in which values are equal exactly when they are the same value of
the same type:

    null, true, "text"      the same
    ["int", "5"], ["float", "5.0"]
    ["list", …], {key: …}
    ["bytes", size, sha256], ["text", size, sha256] for text longer than `LONG_TEXT`
    ["refused", reason]     what plain Jupyter can't send either
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

LONG_TEXT = 200

MIME = "application/vnd.commdoc.dump+json"


def canonical(value: Any) -> Any:
    """Return a value's canonical form, as plain Jupyter would send it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return ["int", str(int(value))]
    if isinstance(value, float):
        return ["float", repr(float(value))]
    if isinstance(value, (bytes, bytearray, memoryview)):
        content = bytes(value)
        return ["bytes", len(content), hashlib.sha256(content).hexdigest()]
    if isinstance(value, dict):
        return {_key(key): canonical(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return ["list", *(canonical(item) for item in value)]
    try:
        from jupyter_client.jsonutil import json_default

        return canonical(json_default(value))
    except Exception as error:  # noqa: BLE001 - whatever it is, plain Jupyter fails on it, too
        return ["refused", repr(error)[:100]]


def _text(value: str) -> Any:
    try:
        content = value.encode()
    except UnicodeEncodeError as error:
        return ["refused", str(error)[:100]]
    if len(content) > LONG_TEXT:
        return ["text", len(content), hashlib.sha256(content).hexdigest()]
    return str(value)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else next(iter(json.loads(json.dumps({key: 0}))))


def dump() -> dict[str, Any]:
    """Return target, kind and canonical state of every comm of this kernel; None as state when it has none."""
    from comm import get_comm_manager

    return {comm_id: _dump_comm(comm) for comm_id, comm in list(get_comm_manager().comms.items())}


def _dump_comm(comm: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"target_name": comm.target_name, "kind": "comm", "state": None}
    owner = getattr(getattr(comm, "_msg_callback", None), "__self__", None)
    widgets = sys.modules.get("ipywidgets")
    try:
        if widgets is not None and isinstance(owner, widgets.Widget):
            entry["kind"] = "widget"
            entry["state"] = {key: canonical(value) for key, value in owner.get_state().items()}
        elif comm.target_name == "jupyter.widget":
            entry["kind"] = "descriptor"
            entry["state"] = {key: canonical(value) for key, value in _request_state(comm).items()}
    except Exception as error:  # noqa: BLE001 - one bad widget must not hide the others
        entry["error"] = repr(error)
    return entry


def _request_state(comm: Any) -> dict[str, Any]:
    """Return what a descriptor answers to ``request_state``, kept from the wire."""
    answers = []
    comm.send = lambda data=None, metadata=None, buffers=None: answers.append((data, buffers or []))
    try:
        message = {"content": {"comm_id": comm.comm_id, "data": {"method": "request_state"}}}
        comm._msg_callback({"header": {}, "metadata": {}, "buffers": [], **message})
    finally:
        del comm.send
    state: dict[str, Any] = {}
    for data, buffers in answers:
        state.update(data["state"])
        for path, content in zip(data.get("buffer_paths") or [], buffers):  # noqa: B905 - as plain Jupyter does it
            holder = state
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = content
    return state


class Dump:
    """What `dump` returns, for the reply of an execute request."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {MIME: dump(), "text/plain": ""}
