"""The user's settings that are for windows, as the room tells them: read, set, observed.

A window asks for them when its document is complete, on each connection. Until the room has answered, and where its
host has none, there is nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Final

from commdoc.errors import RequestError
from commdoc.protocol.settings import Value, Values, read_told
from commdoc.window import asks, events
from commdoc.window.outbox import Ask

if TYPE_CHECKING:
    from commdoc.window.blocking import Window
    from commdoc.window.window import AsyncWindow

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 10.0

Observer = Callable[[Values], object]


class AsyncSettings(Mapping[str, Value]):
    """The settings of an `AsyncWindow`: a mapping of names to values."""

    def __init__(self, window: AsyncWindow) -> None:
        self._window = window
        self._values: Values = {}
        self._observers: list[Observer] = []

    def __getitem__(self, key: str) -> Value:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def offered(self) -> bool:
        """Whether the room's host has settings."""
        welcome = self._window.core.welcome
        return welcome is not None and bool(welcome.get("settings"))

    async def set(self, changes: Mapping[str, Value | None]) -> None:
        """Set some of them, None puts one back to its default; returns when the room has done it.

        Raises
        ------
        RequestError
            When it did not: no such setting for windows, no such value, a viewer, no settings.
        """
        if not self.offered:
            raise RequestError("rejected", "the host of this room has no settings")
        ident = asks.new_id()
        frame = asks.encode({"type": "set_settings", "message_id": ident, "settings": dict(changes)})
        await self._window.ask(Ask(ident, "", frame))

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call with what has changed, whenever something has; returns what ends it."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer) if observer in self._observers else None

    def follow(self) -> None:
        """Ask the room for them. Called by the window, on each connection."""
        if self.offered:
            self._window.core.say({"type": "follow_settings", "on": True})

    def take(self, event: events.SettingsTold) -> None:
        """Take what the room tells. Called by the window."""
        told = read_told(event.settings, "window")
        changed = {key: value for key, value in told.items() if self._values.get(key) != value}
        self._values = {**self._values, **told}
        for observer in list(self._observers) if changed else ():
            try:
                observer(changed)
            except Exception:
                log.exception("observer %r of settings failed", observer)


class Settings(MutableMapping[str, Value]):
    """The settings of a `Window`: ``window.settings["page.theme"] = "dark"``; ``del`` puts one back to its default.

    Reading waits for the room's first answer. Setting waits until the room has done it, and raises `RequestError` when
    it did not.
    """

    def __init__(self, window: Window, inner: AsyncSettings) -> None:
        self._window = window
        self._inner = inner

    def _loaded(self) -> AsyncSettings:
        inner = self._inner
        self._window.wait_until(lambda: len(inner) or not inner.offered, ANSWER_SECONDS)
        return inner

    def __getitem__(self, key: str) -> Value:
        return self._loaded()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._loaded()))

    def __len__(self) -> int:
        return len(self._loaded())

    def __setitem__(self, key: str, value: Value) -> None:
        self.change({key: value})

    def __delitem__(self, key: str) -> None:
        self.change({key: None})

    def change(self, changes: Mapping[str, Value | None], timeout: float = ANSWER_SECONDS) -> None:
        """Set several at once, all or none.

        Raises
        ------
        RequestError
            When the room did not, ``timeout`` when it has not answered in time.
        """

        async def change() -> None:
            try:
                await asyncio.wait_for(self._inner.set(changes), timeout)
            except (TimeoutError, asyncio.TimeoutError):
                raise RequestError("timeout", f"the room has not answered within {timeout} s") from None

        self._window.run(change())

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call with what has changed, on the thread of callbacks; returns what ends it."""
        stop = self._window.call(
            lambda: self._inner.observe(lambda changed: self._window.later(observer, changed))
        )
        return lambda: self._window.call(stop)
