"""Where events end that nobody takes: each bound is reached with a real kernel, and who is concerned hears of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

import commdoc
from commdoc.errors import RequestError
from commdoc.window import events
from commdoc.window.address import find
from tests.acceptance.proxy import Proxy
from tests.browser.notebook import Notebook
from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(120), pytest.mark.scenario("S10", "S25")]

TELLER = """
import ipywidgets as w, os, time
teller = w.Button(); slider = w.IntSlider(max=1000)
handled = []
teller.on_msg(lambda _w, content, buffers: handled.append(content["n"]))
slider.observe(lambda change: handled.append(f"slider {change.new}"), "value")
def tell(count, size=64_000, pause=0):
    for i in range(count):
        teller.send({"i": i}, buffers=[os.urandom(size)])
        if pause: time.sleep(pause)
"""


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    with closing(Notebook()) as notebook:
        notebook.load()
        notebook.run(TELLER)
        yield notebook


class Ear:
    """What a window hears of the teller: numbers of messages, ``-n`` for n that it missed, and what the room said."""

    def __init__(self, window: commdoc.Window) -> None:
        self.heard: list[int] = []
        self.said: list[str] = []
        window.on_event(self._take)

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.MessageArrived):
            self.heard.append(event.data["content"]["i"])
        elif isinstance(event, events.MessagesMissed):
            self.heard.append(-event.count)
        elif isinstance(event, events.RoomError):
            self.said.append(f"{event.code}: {event.reason}")

    def accounts_for(self, total: int) -> bool:
        """Whether each message was heard once and in order, or is among those that it knows to have missed."""
        following = 0
        for number in self.heard:
            if number < 0:
                following -= number
            elif number != following:
                return False
            else:
                following += 1
        return following == total


def through(proxy: Proxy, notebook: Notebook) -> str:
    return notebook.link.replace(f":{urlsplit(notebook.link).port}/", f":{proxy.port}/")


def test_a_window_that_takes_no_events_is_disconnected_hears_why_when_it_is_back_and_what_it_missed(
    notebook: Notebook,
) -> None:
    port = urlsplit(notebook.link).port
    assert port is not None
    proxy = Proxy(port)
    try:
        window = commdoc.join(url=through(proxy, notebook))
        other = commdoc.join(url=notebook.link)
        stalled, ear = Ear(window), Ear(other)
        sidecar = psutil.Process(find(kernel_id=notebook.kernel_id).pid)
        before = sidecar.memory_info().rss
        proxy.stalled = True
        accepted = proxy.accepted
        # 100 MB, at a pace that the other window's end of the socket keeps up with.
        notebook.run("tell(1_600, pause=0.003)")
        other.wait_until(lambda: ear.heard[-1:] == [1_599], timeout=60)
        assert ear.heard == list(range(1_600)), "who reads is not concerned"
        assert sidecar.memory_info().rss - before < 400e6
        proxy.stalled = False
        proxy.cut()
        window.wait_until(lambda: window.connected and proxy.accepted > accepted, timeout=30)
        notebook.run("teller.send({'i': 1_600})")
        window.wait_until(lambda: stalled.heard[-1:] == [1_600], timeout=30)
        assert stalled.accounts_for(1_601)
        assert any(number < -200 for number in stalled.heard)
        assert any(
            said.startswith("too_slow: the last connection was ended: too slow: ")
            and "bytes of events wait, the limit is 67108864" in said
            for said in stalled.said
        )
        window.close()
        other.close()
    finally:
        proxy.close()


def test_what_a_kernel_can_not_keep_for_a_room_that_hangs_is_told_as_missed(notebook: Notebook) -> None:
    window = commdoc.join(url=notebook.link)
    ear = Ear(window)
    sidecar = find(kernel_id=notebook.kernel_id).pid
    os.kill(sidecar, signal.SIGSTOP)
    try:
        notebook.run("tell(1_500)")  # 96 MB
    finally:
        os.kill(sidecar, signal.SIGCONT)
    window.wait_until(lambda: ear.heard[-1:] == [1_499], timeout=60)
    assert ear.accounts_for(1_500)
    assert any(number < 0 for number in ear.heard)
    window.close()


def test_a_room_that_is_killed_loses_no_message_unnoticed_and_none_comes_twice(
    notebook: Notebook,
) -> None:
    window = commdoc.join(url=notebook.link)
    ear = Ear(window)
    telling = notebook.start("tell(1_000, size=1_000, pause=0.005)")
    window.wait_until(lambda: len(ear.heard) > 200, timeout=30)
    os.kill(find(kernel_id=notebook.kernel_id).pid, signal.SIGKILL)
    notebook.finish(telling)
    notebook.run("teller.send({'i': 1_000})")
    window.wait_until(lambda: ear.heard[-1:] == [1_000], timeout=60)
    assert ear.accounts_for(1_001), ear.heard
    window.close()


def test_a_busy_kernel_has_few_messages_of_a_flood_and_others_do_not_wait_behind_it(
    notebook: Notebook,
) -> None:
    with commdoc.join(url=notebook.link) as flooding, commdoc.join(url=notebook.link) as other:
        teller = flooding.wait_for("ButtonModel")
        with notebook.busy():
            for n in range(2_000):
                teller.send({"n": n}, [bytes(1_000)])
            other.wait_for("IntSliderModel").set(value=7, wait=False)
            until(lambda: flooding.open_requests > 1_900, what="they wait in the window")
        until(lambda: notebook.value("len(handled)") == 2_001, timeout=60, what="all were handled")
        handled = notebook.value("handled")
        assert handled.index("slider 7") <= 2 * 32
        handled.remove("slider 7")
        assert handled == list(range(2_000))


def test_who_sends_more_than_a_busy_kernel_window_and_room_keep_is_told_and_the_rest_arrives(
    notebook: Notebook,
) -> None:
    with commdoc.join(url=notebook.link) as window:
        teller = window.wait_for("ButtonModel")
        sent = 0

        def send_without_end() -> None:
            nonlocal sent
            while True:
                teller.send({"n": sent}, [bytes(1_000_000)])
                sent += 1

        limit = "bytes wait in this window, the limit is 67108864"
        with notebook.busy(), pytest.raises(RequestError, match=limit) as refusal:
            send_without_end()
        assert refusal.value.code == "too_large"
        assert 60 < sent < 70
        until(lambda: notebook.value("len(handled)") == sent, timeout=60, what="those before were handled")
        assert notebook.value("handled") == list(range(sent))
        teller.send({"n": "again"})
        until(lambda: notebook.value("handled[-1]") == "again", what="there is room again")


@pytest.mark.scenario("S28", "S29")
def test_who_waits_for_a_message_hears_that_it_was_handled_what_was_raised_or_that_the_kernel_is_gone(
    notebook: Notebook, caplog: pytest.LogCaptureFixture
) -> None:
    logged: list[events.Logged] = []
    with commdoc.join(url=notebook.link) as window:
        window.on_event(lambda event: logged.append(event) if isinstance(event, events.Logged) else None)
        teller, slider = window.wait_for("ButtonModel"), window.wait_for("IntSliderModel")
        teller.send({"n": 1}, wait=True)
        assert notebook.value("handled") == [1]
        with pytest.raises(RequestError, match="KeyError: 'n'") as raised:
            teller.send({}, wait=True)
        assert raised.value.code == "raised"
        notebook.run("def fail(change): raise ValueError('not that one')\nslider.observe(fail, 'value')")
        assert slider.set(value=3) == {"value": 3}, "the value was taken; the callback is another matter"
        until(lambda: any("ValueError" in event.text and "not that one" in event.text for event in logged))
        with notebook.busy(), pytest.raises(RequestError) as late:
            teller.send({"n": 2}, wait=True, timeout=0.2)
        assert late.value.code == "timeout"
        until(lambda: notebook.value("handled[-1]") == 2, what="it stays queued")
        notebook.run("import threading; threading.Timer(0.3, lambda: os.kill(os.getpid(), 9)).start()")
        notebook.start("time.sleep(60)")
        with pytest.raises(RequestError, match="the kernel's process has ended") as gone:
            teller.send({"n": 3}, wait=True, timeout=60)
        assert gone.value.code == "kernel_gone"
        teller.send({"n": 4})
        until(lambda: "a message was lost: the kernel is gone" in caplog.text, what="a warning")


def test_callbacks_that_are_slower_than_the_messages_leave_some_out_and_it_is_said(
    notebook: Notebook, caplog: pytest.LogCaptureFixture
) -> None:
    go, heard, missed = threading.Event(), [], []

    def slow(content: Any, buffers: list[bytes]) -> None:
        go.wait(60)
        heard.append(content["i"])

    def note(event: events.Event) -> None:
        if isinstance(event, events.MessagesMissed):
            missed.append(event.count)

    with commdoc.join(url=notebook.link) as window:
        window.wait_for("ButtonModel").on_custom(slow)
        window.on_event(note)
        notebook.run("tell(100, size=1_000_000, pause=0.01)")
        until(lambda: "callbacks are slower than the kernel's messages" in caplog.text, timeout=30)
        notebook.run("slider.value = 5")
        window.wait_until(lambda: window.find("IntSliderModel")[0]["value"] == 5)
        go.set()
        until(lambda: len(heard) + sum(missed) == 100, timeout=30, what="all are accounted for")
        assert heard == sorted(heard)
        assert 60 < len(heard) < 70
        assert caplog.text.count("callbacks are slower") == 1
        notebook.run("tell(1)")
        until(lambda: len(heard) + sum(missed) == 101, what="and goes on")
        assert heard[-1] == 0
