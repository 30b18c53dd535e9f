"""The kernel's side of the conformance cases, in a real Jupyter kernel: anywidgets that do what a story says.

    import kernel as conformance
    conformance.step('{"open": {"a": {"_esm": "…", "x": 1}}}')     # steps as `asSteps` (steps.ts) writes them
    conformance.heard()                                            # what front ends have sent, as the trace has it

A story's comm ids are those of the comms, so that what a case refers to is there. The comm ``probe`` is there in all
stories: after a step ``{"rest": n}`` it sends n, and how many messages the story's comms have got.
"""

from __future__ import annotations

import json
import re
from typing import Any

import anywidget
import ipywidgets
import traitlets

PROBE = "probe"

_heard: list[str] = []
_widgets: dict[str, Any] = {}


def step(text: str) -> None:
    """Do one step of a story, or ``{"end": true}``: close all that it has opened."""
    it = _with_bytes(json.loads(text))
    if "open" in it:
        for comm_id, state in it["open"].items():
            _widgets[comm_id] = _made(comm_id, state)
    elif "set" in it:
        for comm_id, state in it["set"].items():
            _set(_widgets[comm_id], state)
    elif "message" in it:
        _widgets[it["message"]].send(it["content"], buffers=it.get("buffers"))
    elif "close" in it:
        _widgets.pop(it["close"]).close()
    elif "rest" in it:
        probe.send([it["rest"], len(_heard)])
    elif "end" in it:
        for widget in _widgets.values():
            widget.close()
        _widgets.clear()
    else:
        raise ValueError(f"no step of a story: {text}")


def heard() -> list[str]:
    """Return the lines ``kernel ← …`` since the last time; bytes are without the kind that they had in the browser."""
    lines = list(_heard)
    _heard.clear()
    return lines


class _Told:
    """Writes down what comes from front ends."""

    def _handle_msg(self, message: dict[str, Any]) -> None:
        data = message["content"]["data"]
        buffers = [bytes(each) for each in message["buffers"]]
        if data["method"] == "update":
            state = data["state"]
            for path, buffer in zip(data.get("buffer_paths", []), buffers, strict=True):
                _put(state, path, buffer)
            # The widget puts them in again, from the message.
            _heard.append(f"kernel ← {self.model_id} {_shown(state)}")  # type: ignore[attr-defined]
        elif data["method"] == "custom":
            said = ["kernel ←", self.model_id, "custom", _shown(data["content"]), *map(_shown, buffers)]  # type: ignore[attr-defined]
            _heard.append(" ".join(said))
        super()._handle_msg(message)  # type: ignore[misc]


def _made(comm_id: str, state: dict[str, Any]) -> Any:
    """Open a comm with this id: an anywidget, or the class of ipywidgets that the state names."""
    values = {key: value for key, value in state.items() if key not in {"model", "module"}}
    if "model" in state:
        base = getattr(ipywidgets, state["model"].removesuffix("Model"))
        return type(base.__name__, (_Told, base), {})(model_id=comm_id, **values)
    module = {"_esm": values.pop("_esm")}
    traits = {key: traitlets.Any(value).tag(sync=True) for key, value in values.items()}
    return type("Case", (_Told, anywidget.AnyWidget), {**module, **traits})(model_id=comm_id)


def _set(widget: Any, state: dict[str, Any]) -> None:
    """Set values; what is the same already is sent, too, as a kernel may."""
    same = [key for key, value in state.items() if widget.has_trait(key) and getattr(widget, key) == value]
    new = [key for key in state if not widget.has_trait(key)]
    widget.add_traits(**{key: traitlets.Any().tag(sync=True) for key in new})
    if same:
        widget.send_state(same)
    with widget.hold_sync():
        for key, value in state.items():
            setattr(widget, key, value)


def _put(state: Any, path: list[Any], buffer: bytes) -> None:
    *way, last = path
    for key in way:
        state = state[key]
    state[last] = buffer


def _with_bytes(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_bytes(each) for each in value]
    if isinstance(value, dict):
        if set(value) == {"bytes"}:
            return bytes(value["bytes"])
        return {key: _with_bytes(each) for key, each in value.items()}
    return value


def _shown(value: Any) -> str:
    """Return a value in the words of the suite's ``show``."""
    if isinstance(value, bytes):
        return f"[{','.join(map(str, value))}]"
    if isinstance(value, list):
        return f"[{','.join(map(_shown, value))}]"
    if isinstance(value, dict):
        items = (f"{json.dumps(key)}:{_shown_item(key, each)}" for key, each in value.items())
        return f"{{{','.join(items)}}}"
    return json.dumps(value, ensure_ascii=False)


def _shown_item(key: str, value: Any) -> str:
    is_id = key == "id" and isinstance(value, str) and re.fullmatch(r"[0-9a-f-]{32,36}", value)
    return '"…"' if is_id else _shown(value)


probe = anywidget.AnyWidget(model_id=PROBE)
