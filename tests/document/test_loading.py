"""A writer starts from a document that has a map: it reads all of it, or refuses it."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Array, Doc, Map

from commdoc.document import ROOT, CommsLog, CommsMap
from commdoc.document.elements import NewerSchemaError
from commdoc.errors import SchemaError
from commdoc.protocol.version import SCHEMA_VERSION
from tests.document.stories import EPOCH, Transactions, a_log, array, kinds, late, open_comm, shown, written

O = '["o","a",{"target_name":"t","seq":1,"epoch":"epoch-1","state":{"value":1}}]'  # noqa: E741
K = '["k","",{"schema_version":1,"epoch":"epoch-1","kernel":{"kernel_id":"k","name":"n"},"status":"live"}]'


def holding(*elements: Any) -> Doc[Any]:
    doc: Doc[Any] = Doc()
    doc[ROOT] = Array(list(elements))
    return doc


@pytest.mark.scenario("S46")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (["junk"], "not JSON"),
        ([5], "not a JSON text"),
        ([Map({"a": 1})], "not a JSON text"),
        (['["o","b",{}]'], "wrong shape"),
        (['["u","b",{"value":1}]'], "not open"),
        (['["out","b",{},1]'], "not open"),
        (['["out","a",{}]'], "wrong shape"),
        (['["out","a",{},2]'], "output 1 of comm 'a'"),
        (['["out","a",{},1]', '["out","a",{},1]'], "output 1 of comm 'a'"),
        (['["out","a","no stream before it",1]'], "output 1 of comm 'a'"),
        (['["out","a",{},1]', '["out","a","nor here",1]'], "output 1 of comm 'a'"),
        (['["v","b",{"msg_id":"m"}]'], "not open"),
        ([O], "comm 'a' is there twice"),
        (['["u","a",{}]', '["u","a",{}]'], "update of comm 'a' is there twice"),
        (['["v","a",{"msg_id":"m"}]', '["v","a",{"msg_id":"n"}]'], "view of comm 'a' is there twice"),
        ([K], "kernel 'k' is there twice"),
    ],
)
def test_a_damaged_map_is_refused_and_left_as_it_is(damage: list[Any], reason: str) -> None:
    doc = holding(K, O, *damage)
    before = doc.get_update()
    with pytest.raises(SchemaError, match=reason):
        CommsLog(doc)
    assert doc.get_update() == before


@pytest.mark.scenario("S46")
def test_a_map_of_a_newer_schema_is_refused_by_writer_and_reader_with_what_to_do() -> None:
    newer = K.replace('"schema_version":1', f'"schema_version":{SCHEMA_VERSION + 1}').replace(
        '"kernel":', '"other":'
    )
    doc = holding(newer, O)
    before = doc.get_update()
    reason = (
        f"schema version {SCHEMA_VERSION + 1}, this commdoc reads up to {SCHEMA_VERSION}: upgrade commdoc"
    )
    with pytest.raises(NewerSchemaError, match=reason):
        CommsLog(doc)
    comms = CommsMap(doc)
    for read in (
        comms.to_py,
        lambda: comms["a"],
        lambda: list(comms),
        lambda: len(comms),
        lambda: comms.views,
    ):
        with pytest.raises(SchemaError, match=reason):
            read()
    assert doc.get_update() == before


@pytest.mark.scenario("S46")
def test_a_refused_document_can_be_started_afresh() -> None:
    doc = holding(K, "junk", Map({"a": 1}), O)
    log = CommsLog(doc, fresh=True)
    assert len(log) == 0
    with log.batch():
        log.begin_epoch("k", "e", "n")
        open_comm(log, "b", epoch="e", value=1)
    assert kinds(doc) == ["k", "o"]
    assert shown(late(doc)) == written(log)


def test_elements_of_unknown_kinds_are_kept_and_go_with_their_comm() -> None:
    doc = holding(K, O, '["new","a",{"x":1}]', '["new","",5]')
    log = CommsLog(doc)
    with log.batch():
        log.open("a", epoch=EPOCH, target_name="other", data=1)
    assert kinds(doc) == ["k", "new", "new", "o"]
    with log.batch():
        log.close("a")
    assert kinds(doc) == ["k", "new"]


def test_the_parts_of_a_comm_may_stand_in_any_order() -> None:
    doc = holding('["u","a",{"value":2}]', '["out","a",{"n":1},1]', '["v","a",{"msg_id":"m"}]', O, K)
    log = CommsLog(doc)
    assert shown(late(doc)) == written(log)
    assert log.state("a") == {"value": 2}


def test_seqs_go_on_behind_those_that_are_there() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        for n in range(5):
            open_comm(log, f"c{n}", value=n)
        log.close("c2")
    again = CommsLog(doc)
    with again.batch():
        open_comm(again, "new", value=1)
    assert [late(doc)[comm_id].seq for comm_id in late(doc)] == [1, 2, 4, 5, 6]


def test_loading_writes_nothing() -> None:
    doc = holding(K, O)
    transactions = Transactions(doc)
    log = CommsLog(doc)
    with log.batch():
        pass
    assert len(transactions) == 0
    assert not log.restore()


def test_an_emptied_array_of_another_client_is_appended_to() -> None:
    doc = holding(K, O)
    array(doc).clear()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "a", value=1)
    assert shown(late(doc)) == written(log)
