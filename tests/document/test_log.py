"""The one door through which the comms map is written."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Text

from commdoc.document import CommsLog
from commdoc.document.log import ORIGIN
from commdoc.document.yupdate import state_vector
from commdoc.errors import ValueEncodingError
from tests.document.stories import (
    EPOCH,
    WIDGET,
    Reader,
    Transactions,
    a_log,
    array,
    elements,
    kinds,
    late,
    open_comm,
    shown,
    written,
)

SLIDER: dict[str, Any] = {
    "_model_module": "m",
    "_model_module_version": "2.0.0",
    "_model_name": "IntSliderModel",
    "value": 0,
}


def test_a_comm_is_one_element_and_its_updates_are_one_more() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "a", **SLIDER, min=0)
    for value in range(1, 50):
        with log.batch():
            assert log.update("a", {"value": value})
    with log.batch():
        log.update("a", {"max": 10})
    head: dict[str, Any] = {"target_name": WIDGET, "model_module": "m", "model_module_version": "2.0.0"}
    head |= {"model_name": "IntSliderModel", "seq": 1, "epoch": EPOCH, "state": {"value": 0, "min": 0}}
    assert elements(doc)[1:] == [["o", "a", head], ["u", "a", {"value": 49, "max": 10}]]
    assert log.state("a") == {**SLIDER, "value": 49, "min": 0, "max": 10}


def test_a_batch_is_one_transaction_with_the_logs_origin() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    origins: list[object] = []
    observed = array(doc)
    observed.observe(lambda event: origins.append(event.transaction.origin))
    with log.batch():
        for n in range(5):
            open_comm(log, f"c{n}", value=n)
            log.update(f"c{n}", {"value": n + 1})
        log.close("c2")
        log.set_kernel("kernel-1", epoch=EPOCH, name="python3", status="gone")
    assert origins == [ORIGIN]


@pytest.mark.scenario("S17")
def test_a_write_equal_to_what_is_there_is_no_operation_and_no_transaction() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    nested = {"list": [1, {"x": None}], "text": "漢"}
    with log.batch():
        open_comm(log, "a", **SLIDER, nested=nested)
        log.update("a", {"value": 7})
        log.set_view("a", {"msg_id": "m"})
    transactions = Transactions(doc)
    with log.batch():
        assert not log.update("a", {"value": 7, "nested": {"list": [1, {"x": None}], "text": "漢"}})
        assert not log.update("a", {"_model_name": "IntSliderModel"})
        assert not log.update("a", {})
        assert not log.set_view("a", {"msg_id": "m"})
        log.set_kernel("kernel-1", epoch=EPOCH, name="python3")
        open_comm(log, "a", **{**SLIDER, "value": 7}, nested=nested)
        assert log.begin_epoch("kernel-1", EPOCH, "python3") == []
        assert not log.clear_outputs("a")
        assert not log.clear_views("another")
    assert len(transactions) == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (5, 5.0),
        (True, 1),
        (1, True),
        (0, False),
        (0.0, -0.0),
        ([1], [1.0]),
        ({"a": 0}, {"a": False}),
        (None, 0),
    ],
)
def test_values_that_python_calls_equal_are_written_when_their_texts_differ(old: object, new: object) -> None:
    log = a_log()
    with log.batch():
        open_comm(log, "a", x=old)
        assert log.update("a", {"x": new})
        assert not log.update("a", {"x": new})
        assert log.update("a", {"x": old})


def test_what_a_batch_undoes_itself_leaves_nothing_behind() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    transactions, before = Transactions(doc), log.clock
    with log.batch():
        open_comm(log, "a", value=1)
        log.update("a", {"value": 2})
        log.append_output("a", {"x": 1})
        log.set_view("a", {"msg_id": "m"})
        log.close("a")
    assert len(transactions) == 0
    with log.batch():
        open_comm(log, "a", value=1)
        for value in range(100):
            log.update("a", {"value": value})
    assert kinds(doc) == ["k", "o", "u"]
    assert log.clock == before + 2


@pytest.mark.scenario("S21")
def test_nothing_brings_a_closed_comm_back_but_opening_it() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "a", value=1)
    with log.batch():
        log.update("a", {"value": 2})
        assert log.close("a")
        assert not log.close("a")
        assert not log.update("a", {"value": 3})
    with log.batch():
        assert not log.update("a", {"value": 4})
        assert not log.append_output("a", {"x": 1})
        assert not log.set_view("a", {"msg_id": "m"})
        assert not log.close("a")
    assert "a" not in log
    assert log.entry("a") is None
    assert kinds(doc) == ["k"]
    with log.batch():
        open_comm(log, "a", value=5)
    assert late(doc)["a"].state == {"value": 5}
    assert log.entry("a").seq == 2  # type: ignore[union-attr]


@pytest.mark.scenario("S22")
def test_ten_thousand_comms_opened_and_closed_leave_the_document_as_it_was() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    reader = Reader([doc.get_update()])
    transactions = Transactions(doc)
    before = len(doc.get_update())
    for n in range(10_000):
        with log.batch():
            open_comm(log, f"{n}", **SLIDER)
        with log.batch():
            log.update(f"{n}", {"value": 1})
            log.set_view(f"{n}", {"msg_id": f"m{n}", "cell_id": "c"})
        with log.batch():
            log.close(f"{n}")
    reader.apply(*transactions.updates)
    assert len(doc.get_update()) <= before + 32
    assert len(log) == len(reader.comms) == 0
    index = log._index
    assert (len(index.slots), len(index.views._views), len(index.views._found)) == (1, 0, 0)
    assert [*log._stale, *log._array._planned, *log._array._deleted, *log._refs.counts] == []
    mirror = reader.comms._mirror
    assert [*mirror.parts, *mirror.views, *mirror._slots[1:], *reader.comms._comms] == []


def test_a_reopened_comm_gets_the_new_state_and_keeps_seq_outputs_and_views() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "a", **SLIDER, gone=1)
        open_comm(log, "b", **SLIDER)
        log.append_output("a", {"n": 1})
        log.set_view("a", {"msg_id": "m"})
    with log.batch():
        log.update("a", {"value": 5})
    with log.batch():
        open_comm(log, "a", **{**SLIDER, "value": 1.0})
    comm = late(doc)["a"]
    assert list(late(doc)) == ["a", "b"]
    assert (comm.seq, comm.state, comm.outputs) == (1, {**SLIDER, "value": 1.0}, [{"n": 1}])
    assert late(doc).views == [{"comm_id": "a", "msg_id": "m"}]
    with log.batch():
        log.open("a", epoch=EPOCH, target_name="other", data=[1])
    comm = late(doc)["a"]
    assert (comm.seq, comm.target_name, comm.data, comm.has_state) == (1, "other", [1], False)
    assert shown(late(doc)) == written(log)


def test_a_comm_that_reopens_with_a_few_other_values_costs_an_update_only() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        for n in range(20):
            open_comm(log, f"c{n}", **SLIDER, text="x" * 500)
    transactions = Transactions(doc)
    with log.batch():
        for n in range(20):
            open_comm(log, f"c{n}", **{**SLIDER, "value": n % 2}, text="x" * 500)
    assert len(transactions.updates[0]) < 1000
    assert late(doc)["c3"].value("value") == 1


def test_a_new_epoch_drops_what_the_kernels_earlier_ones_left_and_counts_from_one() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        log.begin_epoch("kernel-2", "other", "julia")
        open_comm(log, "a", value=1)
        open_comm(log, "kept", epoch="other", value=1)
        log.append_output("a", {"n": 1})
        log.set_view("a", {"msg_id": "m", "cell_id": "c"})
        log.update("a", {"value": 2})
    with log.batch():
        assert log.begin_epoch("kernel-1", "epoch-2", "python3") == ["a"]
        open_comm(log, "b", epoch="epoch-2", value=1)
    assert log.comm_ids("epoch-2") == ["b"]
    assert log.comm_ids("other") == ["kept"]
    assert [late(doc)[comm_id].seq for comm_id in ("kept", "b")] == [1, 1]
    assert kinds(doc) == ["k", "o", "k", "o"]
    assert {kernel.epoch for kernel in late(doc).kernels.values()} == {"other", "epoch-2"}
    assert log._index.seqs.keys() == {"other", "epoch-2"}


def test_a_comm_of_another_epoch_with_the_same_id_is_another_comm() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "x", value=0)
        open_comm(log, "a", value=1)
        log.append_output("a", {"n": 1})
    with log.batch():
        log.begin_epoch("kernel-2", "other", "julia")
        open_comm(log, "a", epoch="other", value=2)
    entry = log.entry("a")
    assert entry is not None
    assert (entry.seq, entry.epoch, len(entry.outputs)) == (1, "other", 0)
    assert shown(late(doc)) == written(log)
    assert kinds(doc) == ["k", "o", "k", "o"]


def test_a_view_is_there_once_per_comm_and_cell_and_goes_with_its_execution() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "a", value=1)
        open_comm(log, "b", value=1)
        log.set_view("a", {"msg_id": "m1", "cell_id": "c1"})
        log.set_view("b", {"msg_id": "m1", "cell_id": "c1"})
        log.set_view("a", {"msg_id": "m2", "cell_id": "c2"})
        log.set_view("a", {"msg_id": "m3"})
    with log.batch():
        log.set_view("a", {"msg_id": "m3", "execution_count": 3})
    assert [(v["comm_id"], v["msg_id"]) for v in late(doc).views] == [
        ("a", "m1"),
        ("b", "m1"),
        ("a", "m2"),
        ("a", "m3"),
    ]
    with log.batch():
        assert log.clear_views("m2")
        assert log.set_view(
            "b", {"msg_id": "m9", "cell_id": "c1"}
        )  # the cell ran again: what m1 showed is gone
        log.close("b")
    assert late(doc).views == [{"comm_id": "a", "msg_id": "m3", "execution_count": 3}]
    assert kinds(doc).count("v") == 1


def test_outputs_stay_in_their_order() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "a", value=1)
        log.append_output("a", {"n": 0})
    with log.batch():
        log.clear_outputs("a")
        for n in range(5):
            log.append_output("a", {"n": n})
    with log.batch():
        log.append_output("a", {"n": 5})
    assert late(doc)["a"].outputs == [{"n": n} for n in range(6)]


def test_a_value_that_is_not_json_is_refused_and_changes_nothing() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "a", value=1)
        with pytest.raises(ValueEncodingError):
            log.update("a", {"value": 2, "bad": float("nan")})
        with pytest.raises(ValueEncodingError):
            open_comm(log, "a", value=2, bad="\ud800")
        with pytest.raises(ValueEncodingError):
            open_comm(log, "b", bad=object())
        with pytest.raises(ValueEncodingError):
            log.append_output("a", {"bad": b""})
    assert shown(late(doc)) == written(log)
    assert late(doc).to_py().keys() == {"a"}
    assert late(doc)["a"].state == {"value": 1}


def test_a_batch_that_raises_keeps_what_it_had_done() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with pytest.raises(ValueEncodingError), log.batch():  # noqa: PT012 - what came before is the point
        open_comm(log, "a", value=1)
        log.update("a", {"value": object()})
    with log.batch():
        log.update("a", {"value": 2})
    assert shown(late(doc)) == written(log)


def test_an_observer_that_raises_leaves_log_and_document_in_step() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)

    def fail(event: object) -> None:
        raise OSError

    subscription = doc.observe(fail)
    with pytest.raises(Exception, match="Observer callback error"), log.batch():
        open_comm(log, "a", value=1)
    doc.unobserve(subscription)
    with log.batch():
        log.update("a", {"value": 2})
    assert kinds(doc) == ["k", "o", "u"]
    assert shown(late(doc)) == written(log)


def test_writing_needs_a_batch_and_only_one() -> None:
    log = a_log()
    for write in (
        lambda: open_comm(log, "a", value=1),
        lambda: log.update("a", {}),
        lambda: log.close("a"),
        lambda: log.begin_epoch("k", "e", "n"),
        lambda: log.append_output("a", {}),
        lambda: log.clear_views("m"),
    ):
        with pytest.raises(RuntimeError, match="in a batch"):
            write()
    with log.batch(), pytest.raises(RuntimeError, match="open already"), log.batch():
        pass


def test_a_batch_inside_somebody_elses_transaction_is_not_lost() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with doc.transaction(origin="somebody"), pytest.raises(RuntimeError), log.batch():
        open_comm(log, "a", value=1)
    with log.batch():
        open_comm(log, "b", value=1)
    assert shown(late(doc)) == written(log)
    assert list(late(doc)) == ["a", "b"]


def test_a_batch_may_be_part_of_a_transaction_of_the_same_origin() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    foreign: list[str] = []
    log.on_foreign = foreign.append
    with doc.transaction(origin=ORIGIN):
        with log.batch():
            open_comm(log, "a", value=1)
        with log.batch():
            log.update("a", {"value": 2})
    assert foreign == []
    assert shown(late(doc)) == written(log)


def test_the_clock_is_the_documents_own_also_when_its_client_writes_cells() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    text: Text = doc.get("source", type=Text)
    for n in range(20):
        text += "漢🌊x"
        with log.batch():
            open_comm(log, f"c{n}", value=n)
            log.update(f"c{n - 3}", {"value": "x"})
        assert log.clock == state_vector(doc.get_state())[doc.client_id]
    assert shown(late(doc)) == written(log)


def test_a_log_goes_on_with_a_document_that_has_a_map_already() -> None:
    first: Doc[Any] = Doc()
    log = a_log(first)
    with log.batch():
        open_comm(log, "a", **SLIDER)
        open_comm(log, "b", x={"$blob": "ab", "size": 1, "type": "bytes"})
        log.open("c", epoch=EPOCH, target_name="t", data={"x": 1}, metadata={"y": 2.0})
        log.append_output("a", {"n": 1})
        log.set_view("a", {"msg_id": "m", "cell_id": "c"})
    with log.batch():
        log.update("a", {"value": 1})
        log.close("b")
        open_comm(log, "b", x={"$blob": "ab", "size": 1, "type": "bytes"})
    doc: Doc[Any] = Doc()
    doc.apply_update(first.get_update())
    transactions = Transactions(doc)
    again = CommsLog(doc)
    assert written(again) == written(log) == shown(late(doc))
    assert again.blob_refs() == log.blob_refs() == {"ab": 1}
    assert len(transactions) == 0
    with again.batch():
        again.update("a", {"value": 1})
        again.open("c", epoch=EPOCH, target_name="t", data={"x": 1}, metadata={"y": 2.0})
    assert len(transactions) == 0
    with again.batch():
        again.update("a", {"value": 2})
        open_comm(again, "d", x=1)
        again.append_output("a", {"n": 2})
        again.set_view("a", {"msg_id": "m2", "cell_id": "c"})
        again.close("b")
    assert again.entry("d").seq == 5  # type: ignore[union-attr]
    assert again.blob_refs() == {}
    assert shown(late(doc)) == written(again)
    assert kinds(doc).count("u") == 1
    assert again.clock == state_vector(doc.get_state())[doc.client_id]
