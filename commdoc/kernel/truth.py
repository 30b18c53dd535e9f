"""What the kernel itself has for a comm's keys: not what a message said, not what an echo said.

An ipywidgets `Widget` is asked with `get_state`. Any other owner of a ``jupyter.widget`` comm (anywidget's
descriptors) is sent the message ``request_state``, as a front end would, and its answer is kept from the
wire.

All that is private in the libraries around us and is used here is in this file.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from commdoc.kernel.hook import WIDGET_TARGET, SendHook
from commdoc.kernel.records import Refused, freeze, freeze_buffers, freeze_state
from commdoc.protocol.values import put_buffers

_PROBE: Final = {"method": "request_state"}


def has_state(comm: Any) -> bool:
    """Whether the comm belongs to something with state: a widget in the sense of the widget protocol."""
    return bool(comm.target_name == WIDGET_TARGET)


def read_state(comm: Any, hook: SendHook, keys: list[str] | None = None) -> dict[str, Any]:
    """Return a frozen copy of the kernel's values, buffers in place.

    Parameters
    ----------
    comm : comm.base_comm.BaseComm
        An open comm for which `has_state` holds.
    hook : SendHook
        Catches the answer to ``request_state``.
    keys : list of str, optional
        Only these; keys that the kernel does not have are left out. Default: all.

    Raises
    ------
    Exception
        Whatever the owner's getter raises.
    """
    owner = _owner(comm)
    if _is_widget(owner):
        known = set(owner.keys)
        wanted = list(owner.keys) if keys is None else [key for key in keys if key in known]
        return _get_state(owner, wanted) if wanted else {}
    state = _probe(comm, hook)
    if state and "_model_module" not in state and type(owner).__module__.startswith("anywidget."):
        # A descriptor's answer lacks what only its open message had.
        state = {**_descriptor_model(), **state}
    return state if keys is None else {key: state[key] for key in keys if key in state}


def output_widget(comm: Any) -> Any:
    """Return the Output widget whose comm this is; None for any other comm."""
    module = sys.modules.get("ipywidgets.widgets.widget_output")
    owner = _owner(comm)
    return owner if module is not None and isinstance(owner, module.Output) else None


def model_id_of(thing: Any) -> str | None:
    """Return the comm id of a displayable object that has an open comm already; opens none."""
    widget = sys.modules.get("ipywidgets.widgets.widget")
    if widget is not None and isinstance(thing, widget.Widget):
        return None if thing.comm is None else str(thing.comm.comm_id)
    comms = getattr(sys.modules.get("anywidget._descriptor"), "_COMMS", {})
    comm = comms.get(id(thing))
    return None if comm is None else str(comm.comm_id)


def _owner(comm: Any) -> Any:
    return getattr(getattr(comm, "_msg_callback", None), "__self__", None)


def _is_widget(owner: Any) -> bool:
    widget = sys.modules.get("ipywidgets.widgets.widget")
    return widget is not None and isinstance(owner, widget.Widget)


def _get_state(owner: Any, keys: list[str]) -> dict[str, Any]:
    try:
        return freeze_state(owner.get_state(keys))
    except Exception as error:  # noqa: BLE001 - a trait whose getter raises costs no other
        if len(keys) > 1:
            return {key: value for each in keys for key, value in _get_state(owner, [each]).items()}
        return {keys[0]: Refused(f"reading it raises {type(error).__name__}")}


def _probe(comm: Any, hook: SendHook) -> dict[str, Any]:
    callback = getattr(comm, "_msg_callback", None)
    if callback is None:
        return {}
    with hook.probing(comm.comm_id) as answers:
        callback(
            {
                "header": {"msg_type": "comm_msg"},
                "content": {"comm_id": comm.comm_id, "data": dict(_PROBE)},
                "metadata": {},
                "buffers": [],
            }
        )
    state: dict[str, Any] = {}
    for content, buffers in answers:
        data = content["data"]
        paths = freeze(data.get("buffer_paths") or [])
        state.update(put_buffers(freeze_state(data["state"]), paths, freeze_buffers(buffers)))
    return state


def _descriptor_model() -> dict[str, Any]:
    version_module = sys.modules.get("anywidget._version")
    version = getattr(version_module, "_ANYWIDGET_SEMVER_VERSION", None)
    if version is None:
        return {}
    return {
        "_model_module": "anywidget",
        "_model_name": "AnyModel",
        "_model_module_version": version,
        "_view_module": "anywidget",
        "_view_name": "AnyView",
        "_view_module_version": version,
        "_view_count": None,
    }
