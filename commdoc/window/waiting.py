"""Waiting on a loop: for a condition of what the window shows, and for what came of a request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from commdoc.errors import RequestError
from commdoc.protocol.messages import State
from commdoc.window import events

log = logging.getLogger(__name__)


class Waiters:
    """Who waits for a condition; `look` is called whenever something came in.

    Parameters
    ----------
    failure : callable
        Returns why nothing will come in any more, if so.
    """

    def __init__(self, failure: Callable[[], Exception | None]) -> None:
        self._failure = failure
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []

    async def wait(self, condition: Callable[[], Any], timeout: float, what: str) -> Any:
        """Return what `condition()` returns as soon as that is true.

        Raises
        ------
        TimeoutError
            When it isn't in time.
        """
        value = condition()
        if value:
            return value
        failure = self._failure()
        if failure is not None:
            raise failure
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        entry = (condition, future)
        self._waiting.append(entry)
        try:
            return await asyncio.wait_for(future, timeout)
        except asyncio.TimeoutError:
            msg = f"{what or 'what was waited for did not happen'} within {timeout} s"
            raise TimeoutError(msg) from None
        finally:
            self._waiting.remove(entry)

    def look(self) -> None:
        """Look at all conditions."""
        for condition, future in self._waiting:
            if future.done():
                continue
            try:
                value = condition()
            except Exception as error:  # noqa: BLE001 - who waits must hear it
                future.set_exception(error)
                continue
            failure = self._failure()
            if value:
                future.set_result(value)
            elif failure is not None:
                future.set_exception(failure)


class Pending(NamedTuple):
    """A request for whose end somebody may wait."""

    comm_id: str
    keys: tuple[str, ...]
    future: asyncio.Future[dict[str, Any]]


class PendingRequests:
    """The futures of the open requests.

    Parameters
    ----------
    shown : callable
        Returns what the window shows of a comm.
    decode : callable
        Decodes a state, with blobs fetched.
    """

    def __init__(
        self,
        shown: Callable[[str], State | None],
        decode: Callable[[State, list[memoryview]], Coroutine[Any, Any, dict[str, Any]]],
    ) -> None:
        self._shown = shown
        self._decode = decode
        self._pending: dict[str, Pending] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, ident: str, comm_id: str, keys: tuple[str, ...]) -> asyncio.Future[dict[str, Any]]:
        """Return the future of a request or a message."""
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_look_at_failure)
        self._pending[ident] = Pending(comm_id, keys, future)
        return future

    def forget(self, ident: str) -> None:
        """Nobody waits for this one any more."""
        self._pending.pop(ident, None)

    def ended(self, event: events.RequestEnded) -> None:
        """Tell who waits what came of it."""
        pending = self._pending.pop(event.request_id, None)
        if pending is None or pending.future.done():
            return
        if event.error is not None:
            pending.future.set_exception(event.error)
            return
        if not pending.keys:
            pending.future.set_result({})
            return
        state = event.state
        if state is None:
            shown = self._shown(pending.comm_id) or {}
            state = {key: shown[key] for key in pending.keys if key in shown}
        task = asyncio.ensure_future(_settle(pending.future, self._decode(state, event.buffers)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _settle(future: asyncio.Future[dict[str, Any]], decoding: Awaitable[dict[str, Any]]) -> None:
    try:
        result = await decoding
    except Exception as error:  # noqa: BLE001 - whatever it is, who waits must hear it
        if not future.done():
            future.set_exception(error)
    else:
        if not future.done():
            future.set_result(result)


def _look_at_failure(future: asyncio.Future[Any]) -> None:
    # What nobody waits for may fail without asyncio's "exception was never retrieved".
    if not future.cancelled() and future.exception() is not None:
        log.debug("a request failed: %s", future.exception())


def warn_of_failure(future: asyncio.Future[Any]) -> None:
    """Log that a message for which nobody waits was not handled; what a handler raised is in the kernel's log."""
    error = None if future.cancelled() else future.exception()
    if isinstance(error, RequestError) and error.code not in ("raised", "closed"):
        log.warning("a message was lost: %s", error)
