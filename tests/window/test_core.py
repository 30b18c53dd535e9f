"""The core of a window alone: frames in, frames out, events."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pycrdt import Array, Doc

from commdoc.errors import ProtocolError, RequestError, SchemaError
from commdoc.protocol import frames, values
from commdoc.window import asks, events, sync
from commdoc.window.blobs import BlobCache, BlobWants
from commdoc.window.core import WindowCore
from commdoc.window.outbox import Ask, Outbox


class FarSide:
    """The room's side of the wire, played: a document and the frames it sends."""

    def __init__(self, document_id: str = "d1") -> None:
        self.document_id = document_id
        self.doc: Doc[Any] = Doc()
        self.comms = self.doc.get("comms", type=Array)
        self.heard: list[events.Event] = []
        self.core = WindowCore(self.heard.append)
        self.asked: list[bytes] = []

    def join(self) -> None:
        self.core.connect()
        self.welcome()
        self.core.receive(sync.step1(self.doc))
        self.sync()

    def welcome(self) -> None:
        kernel = {"status": "idle", "epoch": "e", "kernel_id": "k", "live": True}
        self.say(
            type="welcome",
            protocol=1,
            room_id="r",
            document_id=self.document_id,
            client_id=self.doc.client_id,
            peer_id="p",
            role="window",
            limits={"frame_bytes": 10_000, "text_bytes": 2_000},
            kernel=kernel,
            peers=[],
        )

    def sync(self) -> None:
        self.sent()
        asked, self.asked = self.asked, []
        for state in asked:
            self.core.receive(sync.step2(self.doc, state))

    def say(self, **message: Any) -> None:
        self.core.receive(frames.encode(message))

    def write(self, *texts: str) -> bytes:
        """Write elements; return the frame of the update, which the window has not got."""
        before = self.doc.get_state()
        self.comms.extend(list(texts))
        return sync.write(sync.UPDATE, self.doc.get_update(before))

    def sent(self) -> list[dict[str, Any]]:
        """Return the messages that the window sends now; what it asks of the document is kept for `sync`."""
        messages = []
        for frame in self.core.take_frames():
            if frames.frame_type(frame) == frames.MESSAGE:
                messages.append(frames.decode(frame).message)
            elif sync.read(frame)[0] == sync.STEP1:
                self.asked.append(sync.read(frame)[1])
        return messages

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.heard if isinstance(event, kind)]


def opened(comm_id: str, seq: int = 1, **state: Any) -> str:
    body = {"target_name": "jupyter.widget", "model_name": "M", "seq": seq, "epoch": "e", "state": state}
    return values.dumps(["o", comm_id, body])


@pytest.fixture
def far() -> FarSide:
    far = FarSide()
    far.write(opened("a", value=1))
    far.join()
    return far


def test_it_says_hello_first_and_is_complete_with_step_2():
    far = FarSide()
    far.write(opened("a", value=1))
    far.core.connect()
    [hello] = far.sent()
    assert hello["type"] == "hello"
    far.welcome()
    assert not far.of(events.Synced)
    far.sync()
    assert far.of(events.Synced) == [events.Synced(fresh=True)]
    assert far.of(events.CommOpened) == [events.CommOpened("a")]


@pytest.mark.scenario("S24")
def test_an_event_waits_for_the_document_that_it_names_and_all_behind_it_with_it(far):
    update = far.write(values.dumps(["u", "a", {"value": 2}]))
    far.say(type="message", comm_id="a", data={"n": 1}, buffers=[], after=2)
    far.say(type="kernel", status="busy", epoch="e", kernel_id="k", live=True)
    assert not far.of(events.MessageArrived)
    assert far.core.kernel is not None
    assert far.core.kernel["status"] == "idle"
    far.core.receive(update)
    assert [event.data for event in far.of(events.MessageArrived)] == [{"n": 1}]
    assert far.core.kernel["status"] == "busy"
    assert far.heard.index(events.CommUpdated("a", ("value",))) < far.heard.index(
        far.of(events.MessageArrived)[0]
    )


def test_rule_3_the_newest_own_request_hides_the_document_until_it_is_accepted(far):
    first = far.core.request("a", {"value": 5})
    second = far.core.request("a", {"value": 6})
    assert [message["request_id"] for message in far.sent()] == [first]
    far.heard.clear()
    far.core.receive(far.write(values.dumps(["u", "a", {"value": 9, "other": 1}])))
    assert far.of(events.CommUpdated) == [events.CommUpdated("a", ("other",))]
    assert far.core.shown("a") == {"_model_name": "M", "value": 6, "other": 1}
    far.say(type="accepted", request_id=first, after=0)
    assert far.core.shown("a")["value"] == 6
    assert [message["request_id"] for message in far.sent()] == [second]
    far.heard.clear()
    far.say(type="accepted", request_id=second, after=0)
    assert far.of(events.CommUpdated) == [events.CommUpdated("a", ("value",))]
    assert far.core.shown("a")["value"] == 9


def test_what_the_room_would_refuse_for_its_size_is_not_asked(far):
    for value in (["x" * 500] * 6, b"x" * 20_000):
        with pytest.raises(RequestError, match="at once") as refused:
            far.core.request("a", {"value": value})
        assert refused.value.code == "too_large"
    assert far.sent() == []


def test_a_failed_request_shows_the_document_again(far):
    request_id = far.core.request("a", {"value": 5})
    far.sent()
    far.say(type="failed", request_id=request_id, code="kernel_gone", reason="gone")
    [ended] = far.of(events.RequestEnded)
    assert ended.error.code == "kernel_gone"
    assert far.core.shown("a")["value"] == 1


def test_another_life_of_the_document_is_filled_beside_the_old_one(far):
    request_id = far.core.request("a", {"value": 5})
    far.sent()
    far.core.disconnect()
    old = far.core.doc
    far.document_id, far.doc = "d2", Doc()
    far.comms = far.doc.get("comms", type=Array)
    far.write(opened("b", value=1))
    far.core.connect()
    far.heard.clear()
    far.welcome()
    assert far.core.doc is old
    assert list(far.core.comms) == ["a"]
    assert far.of(events.RequestEnded)[0].request_id == request_id
    far.sync()
    assert far.core.doc is not old
    assert list(far.core.comms) == ["b"]
    assert events.CommClosed("a") in far.heard
    assert events.CommOpened("b") in far.heard


def test_the_same_life_goes_on_and_open_requests_are_asked_again(far):
    request_id = far.core.request("a", {"value": 5})
    far.core.ask(asks.comm_message("a", {}, []))
    sent = far.sent()
    far.core.disconnect()
    doc = far.core.doc
    far.join()
    assert far.core.doc is doc
    assert far.sent() == sent
    assert sent[0]["request_id"] == request_id


def test_a_newer_schema_is_refused_with_the_version_that_it_needs(far):
    newer = values.dumps(["k", "", {"schema_version": 99, "epoch": "e", "kernel": {}, "status": "live"}])
    with pytest.raises(SchemaError, match="99"):
        far.core.receive(far.write(newer))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x07",
        b"\x64",
        b"\x00\x00\x05\x00",
        b"\x00\x02\x03abc",
        frames.encode({"type": "nonsense"}),
        frames.encode({"type": "accepted"}),
        frames.encode({"type": "blobs", "hashes": ["x"], "sizes": [1], "missing": []}),
        frames.encode({"type": "message", "comm_id": "a", "data": {}, "buffers": [3], "after": 0}),
    ],
)
def test_a_malformed_frame_is_a_protocol_error(far, frame):
    with pytest.raises(ProtocolError):
        far.core.receive(frame)


def test_unknown_fields_and_extensions_are_ignored(far):
    far.say(type="x-more")
    far.say(type="kernel", status="busy", epoch="e", kernel_id="k", live=True, more=1)
    assert far.core.kernel["status"] == "busy"


def test_blobs_are_asked_for_once_in_batches_and_again_after_a_reconnect():
    wants = BlobWants()
    big: values.BlobSentinel = {"$blob": "a" * 64, "size": 7 * 1024 * 1024, "type": "bytes"}
    more: values.BlobSentinel = {"$blob": "b" * 64, "size": 7 * 1024 * 1024, "type": "bytes"}
    wants.add([big, more, big])
    assert wants.batches() == [["a" * 64], ["b" * 64]]
    assert wants.batches() == []
    wants.answered(["a" * 64])
    wants.reconnect()
    assert wants.batches() == [["b" * 64]]


def test_blobs_that_nothing_names_any_more_are_let_go(monkeypatch):
    monkeypatch.setattr("commdoc.window.blobs.SWEEP_BYTES", 100)
    named = values.sentinel(b"named", "bytes")
    cache = BlobCache(lambda: [{"value": [named]}])
    cache.put(named["$blob"], b"named")
    for n in range(20):
        cache.put(str(n), bytes(30))
    assert named["$blob"] in cache
    assert len(cache) < 15


def test_the_outbox_sends_messages_behind_the_requests_before_them():
    outbox = Outbox()
    outbox.add(Ask("r1", "a", b"r1", {"value": 1}))
    outbox.add(Ask("r2", "a", b"r2", {"value": 2}))
    outbox.add(Ask("m1", "b", b"m1"))
    assert outbox.next_frames() == [b"r1"]
    outbox.accepted("r1")
    assert outbox.next_frames() == [b"r2", b"m1"]
    outbox.ended("r1")
    assert outbox.resume() == [b"r2", b"m1"]
    assert outbox.abandon_all() == ["r2", "m1"]


@pytest.mark.scenario("S25")
def test_as_many_messages_are_on_their_way_as_the_kernel_should_have_of_one_window():
    outbox = Outbox()
    outbox.limits = (3, 1_000)
    for n in range(10):
        outbox.add(Ask(f"m{n}", "a", b"%d" % n))
    assert outbox.next_frames() == [b"0", b"1", b"2"]
    assert outbox.next_frames() == []
    outbox.ended("m0")
    assert outbox.next_frames() == [b"3"]
    assert outbox.resume() == [b"1", b"2", b"3"], "what has no answer, and nothing else"
    outbox.limits = (3, 2)
    outbox.ended("m1")
    assert outbox.next_frames() == [], "of their bytes, too"
    assert outbox.bytes == 8


def test_what_a_window_keeps_for_the_room_is_bounded(far, monkeypatch):
    monkeypatch.setattr("commdoc.window.asks.MAX_BYTES", 5_000)
    for _ in range(4):
        far.core.ask(asks.comm_message("a", {}, [bytes(1_000)]))
    with pytest.raises(RequestError, match=r"bytes wait in this window, the limit is 5000") as failure:
        far.core.ask(asks.comm_message("a", {}, [bytes(1_000)]))
    assert failure.value.code == "too_large"
    far.sent()
    ident = next(iter(far.core.outbox._open))
    far.say(type="settled", message_id=ident, after=0)
    assert events.RequestEnded(ident) in far.heard
    far.core.ask(asks.comm_message("a", {}, [bytes(1_000)]))


def numbered(far: FarSide, *numbers: int, source: str = "s") -> list[Any]:
    """Let the room send messages; return what was heard of them: their data, or how many were missed."""
    before = len(far.heard)
    for number in numbers:
        far.say(type="message", comm_id="a", data=number, buffers=[], after=0, source=source, number=number)
    heard = []
    for event in far.heard[before:]:
        if isinstance(event, events.MessageArrived):
            heard.append(event.data)
        elif isinstance(event, events.MessagesMissed):
            heard.append(f"{event.count} missed")
    return heard


@pytest.mark.scenario("S09", "S25")
def test_a_message_that_is_said_again_is_not_taken_twice_and_what_was_left_out_is_told(far):
    far.say(type="messages", source="s", number=5)
    assert numbered(far, 6, 7, 6, 7, 8) == [6, 7, 8]
    assert numbered(far, 11) == ["2 missed", 11]
    assert numbered(far, 1, source="another") == [1], (
        "a kernel that was started anew counts from the beginning"
    )
    assert numbered(far, 2, source="another") == [2]


@pytest.mark.scenario("S09")
def test_a_window_that_comes_back_hears_how_many_messages_it_has_missed(far):
    far.say(type="messages", source="s", number=5)
    numbered(far, 6, 7)
    far.say(type="messages", source="s", number=20)
    assert far.heard[-1] == events.MessagesMissed(13)
    assert numbered(far, 21) == [21]
    far.say(type="messages", source="", number=0)
    assert numbered(far, 21, 22) == [22], (
        "a room that starts anew knows of none; what the bridge repeats is known here"
    )
    far.say(type="messages", source="s", number=3)
    assert numbered(far, 23) == [23]


def test_nothing_is_logged_in_all_this(far, caplog):
    with caplog.at_level(logging.WARNING):
        far.core.receive(far.write(opened("b", 2, value=1)))
    assert not caplog.records
