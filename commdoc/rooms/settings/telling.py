"""What a room says of the user's settings: to its bridge by itself, to windows that asked; and what windows may set."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from commdoc.errors import SettingError
from commdoc.protocol import frames
from commdoc.protocol.settings import Reader, Values, read_changes
from commdoc.rooms import fields
from commdoc.rooms.peer import Peer

if TYPE_CHECKING:
    from commdoc.rooms.broadcast import Broadcast
    from commdoc.rooms.settings.user import UserSettings

log = logging.getLogger(__name__)

KINDS = ("follow_settings", "set_settings")
"""Types of the messages that `Telling.handle` takes."""


class Telling:
    """The settings in one room; without a host that has some it tells nothing.

    Parameters
    ----------
    broadcast : Broadcast
        Of the room.
    """

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast
        self._followers: dict[str, Peer] = {}
        self.settings: UserSettings | None = None

    def greet(self, peer: Peer) -> None:
        """Tell a bridge that has come what is for it."""
        if self.settings is not None and peer.role == "bridge":
            peer.answer(_frame(self.settings.told("bridge")))

    def leave(self, peer: Peer) -> None:
        """End telling a peer."""
        self._followers.pop(peer.peer_id, None)

    def changed(self, reader: Reader, values: Values) -> None:
        """Tell what changed to those whom it is for."""
        if reader == "bridge":
            peers = [
                member.peer for member in self._broadcast.members.values() if member.peer.role == "bridge"
            ]
        else:
            peers = list(self._followers.values())
        for peer in peers:
            peer.answer(_frame(values))

    def handle(self, peer: Peer, message: Mapping[str, Any]) -> None:
        """Do what a window asks for. Raises `ProtocolError` for a message that is malformed."""
        if message["type"] == "follow_settings":
            self._follow(peer, on=fields.need(message, "on", bool))
            return
        message_id = fields.text(message, "message_id")
        asked = fields.need(message, "settings", dict)
        answer: dict[str, Any] = {"type": "settled", "message_id": message_id}
        if peer.role == "viewer":
            log.warning("viewer %s (%s) wanted to change settings: refused", peer.peer_id, peer.name)
            answer = _failed(message_id, "viewer", "a viewer may not change settings")
        elif self.settings is None:
            answer = _failed(message_id, "rejected", "the host of this room has no settings")
        else:
            try:
                self.settings.change(read_changes(asked))
            except SettingError as error:
                answer = _failed(message_id, "rejected", str(error))
        self._broadcast.answer(peer.peer_id, answer)

    def _follow(self, peer: Peer, *, on: bool) -> None:
        if not on:
            self.leave(peer)
        elif self.settings is not None:
            self._followers[peer.peer_id] = peer
            peer.answer(_frame(self.settings.told("window")))

    def close(self) -> None:
        """Tell nobody any more."""
        self._followers.clear()
        if self.settings is not None:
            self.settings.let_go(self)


def _frame(values: Values) -> bytes:
    return frames.encode({"type": "settings", "settings": values})


def _failed(message_id: str, code: str, reason: str) -> dict[str, Any]:
    return {"type": "failed", "message_id": message_id, "code": code, "reason": reason}
