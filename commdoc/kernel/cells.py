"""What executions do that a window shows: displayed views, the end of a cell, the log of a handler.

Records of outputs and status go in, operations come out through `emit`. What an Output widget takes does not
come here: the hook has given it to the widget.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from commdoc.kernel.displays import Displays
from commdoc.kernel.records import Parent, parent_id, parent_type

MAX_EXECUTIONS: Final = 256
"""Executions of which the cell id and count are remembered, for late output of theirs."""

PendingOp = dict[str, Any]
"""An op of `commdoc.protocol.messages` whose ``state`` and ``data`` hold Python values."""


class Cells:
    """Remembers views and executions.

    Parameters
    ----------
    emit : callable
        Takes an operation; drops it while no room answers.
    """

    def __init__(self, emit: Callable[[PendingOp], None]) -> None:
        self._emit = emit
        self._executions: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._ended: OrderedDict[str, str] = OrderedDict()
        self._views: dict[tuple[str, str], PendingOp] = {}
        self._status_now = "idle"
        self.displays = Displays(lambda execution: self._executions.get(execution, {}).get("cell_id"), emit)

    def replay(self, live: set[str]) -> None:
        """Tell a room that has just got the comms `live`: the status, and what is displayed."""
        self._views = {key: view for key, view in self._views.items() if key[0] in live}
        self._emit({"op": "status", "status": self._status_now})
        for view in self._views.values():
            self._emit(dict(view))

    def forget(self, comm_id: str) -> None:
        """Drop what is remembered of a comm that closed."""
        for key in [key for key in self._views if key[0] == comm_id]:
            del self._views[key]

    def shown(self) -> list[PendingOp]:
        """Return what is displayed, for `recall`."""
        return list(self._views.values())

    def recall(self, shown: list[PendingOp]) -> None:
        """Take what was displayed when somebody listened before; in order."""
        for view in shown:
            known: dict[str, Any] = {
                name: view[name] for name in ("execution_count", "cell_id") if name in view
            }
            self._remember(view["msg_id"], known)
            self.view(view["comm_id"], {"header": {"msg_id": view["msg_id"]}})

    def remember_view(self, comm_id: str, execution_count: int) -> None:
        """Note a view that was displayed before anybody listened, unless it is known."""
        if any(
            view["comm_id"] == comm_id and view.get("execution_count") == execution_count
            for view in self._views.values()
        ):
            return
        execution = f"execution-{execution_count}"
        self._remember(execution, {"execution_count": execution_count})
        self.view(comm_id, {"header": {"msg_id": execution}})

    def view(self, comm_id: str, parent: Parent | None) -> None:
        """A view was displayed."""
        execution = parent_id(parent)
        if execution is None:
            return
        known = self._executions.get(execution, {})
        op: PendingOp = {"op": "view", "comm_id": comm_id, "msg_id": execution, **known}
        self._views[comm_id, known.get("cell_id", "")] = op
        self._emit(dict(op))

    def clear(self, parent: Parent | None) -> None:
        """An execution's output is gone."""
        execution = parent_id(parent)
        if execution is not None:
            self._clear(execution)
            if (cell_id := self._executions.get(execution, {}).get("cell_id")) is not None:
                self.displays.cleared(cell_id)

    def log(self, name: str, text: str, parent: Parent) -> None:
        """A handler has written something that no cell shows."""
        execution = parent_id(parent)
        if execution is not None:
            self._emit({"op": "log", "name": name, "text": text, "cause": execution})

    def input(self, parent: Parent | None, execution_count: int) -> None:
        """A cell begins: what its earlier execution displayed is gone."""
        execution = parent_id(parent)
        if execution is None or parent is None:
            return
        known: dict[str, Any] = {"execution_count": execution_count}
        cell_id = (parent.get("metadata") or {}).get("cellId")
        if isinstance(cell_id, str):
            known["cell_id"] = cell_id
            self.displays.cleared(cell_id)
            for earlier in {view["msg_id"] for key, view in self._views.items() if key[1] == cell_id}:
                self._clear(earlier)
        self._remember(execution, known)

    def reply(self, parent: Parent | None, status: str) -> None:
        """An execution was answered; its end follows."""
        execution = parent_id(parent)
        if execution is not None and parent_type(parent) == "execute_request":
            self._ended[execution] = status
            if len(self._ended) > MAX_EXECUTIONS:
                self._ended.popitem(last=False)

    def status(self, status: str, parent: Parent | None) -> None:
        """The kernel is busy with an execution, or idle after it."""
        execution = parent_id(parent)
        if execution is not None and status == "idle":
            ended = self._ended.pop(execution, "aborted")
            known = self._executions.get(execution, {})
            self._emit({"op": "cell_end", "msg_id": execution, "status": ended, **known})
        if status in ("busy", "idle"):
            self._status_now = status
            self._emit({"op": "status", "status": status})

    def _clear(self, execution: str) -> None:
        shown = [key for key, view in self._views.items() if view["msg_id"] == execution]
        for key in shown:
            del self._views[key]
        if shown:
            self._emit({"op": "clear_views", "msg_id": execution})

    def _remember(self, execution: str, known: dict[str, Any]) -> None:
        self._executions[execution] = known
        while len(self._executions) > MAX_EXECUTIONS:
            self._executions.popitem(last=False)
