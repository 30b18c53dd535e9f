"""The headless window for code without a loop: `Window`, which has `Model`s.

    with commdoc.join() as window:
        slider = window.wait_for("IntSliderModel", timeout=5)
        slider.set(value=5)

A background thread runs an `AsyncWindow`; a second one calls the callbacks, one at a time and in order, so that a
callback may itself ask and wait. Reading a value doesn't wait for the network, unless a blob has to be fetched. Closing
ends both threads.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import queue
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from typing import Any, TypeVar

from pycrdt import Doc
from typing_extensions import Self

from commdoc.errors import RoomClosedError
from commdoc.protocol.messages import PeerInfo
from commdoc.protocol.values import BlobSentinel
from commdoc.window import events
from commdoc.window.comm import AsyncComm, Kernel
from commdoc.window.model import Model
from commdoc.window.settings import Settings
from commdoc.window.window import AsyncWindow

log = logging.getLogger(__name__)

T = TypeVar("T")

Dispatch = Callable[[Callable[[], None]], None]

_open_windows: weakref.WeakSet[Window] = weakref.WeakSet()


class Window:
    """A window of a room; `commdoc.join` makes one. A context manager.

    Parameters
    ----------
    start : callable
        Called on the background loop with a `dispatch`; returns the started `AsyncWindow`.
    """

    def __init__(self, start: Callable[[Dispatch], Coroutine[Any, Any, AsyncWindow]]) -> None:
        self._loop = asyncio.new_event_loop()
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._news = threading.Condition()
        self._news_count = 0
        self._models: dict[str, Model] = {}
        self._replica = threading.local()
        self._closed = False
        self._loop_thread = threading.Thread(target=self._run_loop, name="commdoc window", daemon=True)
        self._callback_thread = threading.Thread(
            target=self._run_callbacks, name="commdoc callbacks", daemon=True
        )
        self._loop_thread.start()
        self._callback_thread.start()
        try:
            self._window = self.run(start(self._calls.put))
        except BaseException:
            self._stop_threads()
            raise
        self.call(lambda: self._window.on_change(self._tell_news))
        self.settings = Settings(self, self._window.settings)
        """The user's settings that are for windows: ``window.settings["page.theme"] = "dark"``."""
        _open_windows.add(self)

    # --- reading ----------------------------------------------------------------------------------------------------

    @property
    def guard(self) -> AbstractContextManager[Any]:
        """Held while another thread than the connection's reads what the window shows."""
        return self._window.guard

    @property
    def kernel(self) -> Kernel:
        """The room's kernel: `window.kernel.status` is ``idle``, ``busy``, ``dead`` and so on."""
        return self._window.kernel

    @property
    def connected(self) -> bool:
        """Whether the window is being kept up to date."""
        return self._window.connected

    @property
    def room_id(self) -> str | None:
        """The room's permanent id."""
        return self._window.room_id

    @property
    def open_requests(self) -> int:
        """How many requests and messages of this window are not over: queued, under way, or in the kernel's queue."""
        with self.guard:
            return len(self._window.core.outbox)

    @property
    def peers(self) -> list[PeerInfo]:
        """Who is in the room."""
        return self._window.peers

    @property
    def comms(self) -> Mapping[str, Model]:
        """The comms by id, in `seq` order, as they are now."""
        comms = self._window.comms
        self._models = {comm_id: self._model(comm) for comm_id, comm in comms.items()}
        return dict(self._models)

    @property
    def doc(self) -> Doc[Any]:
        """The document as of now: the calling thread's own copy, brought up to date by each look at it.

        A pycrdt document belongs to one thread, and the window's own one to that of the connection.
        """
        document_id, doc = getattr(self._replica, "doc", (None, Doc()))
        state = doc.get_state()
        now, update = self.call(lambda: self._window.changes_since(document_id, state))
        if now != document_id:
            doc = Doc()
        doc.apply_update(update)
        self._replica.doc = (now, doc)
        return doc

    def check(self) -> None:
        """Return while the window is connected or trying to be.

        Raises
        ------
        CommdocError
            With the reason why it has ended.
        """
        self._window.check()

    def find(self, name: str) -> list[Model]:
        """Return the comms of this model name, target name, comm_id or anywidget class, in `seq` order."""
        return [self._model(comm) for comm in self._window.find(name)]

    def fetch(self, sentinels: Sequence[BlobSentinel], timeout: float = 30.0) -> dict[str, bytes]:
        """Return these blobs by hash; those that are not to be had are left out."""
        return self.run(self._window.fetch(sentinels, timeout))

    # --- waiting ----------------------------------------------------------------------------------------------------

    def wait_for(self, name: str, timeout: float = 10.0) -> Model:
        """Return the newest comm that `find(name)` has, as soon as there is one.

        Raises
        ------
        TimeoutError
            When there is none in time.
        """
        return self._model(self.run(self._window.wait_for(name, timeout)))

    def wait_until(self, condition: Callable[[], T], timeout: float = 10.0) -> T:
        """Return what `condition()` returns as soon as that is true; it is asked again whenever something came in.

        Raises
        ------
        TimeoutError
            When it isn't in time.
        """
        deadline = time.monotonic() + timeout
        while True:
            # Asked outside of the lock: a condition may itself wait for the window's loop, which tells the news.
            seen = self._news_count
            value = condition()
            if value:
                return value
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"what was waited for did not happen within {timeout} s")
            with self._news:
                self._news.wait_for(lambda seen=seen: self._news_count != seen, left)  # type: ignore[misc]

    def on_event(self, callback: Callable[[events.Event], object]) -> Callable[[], None]:
        """Tell `callback` everything that happens (`commdoc.window.events`); returns what ends it."""

        def tell(event: events.Event) -> None:
            self._calls.put(lambda: _guarded(callback, event))

        stop = self.call(lambda: self._window.on_event(tell))
        return lambda: self.call(stop)

    def later(self, callback: Callable[[T], object], argument: T) -> None:
        """Call a callback on the thread of callbacks; one that raises is logged."""
        self._calls.put(lambda: _guarded(callback, argument))

    # --- asking -----------------------------------------------------------------------------------------------------

    def open(
        self, target_name: str, data: object = None, metadata: object = None, *, timeout: float = 10.0
    ) -> Model:
        """Open a comm from this window, and return it when the kernel has taken it.

        Raises
        ------
        RequestError
            When it didn't.
        """
        return self._model(self.run(self._window.open(target_name, data, metadata, timeout=timeout)))

    def close(self) -> None:
        """Leave the room and end the threads; callbacks that are due are still called."""
        if self._closed:
            return
        self._closed = True
        if self._loop_thread.is_alive():
            self.run(self._window.close())
        self._stop_threads()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- threads ----------------------------------------------------------------------------------------------------

    def _model(self, comm: AsyncComm) -> Model:
        model = self._models.get(comm.comm_id)
        if model is None or model.comm is not comm:
            model = self._models[comm.comm_id] = Model(self, comm)
        return model

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the window's loop and return its result."""
        if threading.current_thread() is self._loop_thread or not self._loop_thread.is_alive():
            work.close()
            raise RoomClosedError("the window is closed")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def call(self, function: Callable[[], T]) -> T:
        """Call a function on the window's loop and return its result."""

        async def call() -> T:
            return function()

        return self.run(call())

    def _tell_news(self) -> None:
        with self._news:
            self._news_count += 1
            self._news.notify_all()

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _run_callbacks(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call()
            except Exception:  # a callback of the user's; the next ones go on
                log.exception("a callback failed")
            self._tell_news()

    def _stop_threads(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._calls.put(None)
        for thread in (self._loop_thread, self._callback_thread):
            if thread is not threading.current_thread():
                thread.join()


def join(
    room: str | None = None,
    *,
    url: str | None = None,
    notebook: str | PathLike[str] | None = None,
    kernel_id: str | None = None,
    role: str = "window",
    name: str | None = None,
    timeout: float = 10.0,
) -> Window:
    """Join a room: the newest of this user, or the one that fits.

    Parameters
    ----------
    room : str, optional
        A room's or kernel's id, or the beginning of one.
    url : str, optional
        A page link with its token.
    notebook, kernel_id : optional
        The notebook's path or the kernel's id.
    role : str
        ``"window"``, or ``"viewer"`` for one that may only read.
    name : str, optional
        What other windows see.
    timeout : float
        Seconds until the document must be complete.

    Returns
    -------
    Window
        A context manager.

    Raises
    ------
    RoomNotFoundError, ForbiddenError, RoomClosedError
        With what to do.
    """
    return Window(
        lambda dispatch: AsyncWindow.join(
            room,
            url=url,
            notebook=notebook,
            kernel_id=kernel_id,
            role=role,
            name=name,
            timeout=timeout,
            dispatch=dispatch,
        )
    )


def _guarded(callback: Callable[[T], object], event: T) -> None:
    try:
        callback(event)
    except Exception:
        log.exception("listener %r failed at %r", callback, event)


@atexit.register
def _close_all() -> None:
    for window in list(_open_windows):
        window.close()
