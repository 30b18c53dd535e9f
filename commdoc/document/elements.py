"""The elements of the comms array: one JSON text each, typed here.

`parse` reads a text as one of the classes below, the ``*_text`` functions write one. Values inside stay in the value
encoding of ``docs/schema.md``; who wants them decoded uses `commdoc.protocol.values`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from commdoc.errors import SchemaError
from commdoc.protocol.messages import Encoded, State
from commdoc.protocol.outputs import MSG_ID, OUTPUTS, is_output_model
from commdoc.protocol.values import dumps
from commdoc.protocol.version import SCHEMA_VERSION

ROOT: Final = "comms"
"""Name of the document's root type, a `Y.Array`."""

MODEL_KEYS: Final = {
    "_model_module": "model_module",
    "_model_module_version": "model_module_version",
    "_model_name": "model_name",
}
"""State keys that stand beside the state in an ``o``, and their names there."""

_MODEL_NAMES: Final = tuple(MODEL_KEYS.values())

_from_text: Final = json.JSONDecoder().decode
"""As `json.loads`, without its look at what it was given."""

LIVE: Final = "live"
GONE: Final = "gone"


class NewerSchemaError(SchemaError):
    """The document was written by a newer commdoc: all of it is refused, not one element."""


class Opened(NamedTuple):
    """``["o", comm_id, {…}]``: a comm is open. `state` is None for a comm without one, which has `data`."""

    comm_id: str
    target_name: str
    model: dict[str, str]
    seq: int
    epoch: str
    state: State | None
    data: Encoded
    metadata: Encoded

    @property
    def head(self) -> tuple[str, int, str, dict[str, str]]:
        """What makes it this comm and no other that reuses its id."""
        return self.epoch, self.seq, self.target_name, self.model


class Updated(NamedTuple):
    """``["u", comm_id, {…}]``: overlays the state."""

    comm_id: str
    state: State


class Output(NamedTuple):
    """``["out", comm_id, output, ordinal]``: an output of an OutputModel, or with a str more text of a stream.

    `ordinal` is its place among the outputs: 1, 2, 3 …
    """

    comm_id: str
    body: dict[str, Encoded] | str
    ordinal: int


class View(NamedTuple):
    """``["v", comm_id, {…}]``: a displayed view."""

    comm_id: str
    view: dict[str, Any]

    @property
    def cell_id(self) -> str | None:
        """The cell that shows it, when known."""
        return self.view.get("cell_id")

    @property
    def msg_id(self) -> str:
        """The execution that displayed it."""
        msg_id: str = self.view["msg_id"]
        return msg_id


class Kernel(NamedTuple):
    """``["k", "", {…}]``: a kernel and its present epoch."""

    kernel_id: str
    name: str
    epoch: str
    status: str


class Unknown(NamedTuple):
    """An element of a kind that this version doesn't know: skipped by readers, goes with its comm."""

    comm_id: str
    kind: str


Element: TypeAlias = Opened | Updated | Output | View | Kernel | Unknown


def parse(text: object) -> Element:
    """Read one element of the array.

    Raises
    ------
    NewerSchemaError
        For a ``k`` with a `schema_version` above this version's.
    SchemaError
        For anything that is no element.
    """
    if not isinstance(text, str):
        msg = f"an element of type {type(text).__name__}, not a JSON text"
        raise SchemaError(msg)
    try:
        parts = _from_text(text)
    except (ValueError, RecursionError) as error:
        msg = f"an element that is not JSON ({error}): {text[:60]!r}"
        raise SchemaError(msg) from None
    if type(parts) is list and len(parts) > 2 and type(parts[0]) is str and type(parts[1]) is str:
        element = _read(*parts)
        if element is not None:
            return element
    msg = f"an element of the wrong shape: {text[:60]!r}"
    raise SchemaError(msg)


def _read(kind: str, comm_id: str, body: Any, *more: Any) -> Element | None:
    if type(body) is dict and not more:
        if kind == "u":
            return Updated(comm_id, body)
        if kind == "o":
            return _opened(comm_id, body)
    match kind, body, more:
        case "out", dict() | str(), [ordinal] if type(ordinal) is int and ordinal > 0:
            return Output(comm_id, body, ordinal)
        case "v", {"msg_id": str()}, [] if isinstance(body.get("cell_id", ""), str):
            return View(comm_id, body)
        case "k", {"schema_version": int(version)}, _:
            if version > SCHEMA_VERSION:
                msg = (
                    f"the comms map of this document has schema version {version}, "
                    f"this commdoc reads up to {SCHEMA_VERSION}: upgrade commdoc"
                )
                raise NewerSchemaError(msg)
            return _kernel(body)
        case (("o" | "u" | "out" | "v" | "k"), _, _):
            return None
    return Unknown(comm_id, kind)


def _opened(comm_id: str, body: dict[str, Any]) -> Opened | None:
    # A late window reads thousands of these: plain comparisons take a third of the time of patterns.
    get = body.get
    target_name, seq, epoch, state = get("target_name"), get("seq"), get("epoch"), get("state")
    if type(target_name) is not str or type(epoch) is not str or type(seq) is not int or seq < 1:
        return None
    if state is not None and type(state) is not dict:
        return None
    model = {}
    for name in _MODEL_NAMES:
        if name in body:
            model[name] = value = body[name]
            if type(value) is not str:
                return None
    return Opened(comm_id, target_name, model, seq, epoch, state, get("data"), get("metadata"))


def _kernel(body: dict[str, Any]) -> Kernel | None:
    match body:
        case {
            "epoch": str(epoch),
            "kernel": {"kernel_id": str(kernel_id), "name": str(name)},
            "status": str(status),
        }:
            return Kernel(kernel_id, name, epoch, status)
    return None


def split_model(state: Mapping[str, Encoded]) -> tuple[dict[str, str], State]:
    """Return the model names that stand beside the state, and the rest of the state."""
    model: dict[str, str] = {}
    rest: State = {}
    for key, value in state.items():
        if key in MODEL_KEYS and isinstance(value, str):
            model[MODEL_KEYS[key]] = value
        else:
            rest[key] = value
    return model, rest


def storable(state: State, model: Mapping[str, str]) -> State:
    """Return what of a state an ``o`` or ``u`` holds.

    Of an Output widget no outputs, which are elements, and no `msg_id`, which would make a front end capture.
    """
    if not is_output_model(model.get("model_module"), model.get("model_name")):
        return state
    return {key: "" if key == MSG_ID else value for key, value in state.items() if key != OUTPUTS}


def model_state(model: Mapping[str, str]) -> State:
    """Return the state keys of `model`, as `split_model` took them out."""
    return {key: model[name] for key, name in MODEL_KEYS.items() if name in model}


def key_texts(state: Mapping[str, Encoded]) -> dict[str, str]:
    """Return the JSON text of each value."""
    return {key: dumps(value) for key, value in state.items()}


def object_text(texts: Mapping[str, str]) -> str:
    """Return the JSON text of an object from the texts of its values."""
    return "{" + ",".join(f"{dumps(key)}:{text}" for key, text in texts.items()) + "}"


def opened_text(
    comm_id: str,
    *,
    target_name: str,
    model: Mapping[str, str],
    seq: int,
    epoch: str,
    parts: Mapping[str, str],
) -> str:
    """Return the text of an ``o``; `parts` has the texts of its ``state``, ``data`` and ``metadata``."""
    head = {"target_name": target_name, **model, "seq": seq, "epoch": epoch}
    return f'["o",{dumps(comm_id)},{object_text({**key_texts(head), **parts})}]'


def updated_text(comm_id: str, texts: Mapping[str, str]) -> str:
    """Return the text of a ``u`` from the texts of its values."""
    return f'["u",{dumps(comm_id)},{object_text(texts)}]'


def output_text(comm_id: str, body: Mapping[str, Encoded] | str, ordinal: int) -> str:
    """Return the text of an ``out``."""
    return dumps(["out", comm_id, body, ordinal])


def view_text(comm_id: str, view: Mapping[str, Any]) -> str:
    """Return the text of a ``v``."""
    return dumps(["v", comm_id, view])


def kernel_text(kernel: Kernel) -> str:
    """Return the text of a ``k``."""
    body = {
        "schema_version": SCHEMA_VERSION,
        "epoch": kernel.epoch,
        "kernel": {"kernel_id": kernel.kernel_id, "name": kernel.name},
        "status": kernel.status,
    }
    return dumps(["k", "", body])
