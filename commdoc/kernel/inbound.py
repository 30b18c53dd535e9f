"""What front ends say to comms: after the kernel has handled it, its own values are noted down.

``kernel.shell_handlers["comm_open" | "comm_msg" | "comm_close"]`` are wrapped. After the original ran, the
*kernel's* value of the keys is read, not the message's and not the echo's, which leaves before validation.
The reading is put between two records, `Kind.BEGIN` and `Kind.TRUTH`: what the hook notes between them is
newer than the reading (`coalescer`, rule 2).

Front ends without the shim are served alongside: whoever was told something else than the kernel's value,
by its own message, by an echo, or not at all since the change came from the room, is sent a corrective
``update`` (rule 4).
"""

from __future__ import annotations

import itertools
from _thread import get_ident
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from commdoc.kernel import truth
from commdoc.kernel.hook import SendHook, Told
from commdoc.kernel.records import Kind, Record, Refused, freeze, freeze_buffers, freeze_state
from commdoc.protocol.values import put_buffers, take_buffers

ROOM_USERNAME: Final = "commdoc"
"""``header.username`` of the messages that the room sends for its windows."""

_MESSAGES: Final = ("comm_open", "comm_msg", "comm_close")

Handler = Callable[[Any, Any, Any], Any]


class Inbound:
    """Wraps the comm handlers of a kernel while installed.

    Parameters
    ----------
    kernel : ipykernel.kernelbase.Kernel
        Has ``shell_handlers`` and ``comm_manager``.
    hook : SendHook
        Tells what was sent while a handler ran.
    put, urge, report : callable
        As for `SendHook`.
    """

    def __init__(
        self,
        kernel: Any,
        hook: SendHook,
        put: Callable[[Record], None],
        urge: Callable[[], None],
        report: Callable[[BaseException], None],
    ) -> None:
        self._kernel = kernel
        self._hook = hook
        self._put = put
        self._urge = urge
        self._report = report
        self._tokens = itertools.count(1)
        self._originals: dict[str, Handler] = {name: kernel.shell_handlers[name] for name in _MESSAGES}
        self._wrappers: dict[str, Handler] = {
            "comm_open": self._wrap(self._originals["comm_open"], self._opened),
            "comm_msg": self._wrap_message(self._originals["comm_msg"]),
            "comm_close": self._wrap(self._originals["comm_close"], self._closed),
        }
        self.active = False

    def install(self) -> None:
        """Start listening."""
        self.active = True
        self._kernel.shell_handlers.update(self._wrappers)

    def remove(self) -> None:
        """Put the originals back; where somebody wrapped them after us, only pass through from now on."""
        self.active = False
        for name, wrapper in self._wrappers.items():
            if self._kernel.shell_handlers.get(name) is wrapper:
                self._kernel.shell_handlers[name] = self._originals[name]

    def read_again(self, comm_id: str, keys: list[str]) -> None:
        """Note the kernel's values of the keys once more, and tell front ends: the last that they heard may be older.

        Runs where comm messages run.
        """
        comm = self._kernel.comm_manager.comms.get(comm_id)
        if self.active and comm is not None and truth.has_state(comm):
            self._guarded(lambda: self._correct(comm, self._note_truth(comm, keys, None, None), {}))

    def _wrap(self, original: Handler, after: Callable[[Any], None]) -> Handler:
        def handle(stream: Any, ident: Any, msg: Any) -> Any:
            try:
                return original(stream, ident, msg)
            finally:
                if self.active:
                    self._guarded(after, msg)
                    self._guarded(self._done, msg, ())

        return handle

    def _wrap_message(self, original: Handler) -> Handler:
        def handle(stream: Any, ident: Any, msg: Any) -> Any:
            if not self.active:
                return original(stream, ident, msg)
            sent = self._guarded(_sent_state, msg)
            told: Told = []
            try:
                with self._hook.telling() as told:
                    return original(stream, ident, msg)
            finally:
                self._guarded(self._handled, msg, sent, told)

        return handle

    def _barrier(self, record: Record) -> None:
        self._put(record)
        self._hook.seal()

    def _guarded(self, call: Callable[..., Any], *args: Any) -> Any:
        try:
            return call(*args)
        except Exception as error:  # noqa: BLE001 - the kernel must not notice (P8)
            self._report(error)
            return None

    def _opened(self, msg: Any) -> None:
        content = msg["content"]
        comm = self._kernel.comm_manager.comms.get(content["comm_id"])
        if comm is None:
            # No such target, or its handler failed: a window that asked for it hears so.
            self._barrier((Kind.CLOSE, content["comm_id"], True))
            return
        if truth.has_state(comm):
            data: Any = {"state": truth.read_state(comm, self._hook)}
        else:
            data = freeze(content.get("data"))
        buffers = [] if truth.has_state(comm) else freeze_buffers(msg.get("buffers"))
        metadata = freeze(msg.get("metadata"))
        self._barrier((Kind.OPEN, comm.comm_id, comm.target_name, data, buffers, metadata))
        self._urge()

    def _closed(self, msg: Any) -> None:
        self._hook.captures.closed(msg["content"]["comm_id"])
        self._barrier((Kind.CLOSE, msg["content"]["comm_id"]))

    def _handled(self, msg: Any, sent: dict[str, Any] | None, told: Told) -> None:
        if sent is None:
            self._done(msg, told)
            return
        comm = self._kernel.comm_manager.comms.get(msg["content"]["comm_id"])
        from_room = msg["header"].get("username") == ROOM_USERNAME
        request_id = msg["header"]["msg_id"] if from_room else None
        if comm is None or not truth.has_state(comm):
            if request_id is not None:
                self._barrier((Kind.TRUTH, None, msg["content"]["comm_id"], {}, request_id, "no such comm"))
                self._urge()
            return
        values = self._note_truth(comm, list(sent), request_id, sent, told)
        heard = {} if from_room else dict(sent)
        for content, buffers in told:
            heard.update(_told_state(content, buffers, comm.comm_id))
        self._correct(comm, values, heard)

    def _done(self, msg: Any, told: Iterable[tuple[Any, Any]]) -> None:
        """Say that a message of the room's was handled: what it did has been noted before."""
        if msg["header"].get("username") == ROOM_USERNAME:
            record = (Kind.HANDLED, msg["content"]["comm_id"], msg["header"]["msg_id"], _first_error(told))
            self._barrier(record)
            self._urge()

    def _correct(self, comm: Any, values: dict[str, Any], heard: dict[str, Any]) -> None:
        """Send front ends the values that they have not heard (rule 4)."""
        wrong = {
            key: value
            for key, value in values.items()
            if not isinstance(value, Refused) and (key not in heard or not _same(heard[key], value))
        }
        if wrong:
            state, paths, parts = take_buffers(wrong)
            comm.send({"method": "update", "state": state, "buffer_paths": paths}, buffers=parts)

    def _note_truth(
        self,
        comm: Any,
        keys: list[str],
        request_id: str | None,
        asked: Mapping[str, Any] | None = None,
        told: Told | None = None,
    ) -> dict[str, Any]:
        error: str | None = None
        token = next(self._tokens)
        self._barrier((Kind.BEGIN, token, comm.comm_id, keys, get_ident()))
        values: dict[str, Any] = {}
        try:
            values = truth.read_state(comm, self._hook, keys)
            error = _refusal(asked or {}, values, told or [])
        except Exception as failure:
            error = f"the kernel's value could not be read: {failure!r}"
            raise
        finally:
            self._barrier((Kind.TRUTH, token, comm.comm_id, values, request_id, error))
            if request_id is not None:
                self._urge()
        return values


def _sent_state(msg: Any) -> dict[str, Any] | None:
    """Return the state of an ``update`` message, buffers in place; None for any other message."""
    data = msg["content"].get("data")
    if (
        not isinstance(data, dict)
        or data.get("method") != "update"
        or not isinstance(data.get("state"), dict)
    ):
        return None
    return put_buffers(
        freeze_state(data["state"]), data.get("buffer_paths") or [], freeze_buffers(msg.get("buffers"))
    )


def _told_state(content: Mapping[str, Any], buffers: Any, comm_id: str) -> dict[str, Any]:
    """Return what an ``update`` or ``echo_update`` of this comm told."""
    data = content.get("data")
    if content.get("comm_id") != comm_id or not isinstance(data, dict):
        return {}
    if data.get("method") not in ("update", "echo_update"):
        return {}
    return put_buffers(data.get("state") or {}, data.get("buffer_paths") or [], buffers or [])


def _refusal(asked: Mapping[str, Any], values: Mapping[str, Any], told: Told) -> str | None:
    """Return the first error that was shown while a request was handled, if the kernel didn't do it.

    An error beside a value that the kernel took is a callback's: the traceback tells that.
    """
    if all(key in values and _same(value, values[key]) for key, value in asked.items()):
        return None
    return _first_error(told)


def _first_error(told: Iterable[tuple[Any, Any]]) -> str | None:
    return next(
        (f"{content['ename']}: {content.get('evalue')}" for content, _ in told if "ename" in content), None
    )


def _same(told: Any, kernel: Any) -> bool:
    """Whether a front end that was told `told` has the kernel's value."""
    if isinstance(told, list | tuple) and isinstance(kernel, list | tuple):
        return len(told) == len(kernel) and all(map(_same, told, kernel))
    if isinstance(told, dict) and isinstance(kernel, dict):
        return told.keys() == kernel.keys() and all(_same(told[key], kernel[key]) for key in told)
    if isinstance(told, memoryview | bytearray):
        told = bytes(told)
    return bool(told == kernel or (told != told and kernel != kernel))  # noqa: PLR0124 - NaN
