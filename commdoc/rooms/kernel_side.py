"""A room's side towards the kernel: who holds the lease, which life of the kernel it is, what the bridge has sent.

bridge attaches   same epoch, nobody there: it goes on where it was          new epoch: entries of the old one go first
lease held for this epoch, or an epoch that has ended: refused
bridge sends ops  they wait for the governor, then all that wait are applied
bridge is gone    the kernel may live: `disconnected`. Who watches its process says so when it doesn't: `dead`
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

from commdoc.document import CommsLog
from commdoc.document.elements import GONE
from commdoc.errors import CommdocError, LeaseError, ProtocolError
from commdoc.protocol import frames
from commdoc.protocol.frames import Frame
from commdoc.protocol.messages import KernelInfo, KernelState, KernelStatus, State
from commdoc.rooms import fields
from commdoc.rooms.asks import Asks
from commdoc.rooms.blobs import RoomBlobs
from commdoc.rooms.broadcast import Broadcast
from commdoc.rooms.displays import Displays
from commdoc.rooms.kernel_link import ConnectKernel, KernelLink, KernelLinkError
from commdoc.rooms.limits import MB
from commdoc.rooms.ops import Heard, OpsWriter, skipped
from commdoc.rooms.peer import Peer
from commdoc.rooms.requests import Requests
from commdoc.rooms.store.keeper import Keeper

log = logging.getLogger(__name__)

INBOX_BYTES: Final = 64 * MB
"""Operations that wait for the governor; past it the bridge's socket is not read, and its own queue grows."""

REMEMBERED_EPOCHS: Final = 1_000


class Outlet(Protocol):
    """What the kernel's side needs of its room."""

    comms: CommsLog
    requests: Requests
    blobs: RoomBlobs
    asks: Asks
    broadcast: Broadcast
    displays: Displays
    keeper: Keeper | None

    def writing(self) -> AbstractContextManager[None]:
        """Return the context manager of one transaction."""


class _Batch(NamedTuple):
    peer: Peer
    number: int
    ops: list[Any]
    buffers: list[memoryview]
    size: int


class KernelSide:
    """The kernel of a room, as far as the room sees it.

    Attributes
    ----------
    kernel : KernelInfo or None
        The kernel whose bridge attached last.
    bridge : Peer or None
        Who holds the lease.
    heard : Heard
        The bridge's messages up to now.
    """

    def __init__(self, room: Outlet, connect: ConnectKernel | None) -> None:
        self._room = room
        self._comms = room.comms
        self._requests = room.requests
        self._blobs = room.blobs
        self._asks = room.asks
        self._connect = connect
        self._link: KernelLink | None = None
        self._writer: OpsWriter | None = None
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._inbox: list[_Batch] = []
        self._inbox_bytes = 0
        self._status: KernelStatus = "disconnected"
        self.heard = Heard()
        self.kernel: KernelInfo | None = None
        keeper, known = room.keeper, list(room.comms.kernels.values())
        self._last = known[-1] if keeper is not None and keeper.restored and known else None
        self.bridge: Peer | None = None
        self.waiting = asyncio.Event()
        self.taken = asyncio.Event()

    # --- the lease ---------------------------------------------------------------------------------------------------

    def attach(self, peer: Peer, kernel: KernelInfo) -> None:
        """Give a bridge the lease.

        Raises
        ------
        LeaseError
            When another bridge has it for this epoch, or the epoch is over.
        """
        mine = self.kernel
        if kernel["epoch"] in self._ended:
            raise LeaseError(f"this life of the kernel {kernel['kernel_id']} is over")
        if self.bridge is not None and mine is not None:
            if mine["epoch"] == kernel["epoch"]:
                raise LeaseError(f"another bridge of the kernel {kernel['kernel_id']} is connected")
            if mine["kernel_id"] != kernel["kernel_id"]:
                raise LeaseError(f"the kernel {mine['kernel_id']} is connected to this room")
        if mine is None or mine["epoch"] != kernel["epoch"]:
            self._begin_epoch(kernel)
        if self.bridge is not None:
            self.bridge.refuse("lease", "a newer life of the kernel has taken over", 4409)
        self.kernel, self.bridge = kernel, peer
        self.heard.from_source(peer.key or peer.peer_id)
        self._set_status("starting")
        with self._room.writing():
            self._comms.set_kernel(
                kernel["kernel_id"], epoch=kernel["epoch"], name=kernel["name"], status="live"
            )
            self._requests.connected(tells=peer.key is not None)

    def _begin_epoch(self, kernel: KernelInfo) -> None:
        old = self.kernel
        self._inbox.clear()
        with self._room.writing():
            reason = f"another life of the kernel {kernel['kernel_id']} has begun"
            self._show(self._requests.end_all(reason, dead=False))
            self._comms.forget_gone()  # before the one that is followed now: a notebook may change its kernel often
            if old is not None:
                self._end_epoch(old, same_kernel=old["kernel_id"] == kernel["kernel_id"])
            else:
                self._end_strangers(kernel["kernel_id"])
            self._comms.begin_epoch(kernel["kernel_id"], kernel["epoch"], kernel["name"])
        self._asks.forget_opening()
        if self._link is not None:
            self._link.close()
        self._link = self._connected(kernel)
        self._writer = OpsWriter(self._comms, self._requests, self._blobs, self, kernel["epoch"], self.heard)

    def _connected(self, kernel: KernelInfo) -> KernelLink | None:
        try:
            return None if self._connect is None else self._connect(kernel, self._subshell_lost)
        except KernelLinkError as error:
            log.warning("windows can read but not ask: %s", error)
            return None

    def _end_epoch(self, old: KernelInfo, *, same_kernel: bool) -> None:
        self._ended[old["epoch"]] = None
        while len(self._ended) > REMEMBERED_EPOCHS:
            self._ended.popitem(last=False)
        if not same_kernel:
            for comm_id in self._comms.comm_ids(old["epoch"]):
                self._comms.close(comm_id)
            self._comms.set_kernel(old["kernel_id"], epoch=old["epoch"], name=old["name"], status=GONE)

    def _end_strangers(self, kernel_id: str) -> None:
        """Remove the comms of other kernels that the document had before there was this room: a store brought it."""
        for known in list(self._comms.kernels.values()):
            if known.kernel_id != kernel_id:
                for comm_id in self._comms.comm_ids(known.epoch):
                    self._comms.close(comm_id)
                self._comms.set_kernel(known.kernel_id, epoch=known.epoch, name=known.name, status=GONE)

    def detach(self, peer: Peer) -> None:
        """The bridge's connection has ended."""
        if self.bridge is not peer:
            return
        self.apply()
        self.bridge = None
        self._requests.disconnected()
        if self._status != "dead":
            self._set_status("disconnected")
            self._room.broadcast.flush()

    def dead(self, reason: str) -> None:
        """The kernel's process is gone."""
        if self.kernel is None or self._status == "dead":
            return
        log.info("kernel %s: %s", self.kernel["kernel_id"], reason)
        if self.bridge is not None:
            self.bridge.refuse("kernel", reason, 4410)
            self.detach(self.bridge)
        kernel = self.kernel
        with self._room.writing():
            self._show(self._requests.end_all(reason, dead=True))
            self._comms.set_kernel(
                kernel["kernel_id"], epoch=kernel["epoch"], name=kernel["name"], status=GONE
            )
        self._set_status("dead")
        self._room.broadcast.flush()
        if self._link is not None:
            self._link.close()
            self._link = None

    def close(self) -> None:
        """Let go of the kernel."""
        if self._link is not None:
            self._link.close()
            self._link = None

    # --- status --------------------------------------------------------------------------------------------------

    def state(self) -> KernelState:
        """Return what windows are told of the kernel; a lost connection is not a dead kernel."""
        kernel = self.kernel
        if kernel is None and self._last is not None:
            return self._with_store(
                {
                    "status": "dead" if self._last.status == GONE else "disconnected",
                    "epoch": self._last.epoch,
                    "kernel_id": self._last.kernel_id,
                    "live": False,
                }
            )
        state: KernelState = {
            "status": self._status,
            "epoch": kernel["epoch"] if kernel else None,
            "kernel_id": kernel["kernel_id"] if kernel else None,
            "live": kernel is not None and self._status != "dead",
        }
        return self._with_store(state)

    def _with_store(self, state: KernelState) -> KernelState:
        if self._room.keeper is not None:
            state["store"] = self._room.keeper.state
        return state

    def kernel_status(self, status: str) -> None:
        """Take a ``status`` op."""
        self._requests.status(idle=status == "idle")
        self._set_status("idle" if status == "idle" else "busy")

    def _set_status(self, status: KernelStatus) -> None:
        if status != self._status or status == "starting":
            self._status = status
            self.tell()

    def tell(self) -> None:
        """Tell all windows how the kernel is, behind this transaction."""
        self._room.broadcast.tell("kernel", {"type": "kernel", **self.state()})

    # --- from the bridge -----------------------------------------------------------------------------------------

    def receive(self, peer: Peer, frame: Frame) -> None:
        """Take a message of the bridge.

        Raises
        ------
        ProtocolError
            When it is malformed or of an unknown type.
        """
        message, kind = frame.message, frame.message["type"]
        if peer is not self.bridge:
            return
        if kind == "ops":
            self._take_ops(peer, frame)
        elif kind == "forgotten":
            with self._room.writing():
                self._requests.forgotten(fields.text(message, "comm_id"), fields.text(message, "request_id"))
        elif not kind.startswith("x-"):
            msg = f"unknown message type {kind!r:.60}"
            raise ProtocolError(msg)

    def _take_ops(self, peer: Peer, frame: Frame) -> None:
        message = frame.message
        number, ops = fields.need(message, "batch", int), fields.need(message, "ops", list)
        blobs = fields.items(message, "blobs", dict) if "blobs" in message else []
        if len(blobs) > len(frame.buffers):
            msg = f"{len(blobs)} blobs and {len(frame.buffers)} buffers"
            raise ProtocolError(msg)
        for header, content in zip(blobs, frame.buffers, strict=False):
            try:
                digest, new = self._blobs.add(content, fields.text(header, "hash"))
            except (ProtocolError, OSError) as error:
                # The keys that name it are asked for again; the other operations are fine.
                log.warning("blob refused: %s", error)
                peer.refuse("blob", str(error))
                continue
            if new:
                self._room.broadcast.new_blob(digest)
        for op in ops:
            if isinstance(op, dict) and op.get("op") == "handled":
                self._requests.landed(fields.text(op, "comm_id"), fields.text(op, "message_id"))
        size = sum(buffer.nbytes for buffer in frame.buffers) + 200 * len(ops)
        self._inbox.append(_Batch(peer, number, ops, frame.buffers, size))
        self._inbox_bytes += size
        self.waiting.set()

    async def room_in_inbox(self) -> None:
        """Wait while too much waits for the governor."""
        while self._inbox_bytes > INBOX_BYTES:
            self.taken.clear()
            await self.taken.wait()

    def apply(self) -> int:
        """Apply everything that waits as one transaction; as more where a comm that had a message is written again.

        Returns how many wrote something.
        """
        batches, self._inbox, self._inbox_bytes = self._inbox, [], 0
        self.waiting.clear()
        self.taken.set()
        writer = self._writer
        transactions = 0
        if writer is None or not batches:
            return transactions
        ops = self._ops(batches)
        left = next(ops, None)
        while left is not None:
            before = self._comms.clock
            with self._room.writing():
                writer.begin()
                while left is not None and not writer.splits(left[1]):
                    self._apply_one(writer, *left)
                    left = next(ops, None)
                writer.end()
            transactions += self._comms.clock != before
        self._room.displays.write()
        for batch in batches:
            batch.peer.answer(frames.encode({"type": "applied", "batch": batch.number}))
        return transactions

    @staticmethod
    def _ops(batches: list[_Batch]) -> Iterator[tuple[_Batch, Any]]:
        for batch in batches:
            for op in batch.ops:
                yield batch, op

    def _apply_one(self, writer: OpsWriter, batch: _Batch, op: Any) -> None:
        try:
            writer.apply(op, batch.buffers)
            if op["op"] == "open":
                self._asks.confirmed(op["comm_id"])
            elif op["op"] == "close":
                self._asks.declined(op["comm_id"])
        except CommdocError as error:
            reason = skipped(op, error)
            log.warning("%s", reason)
            batch.peer.refuse("op", reason)
        except Exception as error:
            log.exception("op failed")
            batch.peer.refuse("internal", f"op {op.get('op')!r} failed: {type(error).__name__}")

    # --- to the kernel and the bridge ------------------------------------------------------------------------------

    def send(self, msg_type: str, content: dict[str, Any], buffers: Sequence[bytes], msg_id: str) -> None:
        """Give a message to the kernel. Raises `KernelLinkError`."""
        if self._link is None:
            raise KernelLinkError("no way to this kernel's shell channel")
        self._link.send(msg_type, content, buffers, msg_id)

    def emit(self, message: dict[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Send an event to all windows behind this transaction."""
        self._room.broadcast.emit(message, buffers)

    def redisplay(self, op: Mapping[str, Any]) -> None:
        """Take a ``redisplay`` op."""
        self._room.displays.redisplay(op)

    def new_blob(self, digest: str) -> None:
        """Push a blob that the room made of an operation."""
        self._room.broadcast.new_blob(digest)

    def resync(self, comm_ids: list[str]) -> None:
        """Ask the bridge to read these comms again."""
        self._to_bridge({"type": "resync", "comm_ids": comm_ids})

    def windows(self, count: int) -> None:
        """Tell the bridge how many windows and viewers there are."""
        if self.bridge is not None:
            self.bridge.state("peers", frames.encode({"type": "peers", "windows": count}))

    def _subshell_lost(self, request_id: str) -> None:
        comm_id = self._requests.subshell_lost(request_id)
        if comm_id is not None:
            self._to_bridge({"type": "forget_subshell", "comm_id": comm_id, "request_id": request_id})

    def _to_bridge(self, message: dict[str, Any]) -> None:
        if self.bridge is not None:
            self.bridge.answer(frames.encode(message))

    def _show(self, states: dict[str, State]) -> None:
        for comm_id, state in states.items():
            if comm_id in self._comms:
                self._comms.update(comm_id, state)
