"""Widget-state v2, the form in which notebook files and HTML pages hold widgets: from a comms map, and back to entries.

It is what JupyterLab writes with *Save Widget State* and ipywidgets' `embed` puts into a page: the states of the models
by id, binary parts in base64 beside them, by path. Numbers that JSON lacks become what plain Jupyter sends in their
place (``"nan"``, ``"inf"``). Comms that are no models have no place in it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypedDict

from typing_extensions import NotRequired

from commdoc.document.comm import Comm
from commdoc.document.elements import GONE, MODEL_KEYS
from commdoc.document.log import CommsLog
from commdoc.errors import BlobMissingError, SchemaError, ValueEncodingError
from commdoc.protocol.buffers import put_buffers, take_buffers
from commdoc.protocol.messages import State
from commdoc.protocol.outputs import OUTPUTS, EncodedOutput, encode_output, is_output_model
from commdoc.protocol.values import GetBlob, PutBlob, decode, encode_state

WIDGET_STATE_MIMETYPE: Final = "application/vnd.jupyter.widget-state+json"
"""The key of ``metadata.widgets`` of a notebook, and the type of the script in a page, that hold it."""

WIDGET_VIEW_MIMETYPE: Final = "application/vnd.jupyter.widget-view+json"
"""The key of an output's ``data`` that shows a model: ``{"model_id", "version_major": 2, "version_minor": 0}``."""

VERSION_MAJOR: Final = 2
VERSION_MINOR: Final = 0

WIDGET_TARGET: Final = "jupyter.widget"


class WidgetBuffer(TypedDict):
    """A binary part of a model's state: ``encoding`` is ``"base64"`` (or ``"hex"`` in files of others)."""

    path: list[str | int]
    encoding: str
    data: str


class WidgetModel(TypedDict):
    """One model. The state has None in a list where a buffer was, and lacks the key of one in a dict."""

    model_name: str
    model_module: str
    model_module_version: str
    state: dict[str, Any]
    buffers: NotRequired[list[WidgetBuffer]]


class WidgetState(TypedDict):
    """All of it; model_id to model, in the order in which the kernel opened them."""

    version_major: int
    version_minor: int
    state: dict[str, WidgetModel]


class FileComm(NamedTuple):
    """A comm as a room takes it: `state` is encoded, its outputs apart; model keys are in the state."""

    comm_id: str
    target_name: str
    state: State
    outputs: list[EncodedOutput]


def to_widget_state(
    comms: Mapping[str, Comm], blobs: GetBlob, *, warn: Callable[[str], object] = lambda text: None
) -> WidgetState:
    """Return the models of a comms map as widget-state v2, JSON-ready.

    Parameters
    ----------
    comms : mapping of comm_id to Comm
        Those without a state or a ``_model_module`` are left out. What an Output captured is in its state.
    blobs : callable
        Returns the bytes of a blob sentinel, or raises `BlobMissingError`.
    warn : callable
        Told, in words, of each value that is not to be had, with model, key and blob. That key is left out (whoever
        reads the file takes the class's default), and the others go on.
    """
    models = {}
    for comm_id, comm in comms.items():
        if comm.has_state and comm.model_module and comm.model_name:
            models[comm_id] = _model(comm, blobs, warn)
    return {"version_major": VERSION_MAJOR, "version_minor": VERSION_MINOR, "state": models}


def from_widget_state(
    content: Mapping[str, Any], put: PutBlob, *, warn: Callable[[str], object] = lambda text: None
) -> list[FileComm]:
    """Read widget-state v2 as comms that a room can show, in the file's order.

    Parameters
    ----------
    content : mapping
        What stands under `WIDGET_STATE_MIMETYPE`.
    put : callable
        Takes the bytes of each blob, returns what stands in its place.
    warn : callable
        Told, in words, of each model, key or output that can't be read; it is left out, and the others go on.

    Raises
    ------
    SchemaError
        When it is no widget-state of version 2.
    """
    if content.get("version_major") != VERSION_MAJOR or not isinstance(content.get("state"), Mapping):
        msg = f"widget-state of version {content.get('version_major')!r}, of which only 2 can be read"
        raise SchemaError(msg)
    found = []
    for model_id, model in content["state"].items():
        try:
            found.append(_comm(str(model_id), model, put, warn))
        except (ValueEncodingError, KeyError, TypeError, AttributeError) as error:
            warn(f"model {model_id} is left out: {error!r}")
    return found


def file_epoch(content: Mapping[str, Any]) -> str:
    """Return the epoch of comms that came from a file: the same for the same widget-state."""
    text = json.dumps(content, sort_keys=True)
    return f"file-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def write_file_comms(
    log: CommsLog, comms: Sequence[FileComm], *, kernel_id: str, epoch: str, name: str = ""
) -> None:
    """Write comms from a file, of a kernel that has gone: they show and can't be moved. In a batch of `log`.

    The first kernel that begins an epoch takes their place.
    """
    log.set_kernel(kernel_id, epoch=epoch, name=name, status=GONE)
    for comm in comms:
        log.open(comm.comm_id, epoch=epoch, target_name=comm.target_name, state=comm.state)
        if comm.outputs:
            log.set_outputs(comm.comm_id, comm.outputs)


def _model(comm: Comm, blobs: GetBlob, warn: Callable[[str], object]) -> WidgetModel:
    values = {}
    for key, encoded in comm.encoded_state.items():
        try:
            values[key] = _plain(decode(encoded, blobs))
        except (BlobMissingError, ValueEncodingError) as error:
            warn(f"model {comm.comm_id} ({comm.model_name}) is saved without {key!r}: {error}")
    state, paths, buffers = take_buffers(values)
    model: WidgetModel = {
        "model_name": str(comm.model_name),
        "model_module": str(comm.model_module),
        "model_module_version": str(comm.model_module_version or ""),
        "state": state,
    }
    if buffers:
        model["buffers"] = [
            {"path": path, "encoding": "base64", "data": base64.b64encode(buffer).decode("ascii")}
            for path, buffer in zip(paths, buffers, strict=True)
        ]
    return model


def _comm(model_id: str, model: Mapping[str, Any], put: PutBlob, warn: Callable[[str], object]) -> FileComm:
    held = list(_buffers(model_id, model, warn))
    values = put_buffers(model["state"], [path for path, _ in held], [content for _, content in held])
    for key, name in MODEL_KEYS.items():
        values.setdefault(key, model[name])
    outputs = values.pop(OUTPUTS, ()) if is_output_model(model["model_module"], model["model_name"]) else ()

    def refused(key: str, error: ValueEncodingError) -> None:
        warn(f"model {model_id} ({model['model_name']}) is read without {key!r}: {error}")

    state = encode_state(values, put, refused)
    encoded = []
    for output in outputs:
        try:
            encoded.append(encode_output(_joined(output), put))
        except ValueEncodingError as error:
            warn(f"model {model_id} ({model['model_name']}) is read without an output: {error}")
    return FileComm(model_id, WIDGET_TARGET, state, encoded)


def _buffers(
    model_id: str, model: Mapping[str, Any], warn: Callable[[str], object]
) -> Iterator[tuple[list[str | int], bytes]]:
    for buffer in model.get("buffers", ()):
        try:
            if buffer["encoding"] == "hex":
                yield buffer["path"], bytes.fromhex(buffer["data"])
            else:
                yield buffer["path"], base64.b64decode(buffer["data"], validate=True)
        except (binascii.Error, ValueError, KeyError, TypeError) as error:
            warn(f"model {model_id} is read without the buffer {buffer!r:.80}: {error!r}")


def _joined(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return an output with the text of a stream in one piece: files may have it in lines."""
    text = output.get("text")
    return {**output, "text": "".join(text)} if isinstance(text, list) else dict(output)


def _plain(value: Any) -> Any:
    """Return a value as plain Jupyter sends it: numbers that JSON lacks in words."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
