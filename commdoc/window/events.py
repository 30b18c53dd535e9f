"""What a window's core tells whoever shows the comms, in the order in which it must be taken.

A receiver may conclude from an event that the document is at least as new as the room's was when it happened (P4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from commdoc.errors import RequestError
from commdoc.protocol.messages import KernelState, PeerInfo, State


@dataclass(frozen=True)
class CommOpened:
    """An entry came into the document."""

    comm_id: str


@dataclass(frozen=True)
class CommUpdated:
    """What a window shows of these keys may have changed."""

    comm_id: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class CommClosed:
    """An entry left the document."""

    comm_id: str


@dataclass(frozen=True)
class OutputsChanged:
    """The outputs of an OutputModel changed."""

    comm_id: str


@dataclass(frozen=True)
class ViewsChanged:
    """The list of displayed views changed."""


@dataclass(frozen=True)
class MessageArrived:
    """The kernel sent a comm message that is no state; `data` is decoded."""

    comm_id: str
    data: Any
    buffers: list[bytes]


@dataclass(frozen=True)
class MessagesMissed:
    """So many messages of the kernel will not come: this window had no connection, or the kernel none for too long."""

    count: int


@dataclass(frozen=True)
class RequestEnded:
    """The kernel handled a request or a message (`state` is what it made of a request), or it failed."""

    request_id: str
    state: State | None = None
    buffers: list[memoryview] = field(default_factory=list)
    error: RequestError | None = None


@dataclass(frozen=True)
class KernelChanged:
    """The kernel's status, or the kernel, is another."""

    kernel: KernelState


@dataclass(frozen=True)
class CellEnded:
    """A cell is done; what it did is in the document."""

    msg_id: str
    status: str
    cell_id: str | None = None
    execution_count: int | None = None


@dataclass(frozen=True)
class Logged:
    """Stream output of a handler of a window's request, which no cell shows."""

    name: str
    text: str
    cause: str


@dataclass(frozen=True)
class PeersChanged:
    """Somebody came or went."""

    peers: list[PeerInfo]


@dataclass(frozen=True)
class SettingsTold:
    """The room tells settings of the user."""

    settings: dict[str, Any]


@dataclass(frozen=True)
class BlobsArrived:
    """Blobs that were asked for are in the cache, or the room has none by that name."""

    hashes: frozenset[str]
    missing: frozenset[str]


@dataclass(frozen=True)
class Synced:
    """The document is complete; `fresh` when it is another life of it than before."""

    fresh: bool


@dataclass(frozen=True)
class RoomError:
    """The room refused something; the connection may end after it."""

    code: str
    reason: str


Event: TypeAlias = (
    CommOpened
    | CommUpdated
    | CommClosed
    | OutputsChanged
    | ViewsChanged
    | MessageArrived
    | MessagesMissed
    | RequestEnded
    | KernelChanged
    | CellEnded
    | Logged
    | PeersChanged
    | SettingsTold
    | BlobsArrived
    | Synced
    | RoomError
)
