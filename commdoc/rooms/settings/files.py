"""The settings on disk: one folder that all processes of a user share, and how they exchange what changed.

<folder>/settings.json          the mirror: people and tools edit it
<folder>/settings.ydoc          the document, and what the mirror was last written with
<folder>/settings.lock          held by who exchanges
<folder>/….corrupt              what could not be read, for a person to look at

An exchange merges, in this order: the document on disk, the caller's replica, what somebody changed in the mirror.
Then both files are written where they say something else. It is the same for a room's host, which gives its replica,
and for a command, which gives what to change. Who comes next finds mirror and document in agreement and writes nothing:
there is no loop.

Not covered: a tool that itself replaces the mirror, without the lock, in the some 20 µs between the last look at it and
its replacement. Its edit is lost, as it is between any two such editors of one file.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from filelock import FileLock, Timeout

from commdoc.document.yupdate import state_vector
from commdoc.protocol.settings import Value, Values
from commdoc.rooms.settings import mirror
from commdoc.rooms.settings.document import SettingsDocument
from commdoc.rooms.settings.merging import Version, edits, replaced
from commdoc.rooms.settings.mirror import Content, MirrorError

LOCK_SECONDS: Final = 10.0
"""Until who waits for another process gives up."""

SETTLE_SECONDS: Final = 0.5
"""A mirror that can't be read and is younger than this is one that somebody is writing."""

COMPACT_BYTES: Final = 65_536
"""Beyond, the document on disk begins a new life: some 20 bytes are left of each change for ever."""

Mark: TypeAlias = tuple[int, int, int] | None
Change: TypeAlias = tuple[Value | None, float]
"""A value, None for the default, and when somebody chose it."""

Signature: TypeAlias = tuple[Mark, Mark]
"""By which a change of mirror and document is seen: inode, size, time."""


@dataclass(frozen=True)
class Replica:
    """A caller's own document, and what it changed in it since the last exchange, with the times (Unix time)."""

    document_id: str
    update: bytes
    changes: Mapping[str, Change]


@dataclass
class Exchanged:
    """What an exchange came to.

    Attributes
    ----------
    document_id, update
        The document as it is now.
    values
        Of every setting.
    signature
        Of the files as they were left.
    settled
        Whether the mirror could be read or written; else somebody is writing it.
    notes
        What a person should know.
    """

    document_id: str
    update: bytes
    values: Values
    signature: Signature
    settled: bool = True
    notes: list[str] = field(default_factory=list)


@dataclass
class _State:
    document: SettingsDocument
    versions: list[Version]
    chosen: dict[str, float] = field(default_factory=dict)
    known: tuple[object, ...] = ()

    def choose(self, changes: Mapping[str, Change]) -> None:
        """Make changes that are the newest of their settings; in Yjs alone the client with the greater id would win."""
        newest = {key: (v, at) for key, (v, at) in changes.items() if at >= self.chosen.get(key, 0.0)}
        self.document.change({key: value for key, (value, _) in newest.items()})
        self.chosen.update({key: at for key, (_, at) in newest.items()})


class SettingsFolder:
    """The settings of one user.

    Parameters
    ----------
    folder : Path
        Made by the first exchange.

    Attributes
    ----------
    writes : int
        How often the mirror was written by this object.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mirror = folder / "settings.json"
        self.state = folder / "settings.ydoc"
        self.lock = folder / "settings.lock"
        self.writes = 0

    def exists(self) -> bool:
        """Whether there are settings on disk."""
        return self.mirror.exists() or self.state.exists()

    def signature(self) -> Signature:
        """Return what tells whether somebody changed a file."""
        return _mark(self.mirror), _mark(self.state)

    def exchange(
        self, replica: Replica | None = None, changes: Mapping[str, Value | None] | None = None
    ) -> Exchanged:
        """Merge disk, replica, the mirror's edits and then `changes`, and write what became of it.

        Raises
        ------
        OSError
            When the folder can't be read or written, or another process holds its lock.
        SettingError
            When `changes` has what can't be.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with FileLock(self.lock, timeout=LOCK_SECONDS, thread_local=False):
                return self._exchange(replica, changes or {})
        except Timeout as error:
            msg = f"another process has held {self.lock} for {LOCK_SECONDS:g} s"
            raise OSError(msg) from error

    def _exchange(self, replica: Replica | None, changes: Mapping[str, Value | None]) -> Exchanged:
        notes: list[str] = []
        state = self._stored(replica, notes)
        if replica is not None:
            before = state.document.set_values()
            if replica.document_id == state.document.document_id:
                state.document.apply(replica.update)
                state.document.change({key: before.get(key) for key in replica.changes})
            state.choose(replica.changes)
        found, mark, settled = self._edited(state, notes)
        now = time.time()
        state.choose({key: (value, now) for key, value in (changes or {}).items()})
        if len(state.document.update()) > COMPACT_BYTES:
            state = _State(_compacted(state.document), state.versions, state.chosen)
        if settled:
            settled, mark = self._write_mirror(state, found, mark)
        state_mark = self._write_state(state)
        document = state.document
        return Exchanged(
            document.document_id, document.update(), document.values(), (mark, state_mark), settled, notes
        )

    # --- the document ------------------------------------------------------------------------------------------------

    def _stored(self, replica: Replica | None, notes: list[str]) -> _State:
        try:
            content = json.loads(self.state.read_text(encoding="utf-8"))
            document = SettingsDocument(str(content["document_id"]))
            document.apply(base64.b64decode(content["update"], validate=True))
            versions = [Version(dict(each["values"]), each["replaced"]) for each in content["versions"]]
            chosen = {str(key): float(at) for key, at in content["chosen"].items()}
        except FileNotFoundError:
            pass
        except OSError:
            raise
        except BaseException as error:
            # yrs panics at some updates; that is no Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            self._keep_corrupt(self.state, f"{type(error).__name__}: {error}", notes)
        else:
            state = _State(document, versions, chosen)
            state.known = _known(state)
            return state
        return _State(SettingsDocument(replica.document_id if replica is not None else None), [])

    def _write_state(self, state: _State) -> Mark:
        if _known(state) == state.known:
            return _mark(self.state)
        content = {
            "document_id": state.document.document_id,
            "update": base64.b64encode(state.document.update()).decode(),
            "versions": [{"values": each.values, "replaced": each.replaced} for each in state.versions],
            "chosen": state.chosen,
        }
        return _replace(self.state, json.dumps(content))

    # --- the mirror --------------------------------------------------------------------------------------------------

    def _edited(self, state: _State, notes: list[str]) -> tuple[tuple[str, Content] | None, Mark, bool]:
        """Take over what somebody changed in the mirror; return it, its mark, and whether it is whole."""
        mark = _mark(self.mirror)
        try:
            text = self.mirror.read_text(encoding="utf-8")
            content = mirror.read(text)
        except FileNotFoundError:
            return None, None, True
        except (MirrorError, UnicodeDecodeError) as error:
            # Somebody may have begun to write since the first look.
            if _mark(self.mirror) != mark or time.time() - self._edited_at() < SETTLE_SECONDS:
                return None, mark, False
            self._keep_corrupt(self.mirror, str(error), notes)
            return None, None, True
        notes += [f"{self.mirror}: {reason}; the value stays as it was" for reason in content.refused]
        edited = self._edited_at()
        values = state.document.values()
        changed = edits(content.values, state.versions, edited)
        state.choose(
            {key: (value, edited) for key, value in changed.items() if value is None or value != values[key]}
        )
        return (text, content), mark, True

    def _write_mirror(
        self, state: _State, found: tuple[str, Content] | None, mark: Mark
    ) -> tuple[bool, Mark]:
        """Write the mirror if it says something else; return whether it says what holds, and its mark."""
        values = state.document.values()
        content = Content() if found is None else found[1]
        text = mirror.render(values, content.unknown)
        if found is None or content.refused or json.loads(found[0]) != json.loads(text):
            written = _replace_if(self.mirror, text, mark)
            if written is None:
                return False, mark  # edited just now: the next time
            mark = written
            self.writes += 1
        if not state.versions or state.versions[-1].values != values:
            state.versions = replaced(state.versions, values, time.time())
        return True, mark

    def _edited_at(self) -> float:
        """Return when the mirror was last changed; a copy that keeps an older time is as new as its place here."""
        try:
            about = self.mirror.stat()
        except OSError:
            return time.time()
        return max(about.st_mtime, about.st_ctime)

    def _keep_corrupt(self, path: Path, reason: str, notes: list[str]) -> None:
        aside = path.with_name(f"{path.name}.corrupt")
        path.replace(aside)
        notes.append(f"{path} can't be read ({reason}): it is kept as {aside.name} and written anew")


def _known(state: _State) -> tuple[object, ...]:
    # Not the update itself: the same document may be written in two ways.
    return (
        state.document.document_id,
        dict(state_vector(state.document.doc.get_state())),
        state.document.all_values(),
        [(each.values, each.replaced) for each in state.versions],
        dict(state.chosen),
    )


def _compacted(document: SettingsDocument) -> SettingsDocument:
    fresh = SettingsDocument()
    fresh.restore(document.all_values())
    return fresh


def _mark(path: Path) -> Mark:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


def _replace(path: Path, text: str) -> Mark:
    """Replace a file as a whole, for this user alone where it is new. Returns its mark."""
    name = _beside(path, text)
    mark = _mark(name)
    name.replace(path)
    return mark


def _replace_if(path: Path, text: str, mark: Mark) -> Mark:
    """Replace a file that still has this mark; where it is a link, what it leads to. Returns the new one's, else None.

    Whoever opens the file to write it, until the very moment in which it is replaced, has changed what was replaced:
    that is put back then, with whoever writes into it.
    """
    path = Path(os.path.realpath(path))
    name = _beside(path, text)
    replaced = path.with_name(f".{path.name}.old")
    try:
        replaced.unlink(missing_ok=True)
        if mark is not None:
            with contextlib.suppress(OSError):  # a file system without hard links
                replaced.hardlink_to(path)
        if _mark(path) != mark:
            return None
        written = _mark(name)
        name.replace(path)
        if replaced.exists() and _mark(replaced) != mark:
            replaced.replace(path)
            return None
        return written
    finally:
        name.unlink(missing_ok=True)
        replaced.unlink(missing_ok=True)


def _beside(path: Path, text: str) -> Path:
    """Write a file with another name, on disk and with the permissions of the one that it is to replace."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".new")  # 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):
            shutil.copymode(path, name)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
