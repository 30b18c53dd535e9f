"""What windows say: requests, messages, opens and closes for the kernel, blobs they lack, who changed what, settings.

Reads a window's message, turns its values into the document's encoding and into what plain Jupyter would have sent
the kernel, and gives both to `Requests`. What a window may not or can't have gets it a reason; a message that is
not what it says to be is a `ProtocolError`, which ends the connection.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from commdoc.document import CommsLog
from commdoc.errors import BlobMissingError, CommdocError, ProtocolError
from commdoc.protocol import values
from commdoc.protocol.frames import Frame
from commdoc.protocol.messages import BlobType, State
from commdoc.protocol.values import BlobSentinel
from commdoc.rooms import fields
from commdoc.rooms.authors import Authors
from commdoc.rooms.blobs import RoomBlobs, is_digest
from commdoc.rooms.peer import Peer
from commdoc.rooms.requests import Requests
from commdoc.rooms.settings import telling
from commdoc.rooms.settings.telling import Telling
from commdoc.rooms.waiting import ToKernel

log = logging.getLogger(__name__)

ASKS: Final = ("request", "message", "open", "close")
"""What a viewer may not send."""

MAX_OPENING: Final = 1_000
"""Comms that windows have opened and the kernel has not confirmed yet."""


class Asks:
    """Handles the messages of windows and viewers of one room. Called inside a batch of the comms log."""

    def __init__(
        self,
        comms: CommsLog,
        requests: Requests,
        blobs: RoomBlobs,
        new_blob: Callable[[str], None],
        authors: Authors,
        settings: Telling,
    ) -> None:
        self._comms = comms
        self._requests = requests
        self._blobs = blobs
        self._opening: dict[str, tuple[str, str]] = {}
        self._new_blob = new_blob
        self._authors = authors
        self._settings = settings

    def handle(self, peer: Peer, frame: Frame) -> None:
        """Do what a message asks for.

        Raises
        ------
        ProtocolError
            When it is malformed or of an unknown type.
        """
        message, kind = frame.message, frame.message["type"]
        if kind in ASKS:
            if peer.role == "viewer":
                log.warning("viewer %s (%s) sent a %s: refused", peer.peer_id, peer.name, kind)
                peer.refuse("viewer", f"a viewer may not send a {kind}")
                return
            ident = fields.text(message, "request_id" if kind == "request" else "message_id")
            try:
                getattr(self, f"_{kind}")(
                    peer, ident, fields.text(message, "comm_id"), message, frame.buffers
                )
            except ProtocolError:
                raise
            except CommdocError as error:
                name = {"request_id" if kind == "request" else "message_id": ident}
                self._requests.refuse(peer.peer_id, name, "rejected", str(error))
        elif kind == "get_blobs":
            hashes = fields.items(message, "hashes", str)
            if not all(map(is_digest, hashes)):
                msg = "get_blobs: a hash is 64 hexadecimal digits"
                raise ProtocolError(msg)
            peer.want(hashes)
        elif kind == "inspect":
            self._authors.inspect(peer, on=fields.need(message, "on", bool))
        elif kind in telling.KINDS:
            self._settings.handle(peer, message)
        elif not kind.startswith("x-"):
            msg = f"unknown message type {kind!r:.60}"
            raise ProtocolError(msg)

    def _request(
        self, peer: Peer, ident: str, comm_id: str, message: Mapping[str, Any], buffers: list[memoryview]
    ) -> None:
        encoded = fields.need(message, "state", dict)
        if not self._reachable(peer, {"request_id": ident}, comm_id):
            return
        current: State = {}
        if (entry := self._comms.entry(comm_id)) is not None:
            current = self._comms.state(comm_id)
            if entry.base is None:
                reason = f"the comm {comm_id} ({entry.target_name}) has no state"
                self._requests.refuse(peer.peer_id, {"request_id": ident}, "rejected", reason)
                return
        self._blobs.relieve()
        plain = {key: values.decode(value, self._get_blob, buffers) for key, value in encoded.items()}
        state = {key: values.encode(value, self._put_blob) for key, value in plain.items()}
        taken, paths, taken_buffers = values.take_buffers(plain)
        data = {"method": "update", "state": taken, "buffer_paths": paths}
        to_kernel = ToKernel("comm_msg", {"comm_id": comm_id, "data": data}, taken_buffers)
        shown = self._requests.ask(peer.sender(), ident, comm_id, state, to_kernel, current)
        if shown:
            self._comms.update(comm_id, shown)

    def _message(
        self, peer: Peer, ident: str, comm_id: str, message: Mapping[str, Any], buffers: list[memoryview]
    ) -> None:
        taken = [bytes(buffer) for buffer in fields.chosen(message, buffers)]
        data = values.decode(message.get("data"), None, ())
        if self._reachable(peer, {"message_id": ident}, comm_id):
            content = {"comm_id": comm_id, "data": data}
            self._requests.pass_on(peer.sender(), ident, comm_id, ToKernel("comm_msg", content, taken))

    def _open(
        self, peer: Peer, ident: str, comm_id: str, message: Mapping[str, Any], buffers: list[memoryview]
    ) -> None:
        target = fields.text(message, "target_name")
        data = self._open_data(message.get("data"), buffers)
        content: dict[str, Any] = {"comm_id": comm_id, "target_name": target, "data": data[0]}
        if message.get("metadata") is not None:
            content["metadata"] = fields.need(message, "metadata", dict)
        if comm_id in self._comms or len(self._opening) >= MAX_OPENING:
            reason = (
                f"the comm {comm_id} is open" if comm_id in self._comms else "too many comms are being opened"
            )
            self._requests.refuse(peer.peer_id, {"message_id": ident}, "rejected", reason)
            return
        self._opening[comm_id] = peer.peer_id, ident
        self._requests.pass_on(peer.sender(), ident, comm_id, ToKernel("comm_open", content, data[1]))

    def _close(
        self, peer: Peer, ident: str, comm_id: str, message: Mapping[str, Any], buffers: list[memoryview]
    ) -> None:
        if self._reachable(peer, {"message_id": ident}, comm_id):
            content = {"comm_id": comm_id, "data": values.decode(message.get("data") or {})}
            self._requests.pass_on(peer.sender(), ident, comm_id, ToKernel("comm_close", content, []))

    def confirmed(self, comm_id: str) -> None:
        """The kernel has opened this comm."""
        self._opening.pop(comm_id, None)

    def declined(self, comm_id: str) -> None:
        """The kernel has closed this comm; when a window had just asked to open it, it is told."""
        if comm_id in self._opening:
            peer_id, ident = self._opening.pop(comm_id)
            reason = (
                f"the kernel did not take the comm {comm_id}: no such target, or the target's handler failed"
            )
            self._requests.refuse(peer_id, {"message_id": ident}, "rejected", reason)

    def forget_opening(self) -> None:
        """The kernel that was to open comms is gone."""
        self._opening.clear()

    def _reachable(self, peer: Peer, name: dict[str, str], comm_id: str) -> bool:
        if comm_id in self._comms or comm_id in self._opening:
            return True
        self._requests.refuse(peer.peer_id, name, "no_such_comm", f"no comm {comm_id} is open")
        return False

    @staticmethod
    def _open_data(encoded: Any, buffers: list[memoryview]) -> tuple[Any, list[bytes]]:
        data = values.decode(encoded, None, buffers)
        if not isinstance(data, dict) or not isinstance(data.get("state"), dict):
            return data, []
        state, paths, taken = values.take_buffers(data["state"])
        return {**data, "state": state, "buffer_paths": paths}, taken

    def _put_blob(self, content: bytes, kind: BlobType) -> BlobSentinel:
        digest, new = self._blobs.add_from_window(content)
        if new:
            self._new_blob(digest)
        return {"$blob": digest, "size": len(content), "type": kind}

    def _get_blob(self, blob: BlobSentinel) -> bytes:
        content = self._blobs.get_named(blob["$blob"]) if is_digest(blob["$blob"]) else None
        if content is None:
            msg = f"no blob {blob['$blob']!r:.20} in this room"
            raise BlobMissingError(msg)
        return content
