"""Blobs of a room whose place may fail: what can't be written there stays in memory until it can."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from commdoc.rooms.blobs import BlobStore, MemoryBlobs
from commdoc.rooms.store.urls import CopiedBlobs

log = logging.getLogger(__name__)


class FallbackBlobs:
    """Keeps blobs in a place, and in memory what that doesn't take.

    Parameters
    ----------
    place : BlobStore, optional
        None while there is none.
    failed : callable
        Told why the place didn't take one.
    """

    def __init__(self, place: BlobStore | None, failed: Callable[[Exception], None]) -> None:
        self.place = place
        self._failed = failed
        self._memory = MemoryBlobs()

    def put(self, digest: str, content: bytes) -> None:
        """Keep `content`."""
        if self.place is not None:
            try:
                self.place.put(digest, content)
                return
            except OSError as error:
                self._failed(error)
        self._memory.put(digest, content)

    def get(self, digest: str) -> bytes | None:
        """Return the content, None when it isn't there."""
        content = self._memory.get(digest)
        return content if content is not None or self.place is None else self.place.get(digest)

    def size(self, digest: str) -> int | None:
        """Return the content's bytes, None when it isn't there."""
        size = self._memory.size(digest)
        return size if size is not None or self.place is None else self.place.size(digest)

    def delete(self, digest: str) -> None:
        """Forget it."""
        self._memory.delete(digest)
        if self.place is not None:
            try:
                self.place.delete(digest)
            except OSError as error:
                log.info("a blob that nobody names stays: %s", error)

    def digests(self) -> Iterable[str]:
        """Return what is there."""
        found = dict.fromkeys(self._memory.digests())
        if self.place is not None:
            try:
                found.update(dict.fromkeys(self.place.digests()))
            except OSError as error:
                log.info("the blobs of a room can't be listed: %s", error)
        return list(found)

    def copy(self) -> None:
        """Copy what the place has to where it is to be copied, if anywhere. Raises `OSError`."""
        if isinstance(self.place, CopiedBlobs):
            self.place.copy()

    def settle(self) -> None:
        """Give the place what it didn't take. Raises `OSError` when it still doesn't."""
        if self.place is not None:
            for digest in self._memory.digests():
                self.place.put(digest, self._memory.get(digest) or b"")
                self._memory.delete(digest)
