"""The bridge of one kernel: hook, inbound handlers, flush thread and link, put together and taken apart.

`Bridge.start` returns at once: the room is looked for, and the comms that exist already are read, on
threads of the bridge. `Bridge.stop` leaves the kernel as it was. Nothing that goes wrong in between reaches
user code; it is logged once with what to do.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from commdoc.kernel import settings, truth
from commdoc.kernel.batch import BatchEncoder
from commdoc.kernel.capture import Captures, PlainUpdates
from commdoc.kernel.coalescer import Coalescer
from commdoc.kernel.flush import ADOPT_CHUNK, FlushThread
from commdoc.kernel.hook import SendHook
from commdoc.kernel.inbound import Inbound
from commdoc.kernel.link import Link, LinkCallbacks
from commdoc.kernel.records import Kind, parent_type
from commdoc.kernel.sidecar import Endpoint
from commdoc.protocol.frames import encode
from commdoc.protocol.messages import KernelInfo

logger = logging.getLogger(__name__)

MAX_REPORTS: Final = 100
"""Distinct errors of commdoc's own that are logged; an error that repeats is logged once."""

FINAL_FLUSH_SECONDS: Final = 1.0


@dataclass(frozen=True)
class BridgeStatus:
    """What `%commdoc` shows."""

    endpoint: Endpoint | None
    trouble: str | None
    comms: int
    windows: int
    waiting: int
    unapplied: int


def kernel_info(connection_file: str) -> KernelInfo:
    """Return which kernel this process is.

    The epoch names one life of the kernel: its id, which survives a restart, and the start of its process.
    It stays the same when commdoc is unloaded and loaded again.
    """
    kernel_id = Path(connection_file).stem.removeprefix("kernel-")
    started = int(psutil.Process().create_time() * 100)
    info: KernelInfo = {
        "kernel_id": kernel_id,
        "epoch": f"{kernel_id[:8]}.{started:x}",
        "pid": os.getpid(),
        "name": "ipykernel",
        "connection_file": str(Path(connection_file).absolute()),
    }
    session_name = os.environ.get("JPY_SESSION_NAME")
    if session_name:
        info["session_name"] = session_name
    return info


_VIEWS: Final[weakref.WeakKeyDictionary[Any, list[dict[str, Any]]]] = weakref.WeakKeyDictionary()
"""What was displayed when a kernel's last bridge ended: nothing else in a kernel knows it."""


class Bridge:
    """Mirrors the comms of a kernel into a room.

    Parameters
    ----------
    kernel : ipykernel.ipkernel.IPythonKernel
        The kernel of this process.
    info : KernelInfo
        From `kernel_info`.
    locate : callable
        Returns the room's `Endpoint`; may block, on a thread of the bridge.
    client : str
        Name and version of this side.
    """

    def __init__(self, kernel: Any, info: KernelInfo, locate: Callable[[], Endpoint], client: str) -> None:
        self._kernel = kernel
        self._reported: set[str] = set()
        self._windows = 0
        self._captures = Captures(self._widget)
        self._plain = PlainUpdates(self._captures, self._tell_plain)
        self._coalescer = Coalescer(self._read_again, self._report_text, self._captures)
        self._encoder = encoder = BatchEncoder(report=self._report)
        self._flush = FlushThread(
            self._coalescer,
            encoder,
            self._submit,
            self._adopt,
            self._report,
            self._seal,
            self._plain.tell_due,
        )
        self._hook = SendHook(kernel.session, self._flush.put, self._flush.urge, self._report, self._captures)
        self._hook.before_idle = self._before_idle
        self._hook.mergeable = self._coalescer.targets
        self._inbound = Inbound(kernel, self._hook, self._flush.put, self._flush.urge, self._report)
        self._link = Link(locate, info, client, LinkCallbacks(self._up, self._down, self._message))
        self.info = info

    def start(self) -> None:
        """Begin to listen and to look for the room."""
        _disarm_in_children(self)
        self._remember_views()
        parent = self._kernel.get_parent("shell")
        if parent_type(parent) == "execute_request":  # %load_ext in a cell: that one is running
            self._flush.put((Kind.STATUS, "busy", parent))
        for comm_id, comm in list(self._kernel.comm_manager.comms.items()):
            widget = truth.output_widget(comm)
            if widget is not None:
                self._captures.opened(comm_id, widget.msg_id)
        self._hook.install()
        self._inbound.install()
        self._flush.start()
        self._link.start()

    def stop(self) -> None:
        """Put the kernel back as it was, hand over what waits, end the threads."""
        self._inbound.remove()
        self._hook.remove()
        self._plain.tell_due(all_of_them=True)
        self._captures.remove()
        for comm_id in [stack[-1] for stack in self._captures.stacks.values()]:
            self._widget(comm_id).send_state("msg_id")  # front ends go on capturing where we end
        self._flush.stop(FINAL_FLUSH_SECONDS)
        self._link.stop()
        _VIEWS[self._kernel] = self._coalescer.views()

    def join(self, locate: Callable[[], Endpoint]) -> None:
        """Leave the room of now for another one."""
        self._link.relocate(locate)

    def settle(self, seconds: float) -> None:
        """Give what is on its way so long to arrive; returns as soon as it has."""
        end = time.monotonic() + seconds
        self._flush.urge()
        while (self._flush.waiting or self._flush.unapplied) and time.monotonic() < end:
            time.sleep(0.005)

    def status(self) -> BridgeStatus:
        """Return what there is to say."""
        return BridgeStatus(
            endpoint=self._link.endpoint,
            trouble=self._link.trouble,
            comms=len(self._kernel.comm_manager.comms),
            windows=self._windows,
            waiting=self._flush.waiting,
            unapplied=self._flush.unapplied,
        )

    def disarm(self) -> None:
        """Make hook and handlers pass through, in a forked child: the comms are the parent's."""
        self._hook.stop()
        self._inbound.active = False

    def _before_idle(self) -> None:
        self._plain.tell_due(all_of_them=True)

    def _widget(self, comm_id: str) -> Any:
        comm = self._kernel.comm_manager.comms.get(comm_id)
        return None if comm is None else truth.output_widget(comm)

    def _tell_plain(self, comm_id: str, outputs: tuple[dict[str, Any], ...]) -> None:
        """Tell front ends without the shim what an Output widget holds; the room is told otherwise."""
        comm = self._kernel.comm_manager.comms.get(comm_id)
        if comm is not None:
            data = {"method": "update", "state": {"outputs": list(outputs)}, "buffer_paths": []}
            self._hook.pass_on(
                self._kernel.iopub_socket,
                "comm_msg",
                {"data": data, "comm_id": comm_id},
                metadata={},
                parent=self._kernel.get_parent(),
                ident=comm.topic,
            )

    def _seal(self) -> None:
        self._hook.seal()

    def _submit(self, frame: bytes) -> None:
        self._link.submit(frame)

    def _up(self, welcome: dict[str, Any]) -> None:
        self._flush.put((Kind.CELLS, bool(welcome.get("cells"))))
        self._flush.put((Kind.UP,))

    def _down(self, reason: str) -> None:
        logger.info("the room is gone: %s", reason)
        self._windows = 0
        self._flush.put((Kind.DOWN,))

    def _message(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "applied":
            self._flush.applied(message["batch"])
        elif kind == "resync":
            self._flush.put((Kind.ADOPT, message.get("comm_ids")))
            self._flush.urge()
        elif kind == "forget_subshell":
            self._forget_subshell(message["comm_id"], message["request_id"])
        elif kind == "peers":
            self._windows = int(message.get("windows", 0))
        elif kind == "settings":
            settings.take(message.get("settings"), self._flush, self._encoder)
        elif kind == "error":
            logger.warning("the room refused the bridge: %s", message.get("reason"))

    def _forget_subshell(self, comm_id: str, request_id: str) -> None:
        """Make replies to the comm go to the main thread again: its last subshell has ended."""
        comm = self._kernel.comm_manager.comms.get(comm_id)
        if comm is not None and hasattr(comm, "_reply_subshell_id"):
            comm._reply_subshell_id = None
        self._link.submit(encode({"type": "forgotten", "comm_id": comm_id, "request_id": request_id}))

    def _adopt(self, comm_ids: list[str] | None) -> Iterator[None]:
        """Feed the coalescer with the state of comms that exist; all of them, or those named."""
        comms = self._kernel.comm_manager.comms
        wanted = list(comms) if comm_ids is None else comm_ids
        for count, comm_id in enumerate(wanted, 1):
            comm = comms.get(comm_id)
            if comm is not None:
                self._adopt_one(comm_id, comm)
            if count % ADOPT_CHUNK == 0:
                yield
        if comm_ids is None:
            self._coalescer.adopted([comm_id for comm_id in list(comms) if self._coalescer.knows(comm_id)])
        yield

    def _adopt_one(self, comm_id: str, comm: Any) -> None:
        state = None
        if truth.has_state(comm):
            try:
                state = truth.read_state(comm, self._hook)
            except Exception as error:  # noqa: BLE001 - one widget with a broken getter, the others go on
                self._report_text(f"the state of comm {comm_id} could not be read: {error!r}")
                return
        # A comm that was closed while it was read has had its close record, perhaps before this one.
        if self._kernel.comm_manager.comms.get(comm_id) is comm:
            self._coalescer.adopt(comm_id, comm.target_name, state)

    def _read_again(self, comm_id: str, keys: list[str]) -> None:
        """Read where comm messages run: on the kernel's main thread, when it is free."""
        loop = getattr(self._kernel, "io_loop", None)
        if loop is not None:
            loop.add_callback(self._inbound.read_again, comm_id, keys)

    def _remember_views(self) -> None:
        """Note what is displayed: as the bridge before this one knew it, and results of cells, which ``Out`` has."""
        self._coalescer.recall_views(_VIEWS.pop(self._kernel, []))
        for execution_count, result in sorted(self._kernel.shell.user_ns.get("_oh", {}).items()):
            model_id = truth.model_id_of(result)
            if model_id is not None:
                self._coalescer.remember_view(model_id, execution_count)

    def _report(self, error: BaseException) -> None:
        try:
            text = f"{type(error).__name__}: {error}"
        except Exception:  # noqa: BLE001 - an error whose text raises, out of a user's object
            text = type(error).__name__
        self._report_text(text, error)

    def _report_text(self, text: str, error: BaseException | None = None) -> None:
        if text in self._reported or len(self._reported) >= MAX_REPORTS:
            return
        self._reported.add(text)
        logger.warning(
            "commdoc: %s. The notebook is not affected; the mirror of this comm may lag. "
            "`%%commdoc` shows the state, `%%unload_ext commdoc` ends it.",
            text,
            exc_info=error if logger.isEnabledFor(logging.DEBUG) else None,
        )


_bridges: weakref.WeakSet[Bridge] = weakref.WeakSet()
_registered = threading.Event()


def _disarm_in_children(bridge: Bridge) -> None:
    _bridges.add(bridge)
    if not _registered.is_set() and hasattr(os, "register_at_fork"):
        _registered.set()
        os.register_at_fork(after_in_child=_disarm_all)


def _disarm_all() -> None:
    for bridge in list(_bridges):
        bridge.disarm()
