"""A kernel of which only the messaging is simulated: widgets, hook, inbound handlers, coalescer and encoder
are the real ones.

Its shell channel handles one message after the other, on virtual time. A *thread* is a send that is late:
user code on another thread has set a trait and read the state to be sent, and is overtaken before the
message leaves.
"""

from __future__ import annotations

import asyncio
import json
import random
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import comm
import comm.base_comm
import ipywidgets
import traitlets

from commdoc.kernel import hook as hook_module
from commdoc.kernel import inbound as inbound_module
from commdoc.kernel.batch import BatchEncoder
from commdoc.kernel.coalescer import Coalescer
from commdoc.kernel.hook import SendHook
from commdoc.kernel.inbound import ROOM_USERNAME, Inbound
from commdoc.kernel.records import Record

WINDOW = 0.016
TICK = 1e-6


class Clamping(ipywidgets.IntSlider):
    """0 to 100: 700 becomes 100."""


class Rounding(ipywidgets.IntSlider):
    """A callback moves the value to the next ten."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.observe(self._round, "value")

    def _round(self, change: Any) -> None:
        self.value = round(change["new"] / 10) * 10


class Rejecting(ipywidgets.IntSlider):
    """Odd values are an error."""

    @traitlets.validate("value")
    def _validate_value(self, proposal: Any) -> int:
        if proposal["value"] % 2:
            raise traitlets.TraitError("odd")
        return int(proposal["value"])


class Stepping(ipywidgets.IntSlider):
    """A value must be a multiple of the step at the time."""

    @traitlets.validate("value")
    def _validate_value(self, proposal: Any) -> int:
        if proposal["value"] % max(self.step, 1):
            raise traitlets.TraitError("not on a step")
        return int(proposal["value"])


KINDS: tuple[type[ipywidgets.IntSlider], ...] = (Clamping, Rounding, Rejecting, Stepping)


class SimSession:
    """`session.send` as far as anybody here uses it: iopub to the plain front ends."""

    def __init__(self) -> None:
        self.iopub: list[Callable[[dict[str, Any]], None]] = []
        self.delayed: list[Callable[[], None]] | None = None

    def send(
        self,
        stream: Any,
        msg_or_type: Any,
        content: Any = None,
        parent: Any = None,
        ident: Any = None,
        buffers: Any = None,
        track: bool = False,
        header: Any = None,
        metadata: Any = None,
    ) -> None:
        message = {
            "msg_type": msg_or_type,
            "content": json.loads(json.dumps(content)),
            "parent_id": ((parent or {}).get("header") or {}).get("msg_id"),
        }
        for deliver in self.iopub:
            deliver(message)


class SimKernel:
    """The kernel's process.

    Parameters
    ----------
    ship : callable
        Takes a frame for the room.
    rng : random.Random
        Decides latencies.
    """

    def __init__(self, ship: Callable[[bytes], None], rng: random.Random) -> None:
        self._rng = rng
        self._ship = ship
        self.session = SimSession()
        self.comm_manager = comm.base_comm.CommManager()
        self.shell_handlers = {
            name: getattr(self.comm_manager, name) for name in ("comm_open", "comm_msg", "comm_close")
        }
        self.parent: dict[str, Any] = {}
        self.shell: asyncio.Queue[Any] = asyncio.Queue()
        self.thread = 1
        self.late: list[Callable[[], None]] | None = None
        self.records: list[Record] = []
        self.errors: list[BaseException] = []
        self._flush_due = False
        self.coalescer = Coalescer(self._read_again, self._report_text)
        self.encoder = BatchEncoder(clock=lambda: asyncio.get_running_loop().time())
        self.hook = SendHook(self.session, self._put, lambda: None, self.errors.append)
        self.inbound = Inbound(self, self.hook, self._put, lambda: None, self.errors.append)
        self.hook.mergeable = self.coalescer.targets
        self.hook.install()
        self.inbound.install()
        self.busy = False

    # --- as a kernel ------------------------------------------------------------------------------------------------

    def get_parent(self, channel: str | None = None) -> dict[str, Any]:
        return self.parent

    async def run(self) -> None:
        """Handle what comes on the shell channel, one after the other."""
        while True:
            item = await self.shell.get()
            self.busy = True
            if callable(item):
                await item()
            else:
                self.parent = item
                self.shell_handlers[item["header"]["msg_type"]](None, [], item)
            self.parent = {}
            self.busy = False

    def deliver(self, msg_type: str, content: dict[str, Any], msg_id: str, *, room: bool) -> None:
        """A message for the shell channel, from the room or a plain front end."""
        header = {"msg_type": msg_type, "msg_id": msg_id, "username": ROOM_USERNAME if room else "plain"}
        self.shell.put_nowait(
            {"header": header, "content": json.loads(json.dumps(content)), "metadata": {}, "buffers": []}
        )

    @contextmanager
    def on_thread(self, number: int, delay: float) -> Iterator[None]:
        """User code on another thread; what it sends leaves `delay` seconds later."""
        self.late, before = [], self.thread
        self.thread = number
        try:
            yield
        finally:
            self.thread = before
            late, self.late = self.late, None
            loop = asyncio.get_running_loop()
            for place, send in enumerate(late):  # in order: timers of the same instant run in none
                loop.call_later(delay + place * TICK, self._send_late, send, number)

    def publish(self, send: Callable[[], None]) -> None:
        """Send now, or later for code on a thread."""
        if self.late is not None:
            self.late.append(send)
        else:
            send()

    def _send_late(self, send: Callable[[], None], number: int) -> None:
        self.thread, before = number, self.thread
        self.parent, parent = {}, self.parent
        try:
            send()
        finally:
            self.thread, self.parent = before, parent

    # --- the flush thread -------------------------------------------------------------------------------------------

    def _put(self, record: Record) -> None:
        self.records.append(record)
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_later(WINDOW * self._rng.uniform(0.1, 2), self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        self.hook.seal()
        records, self.records = self.records, []
        for record in records:
            self.coalescer.feed(record)
        for frame in self.encoder.encode(self.coalescer.take()):
            self._ship(frame)

    def _read_again(self, comm_id: str, keys: list[str]) -> None:
        async def read() -> None:
            self.inbound.read_again(comm_id, keys)

        self.shell.put_nowait(read)

    def _report_text(self, text: str) -> None:
        self.errors.append(RuntimeError(text))


@contextmanager
def widgets_of(kernel: SimKernel) -> Iterator[None]:
    """Let ipywidgets open its comms in this kernel."""

    class SimComm(comm.base_comm.BaseComm):
        def publish_msg(
            self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
        ) -> None:
            content = {"data": data or {}, "comm_id": self.comm_id, **keys}
            parent = kernel.parent
            kernel.publish(
                lambda: kernel.session.send(
                    None, msg_type, content, parent=parent, buffers=buffers, metadata=metadata
                )
            )

    before = comm.create_comm, comm.get_comm_manager
    comm.create_comm = SimComm
    comm.get_comm_manager = lambda: kernel.comm_manager
    for module in (hook_module, inbound_module):
        module.get_ident = lambda: kernel.thread  # type: ignore[attr-defined]
    try:
        yield
    finally:
        comm.create_comm, comm.get_comm_manager = before
        for module in (hook_module, inbound_module):
            module.get_ident = get_ident  # type: ignore[attr-defined]


def drop(widgets: list[ipywidgets.Widget]) -> None:
    """Forget widgets without a message: ipywidgets keeps them in a table of its own."""
    from ipywidgets.widgets import widget as module

    for widget in [*module._instances.values(), *widgets]:
        widget.comm._closed = True
    module._instances.clear()


__all__ = ["KINDS", "SimKernel", "drop", "widgets_of"]
