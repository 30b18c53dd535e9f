"""Blobs in a folder that rooms share: each content is there once, and no collector can take one that somebody names.

    <pool>/ab/<sha256>              a content
    <room>/blobs/<sha256>           a hard link to it: this room's own

A room writes and deletes only its own links, so that nobody else's collector has anything to do with them. What is in
the pool and has no other link is unlinked from there: if a room takes a link at that moment, it has the content, and
the pool doesn't any more; the next who puts it makes a second copy, which is all that can happen. Where the file system
has no hard links each room has a copy.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from commdoc.errors import ProtocolError
from commdoc.rooms.blobs import is_digest


class PooledBlobs:
    """A room's blobs.

    Parameters
    ----------
    pool : Path
        Of all rooms; made with the first blob.
    folder : Path
        This room's; made with the first blob.
    """

    def __init__(self, pool: Path, folder: Path) -> None:
        self._pool = pool
        self._folder = folder

    def put(self, digest: str, content: bytes) -> None:
        """Keep `content`."""
        own, shared = self._path(digest), pooled(self._pool, digest)
        if own.exists():
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            os.link(shared, own)
            if own.stat().st_size == len(content):  # a power cut may have left an empty one
                return
            own.unlink()
            shared.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).replace(own)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        with contextlib.suppress(OSError):  # another room has put it meanwhile; no hard links here
            shared.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.link(own, shared)

    def get(self, digest: str) -> bytes | None:
        """Return the content, None when it isn't there."""
        try:
            return self._path(digest).read_bytes()
        except OSError:
            return None

    def size(self, digest: str) -> int | None:
        """Return the content's bytes, None when it isn't there."""
        try:
            return self._path(digest).stat().st_size
        except OSError:
            return None

    def delete(self, digest: str) -> None:
        """Forget it: the pool, too, if nobody else has it."""
        self._path(digest).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            collect(pooled(self._pool, digest))

    def digests(self) -> Iterable[str]:
        """Return what is there."""
        try:
            return [path.name for path in self._folder.iterdir() if is_digest(path.name)]
        except FileNotFoundError:
            return []

    def _path(self, digest: str) -> Path:
        if not is_digest(digest):
            raise ProtocolError(f"{digest!r} is not a SHA-256 in hex")
        return self._folder / digest


def pooled(pool: Path, digest: str) -> Path:
    """Return where the pool has a content."""
    return pool / digest[:2] / digest


def collect(path: Path) -> bool:
    """Remove a content from the pool that no room has; return whether it went."""
    if path.stat().st_nlink > 1:
        return False
    path.unlink()
    return True


def sweep(pool: Path) -> int:
    """Remove what no room has: rooms that were deleted by hand leave it behind. Return how many went."""
    gone = 0
    for path in pool.glob("??/*"):
        with contextlib.suppress(OSError):
            gone += collect(path)
    return gone
