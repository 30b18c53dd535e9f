"""The link finds the room, keeps order, and comes back by itself; nobody waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from commdoc.errors import SidecarError
from commdoc.kernel.link import Link, LinkCallbacks
from commdoc.kernel.sidecar import Endpoint
from commdoc.protocol import frames
from commdoc.protocol.messages import KernelInfo
from tests.conftest import until
from tests.kernel.room import RecordingRoom, recording_room

INFO: KernelInfo = {"kernel_id": "k", "epoch": "k.1", "pid": 1, "name": "test"}


class Harness:
    """A real link; what it tells is written down."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.endpoint: Endpoint | Exception = SidecarError("not yet")
        self.located = 0
        self.link = Link(
            self.locate,
            INFO,
            "test 1",
            LinkCallbacks(
                lambda welcome: self.told.append(("up", welcome["type"])),
                lambda reason: self.told.append(("down", reason)),
                lambda message: self.told.append(("message", message)),
            ),
        )

    def locate(self) -> Endpoint:
        self.located += 1
        if isinstance(self.endpoint, Exception):
            raise self.endpoint
        return self.endpoint

    def find(self, room: RecordingRoom, token: str = "t") -> None:
        self.endpoint = Endpoint(room.url, token)

    def ups(self) -> int:
        return sum(kind == "up" for kind, _ in self.told)

    def submit(self, batch: int, data: Any = None) -> None:
        op = {"op": "message", "comm_id": "c", "data": data, "buffers": []}
        self.link.submit(frames.encode({"type": "ops", "batch": batch, "ops": [op], "blobs": []}))


@pytest.fixture
def harness() -> Iterator[Harness]:
    harness = Harness()
    yield harness
    harness.link.stop()
    assert not harness.link._thread.is_alive()


@pytest.fixture
def room() -> Iterator[RecordingRoom]:
    with recording_room() as room:
        yield room


def test_what_comes_with_the_welcome_is_heard(harness: Harness, room: RecordingRoom) -> None:
    room.behind_welcome = [{"type": "peers", "windows": 1}, {"type": "peers", "windows": 2}]
    harness.find(room)
    harness.link.start()
    until(lambda: len(harness.told) == 3)
    assert harness.told == [("up", "welcome"), *(("message", each) for each in room.behind_welcome)]


def test_it_says_who_it_is_and_with_which_token(harness: Harness, room: RecordingRoom) -> None:
    harness.find(room, "secret")
    harness.link.start()
    until(harness.ups)
    assert room.authorizations == ["Bearer secret"]
    (hello,) = room.hellos
    assert len(hello.pop("key")) == 12
    assert hello == {"type": "hello", "protocol": [1, 1], "client": "test 1", "kernel": INFO}
    assert harness.link.trouble is None
    assert harness.link.endpoint == harness.endpoint


def test_frames_leave_in_order_and_messages_arrive(harness: Harness, room: RecordingRoom) -> None:
    harness.find(room)
    harness.link.start()
    until(harness.ups)
    for n in range(500):
        harness.submit(n, n)
    until(lambda: len(room.ops) == 500)
    assert [op["data"] for op in room.ops] == list(range(500))
    until(lambda: harness.told[-1] == ("message", {"type": "applied", "batch": 499}))


def test_stopping_sends_what_was_submitted_before(harness: Harness, room: RecordingRoom) -> None:
    harness.find(room)
    harness.link.start()
    until(harness.ups)
    for n in range(100):
        harness.submit(n, n)
    harness.link.stop()
    until(lambda: len(room.ops) == 100)


@pytest.mark.scenario("S48")
def test_a_room_that_comes_late_is_found(harness: Harness, room: RecordingRoom) -> None:
    harness.link.start()
    until(lambda: harness.located >= 2)
    assert harness.link.trouble == "not yet"
    harness.find(room)
    until(harness.ups)
    assert harness.link.trouble is None


@pytest.mark.scenario("S48")
def test_a_lost_room_is_told_once_and_joined_again(harness: Harness, room: RecordingRoom) -> None:
    harness.find(room)
    harness.link.start()
    for times in (1, 2, 3):
        until(lambda times=times: harness.ups() == times)  # type: ignore[misc]
        room.drop()
    until(lambda: harness.ups() == 4)
    assert [kind for kind, _ in harness.told] == ["up", "down"] * 3 + ["up"]


@pytest.mark.scenario("S48")
def test_frames_for_a_lost_room_are_not_sent_to_the_next(harness: Harness, room: RecordingRoom) -> None:
    harness.link.start()
    for n in range(10):
        harness.submit(n, "old")
    harness.find(room)
    until(harness.ups)
    harness.submit(11, "new")
    until(lambda: room.ops)
    assert [op["data"] for op in room.ops] == ["new"]


@pytest.mark.scenario("S48")
def test_trouble_is_logged_once_while_it_lasts(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        harness.link.start()
        until(lambda: harness.located >= 2)
        harness.endpoint = SidecarError("something else")
        until(lambda: harness.link.trouble == "something else")
    assert len(caplog.records) == 1
    assert "not yet" in caplog.text
    assert "%commdoc" in caplog.text


def test_a_refusal_is_told_with_its_reason(harness: Harness, room: RecordingRoom) -> None:
    room.welcoming = {"type": "error", "code": "lease", "reason": "another bridge has it"}
    harness.find(room)
    harness.link.start()
    until(lambda: harness.link.trouble)
    assert harness.link.trouble == "lease: another bridge has it"
    assert harness.told == []


def test_something_that_is_no_room_is_trouble_and_no_more(harness: Harness) -> None:
    harness.endpoint = Endpoint("http://127.0.0.1:9/commdoc/rooms/r/", "t")
    harness.link.start()
    until(lambda: harness.link.trouble)
    assert harness.told == []


def test_moving_to_another_room_leaves_the_first(harness: Harness, room: RecordingRoom) -> None:
    harness.find(room)
    harness.link.start()
    until(harness.ups)
    with recording_room() as second:
        endpoint = Endpoint(second.url, "t2")
        harness.link.relocate(lambda: endpoint)
        until(lambda: harness.ups() == 2)
        assert second.authorizations == ["Bearer t2"]
        assert [kind for kind, _ in harness.told] == ["up", "down", "up"]


@pytest.mark.scenario("S48")
def test_nobody_waits_for_a_search_that_hangs(harness: Harness) -> None:
    hanging = threading.Event()
    harness.locate = lambda: hanging.wait() and Endpoint("", "")  # type: ignore[method-assign, assignment, return-value]
    link = Link(harness.locate, INFO, "test", LinkCallbacks(*[lambda _: None] * 3))
    begun = time.monotonic()
    link.start()
    until(lambda: any(thread.name == "commdoc-locate" for thread in threading.enumerate()))
    link.stop()
    assert time.monotonic() - begun < 3
    hanging.set()
    harness.link.start()


def test_submitting_to_a_link_that_has_stopped_is_no_error(harness: Harness) -> None:
    harness.link.start()
    harness.link.stop()
    harness.submit(1)
