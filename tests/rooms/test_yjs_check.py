from __future__ import annotations

import contextlib
import random
from typing import Any

import pycrdt
import pytest

from commdoc.errors import ProtocolError
from commdoc.protocol.frames import write_varuint
from commdoc.rooms.yjs_check import check_state_vector, check_update

pytestmark = pytest.mark.scenario("S23")


def everything() -> pycrdt.Doc:
    """Return a document in which every kind of content stands."""
    doc: pycrdt.Doc = pycrdt.Doc(client_id=1)
    doc["text"] = text = pycrdt.Text("漢字📊 plain")
    text.format(0, 3, {"bold": True})
    text.insert_embed(0, {"embedded": 1})
    values: list[Any] = [None, True, False, 5, -5, 2**60, 2.5, 1e300, "s", b"bytes", {"a": [1, {}]}, []]
    doc["array"] = array = pycrdt.Array(values)
    doc["map"] = shared = pycrdt.Map({"k": 1, "inner": pycrdt.Map({"deep": pycrdt.Array([1])})})
    doc["xml"] = xml = pycrdt.XmlFragment()
    xml.children.append(pycrdt.XmlElement("p", {"class": "c"}))
    xml.children.append(pycrdt.XmlText("text"))
    del array[2:4]
    shared["k"] = 2
    return doc


def test_what_documents_say_is_right() -> None:
    doc = everything()
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    half = doc.get_state()
    text = doc.get("text", type=pycrdt.Text)
    text += "more"
    del text[0:3]
    doc.get("array", type=pycrdt.Array).insert(1, "between")
    for update in [
        doc.get_update(),
        doc.get_update(half),
        *updates,
        pycrdt.merge_updates(*updates),
        b"\x00\x00",
    ]:
        check_update(update)
    check_state_vector(doc.get_state())


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        (b"", "cut off"),
        (b"\x00", "cut off"),
        (b"\x00\x00\x00", "1 bytes left over"),
        (write_varuint(2**40) + b"\x00", "clients claimed"),
        (b"\x01" + write_varuint(2**30) + b"\x05\x00", "structs claimed"),
        (b"\x01\x01\x05\x00\x08\x01\x01a" + write_varuint(2**30) + b"w\x01x\x00", "values claimed"),
        (b"\x01\x01\x05\x00\x08\x01\x01a\x01v" + write_varuint(2**30) + b"\x00", "values claimed"),
        (b"\x01\x01\x05\x00\x08\x01\x01a\x00\x00", "values: none"),
        (b"\x01\x01\x05\x00\x00" + write_varuint(2**40) + b"\x00", "elements of a gap of"),
        (b"\x01\x01\x05\x00\x0b\x01\x01a\x00", "a content of kind 11"),
        (b"\x01\x01\x05\x00\x04\x01\x01a\x02\xff\xfe\x00", "not UTF-8"),
        (b"\x01\x01\x05\x00\x05\x01\x01a\x01{\x00", "not JSON"),
        (b"\x01\x01\x05\x00\x08\x01\x01a\x01" + b"u\x01" * 200 + b"\x7e\x00", "a value of kind 117"),
        (b"\x02\x00\x05\x00\x00\x05\x00\x00", "the client 5 twice"),
        (b"\x01\x01\x05\x03\x88\x05\x03\x01w\x01x\x00", "refers to a later one"),
        (b"\x00\x01\x05\x01\x00" + write_varuint(2**33), "deleted elements of"),
    ],
)
def test_claims_that_are_not_true_are_refused(update: bytes, reason: str) -> None:
    with pytest.raises(ProtocolError, match=f"no Yjs update: .*{reason}"):
        check_update(update)


def test_a_state_vector_that_is_none_is_refused() -> None:
    for state in (
        b"",
        b"\x02\x01\x01",
        b"\x00\x00",
        write_varuint(2**40),
        b"\x01\x01" + write_varuint(2**40),
    ):
        with pytest.raises(ProtocolError, match="no Yjs state vector"):
            check_state_vector(state)


def test_what_passes_leaves_a_document_that_others_can_read() -> None:
    chance = random.Random(3)
    whole = everything().get_update()
    passed = 0
    for _ in range(6_000):
        update = bytearray(whole)
        for _ in range(chance.randint(1, 2)):
            update[chance.randrange(len(update))] = chance.choice(
                [chance.randrange(256), chance.randrange(16)]
            )
        try:
            check_update(bytes(update))
        except ProtocolError:
            continue
        passed += 1
        doc: pycrdt.Doc = pycrdt.Doc()
        with contextlib.suppress(ValueError, RuntimeError):
            doc.apply_update(bytes(update))
        pycrdt.Doc().apply_update(doc.get_update())
    assert passed > 1000
