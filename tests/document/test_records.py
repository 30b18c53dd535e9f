"""Blobs are counted by the live elements that name them."""

from __future__ import annotations

from typing import Any

from commdoc.protocol.values import sentinel
from tests.document.stories import EPOCH, WIDGET, a_log, open_comm


def blob(content: bytes) -> Any:
    return sentinel(content, "bytes")


def name(content: bytes) -> str:
    return sentinel(content, "bytes")["$blob"]


def test_every_name_counts_and_a_superseded_update_releases_its_own() -> None:
    log = a_log()
    with log.batch():
        open_comm(log, "a", image=blob(b"0"), same=[blob(b"0"), {"deep": blob(b"0")}])
    assert log.blob_refs() == {name(b"0"): 3}
    for n in range(1, 4):
        with log.batch():
            log.update("a", {"image": blob(b"%d" % n)})
    assert log.blob_refs() == {name(b"0"): 3, name(b"3"): 1}
    assert log.take_unnamed() == [name(b"1"), name(b"2")]
    assert log.take_unnamed() == []
    with log.batch():
        log.update("a", {"image": None})
    assert log.blob_refs() == {name(b"0"): 3}
    with log.batch():
        log.close("a")
    assert log.blob_refs() == {}
    assert log.take_unnamed() == [name(b"3"), name(b"0")]


def test_a_blob_that_is_named_again_is_not_told_as_unnamed() -> None:
    log = a_log()
    with log.batch():
        open_comm(log, "a", image=blob(b"0"))
    with log.batch():
        log.close("a")
        open_comm(log, "b", image=blob(b"0"))
    assert log.take_unnamed() == []
    assert log.blob_refs() == {name(b"0"): 1}


def test_data_metadata_outputs_and_reopening_count() -> None:
    log = a_log()
    with log.batch():
        log.open("a", epoch=EPOCH, target_name="t", data=[blob(b"d")], metadata={"m": blob(b"m")})
        open_comm(log, "b", x=blob(b"x"))
        log.append_output("b", {"data": {"image/png": blob(b"o")}})
        log.append_output("b", {"data": {"image/png": blob(b"o")}})
        log.update("b", {"x": blob(b"y")})
    assert log.blob_refs() == {name(b"d"): 1, name(b"m"): 1, name(b"x"): 1, name(b"y"): 1, name(b"o"): 2}
    with log.batch():
        open_comm(log, "b", other=blob(b"z"))
        log.open("a", epoch=EPOCH, target_name="t")
    assert log.blob_refs() == {name(b"z"): 1, name(b"o"): 2}
    with log.batch():
        log.clear_outputs("b")
    assert log.blob_refs() == {name(b"z"): 1}
    with log.batch():
        log.begin_epoch("kernel-1", "epoch-2", "python3")
    assert log.blob_refs() == {}


def test_texts_and_dicts_that_only_look_like_a_name_do_not_count() -> None:
    log = a_log()
    with log.batch():
        open_comm(
            log,
            "a",
            text='{"$blob": "x"}',
            word="$blob",
            wrapped={"$dict": {"$blob": "x"}},
            broken={"$blob": ["x"]},
        )
    assert log.blob_refs() == {}


def test_a_users_wrapped_dict_is_looked_into() -> None:
    log = a_log()
    with log.batch():
        state = {"x": {"$dict": {"$blob": blob(b"0"), "y": 1}}}
        log.open("a", epoch=EPOCH, target_name=WIDGET, state=state)
    assert log.blob_refs() == {name(b"0"): 1}
