"""The reader: right at any moment, however the updates came, and for any thread."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest
from pycrdt import Doc

from commdoc.document import Change, CommsMap, Edit
from commdoc.errors import BlobMissingError, SchemaError
from commdoc.protocol.values import encode
from tests.document.stories import (
    EPOCH,
    Reader,
    Transactions,
    a_log,
    array,
    late,
    open_comm,
    shown,
    written,
)
from tests.protocol.strategies import Store

MODEL = {"_model_module": "m", "_model_module_version": "2", "_model_name": "IntSliderModel"}


def test_a_comm_is_read_with_all_that_it_is() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    store = Store()
    with log.batch():
        open_comm(log, "a", **MODEL, value=5, big={"$num": "nan"}, image=encode(b"\x00", store.put))
        log.open("b", epoch=EPOCH, target_name="t", data={"x": 1.0}, metadata={"version": "2.1.0"})
        log.append_output("a", {"data": encode(b"png", store.put)})
        log.set_view("a", {"msg_id": "m", "cell_id": "c"})
    comms = CommsMap(doc, get_blob=store.get)
    a, b = comms["a"], comms["b"]
    assert (a.comm_id, a.target_name, a.seq, a.epoch) == ("a", "jupyter.widget", 1, EPOCH)
    assert (a.model_module, a.model_module_version, a.model_name) == ("m", "2", "IntSliderModel")
    assert a.value("image") == b"\x00"
    assert a.state.keys() == {*MODEL, "value", "big", "image"}
    assert a.encoded_state["big"] == {"$num": "nan"}
    assert a.outputs == [{"data": b"png"}]
    assert (a.data, a.has_state, b.has_state, b.state, b.model_name) == (None, True, False, {}, None)
    assert comms.to_py()["b"] == {
        "target_name": "t",
        "seq": 2,
        "epoch": EPOCH,
        "data": {"x": 1.0},
        "metadata": {"version": "2.1.0"},
    }
    assert comms.to_py()["a"]["model_name"] == "IntSliderModel"
    assert comms.views == [{"comm_id": "a", "msg_id": "m", "cell_id": "c"}]
    assert comms.kernels["kernel-1"].status == "live"
    assert "IntSliderModel" in repr(a)
    with pytest.raises(KeyError):
        comms["c"]
    with pytest.raises(KeyError):
        a.value("no such key")


def test_what_a_reader_is_given_is_its_own() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "a", x=[1, {"y": []}])
        log.append_output("a", {"data": []})
        log.set_view("a", {"msg_id": "m"})
    comms = CommsMap(doc)
    comms["a"].state["x"][1]["y"].append(5)
    comms["a"].outputs[0]["data"].append(5)
    comms.views[0]["msg_id"] = "other"
    with pytest.raises(TypeError):
        comms["a"].encoded_state["x"] = 1  # type: ignore[index]
    assert shown(comms) == shown(late(doc))
    state = log.state("a")
    state["x"][1]["y"].append(5)
    assert log.state("a") == {"x": [1, {"y": []}]}


def test_changes_say_what_happened_to_whom() -> None:
    doc: Doc[Any] = Doc()
    reader, log = Reader(), a_log(doc)
    transactions = Transactions(doc)
    reader.apply(doc.get_update())
    assert reader.take() == [Change("kernel", "kernel-1")]

    def told() -> list[Change]:
        reader.apply(*transactions.updates)
        transactions.updates.clear()
        return reader.take()

    with log.batch():
        open_comm(log, "a", **MODEL, value=5)
        open_comm(log, "b", x=1)
        log.update("b", {"x": 2, "y": 3})
    assert told() == [Change("opened", "a", (*MODEL, "value")), Change("opened", "b", ("x", "y"))]
    with log.batch():
        log.update("a", {"value": 5.0})
    assert told() == [Change("updated", "a", ("value",))]
    with log.batch():
        log.update("a", {"value": 7, "max": 1})
    assert told() == [Change("updated", "a", ("value", "max"))]
    with log.batch():
        log.append_output("b", {"n": 1})
        log.set_view("a", {"msg_id": "m"})
    assert told() == [Change("outputs", "b", ("outputs",), (Edit("added", 0),)), Change("views", "a")]
    with log.batch():
        log.clear_outputs("b")
        log.close("a")
    assert told() == [Change("closed", "a"), Change("outputs", "b", ("outputs",), (Edit("cut", 0),))]
    with log.batch():
        log.open("b", epoch=EPOCH, target_name="other", data=1)
    assert told() == [Change("closed", "b"), Change("opened", "b")]
    with log.batch():
        open_comm(log, "c", x=1, y=1)
    told()
    with log.batch():
        open_comm(log, "c", x=1, z=1)
    assert told() == [Change("updated", "c", ("z", "y"))]
    with log.batch():
        log.set_kernel("kernel-1", epoch=EPOCH, name="python3", status="gone")
    assert told() == [Change("kernel", "kernel-1")]
    assert shown(reader.comms) == written(log)


@pytest.mark.parametrize(
    ("old", "new"),
    [(5, 5.0), (5.0, 5), (True, 1), (1, True), (0.0, -0.0), ([1], [1.0]), ({"a": 1}, {"a": True})],
)
def test_a_change_is_told_when_the_values_differ_as_texts(old: object, new: object) -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "a", x=old, y=1)
    reader = Reader([doc.get_update()])
    reader.take()
    with log.batch():
        log.update("a", {"x": new})
    reader.apply(doc.get_update())
    assert reader.take() == [Change("updated", "a", ("x",))]
    assert shown(reader.comms) == written(log)


def test_outputs_that_somebody_inserts_in_between_are_where_they_were_inserted() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    log.on_foreign = lambda reason: None
    with log.batch():
        open_comm(log, "a", x=1)
        for n in range(3):
            log.append_output("a", {"n": n})
    comms = CommsMap(doc)
    array(doc).insert(3, '["out","a",{"n":"foreign"},2]')
    assert [output["n"] for output in comms["a"].outputs] == [0, 1, 2]
    array(doc).insert(5, '["out","a",{"n":"last"},2]')
    assert [output["n"] for output in comms["a"].outputs] == [0, "last", 2]
    assert shown(comms) == shown(late(doc))


def test_an_update_that_changes_nothing_for_a_reader_is_not_told() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    log.on_foreign = lambda reason: None
    with log.batch():
        open_comm(log, "a", x=1)
        log.update("a", {"x": 2})
    reader = Reader([doc.get_update()])
    reader.take()
    transactions = Transactions(doc)
    text = array(doc)[2]
    with doc.transaction():
        del array(doc)[2]
        array(doc).append(text)
    log.restore()
    reader.apply(*transactions.updates)
    assert reader.take() == []
    assert shown(reader.comms) == written(log)


def test_a_comm_keeps_its_identity_until_it_closes_and_its_last_values_afterwards() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    comms = CommsMap(doc)
    with log.batch():
        open_comm(log, "a", **MODEL, value=1)
        log.append_output("a", {"n": 1})
    first = comms["a"]
    with log.batch():
        open_comm(log, "a", **MODEL, value=2, new=1)
    assert comms["a"] is first
    assert first.value("value") == 2
    with log.batch():
        log.close("a")
        open_comm(log, "a", **MODEL, value=3)
    assert (first.closed, first.value("value"), first.outputs) == (True, 2, [{"n": 1}])
    second = comms["a"]
    with log.batch():
        log.append_output("a", {"n": 1})
        log.update("a", {"value": 3.5})
    with log.batch():
        log.close("a")
    assert "a" not in comms
    assert (second.closed, second.value("value"), second.outputs) == (True, 3.5, [{"n": 1}])


def test_comms_come_in_seq_order_also_those_that_were_written_again() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    comms = CommsMap(doc)
    with log.batch():
        for n in range(12):
            open_comm(log, f"c{n}", n=n)
    with log.batch():
        open_comm(log, "c3", other=1)
        log.close("c5")
        log.begin_epoch("kernel-2", "epoch-9", "julia")
        open_comm(log, "z", epoch="epoch-9")
        open_comm(log, "y", epoch="epoch-9")
    expected = ["c0", "z", "c1", "y", "c2", "c3", "c4", *(f"c{n}" for n in range(6, 12))]
    assert list(comms) == list(late(doc)) == expected
    assert [comm.comm_id for comm in comms.values()] == expected
    assert [comm_id for comm_id, _ in comms.items()] == expected


def test_parts_that_come_before_their_comm_wait_for_it() -> None:
    doc: Doc[Any] = Doc()
    comms = CommsMap(doc)
    changes: list[Change] = []
    comms.observe(changes.extend)
    for text in ('["u","a",{"x":2}]', '["out","a",{"n":1},1]', '["v","a",{"msg_id":"m"}]'):
        array(doc).append(text)
    assert (len(comms), comms.views, [c for c in changes if c.kind not in ("outputs", "views")]) == (
        0,
        [],
        [],
    )
    array(doc).append('["o","a",{"target_name":"t","seq":1,"epoch":"e","state":{"x":1}}]')
    assert Change("opened", "a", ("x",)) in changes
    assert (comms["a"].state, comms["a"].outputs, comms.views) == (
        {"x": 2},
        [{"n": 1}],
        [{"comm_id": "a", "msg_id": "m"}],
    )


@pytest.mark.scenario("S46")
def test_a_document_that_turns_newer_is_refused_as_a_whole_and_says_so() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    with log.batch():
        open_comm(log, "a", x=1)
    comms = CommsMap(doc)
    changes: list[Change] = []
    comms.observe(changes.extend)
    array(doc).append('["k","",{"schema_version":99}]')
    assert changes == [Change("refused", "")]
    for read in (comms.to_py, lambda: comms["a"], lambda: "a" in comms, comms.values, lambda: comms.kernels):
        with pytest.raises(SchemaError, match="schema version 99"):
            read()
    log.restore()
    assert (comms.error, comms["a"].state) == (None, {"x": 1})


def test_a_missing_blob_is_named_and_the_other_keys_are_read() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    store = Store()
    with log.batch():
        open_comm(log, "a", **MODEL, value=5, image=encode([b"x"], store.put))

    def none(blob: Any) -> bytes:
        raise BlobMissingError("not in this room")

    [digest] = store.content
    for comms in (CommsMap(doc), CommsMap(doc, get_blob=none)):
        assert comms["a"].value("value") == 5
        with pytest.raises(BlobMissingError, match=rf"'image' of comm a \(IntSliderModel\).*{digest}"):
            comms["a"].value("image")
        with pytest.raises(BlobMissingError, match="'image' of comm a"):
            comms.to_py()


def test_a_callback_that_raises_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    comms = CommsMap(doc)
    told: list[Change] = []

    def fail(changes: object) -> None:
        raise OSError

    comms.observe(fail)
    end = comms.observe(told.extend)
    with log.batch():
        open_comm(log, "a", x=1)
    assert told == [Change("opened", "a", ("x",))]
    assert "OSError" in caplog.text
    end()
    end()
    with log.batch():
        log.close("a")
    assert len(told) == 1


def test_a_disposed_map_stands_still() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    comms = CommsMap(doc)
    comms.dispose()
    with log.batch():
        open_comm(log, "a", x=1)
    assert len(comms) == 0


def test_reading_never_touches_the_document_and_works_on_other_threads() -> None:
    doc: Doc[Any] = Doc()
    log = a_log(doc)
    comms = CommsMap(doc)
    done, failures, reads = threading.Event(), [], []

    def read() -> None:
        n = 0
        while not done.is_set() or n == 0:
            n += 1
            try:
                for comm in comms.values():
                    first, second = comm.value("pair")
                    assert first == second
                    outputs = comm.outputs
                    assert [output["n"] for output in outputs] == list(range(len(outputs)))
                assert all(view["comm_id"] for view in comms.views)
                comms.to_py()
                assert list(comms.kernels) == ["kernel-1"]
            except Exception as error:
                failures.append(error)
                return
        reads.append(n)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    order = random.Random(1)
    try:
        for step in range(400):
            with log.batch():
                for n in order.sample(range(20), 4):
                    comm_id = f"c{n}"
                    if comm_id not in log:
                        open_comm(log, comm_id, pair=[step, step])
                    elif order.random() < 0.3:
                        log.close(comm_id)
                    else:
                        log.update(comm_id, {"pair": [step, step]})
                        entry = log.entry(comm_id)
                        assert entry is not None
                        log.append_output(comm_id, {"n": len(entry.outputs)})
                        log.set_view(comm_id, {"msg_id": f"m{step}"})
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(reads) == 2
    assert shown(comms) == written(log)
