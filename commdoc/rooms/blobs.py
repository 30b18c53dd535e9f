"""Where a room keeps what is too large for the document, and for how long.

`BlobStore` is the place (`MemoryBlobs`, and those of `commdoc.rooms.store`); `RoomBlobs` the rules: content must match
its hash, a blob stays while a live entry names it and for a grace time after. The counts of who names what come from
the comms log.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from commdoc.errors import ProtocolError
from commdoc.rooms.limits import RoomLimits

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def is_digest(text: object) -> bool:
    """Tell whether `text` is a SHA-256 in lower-case hex."""
    return isinstance(text, str) and _DIGEST.match(text) is not None


class BlobStore(Protocol):
    """Keeps blobs by their SHA-256; knows nothing of who needs them."""

    def put(self, digest: str, content: bytes) -> None:
        """Keep `content`. Raises `OSError` when there is no room for it."""

    def get(self, digest: str) -> bytes | None:
        """Return the content, None when it isn't there."""

    def size(self, digest: str) -> int | None:
        """Return the content's bytes, None when it isn't there."""

    def delete(self, digest: str) -> None:
        """Forget it; nothing happens when it isn't there."""

    def digests(self) -> Iterable[str]:
        """Return what is there."""


class MemoryBlobs:
    """Keeps blobs in the process."""

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}

    def put(self, digest: str, content: bytes) -> None:
        """Keep `content`."""
        self._content[digest] = content

    def get(self, digest: str) -> bytes | None:
        """Return the content, None when it isn't there."""
        return self._content.get(digest)

    def size(self, digest: str) -> int | None:
        """Return the content's bytes, None when it isn't there."""
        content = self._content.get(digest)
        return None if content is None else len(content)

    def delete(self, digest: str) -> None:
        """Forget it."""
        self._content.pop(digest, None)

    def digests(self) -> Iterable[str]:
        """Return what is there."""
        return list(self._content)


class RoomBlobs:
    """The blobs of one room.

    Parameters
    ----------
    store : BlobStore
        This room's own: what is in it and not named is deleted.
    named : callable
        Returns how many sentinels of live entries name each hash.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        store: BlobStore,
        named: Callable[[], Mapping[str, int]],
        limits: RoomLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._named = named
        self._limits = limits
        self._clock = clock
        # Hash to when it was last put or named by an operation, or first found unnamed, whichever is later.
        self._needed_at: dict[str, float] = dict.fromkeys(store.digests(), clock())
        self._unnamed: set[str] = set()
        self._from_windows = 0

    def add(self, content: bytes | memoryview, digest: str | None = None) -> tuple[str, bool]:
        """Keep a blob.

        Returns
        -------
        digest, new : str, bool
            `new` is False for one that was there.

        Raises
        ------
        ProtocolError
            When `digest` is given and is not the content's.
        OSError
            When the store can't keep it.
        """
        actual = hashlib.sha256(content).hexdigest()
        if digest is not None and digest != actual:
            msg = f"a blob of {len(content)} bytes was named {digest[:16]}… and is {actual[:16]}…"
            raise ProtocolError(msg)
        self._needed_at[actual] = self._clock()
        if self._store.size(actual) == len(content):
            return actual, False
        self._store.put(actual, bytes(content))
        return actual, True

    def add_from_window(self, content: bytes) -> tuple[str, bool]:
        """Keep a blob of a request, and count it for `relieve`."""
        digest, new = self.add(content)
        if new:
            self._from_windows += len(content)
        return digest, new

    def relieve(self) -> None:
        """Sweep now if windows have put much since the last time: at 64 MB a second the next one may be far."""
        if self._from_windows > self._limits.unnamed_bytes / 2:
            self.sweep()

    def touch(self, digest: str) -> bool:
        """Note that an operation names this blob; return whether it is there."""
        if not is_digest(digest) or self._store.size(digest) is None:
            return False
        self._needed_at[digest] = self._clock()
        return True

    def get(self, digest: str) -> bytes | None:
        """Return a blob's bytes while it is there."""
        return self._store.get(digest) if is_digest(digest) else None

    def get_named(self, digest: str) -> bytes | None:
        """Return a blob's bytes if a live entry names it."""
        return self._store.get(digest) if self._named().get(digest, 0) > 0 else None

    def usage(self) -> dict[str, int]:
        """Return how many blobs are here, how many bytes they have, and how many of them live entries name."""
        sizes = {digest: self._store.size(digest) or 0 for digest in self._store.digests()}
        named = self._named()
        return {
            "count": len(sizes),
            "bytes": sum(sizes.values()),
            "named": sum(named.get(digest, 0) > 0 for digest in sizes),
        }

    def sweep(self) -> int:
        """Delete what nobody has named for the grace time, or what is too much of it; return how many."""
        now, named = self._clock(), self._named()
        self._from_windows = 0
        waiting = []
        for digest in self._store.digests():
            if named.get(digest, 0) > 0:
                self._unnamed.discard(digest)
                continue
            if digest not in self._unnamed:
                # It may have been named until just now; a window that is behind may still ask for it.
                self._unnamed.add(digest)
                self._needed_at[digest] = now
            waiting.append((self._needed_at[digest], digest))
        waiting.sort(reverse=True)
        kept = deleted = 0
        for needed_at, digest in waiting:
            kept += self._store.size(digest) or 0
            if now - needed_at < self._limits.blob_grace_seconds and kept <= self._limits.unnamed_bytes:
                continue
            self._store.delete(digest)
            self._needed_at.pop(digest, None)
            self._unnamed.discard(digest)
            deleted += 1
        return deleted
