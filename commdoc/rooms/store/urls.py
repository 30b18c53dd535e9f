"""Blobs behind a URL that fsspec knows: a bucket, a server, another machine's folder.

    <url>/<room_id>/<sha256>        a content

Each room has its own there, written and deleted by the one process that has the room's shelf: no collector of another
room has anything to do with them. A place behind a network is never waited for by a room: what it reads and writes is
in a place of this machine, and is copied from time to time, by a thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from commdoc.errors import ProtocolError
from commdoc.rooms.blobs import BlobStore, is_digest


class UrlBlobs:
    """A room's blobs behind a URL.

    Every method waits for the network, and raises `OSError` when that fails: also when fsspec isn't there, or knows no
    such URL.

    Parameters
    ----------
    url : str
        As fsspec has it, e.g. ``s3://bucket/commdoc``, ``sftp://host/srv/commdoc``, ``file:///srv/commdoc``.
    room_id : str
        Whose they are.
    """

    def __init__(self, url: str, room_id: str) -> None:
        self.url = url
        self._room_id = room_id

    def put(self, digest: str, content: bytes) -> None:
        """Keep `content`: whole or not at all, as the place replaces files."""
        with self._failing("takes no blob"):
            files, folder = self._place
            files.makedirs(folder, exist_ok=True)
            files.pipe_file(self._path(digest), content)

    def get(self, digest: str) -> bytes | None:
        """Return the content, None when it isn't there or isn't what its name says."""
        try:
            with self._failing("gives no blob"):
                content = bytes(self._place[0].cat_file(self._path(digest)))
        except FileNotFoundError:
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None

    def size(self, digest: str) -> int | None:
        """Return the content's bytes, None when it isn't there."""
        try:
            with self._failing("says nothing of a blob"):
                return int(self._place[0].size(self._path(digest)))
        except FileNotFoundError:
            return None

    def delete(self, digest: str) -> None:
        """Forget it."""
        with contextlib.suppress(FileNotFoundError), self._failing("deletes no blob"):
            self._place[0].rm_file(self._path(digest))

    def digests(self) -> Iterable[str]:
        """Return what is there."""
        try:
            with self._failing("can't be listed"):
                files, folder = self._place
                files.invalidate_cache(folder)
                names = [str(path).rsplit("/", 1)[-1] for path in files.ls(folder, detail=False)]
        except FileNotFoundError:
            return []
        return [name for name in names if is_digest(name)]

    @cached_property
    def _place(self) -> tuple[Any, str]:
        """The file system, and this room's folder in it."""
        from fsspec.core import url_to_fs

        files, root = url_to_fs(self.url)
        return files, f"{str(root).rstrip('/')}/{self._room_id}"

    def _path(self, digest: str) -> str:
        if not is_digest(digest):
            raise ProtocolError(f"{digest!r} is not a SHA-256 in hex")
        return f"{self._place[1]}/{digest}"

    @contextlib.contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, ProtocolError):
            raise
        except ImportError as error:
            raise OSError(
                f"{self.url} {what}: {error}; pip install commdoc[fsspec] and what it names"
            ) from None
        except Exception as error:  # each place has exceptions of its own
            raise OSError(f"{self.url} {what}: {str(error) or type(error).__name__}") from error


class CopiedBlobs:
    """Blobs in a place of this machine, of which another place is to have a copy.

    Parameters
    ----------
    here : BlobStore
        Read and written at once.
    there : BlobStore
        Written by `copy`; read once, for what isn't here: the machine may be another one than last time.
    """

    def __init__(self, here: BlobStore, there: BlobStore) -> None:
        self.here = here
        self.there = there
        self._lock = threading.Lock()
        self._owed: set[str] = set()
        self._gone: set[str] = set()
        self._compared = False

    def put(self, digest: str, content: bytes) -> None:
        """Keep `content`; the copy is owed."""
        self.here.put(digest, content)
        with self._lock:
            self._gone.discard(digest)
            self._owed.add(digest)

    def get(self, digest: str) -> bytes | None:
        """Return the content, None when it isn't here."""
        return self.here.get(digest)

    def size(self, digest: str) -> int | None:
        """Return the content's bytes, None when it isn't here."""
        return self.here.size(digest)

    def delete(self, digest: str) -> None:
        """Forget it; the copy goes with the next `copy`."""
        self.here.delete(digest)
        with self._lock:
            self._owed.discard(digest)
            self._gone.add(digest)

    def digests(self) -> Iterable[str]:
        """Return what is here."""
        return self.here.digests()

    def copy(self) -> None:
        """Do there what was done here, the first time also here what isn't. On any thread; raises `OSError`."""
        if not self._compared:
            self._compare()
        with self._lock:
            gone, owed = list(self._gone), list(self._owed)
        # One that is put again meanwhile is owed again, and is written the next time.
        for digest in gone:
            self.there.delete(digest)
            with self._lock:
                self._gone.discard(digest)
        for digest in owed:
            content = self.here.get(digest)
            if content is not None:
                self.there.put(digest, content)
            with self._lock:
                self._owed.discard(digest)

    def _compare(self) -> None:
        here, there = set(self.here.digests()), set(self.there.digests())
        with self._lock:
            self._owed |= here - there
            missing = there - here - self._gone
        for digest in missing:
            content = self.there.get(digest)
            if content is not None:
                self.here.put(digest, content)
        self._compared = True
