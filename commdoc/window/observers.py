"""Who listens to one comm, and what they were last told.

A value is told once: a document that changes to what is shown already tells nothing. Messages that come before anybody
listens are kept for the first who does, since between a comm's opening and the line that registers a handler a kernel
may well have spoken (S26).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from commdoc.errors import BlobMissingError
from commdoc.protocol import values
from commdoc.protocol.messages import Encoded, State
from commdoc.protocol.values import GetBlob
from commdoc.window.delivery import Delivery

log = logging.getLogger(__name__)

MAX_EARLY: Final = 1_000
"""Messages that are kept for a comm to which nobody listens (yet)."""

MAX_EARLY_BYTES: Final = 16 * 1024 * 1024
"""Their buffers, together, for one comm."""

MESSAGE_BYTES: Final = 1_024
"""What a message costs beside its buffers."""

OwnerT = TypeVar("OwnerT")


@dataclass(frozen=True)
class Change(Generic[OwnerT]):
    """A key of a comm's state has another value. ``change["new"]`` reads as ``change.new``.

    Attributes
    ----------
    old : object
        What was shown before; None when there was none or its blob is gone.
    owner
        The comm.
    """

    name: str
    old: Any
    new: Any
    owner: OwnerT
    type: str = field(default="change", init=False)

    def __getitem__(self, item: str) -> Any:
        return getattr(self, item)


OnChange = Callable[[Change[Any]], object]
OnCustom = Callable[[Any, list[bytes]], object]


class Observers:
    """The callbacks of one comm.

    Parameters
    ----------
    owner : object
        What changes name.
    """

    def __init__(self, comm_id: str, owner: object, delivery: Delivery) -> None:
        self._comm_id = comm_id
        self._owner = owner
        self._delivery = delivery
        self._told: State | None = None
        self._on_change: list[tuple[OnChange, frozenset[str] | None]] = []
        self._on_custom: list[OnCustom] = []
        self._on_close: list[Callable[[], object]] = []
        self._early: deque[tuple[Any, list[bytes]]] = deque()
        self._early_bytes = 0

    def observe(self, callback: OnChange, names: Iterable[str] | None, shown: State) -> Callable[[], None]:
        """Tell `callback` of changes against `shown`; returns what ends it."""
        if self._told is None:
            self._told = dict(shown)
        entry = (callback, None if names is None else frozenset(names))
        self._on_change.append(entry)
        return lambda: _discard(self._on_change, entry)

    def on_custom(self, callback: OnCustom) -> Callable[[], None]:
        """Tell `callback` of messages, first of those that nobody has heard."""
        self._on_custom.append(callback)
        early, self._early, self._early_bytes = self._early, deque(), 0
        for content, buffers in early:
            self.message(content, buffers)
        return lambda: _discard(self._on_custom, callback)

    def on_close(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Tell `callback` when the comm is gone."""
        self._on_close.append(callback)
        return lambda: _discard(self._on_close, callback)

    def updated(self, keys: Iterable[str], shown: State) -> None:
        """Tell what differs from what was told."""
        if self._told is None:
            return
        for key in keys:
            if key not in shown:
                self._told.pop(key, None)
                continue
            had, old, new = key in self._told, self._told.get(key), shown[key]
            if had and (old is new or values.dumps(old) == values.dumps(new)):
                continue
            self._told[key] = new
            self._post(key, old, new)

    def message(self, content: Any, buffers: list[bytes]) -> bool:
        """Tell of a message, or keep it. Returns False when the callbacks are too far behind: it is left out."""
        if self._on_custom:
            weight = MESSAGE_BYTES + sum(map(len, buffers))
            if not self._delivery.has_room(weight):
                return False
            self._delivery.post(self._comm_id, (), lambda _: self._call_custom(content, buffers), weight)
            return True
        self._early.append((content, buffers))
        self._early_bytes += sum(map(len, buffers))
        while len(self._early) > MAX_EARLY or self._early_bytes > MAX_EARLY_BYTES:
            _, gone = self._early.popleft()
            self._early_bytes -= sum(map(len, gone))
            log.debug("comm %s: nobody listens, a message was let go", self._comm_id)
        return True

    def closed(self) -> None:
        """Tell that the comm is gone."""
        self._early.clear()
        self._delivery.post(self._comm_id, (), lambda _: self._call(self._on_close))

    def _post(self, key: str, old: Encoded, new: Encoded) -> None:
        def run(get: GetBlob) -> None:
            change = Change(key, _decode_or_none(old, get), values.decode(new, get), self._owner)
            callbacks = [callback for callback, names in self._on_change if names is None or key in names]
            self._call(callbacks, change)

        if any(names is None or key in names for _, names in self._on_change):
            self._delivery.post(self._comm_id, (new,), run)

    def _call_custom(self, content: Any, buffers: list[bytes]) -> None:
        self._call(self._on_custom, content, buffers)

    def _call(self, callbacks: Iterable[Callable[..., object]], *args: object) -> None:
        for callback in list(callbacks):
            try:
                callback(*args)
            except Exception:
                log.exception("comm %s: callback %r failed", self._comm_id, callback)


def _decode_or_none(encoded: Encoded, get: GetBlob) -> Any:
    try:
        return values.decode(encoded, get)
    except BlobMissingError:
        return None


def _discard(entries: list[Any], entry: object) -> None:
    if entry in entries:
        entries.remove(entry)
