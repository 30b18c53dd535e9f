"""What the writer of the comms array remembers of its elements, of each comm, and of the blobs that they name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from commdoc.document.elements import MODEL_KEYS, model_state
from commdoc.document.yupdate import ElementId
from commdoc.protocol.messages import State
from commdoc.protocol.values import blob_sentinels, dumps

_MARK = '"$blob"'


class Slot:
    """One element of the array, from the moment it is planned; compared by identity."""

    __slots__ = ("id", "text")

    def __init__(self, text: str, element_id: ElementId | None = None) -> None:
        self.text = text
        self.id = element_id
        """None until the batch that appends it is written."""


@dataclass(slots=True)
class Entry:
    """An open comm. Its values are JSON texts and are compared as such: 5 is not 5.0.

    Attributes
    ----------
    base : dict or None
        State of the ``o``, key to text; None for a comm without a state.
    extra : dict
        ``data`` and ``metadata`` of the ``o`` as texts, as far as they are.
    overlay : dict
        State of the ``u``, key to text.
    """

    comm_id: str
    target_name: str
    model: dict[str, str]
    seq: int
    epoch: str
    base: dict[str, str] | None
    extra: dict[str, str]
    opened: Slot
    overlay: dict[str, str] = field(default_factory=dict)
    updated: Slot | None = None
    outputs: list[Slot] = field(default_factory=list)
    unknown: list[Slot] = field(default_factory=list)

    @property
    def model_name(self) -> str | None:
        """`_model_name` as it was opened."""
        return self.model.get("model_name")

    def text(self, key: str) -> str | None:
        """Return the JSON text of a state key as it is now."""
        if key in self.overlay:
            return self.overlay[key]
        if self.base is not None and key in self.base:
            return self.base[key]
        name = MODEL_KEYS.get(key)
        return dumps(self.model[name]) if name in self.model else None

    def state(self) -> State:
        """Return the state, encoded, with the overlay applied and the model keys put back; a copy."""
        texts = {**(self.base or {}), **self.overlay}
        return {**model_state(self.model), **{key: json.loads(text) for key, text in texts.items()}}

    def texts(self) -> Iterator[str]:
        """Yield every text that may name blobs, those of a ``u`` beside those of the ``o`` that it overlays."""
        yield from (self.base or {}).values()
        yield from self.extra.values()
        yield from self.overlay.values()
        for slot in self.outputs:
            yield slot.text

    def differs_in_values_only(
        self, target_name: str, model: dict[str, str], base: dict[str, str] | None, extra: dict[str, str]
    ) -> bool:
        """Say whether an ``o`` of these parts would be this comm but for the values of its state."""
        if (self.target_name, self.model, self.extra) != (target_name, model, extra):
            return False
        if self.base is None or base is None:
            return self.base is base and not self.overlay
        return self.base.keys() | self.overlay.keys() == base.keys()


class BlobRefs:
    """How often live elements name each blob."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._unnamed: dict[str, None] = {}
        self.counts: Mapping[str, int] = MappingProxyType(self._counts)

    def add(self, texts: Iterable[str]) -> None:
        """Count what `texts` name."""
        for name in _names(texts):
            self._counts[name] = self._counts.get(name, 0) + 1

    def release(self, texts: Iterable[str]) -> None:
        """Uncount what `texts` name; they were counted."""
        for name in _names(texts):
            self._counts[name] -= 1
            if not self._counts[name]:
                del self._counts[name]
                self._unnamed[name] = None

    def take_unnamed(self) -> list[str]:
        """Return the blobs that lost their last name since the last call and have none now."""
        unnamed = [name for name in self._unnamed if name not in self._counts]
        self._unnamed.clear()
        return unnamed


def _names(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        if _MARK in text:
            for sentinel in blob_sentinels(json.loads(text)):
                yield sentinel["$blob"]
