"""Compares kernel, document and windows of a room, value by value, with types and buffers.

    kernel     `Widget.get_state()` of every comm, or what a descriptor answers to ``request_state``, read in the kernel
    document   the comms map as a fresh window got it, decoded, blobs fetched
    window     what a fresh window shows
    …          windows of other kinds, which a caller adds

They are compared at rest: a difference counts when it is still there at the end of the time that is given.
"""

from __future__ import annotations

import inspect
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from commdoc.document import Comm, CommsMap
from commdoc.errors import CommdocError
from commdoc.protocol.values import BlobSentinel, blob_sentinels
from commdoc.window import kernel_dump
from commdoc.window.address import announcements
from commdoc.window.blocking import Window, join
from commdoc.window.compare import KERNEL, CommDump, Difference, RoomDump, compare
from commdoc.window.kernel_dump import canonical

PAUSE_SECONDS: Final = 0.1


class KernelBusyError(CommdocError):
    """The kernel didn't answer in time."""


@dataclass(frozen=True)
class Report:
    """What a comparison found.

    Attributes
    ----------
    sides : tuple of str
        What was compared.
    values : int
        How many values.
    notes : list of str
        What could not be compared, and why.
    """

    room_id: str
    kernel_id: str | None
    sides: tuple[str, ...]
    comms: int
    values: int
    seconds: float
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether all was compared and nothing differs."""
        return not self.differences and not self.notes

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {**asdict(self), "equal": self.equal}


def verify(
    room: str | None = None,
    *,
    url: str | None = None,
    kernel_id: str | None = None,
    connection_file: str | os.PathLike[str] | None = None,
    timeout: float = 10.0,
    others: Mapping[str, Callable[[], RoomDump]] | None = None,
) -> Report:
    """Compare a room with its kernel.

    Parameters
    ----------
    room, url, kernel_id : str, optional
        Which; as `commdoc.join`.
    connection_file : path, optional
        The kernel's; found by the kernel's id otherwise.
    timeout : float
        Seconds within which all must come to be the same.
    others : dict, optional
        Further sides: name to what returns its dump.

    Raises
    ------
    RoomNotFoundError, ForbiddenError, RoomClosedError
        When the room can't be joined.
    """
    started = time.monotonic()
    deadline = started + timeout
    while True:
        with join(room, url=url, kernel_id=kernel_id, role="viewer", name="commdoc verify") as window:
            report = _compare(window, connection_file, deadline, others or {}, started)
        if report.equal or time.monotonic() + PAUSE_SECONDS > deadline:
            return report
        time.sleep(PAUSE_SECONDS)


def _compare(
    window: Window,
    connection_file: str | os.PathLike[str] | None,
    deadline: float,
    others: Mapping[str, Callable[[], RoomDump]],
    started: float,
) -> Report:
    sides: dict[str, RoomDump] = {}
    notes: list[str] = []
    kernel = window.kernel
    try:
        if not kernel.live or kernel.kernel_id is None:
            notes.append(f"the kernel is {kernel.status}: it was not asked")
        else:
            file = connection_file or find_connection_file(kernel.kernel_id)
            sides[KERNEL] = ask_kernel(file, max(0.5, deadline - time.monotonic()))
    except (KernelBusyError, OSError) as error:
        notes.append(f"the kernel was not asked: {error}")
    sides["document"] = dump_document(window)
    sides["window"] = dump_window(window)
    for name, other in others.items():
        sides[name] = other()
    differences = list(compare(sides, kernel.epoch))
    comms = {comm_id: comm for dump in sides.values() for comm_id, comm in dump.items()}
    return Report(
        room_id=window.room_id or "",
        kernel_id=kernel.kernel_id,
        sides=tuple(sides),
        comms=len(comms),
        values=sum(len(comm["state"] or ()) for comm in comms.values()),
        seconds=round(time.monotonic() - started, 3),
        differences=differences,
        notes=notes,
    )


# --- the sides -------------------------------------------------------------------------------------------------------


def find_connection_file(kernel_id: str) -> str:
    """Return the path of a running kernel's connection file: as its room announces it, or as Jupyter names it.

    Raises
    ------
    OSError
        When there is none.
    """
    from jupyter_client.connect import find_connection_file as find

    for room in announcements():
        if room.kernel_id == kernel_id and room.connection_file is not None:
            return room.connection_file
    return str(find(f"kernel-{kernel_id}.json"))


def ask_kernel(connection_file: str | os.PathLike[str], timeout: float) -> RoomDump:
    """Return what the kernel has.

    Raises
    ------
    KernelBusyError
        When it doesn't answer in time.
    """
    source = inspect.getsource(kernel_dump)
    expression = f"(lambda space: (exec({source!r}, space), space['Dump']())[1])({{'__name__': 'dump'}})"
    answer = _evaluate(connection_file, expression, timeout)
    if answer.get("status") != "ok":
        raise KernelBusyError(f"it answered {answer.get('ename', 'nothing')}: {answer.get('evalue', '')}")
    dump: RoomDump = answer["data"][kernel_dump.MIME]
    return dump


def _evaluate(connection_file: str | os.PathLike[str], expression: str, timeout: float) -> dict[str, Any]:
    """Evaluate an expression in a kernel: leaves no history, no variable and no counter behind."""
    import zmq
    from jupyter_client.session import Session

    kernel = json.loads(Path(connection_file).read_text(encoding="utf-8"))
    session: Any = Session(key=kernel["key"].encode(), signature_scheme=kernel["signature_scheme"])
    content = {
        "code": "",
        "silent": True,
        "store_history": False,
        "user_expressions": {"it": expression},
        "allow_stdin": False,
        "stop_on_error": False,
    }
    deadline = time.monotonic() + timeout
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.identity = session.bsession
        at = f":{kernel['shell_port']}" if kernel["transport"] == "tcp" else f"-{kernel['shell_port']}"
        socket.connect(f"{kernel['transport']}://{kernel['ip']}{at}")
        asked = session.send(socket, "execute_request", content)["header"]["msg_id"]
        while (left := deadline - time.monotonic()) > 0:
            if socket.poll(int(left * 1000) + 1):
                _, reply = session.recv(socket)
                if reply and reply["parent_header"].get("msg_id") == asked:
                    evaluated: dict[str, Any] = reply["content"].get("user_expressions", {}).get("it", {})
                    return evaluated
    raise KernelBusyError(f"no answer within {timeout:.1f} s, it is busy")


def dump_document(window: Window) -> RoomDump:
    """Return what the document of a window has, read by a map of its own."""
    blobs: dict[str, bytes] = {}
    comms = CommsMap(window.doc, get_blob=lambda named: blobs[named["$blob"]])
    try:
        blobs.update(window.fetch([blob for comm in comms.values() for blob in _blobs_of(comm)]))
        return {
            comm_id: _dump(comm.target_name, comm.epoch, comm.state if comm.has_state else None)
            for comm_id, comm in comms.items()
        }
    finally:
        comms.dispose()


def dump_window(window: Window) -> RoomDump:
    """Return what a window shows."""
    return {
        comm_id: _dump(model.target_name, model.epoch, model.state if model.has_state else None)
        for comm_id, model in window.comms.items()
    }


def _blobs_of(comm: Comm) -> Iterator[BlobSentinel]:
    return blob_sentinels(list(comm.encoded_state.values()))


def _dump(target_name: str, epoch: str, state: Mapping[str, Any] | None) -> CommDump:
    shown = None if state is None else {key: canonical(value) for key, value in state.items()}
    return {"target_name": target_name, "epoch": epoch, "state": shown}
