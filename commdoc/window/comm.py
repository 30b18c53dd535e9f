"""One comm, as an `AsyncWindow` shows it, and the room's kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from commdoc.document import Comm
from commdoc.errors import BlobMissingError, RequestError
from commdoc.protocol import values
from commdoc.protocol.frames import Buffer
from commdoc.protocol.messages import Encoded, KernelStatus, State
from commdoc.window.delivery import Delivery
from commdoc.window.observers import Observers, OnChange, OnCustom

if TYPE_CHECKING:
    from commdoc.window.window import AsyncWindow

WIDGET_TARGET: Final = "jupyter.widget"


@dataclass(frozen=True)
class Kernel:
    """The room's kernel, as the window knows it.

    Attributes
    ----------
    status : str
        ``starting``, ``idle``, ``busy``, ``disconnected`` (nobody knows: the bridge or this window has lost its
        connection) or ``dead``.
    live : bool
        Whether a kernel stands behind the comms.
    """

    status: KernelStatus
    epoch: str | None
    kernel_id: str | None
    live: bool


class AsyncComm:
    """A comm of the room. `comm["value"]` is what the window shows now."""

    def __init__(self, window: AsyncWindow, comm_id: str, delivery: Delivery) -> None:
        self._window = window
        self.comm_id = comm_id
        self._entry: Comm | None = window.core.comms.get(comm_id)
        self.observers = Observers(comm_id, self, delivery)

    def __repr__(self) -> str:
        name = "" if self._entry is None else f" {self._entry.model_name or self._entry.target_name}"
        return f"<{type(self).__name__}{name} {self.comm_id}{' closed' if self.closed else ''}>"

    @property
    def entry(self) -> Comm:
        """The comm's entry in the document, or the last one that it had.

        Raises
        ------
        RequestError
            When there never was one.
        """
        self._entry = self._window.core.comms.get(self.comm_id, self._entry)
        if self._entry is None:
            raise RequestError("no_such_comm", f"there is no comm {self.comm_id}")
        return self._entry

    @property
    def closed(self) -> bool:
        """Whether the document has no such comm any more."""
        return self.comm_id not in self._window.core.comms

    def is_called(self, name: str) -> bool:
        """Whether `name` is its model name, its target name, its id or its anywidget class."""
        entry = self.entry
        if name in (self.comm_id, entry.model_name, entry.target_name):
            return True
        anywidget_id = entry.encoded_state.get("_anywidget_id")
        return isinstance(anywidget_id, str) and name in (anywidget_id, anywidget_id.rpartition(".")[2])

    # --- reading ----------------------------------------------------------------------------------------------------

    @property
    def encoded_state(self) -> State:
        """What the window shows, encoded as in the document."""
        with self._window.guard:
            shown = self._window.core.shown(self.comm_id)
            return dict(self.entry.encoded_state) if shown is None else shown

    @property
    def state(self) -> dict[str, Any]:
        """What the window shows.

        Raises
        ------
        BlobMissingError
            When a blob is not at hand: `get_state` fetches it.
        """
        return {
            key: encoded if type(encoded) in values.PLAIN_TYPES else self._decode(key, encoded)
            for key, encoded in self.encoded_state.items()
        }

    def __getitem__(self, key: str) -> Any:
        return self._decode(key, self.encoded_state[key])

    async def get_state(self) -> dict[str, Any]:
        """Return the state, with blobs fetched in one go."""
        encoded = self.encoded_state
        blobs = await self._window.fetch(list(values.blob_sentinels(list(encoded.values()))))
        return {key: self._decode(key, item, blobs) for key, item in encoded.items()}

    async def get(self, key: str) -> Any:
        """Return one value, with its blobs fetched."""
        encoded = self.encoded_state[key]
        return self._decode(key, encoded, await self._window.fetch(list(values.blob_sentinels(encoded))))

    def _decode(self, key: str, encoded: Encoded, blobs: Mapping[str, bytes] | None = None) -> Any:
        def get(named: values.BlobSentinel) -> bytes:
            content = (blobs or {}).get(named["$blob"]) or self._window.core.blobs.get(named["$blob"])
            if content is None:
                msg = f"comm {self.comm_id}, key {key!r}: blob {named['$blob']} is not to be had"
                raise BlobMissingError(msg)
            return content

        return values.decode(encoded, get)

    # --- listening --------------------------------------------------------------------------------------------------

    def observe(self, callback: OnChange, names: str | Iterable[str] | None = None) -> Callable[[], None]:
        """Call `callback(change)` when one of these keys, or any, is shown with another value.

        Returns
        -------
        callable
            Ends it.
        """
        wanted = [names] if isinstance(names, str) else names
        return self.observers.observe(callback, wanted, self.encoded_state)

    def on_custom(self, callback: OnCustom) -> Callable[[], None]:
        """Call `callback(content, buffers)` for each message that is no state; returns what ends it."""
        return self.observers.on_custom(callback)

    def on_close(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback()` when the comm is closed; returns what ends it."""
        return self.observers.on_close(callback)

    def on_message(self, data: Any, buffers: list[bytes]) -> bool:
        """Take a message from the kernel; False when the callbacks are too far behind for it."""
        method = data.get("method") if isinstance(data, dict) else None
        if method == "custom" and "content" in data:
            data = data["content"]
        elif method == "update" and self.entry.target_name == WIDGET_TARGET:
            return True  # a command to front ends: the value is None again
        return self.observers.message(data, buffers)

    # --- asking -----------------------------------------------------------------------------------------------------

    def request(self, state: Mapping[str, object]) -> asyncio.Future[dict[str, Any]]:
        """Ask for a change; the future has what the kernel made of it, or a `RequestError`."""
        return self._window.request(self.comm_id, state)

    async def set(
        self, state: Mapping[str, object] | None = None, /, *, timeout: float = 10.0, **values: object
    ) -> dict[str, Any]:
        """Change keys: ``await slider.set(value=5)``, or ``set({"value": 5})`` for keys that are no Python names.

        Returns
        -------
        dict
            What the kernel made of them.

        Raises
        ------
        RequestError
            When the kernel refused, or the request didn't reach it; code ``timeout`` when it has not been handled in
            time (it stays in the queue of a busy kernel); code ``unknown_key`` when the comm has no such key.
        """
        asked = {**(state or {}), **values}
        made = await self.handled(self.request(asked), timeout)
        if unknown := [key for key in asked if key not in made and key not in self.encoded_state]:
            names = ", ".join(map(repr, unknown))
            msg = f"comm {self.comm_id}: {self.entry.model_name or self.entry.target_name} has no {names}"
            raise RequestError("unknown_key", msg)
        return made

    async def handled(self, future: asyncio.Future[dict[str, Any]], timeout: float) -> dict[str, Any]:
        """Wait until a request or a message was handled.

        Raises
        ------
        RequestError
            When it failed; code ``timeout`` when that has not happened in time.
        """
        try:
            return await asyncio.wait_for(asyncio.shield(future), timeout)
        except asyncio.TimeoutError:
            kernel = self._window.kernel.status
            msg = f"comm {self.comm_id}: not handled within {timeout} s (the kernel is {kernel}); it stays queued"
            raise RequestError("timeout", msg) from None

    def send(self, content: object, buffers: Sequence[Buffer] = ()) -> asyncio.Future[dict[str, Any]]:
        """Send a message to the kernel: a widget's custom message, or a bare comm's data.

        Returns
        -------
        asyncio.Future
            Ends when the kernel has handled it, or with a `RequestError`: code ``raised`` when a handler raised.
        """
        if self.entry.target_name == WIDGET_TARGET:
            content = {"method": "custom", "content": content}
        return self._window.send(self.comm_id, content, buffers)

    def close(self) -> None:
        """Close the comm, in the kernel too."""
        self._window.close_comm(self.comm_id)
