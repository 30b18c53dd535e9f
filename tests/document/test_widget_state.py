"""Widget-state v2 out of a comms map is what ipywidgets writes, and comes back without loss."""

from __future__ import annotations

import json
import math
from typing import Any

import ipywidgets
import jsonschema
import pytest
from pycrdt import Doc

from commdoc.document import CommsLog, CommsMap
from commdoc.document.widget_state import file_epoch, from_widget_state, to_widget_state, write_file_comms
from commdoc.errors import BlobMissingError, SchemaError
from commdoc.protocol.messages import BlobType
from commdoc.protocol.outputs import encode_output
from commdoc.protocol.values import BlobSentinel, encode_state, sentinel
from tests.conftest import ROOT

SCHEMA = json.loads((ROOT / "tests/schemas/widget_state_v2.schema.json").read_text(encoding="utf-8"))
STREAM = {"output_type": "stream", "name": "stdout", "text": "captured\n"}
IMAGE = {"output_type": "display_data", "data": {"image/png": "A" * 3000}, "metadata": {}}


class Room:
    """A document with a comms map, and its blobs."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.doc: Doc[Any] = Doc()
        self.log = CommsLog(self.doc)

    def put(self, content: bytes, kind: BlobType) -> BlobSentinel:
        named = sentinel(content, kind)
        self.blobs[named["$blob"]] = content
        return named

    def get(self, named: BlobSentinel) -> bytes:
        if named["$blob"] not in self.blobs:
            msg = f"blob {named['$blob']} is not to be had"
            raise BlobMissingError(msg)
        return self.blobs[named["$blob"]]

    def open(self, comm_id: str, state: dict[str, Any] | None, *outputs: dict[str, Any]) -> None:
        encoded = (
            None if state is None else encode_state(state, self.put, lambda key, error: pytest.fail(key))
        )
        with self.log.batch():
            self.log.open(comm_id, epoch="e", target_name="jupyter.widget", state=encoded)
            self.log.set_outputs(comm_id, [encode_output(output, self.put) for output in outputs])

    @property
    def comms(self) -> CommsMap:
        return CommsMap(self.doc, get_blob=self.get)

    def warned(self) -> tuple[dict[str, Any], list[str]]:
        warnings: list[str] = []
        content = to_widget_state(self.comms, self.get, warn=warnings.append)
        jsonschema.validate(content, SCHEMA)
        for each in content["state"].values():  # their order tells nothing
            if "buffers" in each:
                each["buffers"].sort(key=lambda buffer: str(buffer["path"]))
        return json.loads(json.dumps(content, allow_nan=False)), warnings

    def saved(self) -> dict[str, Any]:
        content, warnings = self.warned()
        assert warnings == []
        return content


def reopened(content: dict[str, Any]) -> Room:
    room = Room()
    with room.log.batch():
        comms = from_widget_state(content, room.put, warn=pytest.fail)
        write_file_comms(room.log, comms, kernel_id="file", epoch=file_epoch(content))
    return room


def model(**state: Any) -> dict[str, Any]:
    return {"_model_module": "m", "_model_module_version": "1", "_model_name": "M", **state}


def test_is_what_ipywidgets_writes() -> None:
    button = ipywidgets.Button(icon="check")
    picture = ipywidgets.Image(value=bytes(range(256)) * 20)
    text = ipywidgets.Textarea("long " * 500)
    box = ipywidgets.VBox([ipywidgets.FloatSlider(2.5), button, text])
    room = Room()
    ours = [each.style for each in box.children] + [each.layout for each in box.children]
    ours += [*box.children, picture, picture.layout, box.layout, box]
    for widget in ours:
        room.open(widget.model_id, widget.get_state())
    theirs = ipywidgets.Widget.get_manager_state(widgets=ours)
    assert room.saved() == json.loads(json.dumps(theirs))


NESTED = {"rows": [b"\x00\xff", {"deep": b"", "kept": 1}], "whole": bytes(5000), "$blob": {"$num": b"x"}}


def test_buffers_lie_beside_the_state_by_path() -> None:
    room = Room()
    room.open("a", model(**NESTED))
    saved = room.saved()["state"]["a"]
    assert saved["state"]["rows"] == [None, {"kept": 1}]
    assert "whole" not in saved["state"]
    paths = [buffer["path"] for buffer in saved["buffers"]]
    assert sorted(map(str, paths)) == sorted(
        map(str, [["rows", 0], ["rows", 1, "deep"], ["whole"], ["$blob", "$num"]])
    )


def test_what_was_saved_comes_back_and_is_saved_the_same() -> None:
    room = Room()
    room.open("a", model(**NESTED, text="t" * 4000, number=5, real=5.5, big=2**60, child="IPY_MODEL_out"))
    output = {"_model_module": "@jupyter-widgets/output", "_model_module_version": "1.0.0"}
    room.open("out", {**output, "_model_name": "OutputModel", "msg_id": ""}, STREAM, IMAGE)
    saved = room.saved()
    assert saved["state"]["out"]["state"]["outputs"] == [STREAM, IMAGE]
    again = reopened(saved)
    assert again.saved() == saved
    assert again.comms["a"].value("rows") == NESTED["rows"]
    assert again.comms["a"].value("$blob") == NESTED["$blob"]
    assert list(again.comms) == ["a", "out"]
    assert {kernel.status for kernel in again.comms.kernels.values()} == {"gone"}


def test_numbers_that_json_lacks_are_saved_as_plain_jupyter_sends_them() -> None:
    room = Room()
    room.open("a", model(value=[math.nan, math.inf, -math.inf]))
    assert room.saved()["state"]["a"]["state"]["value"] == ["nan", "inf", "-inf"]


def test_comms_that_are_no_models_are_left_out() -> None:
    room = Room()
    room.open("bare", None)
    room.open("stateful", {"value": 1})
    room.open("a", model())
    assert list(room.saved()["state"]) == ["a"]


def test_a_blob_that_is_missing_is_told_with_its_model_and_the_others_go_on() -> None:
    room = Room()
    room.open("a", model(value=bytes(10), other=3))
    room.open("b", model(value=bytes(11)))
    del room.blobs[sentinel(bytes(10), "bytes")["$blob"]]
    saved, [warning] = room.warned()
    assert "model a (M)" in warning
    assert "'value'" in warning
    assert saved["state"]["a"]["state"]["other"] == 3
    assert "buffers" in saved["state"]["b"]


def test_a_model_of_a_file_that_is_none_is_told_and_the_others_go_on() -> None:
    good = {"model_name": "M", "model_module": "m", "model_module_version": "1", "state": {"value": 1}}
    lines = {**STREAM, "text": ["one\n", "two\n"]}
    output = {**good, "model_name": "OutputModel", "model_module": "@jupyter-widgets/output"}
    content = {
        "version_major": 2,
        "version_minor": 0,
        "state": {
            "none": None,
            "lost": {**good, "buffers": [{"path": ["no", 1], "encoding": "base64", "data": ""}]},
            "hex": {**good, "buffers": [{"path": ["b"], "encoding": "hex", "data": "00ff"}]},
            "lines": {**output, "state": {"outputs": [lines]}},
            "good": good,
        },
    }
    room = Room()
    warnings: list[str] = []
    comms = from_widget_state(content, room.put, warn=warnings.append)
    assert [comm.comm_id for comm in comms] == ["hex", "lines", "good"]
    assert [warning.split()[1] for warning in warnings] == ["none", "lost"]
    assert comms[1].outputs == [{**STREAM, "text": "one\ntwo\n"}]
    with room.log.batch():
        write_file_comms(room.log, comms, kernel_id="file", epoch="f")
    assert room.comms["hex"].value("b") == b"\x00\xff"
    assert room.comms["good"].model_name == "M"


def test_another_version_is_refused() -> None:
    with pytest.raises(SchemaError, match="version 1"):
        from_widget_state({"version_major": 1, "version_minor": 0, "state": {}}, Room().put)
