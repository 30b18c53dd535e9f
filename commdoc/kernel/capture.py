"""Which Output widget takes the output of which execution, and the lists that the widgets hold.

A widget takes what has its ``msg_id`` as parent. The hook decides it, message by message: a stack per
execution, so that the end of an inner ``with out:``, or its closing, gives the capture back to the outer
one. What is taken does not go to iopub, and front ends are not told the ``msg_id``: nobody else captures,
and none can lose it by closing.

The kernel's ``out.outputs`` is right whenever it is read: `Holder.settle` works off what was taken. Front
ends without the shim get the lists as ``outputs`` updates (`PlainUpdates`).

The hook's side takes no lock; a holder's lock is only taken by readers.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from commdoc.kernel.outputs import Captured, Output, OutputList, OutputsNow, tellable, weight

PLAIN_SECONDS: Final = 0.1
"""Least time between two ``outputs`` updates of one widget."""

PLAIN_FACTOR: Final = 25
"""Times the last update's cost; a long list is told more rarely, so that telling it stays below 4 % of the
time.
"""


PLAIN_AGAIN_BYTES: Final = 500_000
"""Bytes a second of a list that are told again because something was appended: a log of 5 MB is told every ten
seconds. Without that the bytes grow with the square of a log's length; what is new in a list costs no wait.
"""


class Holder:
    """What one Output widget holds.

    Parameters
    ----------
    comm_id : str
        The widget's.
    find : callable
        Returns the widget of a comm, or None.
    """

    def __init__(self, comm_id: str, find: Callable[[str], Any]) -> None:
        self.comm_id = comm_id
        self._find = find
        self._lock = threading.RLock()
        self._list: OutputList | None = None
        self._taken: deque[Captured] = deque()
        self._untold: deque[Captured] = deque()
        self._settling = False
        self._altered = False
        self._new_bytes = 0
        self._displays: set[str] = set()
        self._clear_next = False
        self.changed = False
        """Whether front ends without the shim may have to be told the list."""

    def take(self, message: Captured) -> None:
        """Take a message. No lock, never blocks."""
        if message.kind == "clear_output":
            self._clear_next = True
        elif message.kind != "update_display_data":
            if self._clear_next:
                self._displays.clear()
                self._clear_next = False
            if message.display_id is not None:
                self._displays.add(message.display_id)
        self._untold.append(message)
        self._taken.append(message)
        self.changed = True

    def shows(self, display_id: str) -> bool:
        """Whether a display of this id was taken, and perhaps not cleared since: updates of others are not for it."""
        return display_id in self._displays

    def telling(self, message: Captured) -> bool:
        """Whether the room has to be told of a message; each is asked for once, in order."""
        if self._untold and self._untold[0] is message:
            self._untold.popleft()
        elif message in self._untold:
            self._untold.remove(message)
        return not message.skip

    def read(self) -> OutputsNow:
        """Return the list for the room: what is in it and has not been told yet is not to be told again."""
        with self._lock:
            self.settle()
            for message in list(self._untold):
                message.skip = message.skip or message.held
            if self._list is not None:
                return self._list.now()
            widget = self._find(self.comm_id)
            return OutputsNow(() if widget is None else tuple(widget._trait_values.get("outputs", ())))

    def settle(self) -> None:
        """Make the widget's trait say what was taken."""
        # In this order: another thread may have taken the last one out, and not put it into the trait yet.
        if not self._taken and not self._settling:
            return
        widget = self._find(self.comm_id)
        if widget is None:
            self._taken.clear()
            return
        with self._lock:
            self._settling = True
            done: list[Captured] = []
            try:
                if self._list is None:
                    self._list = OutputList(widget._trait_values.get("outputs", ()))
                while self._taken:
                    done.append(self._taken.popleft())
                    if self._list.apply(done[-1]):
                        self._altered = True
                        self._new_bytes += weight(done[-1].content)
                    done[-1].held = True
                widget._trait_values["outputs"] = self._list.outputs()
            except KeyboardInterrupt:  # who reads is interrupted; the next reader finds nothing missing
                self._list = None
                self._taken.extendleft(reversed(done))
                raise
            finally:
                self._settling = False

    def news(self) -> tuple[tuple[Output, ...], int] | None:
        """Return the list, and how many bytes were captured since the last call; None when it is the same."""
        with self._lock:
            self.changed = False
            self.settle()
            altered, new = self._altered, self._new_bytes
            self._altered, self._new_bytes = False, 0
            widget = self._find(self.comm_id) if altered else None
            return None if widget is None else (widget._trait_values.get("outputs", ()), new)

    @contextmanager
    def setting(self) -> Iterator[None]:
        """The trait is set inside this; what was taken before is in it, or an equal list would be no change."""
        with self._lock:
            self.settle()
            self._list = None
            yield


class Captures:
    """All Output widgets of a kernel.

    Parameters
    ----------
    find : callable
        Returns the widget of a comm id, or None.
    """

    def __init__(self, find: Callable[[str], Any]) -> None:
        self._find = find
        self.holders: dict[str, Holder] = {}
        self.stacks: dict[str, list[str]] = {}
        """msg_id of an execution to the comms of the widgets that take its output, the innermost last."""
        self._patch = _TraitPatch(self._holder_of)

    # --- called by the hook -----------------------------------------------------------------------------------------

    def opened(self, comm_id: str, msg_id: str) -> None:
        """An Output widget is there."""
        self._patch.install()
        self.holders.setdefault(comm_id, Holder(comm_id, self._find))
        self.aim(comm_id, msg_id)

    def closed(self, comm_id: str) -> None:
        """A comm is gone."""
        if self.holders.pop(comm_id, None) is not None:
            self.aim(comm_id, "")

    def aim(self, comm_id: str, msg_id: str) -> None:
        """A widget takes the output of this execution from now on; of none when it is empty."""
        for execution, stack in list(self.stacks.items()):
            if comm_id in stack:
                stack.remove(comm_id)
                if not stack:
                    self.stacks.pop(execution, None)
        if msg_id:
            self.stacks.setdefault(msg_id, []).append(comm_id)

    def taker(self, execution: str | None) -> Holder | None:
        """Return who takes an execution's output."""
        stack = self.stacks.get(execution or "")
        return self.holders.get(stack[-1]) if stack else None

    # --- called elsewhere -------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Make every widget's trait say what was taken."""
        for holder in list(self.holders.values()):
            holder.settle()

    def remove(self) -> None:
        """Leave ipywidgets as it was, with the lists as they are."""
        self.settle()
        self._patch.remove()

    def _holder_of(self, widget: Any) -> Holder | None:
        comm = widget.comm
        return None if comm is None else self.holders.get(comm.comm_id)


class _TraitPatch:
    """Makes reading and setting ``Output.outputs`` go by the holder, on the trait that all Outputs share."""

    def __init__(self, holder_of: Callable[[Any], Holder | None]) -> None:
        self._holder_of = holder_of
        self._trait: Any = None

    def install(self) -> None:
        module = sys.modules.get("ipywidgets.widgets.widget_output")
        if self._trait is not None or module is None:
            return
        self._trait = trait = module.Output.class_traits()["outputs"]
        get, set_ = trait.get, trait.set
        holder_of = self._holder_of

        def patched_get(widget: Any, cls: Any = None) -> Any:
            holder = holder_of(widget)
            if holder is not None:
                holder.settle()
            return get(widget, cls)

        def patched_set(widget: Any, value: Any) -> None:
            holder = holder_of(widget)
            with holder.setting() if holder is not None else nullcontext():
                set_(widget, value)

        trait.get, trait.set = patched_get, patched_set

    def remove(self) -> None:
        if self._trait is not None:
            del self._trait.get, self._trait.set
            self._trait = None


class PlainUpdates:
    """Tells front ends without the shim what Output widgets hold, not more often than it is worth.

    Parameters
    ----------
    captures : Captures
        Whose lists.
    tell : callable
        ``tell(comm_id, outputs)`` publishes an ``outputs`` update.
    """

    def __init__(self, captures: Captures, tell: Callable[[str, tuple[Output, ...]], None]) -> None:
        self._captures = captures
        self._tell = tell
        self._not_before: dict[str, float] = {}
        self._lock = threading.Lock()  # who reads a list first also sends it first

    def tell_due(self, *, all_of_them: bool = False) -> float | None:
        """Tell what is due; return the seconds until more is, None when nothing is left."""
        with self._lock:
            return self._tell_due(all_of_them)

    def _tell_due(self, all_of_them: bool) -> float | None:
        left: float | None = None
        for comm_id, holder in list(self._captures.holders.items()):
            if not holder.changed:
                continue
            wait = self._not_before.get(comm_id, 0.0) - time.monotonic()
            if wait > 0 and not all_of_them:
                left = wait if left is None else min(left, wait)
                continue
            begin = time.monotonic()
            if (news := holder.news()) is None:
                continue
            outputs, new = news
            try:
                self._tell(comm_id, outputs)
            except Exception:  # noqa: BLE001 - one that Jupyter refuses, in a list of many, and one list of many
                self._tell(comm_id, tuple(map(tellable, outputs)))
            end = time.monotonic()
            again = (weight(outputs) - new) / PLAIN_AGAIN_BYTES
            self._not_before[comm_id] = end + max(PLAIN_SECONDS, PLAIN_FACTOR * (end - begin), again)
        self._not_before = {key: at for key, at in self._not_before.items() if key in self._captures.holders}
        return left
