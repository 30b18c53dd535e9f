"""What the hook does with outputs: an Output widget gets those that it takes, the room a note of the others.

A watcher is called with a message's content, buffers, parent and metadata. It returns `KEPT` for a message that does
not go to iopub, because a widget has taken it.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from commdoc.kernel.capture import Captures, Holder
from commdoc.kernel.cells import MAX_EXECUTIONS
from commdoc.kernel.outputs import Captured, can_be_sent, sendable
from commdoc.kernel.records import SCALARS, Kind, Parent, Record, freeze, parent_id, parent_type

VIEW_MIME: Final = "application/vnd.jupyter.widget-view+json"

KEPT: Final = object()
"""Returned for a message that does not go to iopub."""

Watcher = Callable[[Any, Any, Parent | None, Any], Any]


class OutputWatch:
    """Watches outputs, and the beginnings and ends of executions.

    Parameters
    ----------
    captures : Captures
        Decides which Output widget takes an output instead of the cell.
    barrier : callable
        Takes a record behind which nothing may be merged with what was before it.
    erred : callable
        Takes the content of an error that is published.
    before_idle : callable
        Called before an execution is said to be over, while there are Output widgets.
    """

    def __init__(
        self,
        captures: Captures,
        barrier: Callable[[Record], None],
        erred: Callable[[dict[str, Any]], None],
        before_idle: Callable[[], None],
    ) -> None:
        self._captures = captures
        self._barrier = barrier
        self._erred = erred
        self._before_idle = before_idle
        self._waiting: set[str | None] = set()
        """msg_ids of executions that said ``clear_output(wait=True)`` and have shown nothing since."""
        self._ordinals: OrderedDict[str | None, int] = OrderedDict()
        """By execution, how many outputs its cell has that are no streams."""
        self.watchers: dict[str, Watcher] = {
            "display_data": self._display,
            "execute_result": self._result,
            "update_display_data": self._update_display,
            "clear_output": self._clear,
            "stream": self._stream,
            "error": self._error,
            "status": self._status,
            "execute_input": self._input,
            "execute_reply": self._reply,
        }
        """Message type to who watches it."""

    # --- what Output widgets take -----------------------------------------------------------------------------------

    def _taker(self, parent: Parent | None) -> Holder | None:
        return self._captures.taker(parent_id(_message_of(parent))) if self._captures.stacks else None

    def _take(self, holder: Holder, kind: str, content: dict[str, Any], display_id: Any = None) -> Any:
        """Give an output to an Output widget instead of the cell; one that Jupyter refuses it is to refuse as ever."""
        if not can_be_sent(content):
            return None
        message = Captured(kind, content, display_id)
        holder.take(message)
        self._barrier((Kind.CAPTURED, holder.comm_id, message))
        return KEPT

    def _result(self, content: Any, buffers: Any, parent: Parent | None, metadata: Any) -> Any:
        holder = self._taker(parent)
        if holder is None:
            return self._display(content, buffers, parent, metadata)
        own = {**_shown(content), "execution_count": content.get("execution_count")}
        return self._take(holder, "execute_result", own, _display_id(content))

    def _update_display(self, content: Any, buffers: Any, parent: Parent | None, metadata: Any) -> Any:
        display_id = _display_id(content)
        if display_id is not None:
            for holder in list(self._captures.holders.values()):
                if holder.shows(display_id):  # a copy for each: what a widget holds is its user's
                    self._take(holder, "update_display_data", _shown(content), display_id)
            self._barrier((Kind.REDISPLAYED, display_id, _shown(content)))
        if self._taker(parent) is None:
            self._view(content, _message_of(parent))

    def _display(self, content: Any, _buffers: Any, parent: Parent | None, _metadata: Any) -> Any:
        if (holder := self._taker(parent)) is not None:
            return self._take(holder, "display_data", _shown(content), _display_id(content))
        message = _message_of(parent)
        self._view(content, message)
        if parent_type(message) == "execute_request":
            ordinal = self._count(message)
            if (display_id := _display_id(content)) is not None:
                self._barrier((Kind.SHOWN, display_id, ordinal, _shown(content), message))
        return None

    def _view(self, content: Any, message: Parent | None) -> None:
        view = content["data"].get(VIEW_MIME)
        if self._waiting:
            self._clear_waiting(message)
        if view is not None:
            self._barrier((Kind.VIEW, view["model_id"], message))

    def _count(self, message: Parent | None) -> int:
        """Return the place of an output that its cell shows now, among those that are no streams."""
        execution = parent_id(message)
        ordinal = self._ordinals.pop(execution, 0)
        self._ordinals[execution] = ordinal + 1
        if len(self._ordinals) > MAX_EXECUTIONS:
            self._ordinals.popitem(last=False)
        return ordinal

    def _clear(self, content: Any, _buffers: Any, parent: Parent | None, _metadata: Any) -> Any:
        if (holder := self._taker(parent)) is not None:
            return self._take(holder, "clear_output", {"wait": bool(content.get("wait"))})
        message = _message_of(parent)
        if content.get("wait"):
            self._waiting.add(parent_id(message))
        else:
            self._waiting.discard(parent_id(message))
            self._cleared(message)
        return None

    def _clear_waiting(self, parent: Parent | None) -> None:
        """Carry out a waiting clear, since the execution shows something now."""
        execution = parent_id(parent)
        if execution in self._waiting:
            self._waiting.discard(execution)
            self._cleared(parent)

    def _cleared(self, parent: Parent | None) -> None:
        self._ordinals.pop(parent_id(parent), None)
        self._barrier((Kind.CLEAR, parent))

    def _stream(self, content: Any, _buffers: Any, parent: Parent | None, _metadata: Any) -> Any:
        if (holder := self._taker(parent)) is not None:
            if not content["text"]:
                return KEPT
            return self._take(holder, "stream", {"name": content["name"], "text": sendable(content["text"])})
        message = _message_of(parent)
        if message and parent_type(message) != "execute_request":
            self._barrier((Kind.LOG, content["name"], content["text"], message))
        elif self._waiting:
            self._clear_waiting(message)
        return None

    def _error(self, content: Any, _buffers: Any, parent: Parent | None, _metadata: Any) -> Any:
        self._erred(content)
        if (holder := self._taker(parent)) is not None:
            own = {"ename": str(content["ename"]), "evalue": str(content["evalue"])}
            return self._take(holder, "error", {**own, "traceback": freeze(content["traceback"])})
        message = _message_of(parent)
        if message and parent_type(message) != "execute_request":
            self._barrier((Kind.LOG, "stderr", "\n".join(content["traceback"]) + "\n", message))
        elif message:
            self._count(message)
        return None

    # --- executions -------------------------------------------------------------------------------------------------

    def _status(self, content: Any, _buffers: Any, parent: Parent | None, _metadata: Any) -> None:
        # Comm messages make the kernel busy, too, for less than a window would show.
        if parent_type(parent) == "execute_request":
            status = content["execution_state"]
            if status == "idle":
                self._waiting.discard(parent_id(parent))
                if self._captures.holders:
                    self._before_idle()
            self._barrier((Kind.STATUS, status, parent))

    def _input(self, content: Any, _buffers: Any, parent: Parent | None, _metadata: Any) -> None:
        self._barrier((Kind.INPUT, parent, content["execution_count"]))

    def _reply(self, content: Any, _buffers: Any, parent: Parent | None, _metadata: Any) -> None:
        self._barrier((Kind.REPLY, parent, content["status"]))
        if content.get("ename") == "KeyboardInterrupt":
            self._barrier((Kind.INTERRUPTED,))


def _shown(content: dict[str, Any]) -> dict[str, Any]:
    """Return what a display shows, as front ends get it."""
    return {
        "data": _without_bytes(freeze(content["data"])),
        "metadata": _without_bytes(freeze(content.get("metadata") or {})),
    }


def _without_bytes(value: Any) -> Any:
    """Return a frozen value with base64 text for bytes: that is what Jupyter sends for them in an output."""
    kind = value.__class__
    if kind is bytes:
        return b2a_base64(value, newline=False).decode("ascii")
    if kind is dict and not SCALARS.issuperset(map(type, value.values())):
        return {key: _without_bytes(item) for key, item in value.items()}
    if kind is list and not SCALARS.issuperset(map(type, value)):
        return [_without_bytes(item) for item in value]
    return value


def _display_id(content: dict[str, Any]) -> str | None:
    display_id = (content.get("transient") or {}).get("display_id")
    return display_id if isinstance(display_id, str) else None


def _message_of(parent: Parent | None) -> Parent | None:
    """Return the parent as a message, also where only its header was given; None where there is none."""
    if not parent:
        return None
    if "header" not in parent:
        return {"header": parent} if "msg_id" in parent else None
    return parent if parent["header"] else None
