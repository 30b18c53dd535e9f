"""The golden fixtures: the same bytes read the same in Python and in TypeScript."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc

from commdoc.document import CommsMap
from commdoc.errors import SchemaError, ValueEncodingError
from commdoc.protocol.values import decode, dumps, encode
from tests.document.stories import Reader
from tests.fixtures.cases import VALUES, Blobs
from tests.fixtures.make import HERE, make, shown
from tests.fixtures.typed import python_value

DOCUMENTS = sorted(HERE.glob("documents/*.json"))


def fixture(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def test_the_committed_fixtures_are_what_the_writer_writes() -> None:
    made = make()
    there = {str(path.relative_to(HERE).as_posix()) for path in HERE.rglob("*.json")}
    assert there == made.keys()
    differing = [path for path, text in made.items() if (HERE / path).read_text(encoding="utf-8") != text]
    assert differing == [], "run python -m tests.fixtures.make, look at the difference, tell both readers"


@pytest.mark.acceptance("A5")
@pytest.mark.parametrize(
    "case", json.loads((HERE / "values.json").read_text(encoding="utf-8")), ids=lambda c: c["name"]
)
def test_values_are_read_and_written_as_the_fixture_says(case: dict[str, Any]) -> None:
    content = {name: base64.b64decode(blob) for name, blob in case["blobs"].items()}
    assert (
        python_value(decode(json.loads(case["text"]), lambda blob: content[blob["$blob"]])) == case["python"]
    )
    blobs = Blobs()
    assert dumps(encode(VALUES[case["name"]], blobs.put)) == case["text"]
    assert blobs.content == content


@pytest.mark.parametrize(
    "case", json.loads((HERE / "refused_values.json").read_text(encoding="utf-8")), ids=lambda c: c["name"]
)
def test_values_that_are_none_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ValueEncodingError):
        decode(json.loads(case["text"]), Blobs().get)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("way", ["late", "attached late", "step by step", "merged"])
def test_documents_are_read_as_the_fixture_says(path: Path, way: str) -> None:
    told = fixture(path)
    update, steps = base64.b64decode(told["update"]), [base64.b64decode(step) for step in told["steps"]]
    content = {name: base64.b64decode(blob) for name, blob in told.get("blobs", {}).items()}
    reader = Reader(get_blob=lambda blob: content[blob["$blob"]])
    comms = reader.comms
    if way == "late":
        reader.apply(update)
    elif way == "attached late":
        doc: Doc[Any] = Doc()
        doc.apply_update(update)
        comms = CommsMap(doc, get_blob=lambda blob: content[blob["$blob"]])
    elif way == "step by step":
        reader.apply(*steps)
    elif steps:
        reader.apply(steps[0])
        reader.apply_merged(*steps[1:])
    if "error" in told:
        with pytest.raises(SchemaError, match=told["error"]):
            comms.to_py()
    else:
        assert shown(comms, python_value) == told["python"]
