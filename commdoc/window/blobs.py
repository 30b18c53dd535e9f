"""The blobs that a window has at hand: those pushed to it, and those it asked for.

A blob is kept while a live entry names it. What is named is looked up only when the cache has grown (mark and sweep by
generations), so that an update costs nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from commdoc.protocol.messages import BlobType, Encoded
from commdoc.protocol.values import BlobSentinel, blob_sentinels, sentinel

SWEEP_BYTES: Final = 32 * 1024 * 1024
"""Growth after which the cache looks for blobs that nothing names: half a second of a 60 Hz stream of 1 MB images."""

BATCH_BYTES: Final = 8 * 1024 * 1024
"""Most bytes asked for in one ``get_blobs``: updates pass between the answers."""


class BlobCache:
    """Blob contents by hash.

    Parameters
    ----------
    live : callable
        Returns the encoded values that name blobs now.
    """

    def __init__(self, live: Callable[[], Iterable[Encoded]]) -> None:
        self._live = live
        self._old: dict[str, bytes] = {}
        self._new: dict[str, bytes] = {}
        self._new_bytes = 0
        self._old_bytes = 0

    def __contains__(self, blob_hash: str) -> bool:
        return blob_hash in self._new or blob_hash in self._old

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def get(self, blob_hash: str) -> bytes | None:
        """Return the content, or None when it is not at hand."""
        content = self._new.get(blob_hash)
        return self._old.get(blob_hash) if content is None else content

    def put(self, blob_hash: str, content: bytes) -> None:
        """Keep a blob: at least until the cache grew by `SWEEP_BYTES`, longer while an entry names it."""
        if blob_hash in self:
            return
        self._new[blob_hash] = content
        self._new_bytes += len(content)
        if self._new_bytes > max(SWEEP_BYTES, self._old_bytes):
            self._sweep()

    def put_own(self, content: bytes, kind: BlobType) -> BlobSentinel:
        """Keep a blob of a value that this window asks for; return its sentinel."""
        named = sentinel(content, kind)
        self.put(named["$blob"], content)
        return named

    def missing(self, encoded: Encoded) -> list[BlobSentinel]:
        """Return the sentinels in an encoded value whose blobs are not at hand, each once."""
        out: dict[str, BlobSentinel] = {}
        for named in blob_sentinels(encoded):
            if named["$blob"] not in self:
                out.setdefault(named["$blob"], named)
        return list(out.values())

    def _sweep(self) -> None:
        """Drop what was here at the last sweep, too, and is named by nothing now."""
        named = {found["$blob"] for encoded in self._live() for found in blob_sentinels(encoded)}
        kept = {name: content for name, content in self._old.items() if name in named}
        self._old = {**kept, **self._new}
        self._old_bytes = sum(map(len, self._old.values()))
        self._new = {}
        self._new_bytes = 0


class BlobWants:
    """Which blobs were asked for, so that none is asked for twice, and none forgotten when the connection is lost."""

    def __init__(self) -> None:
        self._wanted: dict[str, BlobSentinel] = {}
        self._asked: set[str] = set()

    def add(self, sentinels: Iterable[BlobSentinel]) -> None:
        """Ask for these, in the next batches."""
        for named in sentinels:
            self._wanted.setdefault(named["$blob"], named)

    def answered(self, hashes: Iterable[str]) -> None:
        """Note that these came, or that the room has none by that name."""
        for blob_hash in hashes:
            self._wanted.pop(blob_hash, None)
            self._asked.discard(blob_hash)

    def reconnect(self) -> None:
        """Note that a new connection knows of nothing that was asked for."""
        self._asked.clear()

    def batches(self) -> list[list[str]]:
        """Return the hashes to ask for now, in batches."""
        out: list[list[str]] = []
        size = 0
        for blob_hash, named in self._wanted.items():
            if blob_hash in self._asked:
                continue
            self._asked.add(blob_hash)
            if not out or size + named["size"] > BATCH_BYTES:
                out.append([])
                size = 0
            out[-1].append(blob_hash)
            size += named["size"]
        return out
