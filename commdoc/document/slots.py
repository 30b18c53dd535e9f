"""The elements of the comms array as its writer remembers them, and how often they name blobs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from commdoc.document.yupdate import ElementId
from commdoc.protocol.values import blob_sentinels

_MARK = '"$blob"'


class Slot:
    """One element of the array, from the moment it is planned; compared by identity."""

    __slots__ = ("id", "text")

    def __init__(self, text: str, element_id: ElementId | None = None) -> None:
        self.text = text
        self.id = element_id
        """None until the batch that appends it is written."""


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
