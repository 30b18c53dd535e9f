"""The headless window for asyncio: `AsyncWindow` and its `AsyncComm`.

Everything runs on the loop that started the window. Reading takes what is in memory; what needs the room is awaited.
For code without a loop there is `commdoc.join`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

from pycrdt import Doc
from typing_extensions import Self

from commdoc.errors import BlobMissingError, RequestError, RoomClosedError
from commdoc.protocol import values
from commdoc.protocol.frames import Buffer
from commdoc.protocol.messages import PeerInfo, State
from commdoc.protocol.outputs import OUTPUTS
from commdoc.window import asks, events
from commdoc.window.address import find_soon, follow
from commdoc.window.comm import AsyncComm, Kernel
from commdoc.window.connection import Connect, Connection
from commdoc.window.core import WindowCore
from commdoc.window.delivery import Delivery
from commdoc.window.outbox import Ask
from commdoc.window.settings import AsyncSettings
from commdoc.window.waiting import PendingRequests, Waiters, warn_of_failure
from commdoc.window.websocket import RoomFinder

log = logging.getLogger(__name__)


class AsyncWindow:
    """A window of a room.

    Parameters
    ----------
    connect : callable
        Opens a connection to the room; called again when it was lost.
    dispatch : callable, optional
        Calls callbacks; at once, unless told otherwise.
    name : str, optional
        What other windows see.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        name: str | None = None,
        dispatch: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self.guard = threading.RLock()
        self._core = WindowCore(self._on_event, name=name)
        self._dispatch = dispatch or (lambda run: run())
        self._delivery = Delivery(self._core.blobs, self._want, self._dispatch)
        self._connection = Connection(self._core, connect, guard=self.guard, changed=self._on_changed)
        self._comms: dict[str, AsyncComm] = {}
        self._behind: set[str] = set()
        self._waiters = Waiters(lambda: self._connection.failure)
        self._pending = PendingRequests(self._core.shown, self._decode)
        self._listeners: list[Callable[[events.Event], object]] = []
        self._change_callbacks: list[Callable[[], object]] = []
        self._task: asyncio.Task[None] | None = None
        self.settings = AsyncSettings(self)
        """The user's settings that are for windows."""

    @classmethod
    async def join(
        cls,
        room: str | None = None,
        *,
        url: str | None = None,
        notebook: str | PathLike[str] | None = None,
        kernel_id: str | None = None,
        role: str = "window",
        name: str | None = None,
        timeout: float = 10.0,
        dispatch: Callable[[Callable[[], None]], None] | None = None,
    ) -> Self:
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
        timeout : float
            Seconds until the document must be complete.

        Raises
        ------
        RoomNotFoundError, ForbiddenError, RoomClosedError
            With what to do.
        """
        if url is not None:
            address = await follow(url)
        else:
            found = await find_soon(room, notebook=notebook, kernel_id=kernel_id, timeout=timeout)
            address = found.address(role)
        finder = RoomFinder(address)
        window = cls(finder.connect, name=name, dispatch=dispatch)

        def note(event: events.Event) -> None:
            if isinstance(event, events.KernelChanged) and window.core.welcome is not None:
                finder.joined(window.core.welcome["role"], event.kernel["kernel_id"])

        window.on_event(note)
        await window.start(timeout)
        return window

    async def start(self, timeout: float = 10.0) -> None:
        """Connect, and return when the document is complete."""
        self._task = asyncio.create_task(self._connection.run(), name="commdoc window")
        self._task.add_done_callback(_log_failure)
        try:
            await self.wait_until(lambda: self.connected, timeout)
        except TimeoutError:
            problem = self._connection.last_problem or "no answer"
            await self.close()
            raise RoomClosedError(f"the room was not to be had within {timeout} s: {problem}") from None
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Leave the room."""
        await self._connection.close()
        self._delivery.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # --- reading ----------------------------------------------------------------------------------------------------

    @property
    def doc(self) -> Doc[Any]:
        """The document; belongs to the loop's thread."""
        return self._core.doc

    @property
    def core(self) -> WindowCore:
        """The state of the window."""
        return self._core

    @property
    def connected(self) -> bool:
        """Whether the document is being kept up to date."""
        return self._connection.connected

    @property
    def room_id(self) -> str | None:
        """The room's permanent id."""
        return self._core.welcome["room_id"] if self._core.welcome else None

    @property
    def kernel(self) -> Kernel:
        """The room's kernel."""
        known = self._core.kernel
        if known is None:
            return Kernel("disconnected", None, None, live=False)
        status = known["status"] if self.connected else "disconnected"
        return Kernel(status, known["epoch"], known["kernel_id"], live=known["live"])

    @property
    def peers(self) -> list[PeerInfo]:
        """Who is in the room."""
        return list(self._core.peers)

    @property
    def comms(self) -> Mapping[str, AsyncComm]:
        """The comms by id, in `seq` order."""
        with self.guard:
            return {comm_id: self._comm(comm_id) for comm_id in self._core.comms}

    def check(self) -> None:
        """Return while the window is connected or trying to be; raise the reason when it has ended."""
        if self._connection.failure is not None:
            raise self._connection.failure

    def changes_since(self, document_id: str | None, state: bytes) -> tuple[str | None, bytes]:
        """Return which document it is, and the update for that one with this state vector, or all of another one."""
        now = self._core.document_id
        return now, self._core.doc.get_update(state if now == document_id else None)

    def find(self, name: str) -> list[AsyncComm]:
        """Return the comms of this model name, target name, comm_id or anywidget class."""
        return [comm for comm in self.comms.values() if comm.is_called(name)]

    # --- waiting ----------------------------------------------------------------------------------------------------

    async def wait_for(self, name: str, timeout: float = 10.0) -> AsyncComm:
        """Return the newest comm that `find(name)` has, as soon as there is one.

        Raises
        ------
        TimeoutError
            When there is none in time.
        """
        found: list[AsyncComm] = await self.wait_until(lambda: self.find(name), timeout, f"no {name}")
        return found[-1]

    async def wait_until(self, condition: Callable[[], Any], timeout: float = 10.0, what: str = "") -> Any:
        """Return what `condition()` returns as soon as that is true; asked again whenever something came in.

        Raises
        ------
        TimeoutError
            When it isn't in time.
        CommdocError
            When the connection has ended for good before.
        """
        return await self._waiters.wait(condition, timeout, what)

    def on_event(self, callback: Callable[[events.Event], object]) -> Callable[[], None]:
        """Tell `callback` everything that happens (`commdoc.window.events`); returns what ends it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback) if callback in self._listeners else None

    def on_change(self, callback: Callable[[], object]) -> None:
        """Call `callback()` whenever something came in."""
        self._change_callbacks.append(callback)

    # --- asking -----------------------------------------------------------------------------------------------------

    def request(self, comm_id: str, state: Mapping[str, object]) -> asyncio.Future[dict[str, Any]]:
        """Ask for a change. The future has what the kernel made of it, or a `RequestError`."""
        self._check_may_ask()
        with self.guard:
            request_id = self._core.request(comm_id, state)
        future = self._pending.add(request_id, comm_id, tuple(state))
        self._connection.flush()
        self._on_changed()
        return future

    def send(
        self, comm_id: str, data: object, buffers: Sequence[Buffer] = ()
    ) -> asyncio.Future[dict[str, Any]]:
        """Send a comm message, unchanged; the future ends when it was handled, or with a `RequestError`."""
        self._check_may_ask()
        future = self.ask(asks.comm_message(comm_id, data, buffers))
        future.add_done_callback(warn_of_failure)
        return future

    def ask(self, ask: Ask) -> asyncio.Future[dict[str, Any]]:
        """Send what the room answers by its message_id; the future ends with the answer, or with a `RequestError`."""
        self._check_may_ask()
        with self.guard:
            self._core.ask(ask)
        future = self._pending.add(ask.ident, ask.comm_id, ())
        self._connection.flush()
        return future

    async def open(
        self,
        target_name: str,
        data: object,
        metadata: object = None,
        *,
        comm_id: str | None = None,
        timeout: float = 10.0,
    ) -> AsyncComm:
        """Open a comm, and return it when the kernel has taken it.

        Raises
        ------
        RequestError
            When the kernel didn't.
        """
        self._check_may_ask()
        comm_id = comm_id or asks.new_id()
        ask = asks.open_comm(comm_id, target_name, data, metadata)
        failed = self._pending.add(ask.ident, comm_id, ())
        with self.guard:
            self._core.ask(ask)
        self._connection.flush()
        try:
            await self.wait_until(
                lambda: comm_id in self._core.comms or failed.done(), timeout, f"no {target_name}"
            )
        except TimeoutError as error:
            raise RequestError("timeout", str(error)) from None
        finally:
            self._pending.forget(ask.ident)
        if failed.done():
            failed.result()
        return self._comm(comm_id)

    def close_comm(self, comm_id: str, data: object = None) -> None:
        """Close a comm."""
        self._check_may_ask()
        with self.guard:
            self._core.ask(asks.close_comm(comm_id, data))
        self._connection.flush()

    async def fetch(
        self, sentinels: Sequence[values.BlobSentinel], timeout: float = 10.0
    ) -> dict[str, bytes]:
        """Return these blobs by hash; those that are not to be had are left out."""
        out: dict[str, bytes] = {}
        absent: set[str] = set()

        def take(event: events.Event) -> None:
            if isinstance(event, events.BlobsArrived):
                absent.update(event.missing)
            look()

        def look() -> bool:
            for named in sentinels:
                content = self._core.blobs.get(named["$blob"])
                if content is not None:
                    out[named["$blob"]] = content
            return all(named["$blob"] in out or named["$blob"] in absent for named in sentinels)

        if look():
            return out
        stop = self.on_event(take)
        try:
            self._want([named for named in sentinels if named["$blob"] not in out])
            with contextlib.suppress(TimeoutError):
                await self.wait_until(look, timeout)
        finally:
            stop()
        return out

    # --- what happens -----------------------------------------------------------------------------------------------

    def _check_may_ask(self) -> None:
        if self._core.welcome is not None and self._core.welcome["role"] == "viewer":
            raise RequestError("viewer", "this window is a viewer: it may read, not ask")
        if self._connection.ended:
            raise RoomClosedError(str(self._connection.failure or "the window is closed"))

    def _comm(self, comm_id: str) -> AsyncComm:
        comm = self._comms.get(comm_id)
        if comm is None:
            comm = self._comms[comm_id] = AsyncComm(self, comm_id, self._delivery)
        return comm

    def _want(self, sentinels: Sequence[values.BlobSentinel]) -> None:
        self._core.want(sentinels)
        self._connection.flush()

    def _on_changed(self) -> None:
        self._waiters.look()
        for callback in self._change_callbacks:
            callback()

    def _on_event(self, event: events.Event) -> None:
        if isinstance(event, events.CommUpdated | events.CommOpened | events.OutputsChanged):
            self._on_comm_changed(event)
        elif isinstance(event, events.CommClosed):
            comm = self._comms.pop(event.comm_id, None)
            if comm is not None:
                comm.observers.closed()
        elif isinstance(event, events.MessageArrived):
            if not self._comm(event.comm_id).on_message(event.data, event.buffers):
                self._left_out(event.comm_id)
        elif isinstance(event, events.RequestEnded):
            self._pending.ended(event)
        elif isinstance(event, events.Synced):
            self.settings.follow()
        elif isinstance(event, events.SettingsTold):
            self.settings.take(event)
        elif isinstance(event, events.BlobsArrived):
            self._delivery.arrived(event.hashes, event.missing)
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                log.exception("listener %r failed at %r", listener, event)

    def _left_out(self, comm_id: str) -> None:
        if comm_id not in self._behind:
            self._behind.add(comm_id)
            log.error("comm %s: callbacks are slower than the kernel's messages, some are left out", comm_id)
        self._on_event(events.MessagesMissed(1))

    def _on_comm_changed(self, event: events.CommUpdated | events.CommOpened | events.OutputsChanged) -> None:
        comm = self._comms.get(event.comm_id)
        if comm is None:
            return
        shown = self._core.shown(event.comm_id)
        if shown is not None:
            keys = (OUTPUTS,) if isinstance(event, events.OutputsChanged) else shown
            comm.observers.updated(event.keys if isinstance(event, events.CommUpdated) else keys, shown)

    async def _decode(self, encoded: State, buffers: list[memoryview]) -> dict[str, Any]:
        blobs = await self.fetch(list(values.blob_sentinels(list(encoded.values()))))

        def get(named: values.BlobSentinel) -> bytes:
            if named["$blob"] not in blobs:
                raise BlobMissingError(f"blob {named['$blob']} is not to be had")
            return blobs[named["$blob"]]

        return {key: values.decode(item, get, buffers) for key, item in encoded.items()}


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the window's connection ended", exc_info=task.exception())
