"""A window's side of the protocol, without I/O: frames in, frames out, events for whoever shows the comms.

On a connection the core says ``hello``; the room's ``welcome`` names the document. When it is the one that the core
has, the sync brings what is missing; when it is another, a fresh document is filled beside the old one, which is shown
until the new one is complete. Then come updates and events, in order; an event that names a clock (``after``) which the
document has not reached waits, and all behind it.

What this leaves to others: sockets and time (`connection`), futures and observers (`window`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from pycrdt import Doc

from commdoc.document import Change, Comm, CommsMap
from commdoc.errors import BlobMissingError, ProtocolError, RequestError, ValueEncodingError
from commdoc.protocol import frames, messages, values
from commdoc.protocol.version import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION
from commdoc.window import asks, events, sync
from commdoc.window.blobs import BlobCache, BlobWants
from commdoc.window.heard import Heard
from commdoc.window.outbox import ON_THEIR_WAY, Ask, Outbox, Released

Emit = Callable[[events.Event], None]


class WindowCore:
    """The state of one window.

    Parameters
    ----------
    emit : callable
        Takes each `events.Event`, in order, while `receive` or `request` runs.
    client, name : str
        What the room and the other windows are told.

    Attributes
    ----------
    doc : pycrdt.Doc
        Belongs to the thread that calls the core.
    comms : CommsMap
        Reads `doc`.
    welcome : dict or None
        The room's last one.
    synced : bool
        Whether the document was complete and the connection still stands.
    """

    def __init__(self, emit: Emit, *, client: str = "commdoc-python", name: str | None = None) -> None:
        self._emit = emit
        self._client = client
        self._key = (
            asks.new_id()
        )  # names this window over all of its connections: what it repeats is done once
        self._name = name
        self.blobs = BlobCache(self._live_values)
        self.outbox = Outbox()
        self.welcome: messages.Welcome | None = None
        self.kernel: messages.KernelState | None = None
        self.peers: list[messages.PeerInfo] = []
        self.last_error: events.RoomError | None = None
        self.synced = False
        self.document_id: str | None = None
        self._wants = BlobWants()
        self._held_events: deque[dict[str, Any]] = deque()
        self._held_buffers: deque[list[memoryview]] = deque()
        self._heard = Heard()
        self._clock = 0
        self._out: list[bytes] = []
        self._doc_changes: list[Change] = []
        self.doc, self.comms = self._new_document()
        self._fresh: tuple[Doc[Any], CommsMap] | None = None

    # --- the connection ---------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Say hello on a new connection."""
        self._out.clear()
        self._wants.reconnect()
        self.last_error = None
        hello: messages.Hello = {
            "type": "hello",
            "protocol": [MIN_PROTOCOL_VERSION, PROTOCOL_VERSION],
            "client": self._client,
            "key": self._key,
        }
        if self._name is not None:
            hello["name"] = self._name
        self._out.append(asks.encode(hello))
        if self.document_id is None:
            # Whichever document the room has, this window has nothing of it: that can be said before the welcome.
            self._out.append(sync.write(sync.STEP1, sync.EMPTY_STATE))

    def disconnect(self) -> None:
        """Note that the connection is gone; the document stays as it was."""
        self.synced = False
        self._drop_fresh()
        self._held_events.clear()
        self._held_buffers.clear()
        self._out.clear()
        self._clock = 0

    def close(self, error: RequestError) -> None:
        """End for good: every open request fails with `error`. What was shown can still be read."""
        for request_id in self.outbox.abandon_all():
            self._end(request_id, error=error)
        self._drop_fresh()
        self.comms.dispose()

    def _drop_fresh(self) -> None:
        if self._fresh is not None:
            self._fresh[1].dispose()
            self._fresh = None

    def take_frames(self) -> list[bytes]:
        """Return what is to be sent now, in order."""
        if self.synced:
            for hashes in self._wants.batches():
                self._out.append(asks.encode({"type": "get_blobs", "hashes": hashes}))
            self._out += self.outbox.next_frames()
        out, self._out = self._out, []
        return out

    def receive(self, frame: bytes) -> None:
        """Take one frame from the room.

        Raises
        ------
        ProtocolError
            When the frame is not what it must be.
        SchemaError
            When the document needs a newer commdoc.
        """
        kind = frames.frame_type(frame)
        try:
            if kind == frames.SYNC:
                self._on_sync(frame)
            elif kind == frames.MESSAGE:
                self._on_message(*frames.decode(frame))
        except (KeyError, TypeError, IndexError, ValueError, ValueEncodingError) as error:
            msg = f"a message that is not what it must be: {error!r}"
            raise ProtocolError(msg) from error

    # --- what a window may ask --------------------------------------------------------------------------------------

    def request(self, comm_id: str, state: Mapping[str, object]) -> str:
        """Ask for a change of these keys; the window shows the values at once. Returns the request_id.

        Raises
        ------
        ValueEncodingError
            For a value that JSON can't carry; nothing was asked then.
        RequestError
            For more than the room takes at once (``too_large``); nothing was asked then.
        """
        ask = asks.request(comm_id, state, self.blobs.put_own)
        self._check_size(ask)
        self.outbox.add(ask)
        self._emit(events.CommUpdated(comm_id, tuple(state)))
        return ask.ident

    def say(self, message: messages.FromWindow) -> None:
        """Send what is not answered, on this connection alone."""
        self._out.append(asks.encode(message))

    def ask(self, ask: Ask) -> str:
        """Send a message, an open or a close, behind the requests that were made before. Returns the message_id."""
        self._check_size(ask)
        self.outbox.add(ask)
        return ask.ident

    def _check_size(self, ask: Ask) -> None:
        limits = self.welcome["limits"] if self.welcome is not None else None
        asks.check_size(ask, self.outbox.bytes, limits)

    def want(self, sentinels: Sequence[values.BlobSentinel]) -> None:
        """Ask for blobs; `events.BlobsArrived` tells of them. Those asked for already are not asked for again."""
        self._wants.add(sentinels)

    def shown(self, comm_id: str) -> messages.State | None:
        """Return what the window shows of a comm, encoded: the document, under own requests that aren't in it.

        None when there is no such comm.
        """
        comm = self.comms.get(comm_id)
        if comm is None:
            return None
        return comm.encoded_state | self.outbox.held(comm_id)

    # --- the document -----------------------------------------------------------------------------------------------

    def _new_document(self) -> tuple[Doc[Any], CommsMap]:
        doc: Doc[Any] = Doc()
        comms = CommsMap(doc, get_blob=self._get_blob)
        comms.observe(self._doc_changes.extend)
        return doc, comms

    def _get_blob(self, named: values.BlobSentinel) -> bytes:
        content = self.blobs.get(named["$blob"])
        if content is None:
            msg = f"blob {named['$blob']} is not at hand in this window"
            raise BlobMissingError(msg)
        return content

    def _live_values(self) -> Iterator[messages.Encoded]:
        for comm in self.comms.values():
            yield [*comm.encoded_state.values(), *comm.encoded_outputs]
            yield self.outbox.held(comm.comm_id)

    def _on_sync(self, frame: bytes) -> None:
        if self.welcome is None:
            msg = "a sync message before the welcome"
            raise ProtocolError(msg)
        step, payload = sync.read(frame)
        doc = self.doc if self._fresh is None else self._fresh[0]
        if step == sync.STEP1:
            self._out.append(sync.step2(doc, payload))
            return
        sync.apply(doc, payload)
        comms = self.comms if self._fresh is None else self._fresh[1]
        if comms.error is not None:
            raise comms.error
        if step == sync.STEP2 and not self.synced:
            self._on_complete()
        elif self._fresh is None:
            self._tell_changes()
        self._release_events()

    def _on_complete(self) -> None:
        fresh = self._fresh is not None
        if self._fresh is not None:
            before = self.comms
            self.doc, self.comms = self._fresh
            self._fresh = None
            self._doc_changes.clear()
            self._tell_difference(before)
            before.dispose()
        else:
            self._tell_changes()
        self.synced = True
        self.last_error = None  # what was said before concerns the connection before
        self._out += self.outbox.resume()
        self._emit(events.Synced(fresh))

    def _tell_difference(self, before: Mapping[str, Comm]) -> None:
        for comm_id in before:
            if comm_id not in self.comms:
                self._emit(events.CommClosed(comm_id))
        for comm_id, comm in self.comms.items():
            old = before.get(comm_id)
            if old is None:
                self._emit(events.CommOpened(comm_id))
                continue
            was, now = old.encoded_state, comm.encoded_state
            self._tell_update(comm_id, [key for key in {**was, **now} if not _same(was, now, key)])
            if old.encoded_outputs != comm.encoded_outputs:
                self._emit(events.OutputsChanged(comm_id))
        self._emit(events.ViewsChanged())

    def _tell_changes(self) -> None:
        changes = self._doc_changes[:]
        self._doc_changes.clear()
        for change in changes:
            if change.kind == "opened":
                self._emit(events.CommOpened(change.comm_id))
            elif change.kind == "closed":
                self._emit(events.CommClosed(change.comm_id))
            elif change.kind == "updated":
                self._tell_update(change.comm_id, change.keys)
            elif change.kind == "outputs":
                self._emit(events.OutputsChanged(change.comm_id))
            elif change.kind == "views":
                self._emit(events.ViewsChanged())

    def _tell_update(self, comm_id: str, keys: Sequence[str]) -> None:
        """Rule 3: of a key with an own request that isn't in the document yet, nothing is told."""
        held = self.outbox.held(comm_id)
        told = tuple(key for key in keys if key not in held)
        if told:
            self._emit(events.CommUpdated(comm_id, told))

    # --- messages ---------------------------------------------------------------------------------------------------

    def _on_message(self, message: dict[str, Any], buffers: list[memoryview]) -> None:
        kind = message["type"]
        if kind == "welcome":
            self._on_welcome(cast("messages.Welcome", message))
        elif kind == "blobs":
            self._on_blobs(cast("messages.Blobs", message), buffers)
        elif kind == "error":
            self.last_error = events.RoomError(message["code"], message["reason"])
            self._emit(self.last_error)
        elif kind in _IN_ORDER:
            self._held_events.append(message)
            self._held_buffers.append(buffers)
            self._release_events()
        elif not kind.startswith("x-"):
            msg = f"unknown message type {kind[:40]!r}"
            raise ProtocolError(msg)

    def _on_welcome(self, message: messages.Welcome) -> None:
        fresh, asked = message["document_id"] != self.document_id, self.document_id is None
        self.welcome = message
        limits = message["limits"]
        self.outbox.limits = (
            limits.get("in_flight", ON_THEIR_WAY[0]),
            limits.get("in_flight_bytes", ON_THEIR_WAY[1]),
        )
        self.document_id = message["document_id"]
        if fresh:
            reset = RequestError(
                "expired", "the room started anew while the request was open; look at the document"
            )
            for request_id in self.outbox.abandon():
                self._end(request_id, error=reset)
            self._fresh = self._new_document()
        self._set_peers(message["peers"])
        self._set_kernel(message["kernel"])
        if not asked:
            self._out.append(sync.step1(self.doc if self._fresh is None else self._fresh[0]))

    def _release_events(self) -> None:
        """Tell the events that the document is new enough for, in order."""
        while self._held_events:
            after = self._held_events[0].get("after", 0)
            if after and not self._reached(after):
                return
            message, buffers = self._held_events.popleft(), self._held_buffers.popleft()
            _IN_ORDER[message["type"]](self, message, buffers)

    def _reached(self, after: int) -> bool:
        client_id = self.welcome.get("client_id") if self.welcome is not None else None
        if client_id is None or after <= self._clock:
            # Without the room's client id the order of the socket stands alone, which is enough on our own one.
            return True
        self._clock = sync.clock(self.doc, client_id)
        return after <= self._clock

    def _on_accepted(self, message: dict[str, Any], _: list[memoryview]) -> None:
        self._show_again(self.outbox.accepted(message["request_id"]))

    def _on_settled(self, message: dict[str, Any], buffers: list[memoryview]) -> None:
        refused = message.get("error")
        error = None if refused is None else RequestError("rejected", str(refused))
        if "message_id" in message:
            error = None if refused is None else RequestError("raised", str(refused))
        self._end(message.get("request_id") or message["message_id"], message.get("state"), buffers, error)

    def _on_failed(self, message: dict[str, Any], _: list[memoryview]) -> None:
        error = RequestError(str(message["code"]), str(message["reason"]))
        self._end(message.get("request_id") or message["message_id"], error=error)

    def _end(
        self,
        request_id: str,
        state: messages.State | None = None,
        buffers: Sequence[memoryview] = (),
        error: RequestError | None = None,
    ) -> None:
        self._show_again(self.outbox.ended(request_id))
        self._emit(events.RequestEnded(request_id, state, list(buffers), error))

    def _show_again(self, released: Released | None) -> None:
        if released is not None and released.keys:
            self._emit(events.CommUpdated(released.comm_id, released.keys))

    def _on_comm_message(self, message: dict[str, Any], buffers: list[memoryview]) -> None:
        if "number" in message:
            missed = self._heard.gap(message["source"], message["number"])
            if missed is None:
                return
            self._tell_missed(missed)
        own = [bytes(buffers[index]) for index in message["buffers"]]
        data = values.decode(message["data"], None, buffers)
        self._emit(events.MessageArrived(message["comm_id"], data, own))

    def _on_messages(self, message: dict[str, Any], _: list[memoryview]) -> None:
        self._tell_missed(self._heard.joined(message["source"], message["number"]))

    def _tell_missed(self, count: int) -> None:
        if count:
            self._emit(events.MessagesMissed(count))

    def _on_kernel(self, message: dict[str, Any], _: list[memoryview]) -> None:
        self._set_kernel(cast("messages.KernelState", message))

    def _set_kernel(self, kernel: messages.KernelState) -> None:
        self.kernel = {
            "status": kernel["status"],
            "epoch": kernel["epoch"],
            "kernel_id": kernel["kernel_id"],
            "live": kernel["live"],
        }
        self._emit(events.KernelChanged(self.kernel))

    def _on_cell_end(self, message: dict[str, Any], _: list[memoryview]) -> None:
        self._emit(
            events.CellEnded(
                message["msg_id"], message["status"], message.get("cell_id"), message.get("execution_count")
            )
        )

    def _on_log(self, message: dict[str, Any], _: list[memoryview]) -> None:
        self._emit(events.Logged(message["name"], message["text"], message["cause"]))

    def _on_peers(self, message: dict[str, Any], _: list[memoryview]) -> None:
        self._set_peers(message["peers"])

    def _set_peers(self, peers: list[messages.PeerInfo]) -> None:
        self.peers = peers
        self._emit(events.PeersChanged(peers))

    # --- blobs ------------------------------------------------------------------------------------------------------

    def _on_blobs(self, message: messages.Blobs, buffers: list[memoryview]) -> None:
        for blob_hash, size, content in zip(message["hashes"], message["sizes"], buffers, strict=True):
            if len(content) != size:
                msg = f"blob {blob_hash} has {len(content)} bytes, not {size}"
                raise ProtocolError(msg)
            self.blobs.put(blob_hash, bytes(content))
        arrived = frozenset(message["hashes"])
        missing = frozenset(message["missing"])
        self._wants.answered(arrived | missing)
        self._emit(events.BlobsArrived(arrived, missing))


_IN_ORDER: Final[dict[str, Callable[[WindowCore, dict[str, Any], list[memoryview]], None]]] = {
    "accepted": WindowCore._on_accepted,
    "settled": WindowCore._on_settled,
    "failed": WindowCore._on_failed,
    "message": WindowCore._on_comm_message,
    "messages": WindowCore._on_messages,
    "kernel": WindowCore._on_kernel,
    "cell_end": WindowCore._on_cell_end,
    "log": WindowCore._on_log,
    "peers": WindowCore._on_peers,
    "settings": lambda core, told, _: core._emit(events.SettingsTold(told["settings"])),
}
"""Messages that are taken in order, behind those that wait for the document."""


def _same(was: Mapping[str, Any], now: Mapping[str, Any], key: str) -> bool:
    """Whether a key has the same JSON text in both: 5 is not 5.0."""
    return key in was and key in now and values.dumps(was[key]) == values.dumps(now[key])
