"""Every message between bridge, room and windows, typed; `operations` has the items of `Ops`. See `docs/protocol.md`.

A value typed `Encoded` is in the value encoding of `docs/schema.md`. TypeScript has the same names in
``js-shim/src/window/messages.ts``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from typing_extensions import NotRequired

if TYPE_CHECKING:
    from commdoc.protocol.operations import Op

Encoded: TypeAlias = Any
"""A JSON-ready value in the document's value encoding."""

State: TypeAlias = dict[str, Encoded]
"""Trait name to encoded value."""

Role = Literal["bridge", "window", "viewer"]
KernelStatus = Literal["starting", "idle", "busy", "disconnected", "dead"]
FailureCode = Literal[
    "kernel_gone", "expired", "no_such_comm", "superseded", "viewer", "too_large", "rejected"
]
BlobType = Literal["bytes", "text", "json"]


class KernelInfo(TypedDict):
    """Which kernel a bridge speaks for. `epoch` names one life of it; `kernel_id` survives a restart.

    `connection_file` is an absolute path on the room's machine: kernels of one notebook follow each other in one room.
    """

    kernel_id: str
    epoch: str
    pid: int
    name: str
    session_name: NotRequired[str]
    connection_file: NotRequired[str]


class Hello(TypedDict):
    """The first message of every client. `key` names it over all of its connections."""

    type: Literal["hello"]
    protocol: list[int]
    client: str
    name: NotRequired[str]
    key: NotRequired[str]
    kernel: NotRequired[KernelInfo]
    document: NotRequired[bool]


class Limits(TypedDict):
    """What the room allows, in bytes and seconds."""

    frame_bytes: int
    text_bytes: int
    queue_bytes: int
    event_bytes: int
    push_bytes: int
    handshake_seconds: float
    in_flight: NotRequired[int]
    in_flight_bytes: NotRequired[int]


class StoreState(TypedDict):
    """Whether the room outlives its host: `failing` says why it doesn't now, and is tried again."""

    status: Literal["kept", "failing"]
    reason: NotRequired[str]


class KernelState(TypedDict):
    """What windows are told of the kernel; `store` is there where the room's host keeps rooms."""

    status: KernelStatus
    epoch: str | None
    kernel_id: str | None
    live: bool
    store: NotRequired[StoreState]


class PeerInfo(TypedDict):
    """One peer, as the others see it."""

    peer_id: str
    role: Role
    name: str


class Welcome(TypedDict):
    """The room's answer to `Hello`.

    `cells` tells a bridge whether the document has the notebook's cells; `inspect` others that `Inspect` is
    known, `settings` that `FollowSettings` and `SetSettings` are.
    """

    type: Literal["welcome"]
    protocol: int
    room_id: str
    document_id: str
    peer_id: str
    role: Role
    limits: Limits
    kernel: KernelState
    peers: list[PeerInfo]
    client_id: NotRequired[int]
    name: NotRequired[str]
    cells: NotRequired[bool]
    inspect: NotRequired[bool]
    settings: NotRequired[bool]


# --- bridge -> room ----------------------------------------------------------------------------------------------


class BlobHeader(TypedDict):
    """Announces one of the frame's first buffers: SHA-256 in hex, bytes, how to read it."""

    hash: str
    size: int
    type: BlobType


class Ops(TypedDict):
    """One batch. The frame's buffers are the blobs in order, then those that ops name by index."""

    type: Literal["ops"]
    batch: int
    ops: list[Op]
    blobs: list[BlobHeader]


class Forgotten(TypedDict):
    """The bridge made the comm forget its reply subshell."""

    type: Literal["forgotten"]
    comm_id: str
    request_id: str


# --- room -> bridge ----------------------------------------------------------------------------------------------


class Applied(TypedDict):
    type: Literal["applied"]
    batch: int


class Resync(TypedDict):
    type: Literal["resync"]
    comm_ids: NotRequired[list[str]]


class ForgetSubshell(TypedDict):
    type: Literal["forget_subshell"]
    comm_id: str
    request_id: str


# --- window -> room ----------------------------------------------------------------------------------------------


class Request(TypedDict):
    type: Literal["request"]
    request_id: str
    comm_id: str
    state: State


class WindowMessage(TypedDict):
    type: Literal["message"]
    message_id: str
    comm_id: str
    data: Encoded
    buffers: list[int]


class WindowOpen(TypedDict):
    type: Literal["open"]
    message_id: str
    comm_id: str
    target_name: str
    data: Encoded
    metadata: NotRequired[Encoded]


class WindowClose(TypedDict):
    type: Literal["close"]
    message_id: str
    comm_id: str
    data: NotRequired[Encoded]


class GetBlobs(TypedDict):
    type: Literal["get_blobs"]
    hashes: list[str]


class Inspect(TypedDict):
    """Tell me who changes what, or no more."""

    type: Literal["inspect"]
    on: bool


class FollowSettings(TypedDict):
    """Tell me the settings that are for windows, now and when they change, or no more."""

    type: Literal["follow_settings"]
    on: bool


class SetSettings(TypedDict):
    """Set some of these; null puts one back to its default. Answered with `Settled` or `Failed`."""

    type: Literal["set_settings"]
    message_id: str
    settings: dict[str, bool | int | float | str | None]


FromWindow: TypeAlias = (
    Hello
    | Request
    | WindowMessage
    | WindowOpen
    | WindowClose
    | GetBlobs
    | Inspect
    | FollowSettings
    | SetSettings
)


# --- room -> window ----------------------------------------------------------------------------------------------


class Accepted(TypedDict):
    type: Literal["accepted"]
    request_id: str
    after: int


class Settled(TypedDict):
    """The kernel has handled a request, or a message, an open or a close (which have no `state`)."""

    type: Literal["settled"]
    after: int
    request_id: NotRequired[str]
    message_id: NotRequired[str]
    state: NotRequired[State]
    error: NotRequired[str]


class Failed(TypedDict):
    type: Literal["failed"]
    code: FailureCode
    reason: str
    request_id: NotRequired[str]
    message_id: NotRequired[str]


class CommMessage(TypedDict):
    type: Literal["message"]
    comm_id: str
    data: Encoded
    buffers: list[int]
    after: int
    source: NotRequired[str]
    number: NotRequired[int]


class Messages(TypedDict):
    """From here on a window gets all messages: those of `source` behind `number`."""

    type: Literal["messages"]
    source: str
    number: int


class KernelMessage(KernelState):
    type: Literal["kernel"]


class CellEnd(TypedDict):
    type: Literal["cell_end"]
    msg_id: str
    status: str
    after: int
    cell_id: NotRequired[str]
    execution_count: NotRequired[int]


class Log(TypedDict):
    type: Literal["log"]
    name: str
    text: str
    cause: str


class Peers(TypedDict):
    type: Literal["peers"]
    peers: list[PeerInfo]


class WindowCount(TypedDict):
    """What a bridge is told of the peers: how many windows and viewers there are."""

    type: Literal["peers"]
    windows: int


class Blobs(TypedDict):
    type: Literal["blobs"]
    hashes: list[str]
    sizes: list[int]
    missing: list[str]


class Author(TypedDict):
    """A window as it was when it changed something; it may have left."""

    peer_id: str
    name: str


class ChangedKeys(TypedDict):
    """What one write changed last: by a window, or without `by` by the kernel; so many seconds ago."""

    comm_id: str
    keys: list[str]
    ago: float
    by: NotRequired[Author]


class Changed(TypedDict):
    """Who changed what, to who asked with `Inspect`. A key of which nothing was said is as the kernel made it."""

    type: Literal["changed"]
    changes: list[ChangedKeys]


class Settings(TypedDict):
    """Settings of the user that are for this peer: all of them at first, then what changed."""

    type: Literal["settings"]
    settings: dict[str, bool | int | float | str]


class ErrorMessage(TypedDict):
    type: Literal["error"]
    code: str
    reason: str


ToWindow: TypeAlias = (
    Welcome
    | Accepted
    | Settled
    | Failed
    | CommMessage
    | Messages
    | KernelMessage
    | CellEnd
    | Log
    | Peers
    | Blobs
    | Changed
    | Settings
    | ErrorMessage
)
ToBridge: TypeAlias = Welcome | Applied | Resync | ForgetSubshell | WindowCount | Settings | ErrorMessage
FromBridge: TypeAlias = Hello | Ops | Forgotten
