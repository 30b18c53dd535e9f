"""`docs/schema.json` says what the writer writes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from pycrdt import Doc

from commdoc.document import CommsMap
from commdoc.errors import SchemaError
from commdoc.protocol.values import dumps, encode
from tests.conftest import ROOT
from tests.document.stories import array, elements
from tests.document.test_fixtures import DOCUMENTS, fixture
from tests.protocol import strategies as some
from tests.protocol.strategies import Store

SCHEMA = json.loads((ROOT / "docs" / "schema.json").read_text(encoding="utf-8"))
FOREIGN = {"skipped", "newer_schema", "twice", "out_of_order"}
"""Fixtures in which somebody else wrote."""


def validator(definition: str) -> Any:
    return Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{definition}"})


def plain_map(comms: CommsMap) -> dict[str, Any]:
    """Return the plain map, values encoded."""
    out = {}
    for comm_id, comm in comms.items():
        opened = comm._opened
        out[comm_id] = {
            "target_name": opened.target_name,
            **opened.model,
            "seq": opened.seq,
            "epoch": opened.epoch,
            **({"state": dict(comm.encoded_state)} if comm.has_state else {"data": opened.data}),
            **({"metadata": opened.metadata} if opened.metadata is not None else {}),
            **({"outputs": comm.encoded_outputs} if comm.encoded_outputs else {}),
        }
    return out


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path.stem not in FOREIGN], ids=lambda path: path.stem
)
def test_what_the_log_writes_is_valid(path: Path) -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(base64.b64decode(fixture(path)["update"]))
    element = validator("element")
    for written in elements(doc):
        element.validate(written)
    validator("map").validate(plain_map(CommsMap(doc)))


@pytest.mark.parametrize("name", ["skipped", "newer_schema"])
def test_what_readers_skip_or_refuse_is_not_valid(name: str) -> None:
    doc: Doc[Any] = Doc()
    doc.apply_update(base64.b64decode(fixture(ROOT / "tests/fixtures/documents" / f"{name}.json")["update"]))
    element = validator("element")
    valid = []
    for text in array(doc):
        try:
            parsed = json.loads(text)
        except ValueError:
            continue
        if element.is_valid(parsed):
            valid.append(parsed[:2])
    assert (
        valid
        == {
            "skipped": [["k", ""], ["o", "good"], ["x", "good"], ["x", ""], ["x", "good"]],
            "newer_schema": [["k", ""], ["o", "a"]],
        }[name]
    )
    try:
        CommsMap(doc).to_py()
    except SchemaError:
        assert name == "newer_schema"


@settings(max_examples=50)
@given(some.values)
def test_any_encoded_value_is_valid(value: object) -> None:
    validator("value").validate(json.loads(dumps(encode(value, Store().put))))


@pytest.mark.parametrize(
    "case", fixture(ROOT / "tests/fixtures/refused_values.json"), ids=lambda case: case["name"]
)
def test_a_value_that_readers_refuse_is_not_valid(case: dict[str, Any]) -> None:
    assert not validator("value").is_valid(json.loads(case["text"]))
