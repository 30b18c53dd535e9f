"""Who changed what last: for windows that show it (an inspector), and only to them.

    window   inspect {on: true}
    room     changed {changes}     at once what is remembered, then what changed, at most four times a second

While nobody asks, only what *windows* changed is remembered, and forgotten when the kernel writes the key again: a key
of which nothing is remembered is as the kernel made it. So a write of the kernel costs one look into a dict. While
somebody asks, the kernel's writes are noted, too, with their time. What is kept is one record for each key that is
alive.

A window that takes what it is sent too slowly gets less often, and then the newest of each key: nothing waits for it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from commdoc.protocol import frames
from commdoc.protocol.messages import Author, ChangedKeys
from commdoc.rooms.peer import Peer

TELL_SECONDS: Final = 0.25
"""Between two `changed` to a window: a person reads no faster."""

MESSAGE_KEYS: Final = 2_000
"""Keys that one `changed` tells: about 200 kB, so that a slider's next move gets through in between."""

BEHIND_BYTES: Final = 256 * 1024
"""A window for which more waits is told later."""


class _Change(NamedTuple):
    """One write: by which window, None for the kernel, when, and the how manyeth."""

    by: Author | None
    at: float
    number: int


class _Comm:
    """The last change of each key, and the number of the newest."""

    __slots__ = ("keys", "number")

    def __init__(self) -> None:
        self.keys: dict[str, _Change] = {}
        self.number = 0


@dataclass
class _Watcher:
    """A peer that asked, and the number of the newest change that it was told."""

    peer: Peer
    told: int = 0


class Authors:
    """The authors of a room's document, as `CommsLog.on_change` tells them.

    Parameters
    ----------
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._comms: OrderedDict[str, _Comm] = OrderedDict()
        self._watchers: dict[str, _Watcher] = {}
        self._number = 0
        self._by: Author | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return sum(len(comm.keys) for comm in self._comms.values())

    # --- from the document -----------------------------------------------------------------------------------------

    @contextmanager
    def asked_by(self, peer: Peer) -> Iterator[None]:
        """What is written in this block a window has asked for."""
        self._by = {"peer_id": peer.peer_id, "name": peer.name}
        try:
            yield
        finally:
            self._by = None

    def changed(self, comm_id: str, keys: Iterable[str] | None) -> None:
        """Note that keys of a comm have changed; None: it was opened, or is closed, and nothing before counts."""
        if keys is None:
            self._comms.pop(comm_id, None)
        elif self._by is not None or self._watchers or comm_id in self._comms:
            self._note(comm_id, keys)

    def _note(self, comm_id: str, keys: Iterable[str]) -> None:
        self._number += 1
        by = self._by
        change = _Change(by, self._clock(), self._number)
        comm = self._comms.setdefault(comm_id, _Comm())
        for key in keys:
            if by is None and not self._watchers:
                comm.keys.pop(key, None)  # as the kernel made it
            else:
                comm.keys[key] = change
        if not comm.keys:
            del self._comms[comm_id]
            return
        comm.number = self._number
        self._comms.move_to_end(comm_id)
        self._wake()

    # --- to who asked ----------------------------------------------------------------------------------------------

    def inspect(self, peer: Peer, *, on: bool) -> None:
        """Begin or end telling a peer."""
        if not on:
            self.leave(peer)
        else:
            self._watchers.setdefault(peer.peer_id, _Watcher(peer))
            self._wake()

    def leave(self, peer: Peer) -> None:
        """End telling a peer."""
        self._watchers.pop(peer.peer_id, None)

    def close(self) -> None:
        """Tell nobody any more."""
        self._watchers.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        if self._watchers and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TELL_SECONDS, self._tell)

    def _tell(self) -> None:
        self._timer = None
        frames_since: dict[int, list[bytes]] = {}  # most who ask are as far as each other
        for watcher in self._watchers.values():
            if watcher.told == self._number:
                continue
            if watcher.peer.waiting_bytes() > BEHIND_BYTES:
                self._wake()
                continue
            if watcher.told not in frames_since:
                parts = _parts(self._since(watcher.told))
                frames_since[watcher.told] = [
                    frames.encode({"type": "changed", "changes": part}) for part in parts
                ]
            for frame in frames_since[watcher.told]:
                watcher.peer.answer(frame)
            watcher.told = self._number

    def _since(self, number: int) -> list[ChangedKeys]:
        """Return the changes behind a number, the oldest comm first; keys that one write changed stand together."""
        now, found = self._clock(), []
        for comm_id, comm in reversed(self._comms.items()):
            if comm.number <= number:
                break
            writes: dict[int, tuple[_Change, list[str]]] = {}
            for key, change in comm.keys.items():
                if change.number > number:
                    writes.setdefault(change.number, (change, []))[1].append(key)
            found += [_told(comm_id, change, keys, now) for change, keys in writes.values()]
        return found[::-1]


def _told(comm_id: str, change: _Change, keys: list[str], now: float) -> ChangedKeys:
    told: ChangedKeys = {"comm_id": comm_id, "keys": keys, "ago": round(max(0.0, now - change.at), 2)}
    if change.by is not None:
        told["by"] = change.by
    return told


def _parts(changes: list[ChangedKeys]) -> Iterator[list[ChangedKeys]]:
    """Cut into messages of at most `MESSAGE_KEYS` keys."""
    part: list[ChangedKeys] = []
    room = MESSAGE_KEYS
    for change in changes:
        keys = change["keys"]
        while keys:
            part.append({**change, "keys": keys[:room]})
            keys = keys[room:]
            room -= len(part[-1]["keys"])
            if room == 0:
                yield part
                part, room = [], MESSAGE_KEYS
    if part:
        yield part
