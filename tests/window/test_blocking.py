"""The blocking window: its own threads, any thread may use it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest
from pycrdt import Array

from commdoc.errors import RequestError, RoomClosedError
from commdoc.protocol import values
from commdoc.window import Window
from tests.window.house import House

T = TypeVar("T")


class Host:
    """A `House` on a thread of its own, as the sidecar is in another process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="host")
        self._thread.start()
        self.house = self.run(self._start())

    async def _start(self) -> House:
        house = House()
        await house.start()
        return house

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def close(self) -> None:
        self.run(self.house.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def window(self) -> Window:
        async def start(dispatch: Callable[[Callable[[], None]], None]) -> Any:
            from commdoc.window import AsyncWindow

            return await _joined(AsyncWindow, self, dispatch)

        return Window(start)


class Bridged:
    """A channel between two loops."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.close_code: int | None = None
        self.close_reason = ""
        self._far = host.run(self._join())

    async def _join(self) -> Any:
        far = self._host.house.join()

        async def pump() -> None:
            async for frame in far:
                self._loop.call_soon_threadsafe(self._frames.put_nowait, frame)
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._frames.put_nowait, None)

        self._pump = asyncio.ensure_future(pump())
        return far

    async def send(self, frame: bytes) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._far.send(frame), self._host.loop))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        closing = asyncio.run_coroutine_threadsafe(self._far.close(code, reason), self._host.loop)
        await asyncio.wrap_future(closing)

    async def __aiter__(self) -> Any:
        while (frame := await self._frames.get()) is not None:
            yield frame


async def _joined(kind: Any, host: Host, dispatch: Any) -> Any:
    async def connect() -> Bridged:
        return Bridged(host)

    window = kind(connect, dispatch=dispatch)
    await window.start(5)
    return window


@pytest.fixture
def host():
    host = Host()
    yield host
    host.close()


@pytest.fixture
def window(host):
    with host.window() as window:
        yield window


@pytest.mark.scenario("S37")
def test_outputs_are_read_with_their_blobs(host, window):
    large = "x" * 5_000
    blob = values.sentinel(large.encode(), "text")
    op = {"op": "output", "comm_id": "out", "output": {"data": {"image/png": blob}}}
    model = {"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel", "outputs": []}
    opens = {"op": "open", "comm_id": "out", "target_name": "jupyter.widget", "state": model}
    host.run(host.house.kernel.ops(opens, op, blobs=[large.encode()]))
    output = window.wait_for("OutputModel", timeout=5)
    window.wait_until(lambda: output.outputs, timeout=5)
    assert output.outputs == output["outputs"] == output.state["outputs"] == [{"data": {"image/png": large}}]
    with host.window() as late:
        assert late.wait_for("OutputModel", timeout=5).outputs == output.outputs


def test_the_face_of_the_design(host, window):
    host.run(host.house.kernel.open("s", value=1))
    slider = window.wait_for("IntSliderModel", timeout=5)
    assert window.find("IntSliderModel") == [slider]
    assert window.find("LayoutModel") == []
    [same] = window.comms.values()
    assert same is slider
    assert (
        slider.comm_id,
        slider.target_name,
        slider.model_module,
        slider.model_name,
        slider.seq,
        slider.epoch,
    ) == (
        "s",
        "jupyter.widget",
        "@jupyter-widgets/controls",
        "IntSliderModel",
        1,
        "e1",
    )
    assert window.kernel.status in ("starting", "idle")
    assert slider["value"] == slider.state["value"] == 1
    assert slider.outputs == []
    changes: list[Any] = []
    slider.observe(changes.append, "value")

    def play() -> None:
        request_id, _, _ = host.run(host.house.kernel.request())
        host.run(host.house.kernel.settle(request_id, "s", value=100))

    kernel = threading.Thread(target=play)
    kernel.start()
    assert slider.set(value=700) == {"value": 100}
    kernel.join()
    window.wait_until(lambda: [change.new for change in changes] == [700, 100], timeout=5)
    assert changes[0].owner is slider
    assert slider.set(value=5, wait=False) is None
    assert slider["value"] == 5


def test_doc_is_a_copy_of_the_calling_thread_brought_up_to_date(host, window):
    host.run(host.house.kernel.open("s", value=1))
    window.wait_for("s")
    doc = window.doc
    assert len(doc.get("comms", type=Array)) == 2
    host.run(host.house.kernel.open("t", value=1))
    window.wait_for("t")
    assert window.doc is doc
    assert len(doc.get("comms", type=Array)) == 3


def test_any_thread_may_read_while_updates_arrive(host, window):
    host.run(host.house.kernel.open("s", value=0))
    slider = window.wait_for("s")
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                assert slider["value"] == slider.state["value"] or True
                assert next(iter(window.comms)) == "s"
                window.doc.get_state()
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(200):
        host.run(host.house.kernel.ops({"op": "update", "comm_id": "s", "state": {"value": n}}))
    window.wait_until(lambda: slider["value"] == 199, timeout=10)
    done.set()
    for reader in readers:
        reader.join()
    assert not failures


def test_a_callback_may_ask_and_wait(host, window):
    host.run(host.house.kernel.open("s", value=0))
    slider = window.wait_for("s")
    answers: list[Any] = []
    slider.on_custom(lambda content, _: answers.append(slider.set(value=content)))
    message = {"op": "message", "comm_id": "s", "data": {"method": "custom", "content": 9}, "buffers": []}
    host.run(host.house.kernel.ops(message))
    request_id, _, state = host.run(host.house.kernel.request())
    assert state == {"value": 9}
    host.run(host.house.kernel.settle(request_id, "s", value=9))
    window.wait_until(lambda: answers == [{"value": 9}])


def test_callbacks_run_in_order_on_one_thread(host, window):
    host.run(host.house.kernel.open("s", value=0))
    slider = window.wait_for("s")
    seen: list[tuple[Any, str]] = []

    def slow(content: Any, _: Any) -> None:
        if content == 0:
            time.sleep(0.05)
        seen.append((content, threading.current_thread().name))

    slider.on_custom(slow)
    for n in range(20):
        message = {"op": "message", "comm_id": "s", "data": {"method": "custom", "content": n}, "buffers": []}
        host.run(host.house.kernel.ops(message))
    window.wait_until(lambda: len(seen) == 20)
    assert seen == [(n, "commdoc callbacks") for n in range(20)]


def test_a_late_windows_value_is_fetched_when_it_is_read(host):
    picture = bytes(5_000)
    named = values.sentinel(picture, "bytes")
    host.run(host.house.kernel.open("i", "ImageModel", value=0))
    host.run(
        host.house.kernel.ops({"op": "update", "comm_id": "i", "state": {"value": named}}, blobs=[picture])
    )
    with host.window() as late:
        late.wait_until(lambda: late.find("i"))
        image = late.wait_for("i")
        late.wait_until(lambda: image.comm.encoded_state["value"] == named)
        assert image["value"] == picture


def test_a_condition_may_itself_wait_for_the_window(host, window):
    host.run(host.house.kernel.open("s", value=0))
    slider = window.wait_for("s")
    updates = [
        host.house.kernel.ops({"op": "update", "comm_id": "s", "state": {"value": n}}) for n in range(50)
    ]
    for update in updates:
        asyncio.run_coroutine_threadsafe(update, host.loop)
    window.wait_until(lambda: slider.state["value"] == 49, timeout=5)


def test_closing_ends_the_threads_and_what_waits(host):
    host.run(host.house.kernel.open("s", value=0))
    window = host.window()
    slider = window.wait_for("s")
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            slider.set(value=1, timeout=30)
        except BaseException as error:
            errors.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    host.run(host.house.kernel.request())
    window.close()
    waiting.join(5)
    assert not waiting.is_alive()
    assert isinstance(errors[0], RequestError)
    assert "commdoc window" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(RoomClosedError):
        slider.set(value=2)
    window.close()
