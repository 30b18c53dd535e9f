"""Frames hold what the room lacks, once, and one bad value costs only itself."""

from __future__ import annotations

import logging
import math
from typing import Any

import pytest

from commdoc.kernel import batch as module
from commdoc.kernel.batch import BLOB_MEMORY_SECONDS, BatchEncoder
from commdoc.kernel.records import Refused, freeze_state
from commdoc.protocol import frames, values


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def update(comm_id: str = "c", **state: Any) -> dict[str, Any]:
    return {"op": "update", "comm_id": comm_id, "state": freeze_state(state)}


def message(data: Any, *buffers: bytes, comm_id: str = "c") -> dict[str, Any]:
    return {"op": "message", "comm_id": comm_id, "data": data, "buffers": list(buffers)}


def read(encoder: BatchEncoder, *ops: dict[str, Any]) -> list[frames.Frame]:
    return [frames.decode(frame) for frame in encoder.encode(list(ops))]


def test_values_arrive_as_they_were() -> None:
    blobs: dict[str, bytes] = {}
    state: dict[str, Any] = {
        "i": 5,
        "f": 5.0,
        "nan": math.nan,
        "big": 2**70,
        "raw": b"\0",
        "user": {"$blob": 1},
        "t": "x" * 2000,
    }
    (frame,) = read(BatchEncoder(), update(**state))
    for header, content in zip(frame.message["blobs"], frame.buffers, strict=True):
        assert header["size"] == len(content)
        blobs[header["hash"]] = bytes(content)
    told = frame.message["ops"][0]["state"]
    decoded = {key: values.decode(value, lambda blob: blobs[blob["$blob"]]) for key, value in told.items()}
    assert str(decoded) == str(state)
    assert told["big"] == {"$num": str(2**70)}  # a browser's JSON would read another number
    assert [header["type"] for header in frame.message["blobs"]] == ["bytes", "text"]


@pytest.mark.scenario("S19")
@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 2**70])
def test_an_integer_that_a_browser_cannot_read_is_a_text_also_by_the_short_way(number: int) -> None:
    (frame,) = read(BatchEncoder(), update(value=number))
    assert frame.message["ops"][0]["state"] == {"value": {"$num": str(number)}}


def test_a_blob_is_sent_once() -> None:
    encoder = BatchEncoder(Clock())
    first = read(encoder, update(raw=b"x" * 10), update("d", raw=b"x" * 10))
    second = read(encoder, update(raw=b"x" * 10))
    assert [len(frame.buffers) for frame in first + second] == [1, 0]
    assert second[0].message["ops"][0]["state"]["raw"]["$blob"] == first[0].message["blobs"][0]["hash"]


def test_a_blob_is_sent_again_when_the_room_may_have_dropped_it() -> None:
    clock = Clock()
    encoder = BatchEncoder(clock)
    counts = []
    for later in (0, BLOB_MEMORY_SECONDS - 1, BLOB_MEMORY_SECONDS - 1, BLOB_MEMORY_SECONDS + 1):
        clock.now += later
        (frame,) = read(encoder, update(raw=b"x"))
        counts.append(len(frame.buffers))
    assert counts == [1, 0, 0, 1]  # naming it counts, too


def test_another_room_gets_all_blobs() -> None:
    encoder = BatchEncoder(Clock())
    read(encoder, update(raw=b"x"))
    encoder.reset()
    (frame,) = read(encoder, update(raw=b"x"))
    assert len(frame.buffers) == 1


@pytest.mark.scenario("S19", "S20")
def test_what_has_no_place_in_the_document_is_left_out_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    encoder = BatchEncoder()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            (frame,) = read(encoder, update(bad=object(), surrogate="\ud800", good=1))
            assert frame.message["ops"][0]["state"] == {"good": 1}
    assert len(caplog.records) == 2
    assert "'bad' of comm c" in caplog.text
    assert "not JSON serializable" in caplog.text
    assert "surrogate" in caplog.text


def test_an_update_of_which_nothing_is_left_is_no_operation() -> None:
    assert read(BatchEncoder(), update(bad=object())) == []
    assert read(BatchEncoder(), {"op": "truth", "comm_id": "c", "state": {"bad": Refused("no")}}) == []


def test_an_acknowledgement_goes_even_with_nothing_in_it() -> None:
    op = {"op": "settled", "comm_id": "c", "request_id": "r", "state": {"bad": Refused("no")}}
    (frame,) = read(BatchEncoder(), op)
    assert frame.message["ops"] == [{**op, "state": {}}]


def test_messages_name_their_buffers_behind_the_blobs() -> None:
    (frame,) = read(BatchEncoder(), message(1, b"a", b"b"), update(raw=b"blob"), message(2), message(3, b"c"))
    assert [bytes(buffer) for buffer in frame.buffers] == [b"blob", b"a", b"b", b"c"]
    assert [op.get("buffers") for op in frame.message["ops"]] == [[1, 2], None, [], [3]]


@pytest.mark.parametrize("data", [{"x": "\ud800"}, {"x": b"raw"}, Refused("no")])
def test_a_message_that_is_no_json_is_left_out_and_logged(
    data: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (frame,) = read(BatchEncoder(), message(data), message("fine"))
    assert [op["data"] for op in frame.message["ops"]] == ["fine"]
    assert "(message)" in caplog.text


def test_long_batches_become_several_frames_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRAME_BYTES", 10_000)
    encoder = BatchEncoder()
    read_frames = read(encoder, *(message(n, bytes([n]) * 4_000) for n in range(7)))
    assert len(read_frames) == 3
    assert [frame.message["batch"] for frame in read_frames] == [1, 2, 3]
    assert encoder.batch == 3
    ops = [
        (op["data"], bytes(frame.buffers[op["buffers"][0]])[:1])
        for frame in read_frames
        for op in frame.message["ops"]
    ]
    assert ops == [(n, bytes([n])) for n in range(7)]


def test_an_open_with_data_of_its_own_is_encoded_too() -> None:
    op = {"op": "open", "comm_id": "c", "target_name": "t", "data": {"$x": 1}, "metadata": {"n": math.inf}}
    (frame,) = read(BatchEncoder(), op)
    told = frame.message["ops"][0]
    assert values.decode(told["data"]) == {"$x": 1}
    assert values.decode(told["metadata"]) == {"n": math.inf}


def test_keys_become_text_as_json_has_them() -> None:
    (frame,) = read(BatchEncoder(), {"op": "update", "comm_id": "c", "state": {1: "a"}})
    assert frame.message["ops"][0]["state"] == {"1": "a"}


@pytest.mark.scenario("S48")
def test_what_no_frame_can_hold_is_left_out_and_costs_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "OP_BYTES", 10_000)
    encoder = BatchEncoder()
    (frame,) = read(
        encoder,
        update(value=1, image=b"x" * 11_000, text="y" * 11_000, thumbnail=b"t"),
        update("d", a=b"a" * 6_000, b=b"b" * 6_000),
        message({"method": "custom"}, b"z" * 11_000),
        message({"method": "custom"}, b"z" * 9_000),
    )
    first, second, third = frame.message["ops"]
    assert list(first["state"]) == ["value", "thumbnail"]
    assert list(second["state"]) == ["a"]
    assert third["op"] == "message"
    assert sum(map(len, frame.buffers)) == 1 + 6_000 + 9_000
    assert len(caplog.messages) == 4
    assert all("Jupyter's own front ends have it" in line for line in caplog.messages)
