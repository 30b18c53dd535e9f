"""Rooms in a folder: each has one of its own in it, which one process at a time holds.

<root>/<room_id>/lock             held by the process that has the room
<root>/<room_id>/snapshot         replaced as a whole: written beside it, fsynced, renamed
<root>/<room_id>/journal.<mark>   what was appended behind it (`Shelf.mark`); older ones go when a snapshot is there
<root>/<room_id>/blobs/           the room's blobs (`pool`)
<root>/<room_id>/….corrupt        what could not be read, for a person to look at
<root>/.pool/                     contents of blobs, each once
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from commdoc.errors import SchemaError, StoreBusyError, StoreError
from commdoc.rooms.blobs import BlobStore
from commdoc.rooms.store import journal, snapshot
from commdoc.rooms.store.base import Attributes, Stored
from commdoc.rooms.store.journal import Journal
from commdoc.rooms.store.pool import PooledBlobs
from commdoc.rooms.store.snapshot import Snapshot
from commdoc.rooms.store.urls import CopiedBlobs, UrlBlobs

log = logging.getLogger(__name__)

SNAPSHOT: Final = "snapshot"
LOCK: Final = "lock"
POOL: Final = ".pool"
_ROOM_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")
_JOURNAL: Final = re.compile(r"journal\.(\d{1,18})\Z")


class FolderStore:
    """Keeps rooms in a folder of this user's.

    Parameters
    ----------
    root : Path
        Made when the first room is opened.
    blobs_url : str, optional
        Where blobs are copied to (`urls.UrlBlobs`).
    """

    def __init__(self, root: Path, blobs_url: str | None = None) -> None:
        self.root = root
        self._blobs_url = blobs_url

    def rooms(self) -> list[Attributes]:
        """Return the rooms whose snapshots say what they are. One that can't is kept as ``*.corrupt``."""
        found = []
        for folder in sorted(self._folders()):
            try:
                with (folder / SNAPSHOT).open("rb") as file:
                    known = snapshot.read_head(file)
                found.append(replace(known, room_id=folder.name, size=_size(folder)))
            except FileNotFoundError:
                continue
            except StoreError:
                with (
                    contextlib.suppress(OSError, StoreError),
                    contextlib.closing(self.open(folder.name)) as shelf,
                ):
                    shelf.load()
            except (OSError, SchemaError) as error:
                log.warning("the room in %s is not listed: %s", folder, error)
        return found

    def open(self, room_id: str) -> FolderShelf:
        """Return a room's shelf. Raises `StoreBusyError`, `OSError`."""
        if _ROOM_ID.match(room_id) is None:
            raise StoreError(f"{room_id!r} is no room's id")
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FolderShelf(self.root, room_id, self._blobs_url)

    def _folders(self) -> Iterator[Path]:
        with contextlib.suppress(FileNotFoundError):
            yield from (path for path in self.root.iterdir() if _ROOM_ID.match(path.name) and path.is_dir())


def _size(folder: Path) -> int:
    size = 0
    for path in folder.iterdir():
        if _is_document(path.name):
            with contextlib.suppress(
                FileNotFoundError
            ):  # its host has just removed it: a snapshot has what it had
                size += path.stat().st_size
    return size


def _is_document(name: str) -> bool:
    return name == SNAPSHOT or _JOURNAL.match(name) is not None


class FolderShelf:
    """One room's folder, with its lock.

    Raises
    ------
    StoreBusyError
        When another process, or another shelf of this one, has it.
    """

    def __init__(self, root: Path, room_id: str, blobs_url: str | None = None) -> None:
        self.folder = root / room_id
        self._root = root
        self._lock = _locked(self.folder)
        self.blobs: BlobStore = PooledBlobs(root / POOL, self.folder / "blobs")
        if blobs_url:
            self.blobs = CopiedBlobs(self.blobs, UrlBlobs(blobs_url, room_id))
        for leftover in self.folder.glob(".new-*"):  # of a process that was killed while it wrote
            leftover.unlink(missing_ok=True)
        for leftover in self.folder.glob("blobs/.new-*"):
            leftover.unlink(missing_ok=True)
        self._mark = 1 + max([0, *(mark for mark, _ in self._journals())])
        self._journal = Journal(self._journal_path(self._mark))

    def load(self) -> Stored | None:
        """Return the last state; see `Shelf.load`."""
        try:
            read = snapshot.decode((self.folder / SNAPSHOT).read_bytes())
        except FileNotFoundError:
            read = None
        except StoreError as error:
            self.refuse(str(error))
            return None
        since = 0 if read is None else read.mark
        updates = [] if read is None else [read.body]
        for mark, path in self._journals():
            if mark < since:
                continue  # the snapshot has it, its process was killed before it was removed
            more, whole = journal.read(path)
            updates += more
            if not whole:
                log.warning("%s ends in the middle of an update: what is before it counts", path)
        if not updates:
            return None
        attributes = Attributes(self.folder.name) if read is None else read.attributes
        return Stored(replace(attributes, room_id=self.folder.name), updates)

    def refuse(self, reason: str) -> None:
        """Keep what is there as ``*.corrupt``."""
        for path in [self.folder / SNAPSHOT, *(path for _, path in self._journals())]:
            with contextlib.suppress(FileNotFoundError):
                kept = _free(path.with_name(f"{path.name}.corrupt"))
                path.rename(kept)
                log.error("%s can't be read and is kept as %s: %s", path, kept.name, reason)

    def append(self, update: bytes) -> int:
        """Append an update; see `Shelf.append`."""
        self._journal.append(update)
        return self._journal.size

    def mark(self) -> int:
        """Begin the next journal; its file is made with the first update."""
        self._journal.close()
        self._mark += 1
        self._journal = Journal(self._journal_path(self._mark))
        return self._mark

    def save(self, attributes: Attributes, snapshot_: bytes, mark: int) -> None:
        """Write the snapshot, then remove the journals that are in it."""
        _write(self.folder, Snapshot(replace(attributes, saved_at=time.time()), mark, snapshot_))
        for number, path in self._journals():
            if number < mark:
                path.unlink(missing_ok=True)

    def sync(self) -> None:
        """Fsync the journal, and the folder that has its name."""
        self._journal.sync()
        _sync_folder(self.folder)

    def set_aside(self) -> str:
        """Move what is kept to a folder of its own; see `Shelf.set_aside`."""
        room_id = uuid.uuid4().hex
        aside = self._root / room_id
        lock = _locked(aside)
        try:
            self._journal.close()
            for path in [path for path in self.folder.iterdir() if path.name != LOCK]:
                path.rename(aside / path.name)
            with contextlib.suppress(FileNotFoundError, StoreError, SchemaError):
                known = snapshot.decode((aside / SNAPSHOT).read_bytes())
                lost = replace(
                    known.attributes, room_id=room_id, path=None, displaced_from=known.attributes.path
                )
                _write(aside, replace(known, attributes=lost))
        finally:
            _give_back(lock, aside)
        self.mark()
        return room_id

    def discard(self) -> None:
        """Remove the folder, and from the pool what nobody else has."""
        for digest in self.blobs.digests():
            self.blobs.delete(digest)
        if isinstance(self.blobs, CopiedBlobs):
            with contextlib.suppress(OSError):
                self.blobs.copy()
        self._journal.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()

    def close(self) -> None:
        """Give the room back; a folder with nothing in it goes."""
        self._journal.close()
        _give_back(self._lock, self.folder)

    def _journals(self) -> list[tuple[int, Path]]:
        """Return the journals that are there, oldest first."""
        found = [(_JOURNAL.match(path.name), path) for path in self.folder.iterdir()]
        return sorted((int(match[1]), path) for match, path in found if match is not None)

    def _journal_path(self, mark: int) -> Path:
        return self.folder / f"journal.{mark}"


def _write(folder: Path, content: Snapshot) -> None:
    """Replace a folder's snapshot: the old one or the new one is there at any time."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(snapshot.encode(content))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(folder / SNAPSHOT)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _locked(folder: Path) -> FileLock:
    # Saved and closed on whichever thread has the time: the lock is not one thread's.
    lock = FileLock(folder / LOCK, mode=0o600, thread_local=False)
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except FileNotFoundError:  # who had it has just removed the folder
            continue
        except Timeout:
            raise StoreBusyError(f"another process has {folder}") from None
        return lock


def _give_back(lock: FileLock, folder: Path) -> None:
    """Let go of a folder; one with nothing in it is removed while it is held, so that nobody's lock goes with it."""
    with contextlib.suppress(OSError):
        if {path.name for path in folder.iterdir()} <= {LOCK}:
            (folder / LOCK).unlink(missing_ok=True)
            folder.rmdir()
    lock.release()


def _free(path: Path) -> Path:
    """Return the path, with a number behind it if it is taken."""
    taken, n = path, 1
    while taken.exists():
        n += 1
        taken = path.with_name(f"{path.name}.{n}")
    return taken
