"""What a bridge tells its room to do, operation by operation, typed: the items of `messages.Ops`."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

from typing_extensions import NotRequired

from commdoc.protocol.messages import Encoded, State


class OpenOp(TypedDict):
    op: Literal["open"]
    comm_id: str
    target_name: str
    state: NotRequired[State]
    data: NotRequired[Encoded]
    metadata: NotRequired[Encoded]


class UpdateOp(TypedDict):
    op: Literal["update"]
    comm_id: str
    state: State
    cause: NotRequired[str]


class CloseOp(TypedDict):
    op: Literal["close"]
    comm_id: str


class MessageOp(TypedDict):
    op: Literal["message"]
    comm_id: str
    data: Encoded
    buffers: list[int]
    number: NotRequired[int]


class SettledOp(TypedDict):
    op: Literal["settled"]
    request_id: str
    comm_id: str
    state: State
    error: NotRequired[str]


class HandledOp(TypedDict):
    op: Literal["handled"]
    comm_id: str
    message_id: str
    error: NotRequired[str]


class TruthOp(TypedDict):
    op: Literal["truth"]
    comm_id: str
    state: State


class OutputOp(TypedDict):
    op: Literal["output"]
    comm_id: str
    output: dict[str, Encoded]


class StreamOp(TypedDict):
    op: Literal["stream"]
    comm_id: str
    name: str
    text: str


class SetOutputOp(TypedDict):
    op: Literal["set_output"]
    comm_id: str
    index: int
    output: dict[str, Encoded]


class OutputsOp(TypedDict):
    op: Literal["outputs"]
    comm_id: str
    outputs: list[dict[str, Encoded]]


class Place(TypedDict):
    """Where a display stands: in this cell, the output with this number of those that are no streams.

    `digests` are of what it may show now (`commdoc.protocol.outputs.shown_digest`).
    """

    cell_id: str
    ordinal: int
    digests: list[str]


class RedisplayOp(TypedDict):
    op: Literal["redisplay"]
    display_id: str
    places: list[Place]
    output: dict[str, Encoded]


class ViewOp(TypedDict):
    op: Literal["view"]
    comm_id: str
    msg_id: str
    cell_id: NotRequired[str]
    execution_count: NotRequired[int]


class ClearViewsOp(TypedDict):
    op: Literal["clear_views"]
    msg_id: str


class StatusOp(TypedDict):
    op: Literal["status"]
    status: Literal["busy", "idle"]


class CellEndOp(TypedDict):
    op: Literal["cell_end"]
    msg_id: str
    status: str
    cell_id: NotRequired[str]
    execution_count: NotRequired[int]


class LogOp(TypedDict):
    op: Literal["log"]
    name: str
    text: str
    cause: str


class AdoptedOp(TypedDict):
    op: Literal["adopted"]
    comm_ids: list[str]


Op: TypeAlias = (
    OpenOp
    | UpdateOp
    | CloseOp
    | MessageOp
    | SettledOp
    | HandledOp
    | TruthOp
    | OutputOp
    | StreamOp
    | SetOutputOp
    | OutputsOp
    | RedisplayOp
    | ViewOp
    | ClearViewsOp
    | StatusOp
    | CellEndOp
    | LogOp
    | AdoptedOp
)
