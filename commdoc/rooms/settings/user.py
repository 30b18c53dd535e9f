"""The settings as a room's host has them: a replica in memory, looked after, told to its rooms.

    a window asks ──► document ──► limits, rooms: at once
                         │  0.5 s behind the last change, at most 5 s late
                         ▼
                      exchange ◄── mirror or document on disk, 0.5 s after it was last changed

The folder is looked at four times a second: no watcher of the system's is the same on a network drive, in a container
and on three systems. What can't be read or written is said once and tried again; the room goes on with what it has.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

from commdoc.protocol.settings import Reader, Value, Values, defaults, for_reader
from commdoc.rooms.limits import MB, RoomLimits
from commdoc.rooms.settings.document import SettingsDocument
from commdoc.rooms.settings.files import Change, Exchanged, Replica, SettingsFolder, Signature
from commdoc.rooms.settings.telling import Telling

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.25
"""Between two looks at the files: two `stat`, 0.1 ms with the thread they run on."""

DEBOUNCE_SECONDS: Final = 0.5
LATEST_SECONDS: Final = 5.0
"""A change of the document is on disk by then, whatever changes on."""

RETRY_SECONDS: Final = 10.0


class Adopting(Protocol):
    """A room."""

    telling: Telling


R = TypeVar("R", bound=Adopting)


@dataclass
class _Due:
    """When an exchange is due."""

    seen: Signature | None = None
    seen_at: float = 0.0
    first_change: float | None = None
    last_change: float = 0.0
    not_before: float = 0.0


class UserSettings:
    """One user's settings.

    Parameters
    ----------
    folder : Path, optional
        Where they are kept; without it they end with the process.
    clock : callable
        Monotonic seconds.

    Attributes
    ----------
    limits : RoomLimits
        One object for all rooms; it changes with the settings.
    exchanges : int
        How often files and document were compared.
    """

    def __init__(self, folder: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.files = None if folder is None else SettingsFolder(folder)
        self.limits = RoomLimits()
        self.exchanges = 0
        self._clock = clock
        self._rooms: list[Telling] = []
        self._listeners: list[Callable[[Values], None]] = []
        self._pending: dict[str, Change] = {}
        self._known: Signature | None = None
        self._due = _Due()
        self._said: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._values = defaults()
        self._own(SettingsDocument())

    # --- reading and changing ----------------------------------------------------------------------------------------

    @property
    def values(self) -> Values:
        """The value of every setting."""
        return dict(self._values)

    def __getitem__(self, key: str) -> Value:
        return self._values[key]

    def number(self, key: str) -> float:
        """Return the value of a setting that is a number."""
        return float(self._values[key])

    def told(self, reader: Reader) -> Values:
        """Return the settings of one kind of reader."""
        return for_reader(reader, self._values)

    def change(self, changes: Mapping[str, Value | None]) -> None:
        """Set, or with None unset; readers know it when this returns, the mirror within 5 s.

        Raises
        ------
        SettingError
            When one has no such value.
        """
        self._document.change(changes)
        at = time.time()
        self._pending.update({key: (value, at) for key, value in changes.items()})
        now = self._clock()
        if self._due.first_change is None:
            self._due.first_change = now
        self._due.last_change = now

    def adopt(self, room: R) -> R:
        """Tell a room what changes from now on, until it is let go; returns it."""
        room.telling.settings = self
        self._rooms.append(room.telling)
        return room

    def let_go(self, telling: Telling) -> None:
        """Tell a room no more."""
        if telling in self._rooms:
            self._rooms.remove(telling)

    def listen(self, listener: Callable[[Values], None]) -> None:
        """Call with what changed, whenever something has."""
        self._listeners.append(listener)

    # --- files -------------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read what there is, at once: for a host that is starting. What goes wrong is logged."""
        if self.files is not None:
            try:
                self._take(self.files.exchange())
            except Exception as error:  # noqa: BLE001 - no file of settings may keep a room from its windows
                self._failed(error)

    def start(self) -> None:
        """Watch the files from now on. Needs a running loop."""
        if self.files is not None and self._task is None:
            self._task = asyncio.ensure_future(self._watch(self.files))

    async def close(self) -> None:
        """Write what is not written, and end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self.files is not None and self._pending:
            await self._exchange(self.files)

    async def _watch(self, files: SettingsFolder) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if self._is_due(await asyncio.to_thread(files.signature)):
                    await self._exchange(files)
            except Exception:
                log.exception("the settings could not be looked after")

    def _is_due(self, signature: Signature) -> bool:
        due, now = self._due, self._clock()
        if signature != due.seen:
            due.seen, due.seen_at = signature, now
        if now < due.not_before:
            return False
        if due.first_change is not None:
            rested = now - due.last_change >= DEBOUNCE_SECONDS and now - due.seen_at >= DEBOUNCE_SECONDS
            return rested or now - due.first_change >= LATEST_SECONDS
        return signature != self._known and now - due.seen_at >= DEBOUNCE_SECONDS

    async def _exchange(self, files: SettingsFolder) -> None:
        sent, self._pending = self._pending, {}
        due, self._due = self._due, _Due(self._due.seen, self._due.seen_at)
        replica = Replica(self._document.document_id, self._document.update(), sent)
        try:
            exchanged = await asyncio.shield(asyncio.to_thread(files.exchange, replica))
        except BaseException as error:
            self._pending = {**sent, **self._pending}
            if self._due.first_change is None:
                self._due.first_change, self._due.last_change = due.first_change, due.last_change
            if not isinstance(error, Exception):
                raise
            self._failed(error)
            return
        self._take(exchanged)
        if not exchanged.settled:
            self._due.first_change, self._due.last_change = self._clock(), self._clock()

    def _take(self, exchanged: Exchanged) -> None:
        self.exchanges += 1
        self._known = exchanged.signature
        self._said.clear()
        for note in exchanged.notes:
            log.warning("settings: %s", note)
        since = {key: value for key, (value, _) in self._pending.items()}
        if exchanged.document_id == self._document.document_id:
            self._document.apply(exchanged.update)
            self._document.change(since)
            return
        fresh = SettingsDocument(exchanged.document_id)
        fresh.apply(exchanged.update)
        fresh.change(since)
        self._own(fresh)

    def _own(self, document: SettingsDocument) -> None:
        before = self._values
        self._document = document
        document.on_change = self._changed
        self._values = document.values()
        changed = {key for key, value in self._values.items() if value != before[key]}
        if changed:
            self._changed(changed)

    def _failed(self, error: Exception) -> None:
        self._due.not_before = self._clock() + RETRY_SECONDS
        text = str(error) or type(error).__name__
        if text not in self._said:
            self._said.add(text)
            log.warning("settings are not read or written, it is tried again: %s", text)

    # --- telling -----------------------------------------------------------------------------------------------------

    def _changed(self, keys: set[str]) -> None:
        self._values = self._document.values()
        _apply(self._values, self.limits)
        changed = {key: self._values[key] for key in self._values if key in keys}
        readers: tuple[Reader, ...] = ("bridge", "window")
        for reader in readers:
            told = for_reader(reader, changed)
            for telling in list(self._rooms) if told else ():
                telling.changed(reader, told)
        for listener in self._listeners:
            listener(changed)


def _apply(values: Values, limits: RoomLimits) -> None:
    """Put the settings that are limits where rooms read them."""
    limits.windows = int(values["rooms.windows"])
    limits.queue_bytes = int(float(values["rooms.queue_mb"]) * MB)
    limits.event_bytes = int(float(values["rooms.event_mb"]) * MB)
    limits.request_seconds = float(values["rooms.request_seconds"])
    limits.blob_grace_seconds = float(values["rooms.blob_grace_seconds"])
