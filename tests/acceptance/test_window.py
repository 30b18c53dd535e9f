"""The Python window on a real kernel behind a real sidecar, over sockets that can be cut."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import commdoc
from commdoc.window import Window
from commdoc.window.address import find
from commdoc.window.verify import verify
from tests.acceptance.proxy import Proxy
from tests.browser.notebook import Notebook
from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(90)]

SLIDER = """
import ipywidgets as w
slider = w.IntSlider(value=1, max=100)
seen = []
slider.observe(lambda change: seen.append(change.new), "value")
"""

ECHO = """
import anywidget, traitlets
class Echo(anywidget.AnyWidget):
    _esm = "export default {}"
    value = traitlets.Int(-1).tag(sync=True)
    def __init__(self):
        super().__init__()
        self.on_msg(self._answer)
    def _answer(self, widget, content, buffers):
        if content.get("ask") == "values":
            for n in range(content["n"]):
                self.value = n
                self.send({"n": n}, [bytes([n % 256]), b""])
        else:
            self.send({"id": content["id"], "at": self.value}, buffers)
echo = Echo()
"""


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    with closing(Notebook()) as notebook:
        yield notebook.load()


@pytest.fixture
def proxy(notebook: Notebook) -> Iterator[Proxy]:
    port = urlsplit(notebook.link).port
    assert port is not None
    proxy = Proxy(port)
    yield proxy
    proxy.close()


def through(proxy: Proxy, notebook: Notebook) -> str:
    """Return the room's link by way of the proxy."""
    port = urlsplit(notebook.link).port
    return notebook.link.replace(f":{port}/", f":{proxy.port}/")


def shows(window: Window, value: int) -> None:
    """Wait until the window's slider has this value."""
    [slider] = window.find("IntSliderModel")
    window.wait_until(lambda: slider["value"] == value)


@pytest.mark.scenario("S05")
def test_ten_windows_join_and_leave_and_nothing_is_left_behind(notebook: Notebook) -> None:
    notebook.run("import ipywidgets as w; boxes = [w.IntSlider(value=n) for n in range(30)]")
    with commdoc.join(url=notebook.link) as first:
        first.wait_until(lambda: len(first.find("IntSliderModel")) == 30)
    windows = [commdoc.join(url=notebook.link) for _ in range(10)]
    for window in windows:
        assert [slider["value"] for slider in window.find("IntSliderModel")] == list(range(30))
    windows[4].close()
    windows[4] = commdoc.join(url=notebook.link)
    assert len(windows[4].find("IntSliderModel")) == 30
    for window in windows[1:]:
        window.close()
    windows[0].wait_until(lambda: sum(peer["role"] != "bridge" for peer in windows[0].peers) == 1)
    windows[0].close()


@pytest.mark.scenario("S07")
def test_a_busy_a_blocked_and_a_killed_kernel(notebook: Notebook, tmp_path: Path) -> None:
    notebook.run(SLIDER)
    with commdoc.join(url=notebook.link) as early:
        early.wait_for("IntSliderModel")
        with notebook.busy():
            early.wait_until(lambda: early.kernel.status == "busy")
            joins_and_follows(notebook, early, 20)
            assert early.kernel.status == "busy"
        # One call that holds the interpreter from its beginning to its end: a second or more of calculating.
        begun, ended = tmp_path / "begun", tmp_path / "ended"
        call = "re.match(r'(a+)+$', 'a' * 27 + 'b')"
        cell = notebook.start(f"import re\nopen({str(begun)!r}, 'w')\n{call}\nopen({str(ended)!r}, 'w')")
        until(begun.exists, what="the cell runs")
        joins_and_follows(notebook, early, moved := 30)
        assert not ended.exists(), "the windows had to do without the kernel"
        notebook.finish(cell)
        until(lambda: notebook.value("slider.value") == moved, what="the kernel has it")
        notebook.kill()
        early.wait_until(lambda: early.kernel.status == "dead")
        with commdoc.join(url=notebook.link) as late:
            slider = late.find("IntSliderModel")[0]
            assert slider["value"] == moved
            assert not late.kernel.live
            with pytest.raises(commdoc.RequestError) as caught:
                slider.set(value=3)
            assert caught.value.code == "kernel_gone"


def joins_and_follows(notebook: Notebook, early: Window, moved: int) -> None:
    """A window joins, has what the other has, and follows what that does."""
    [slider] = early.find("IntSliderModel")
    with commdoc.join(url=notebook.link) as late:
        assert late.find("IntSliderModel")[0]["value"] == slider["value"]
        slider.set(value=moved, wait=False)
        shows(late, moved)


@pytest.mark.scenario("S09")
def test_a_network_that_drops_for_a_while(notebook: Notebook, proxy: Proxy) -> None:
    notebook.run(SLIDER)
    with commdoc.join(url=through(proxy, notebook)) as window:
        slider = window.wait_for("IntSliderModel")
        changes: list[Any] = []
        slider.observe(lambda change: changes.append(change.new), "value")
        slider.set(value=5)
        proxy.cut(up=False)
        window.wait_until(lambda: not window.connected)
        assert window.kernel.status == "disconnected"
        assert slider["value"] == 5
        slider.set(value=6, wait=False)
        assert slider["value"] == 6
        notebook.run("more = w.Text('later')")
        time.sleep(2)  # the network's, not ours: attempts fail meanwhile
        proxy.up = True
        window.wait_until(lambda: window.connected and window.find("TextModel"))
        until(lambda: notebook.value("slider.value") == 6)
        assert notebook.value("seen") == [5, 6]
        window.wait_until(lambda: changes == [5, 6])
    assert verify(url=notebook.link).equal


@pytest.mark.scenario("S09")
def test_cuts_in_the_middle_of_requests_double_nothing(notebook: Notebook, proxy: Proxy) -> None:
    notebook.run(SLIDER + "log = []\nslider.on_msg(lambda widget, content, buffers: log.append(content))")
    with commdoc.join(url=through(proxy, notebook)) as window:
        slider = window.wait_for("IntSliderModel")
        for n in range(60):
            slider.set(value=2 + n, wait=False)
            slider.send(n)
            if n % 10 == 5:
                proxy.cut()
        window.wait_until(lambda: window.connected)
        until(lambda: notebook.value("len(log)") >= 60, timeout=20)
        assert notebook.value("log") == list(range(60))
        seen = notebook.value("seen")
        assert seen == sorted(set(seen))
        assert seen[-1] == 61
        window.wait_until(lambda: slider["value"] == 61)
    assert verify(url=notebook.link).equal


@pytest.mark.scenario("S09")
def test_the_host_dies_and_another_one_takes_its_place(notebook: Notebook) -> None:
    notebook.run(SLIDER)
    with commdoc.join(url=notebook.link) as window:
        slider = window.wait_for("IntSliderModel")
        os.kill(find(kernel_id=notebook.kernel_id).pid, signal.SIGKILL)
        window.wait_until(lambda: not window.connected)
        notebook.run("slider.value = 42; later = w.Text('x')")
        window.wait_until(lambda: window.connected and window.find("TextModel"), timeout=40)
        window.wait_until(lambda: slider["value"] == 42)
        assert slider.set(value=43) == {"value": 43}
        assert notebook.value("slider.value") == 43
        assert verify(kernel_id=notebook.kernel_id).equal


@pytest.mark.acceptance("A4")
@pytest.mark.scenario("S24", "S25")
def test_a_thousand_values_and_messages_both_ways(notebook: Notebook) -> None:
    notebook.run(ECHO)
    with commdoc.join(url=notebook.link) as window, commdoc.join(url=notebook.link) as other:
        echo = window.wait_for("Echo")
        heard: list[Any] = []
        # The value as the connection has it when the message is told, not as it is when a slow callback runs.
        window.call(
            lambda: echo.comm.on_custom(
                lambda content, buffers: heard.append((content, buffers, echo["value"]))
            )
        )
        echo.send({"ask": "values", "n": 1000})
        window.wait_until(lambda: len(heard) == 1000, timeout=30)
        assert [(content["n"], buffers) for content, buffers, _ in heard] == [
            (n, [bytes([n % 256]), b""]) for n in range(1000)
        ]
        assert all(content["n"] <= value for content, _, value in heard)
        heard.clear()
        answers: list[Any] = []
        listening = other.wait_for("Echo")
        listening.on_custom(lambda content, buffers: answers.append((content, buffers)))
        other.wait_until(lambda: len(answers) == 1000)  # of before: nobody had listened
        answers.clear()
        for n in range(1000):
            echo.set(value=n, wait=False)
            echo.send({"id": n}, [bytes([n % 256])])
        other.wait_until(lambda: len(answers) == 1000, timeout=60)
        assert answers == [({"id": n, "at": n}, [bytes([n % 256])]) for n in range(1000)]


@pytest.mark.scenario("S28")
def test_ask_and_answer_and_the_kernel_gone(notebook: Notebook) -> None:
    notebook.run(ECHO)
    with commdoc.join(url=notebook.link) as window:
        echo = window.wait_for("Echo")
        answer = threading.Event()
        echo.on_custom(lambda content, buffers: answer.set() if content["id"] == 7 else None)
        echo.send({"id": 7})
        assert answer.wait(5)
        notebook.kill()
        began = time.monotonic()
        with pytest.raises(commdoc.RequestError):
            echo.set(value=5)
        assert time.monotonic() - began < 11


@pytest.mark.scenario("S27")
def test_a_slow_callback_holds_up_neither_the_window_nor_the_room(notebook: Notebook) -> None:
    notebook.run(SLIDER)
    with commdoc.join(url=notebook.link) as window:
        slider = window.wait_for("IntSliderModel")
        release = threading.Event()
        slider.observe(lambda change: release.wait(10), "value")
        assert slider.set(value=9) == {"value": 9}
        notebook.run("slider.value = 10")
        window.wait_until(lambda: slider["value"] == 10)
        release.set()


def test_no_token_is_shown_where_it_could_leak(notebook: Notebook) -> None:
    token = notebook.link.split("token=")[1]
    with commdoc.join(kernel_id=notebook.kernel_id) as window:
        assert token not in repr(window)
    room = find(kernel_id=notebook.kernel_id)
    assert token not in repr(room)
    assert token not in repr(room.address())
    assert token not in json.dumps(str(room))
