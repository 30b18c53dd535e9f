"""The rooms that a store keeps and that are not live here: an index of them by notebook and by kernel."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from commdoc.errors import CommdocError
from commdoc.rooms.store.base import Attributes, RoomStore

log = logging.getLogger(__name__)

DAYS_WITHOUT_NOTEBOOK: Final = 30
"""A room that belongs to no notebook, and that nobody has been in for so long, is forgotten: each console makes one."""


class Kept:
    """An index of what a store has.

    Parameters
    ----------
    store : RoomStore, optional
        None where nothing is kept.
    root : str, optional
        The folder that paths count from. Rooms of notebooks elsewhere are another host's.
    is_here : callable
        Tells whether a room is live, or just ending, here: what the store has of it says nothing.
    """

    def __init__(
        self, store: RoomStore | None, root: str | None, is_here: Callable[[str], bool] = lambda _: False
    ) -> None:
        self.store = store
        self._root = root
        self._is_here = is_here
        self._rooms: dict[str, Attributes] = {}
        self._loading: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Read what is there, the first time; whoever asks meanwhile waits for it, too."""
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._load())
        await asyncio.shield(self._loading)

    async def _load(self) -> None:
        await self.look()
        for each in [each for each in self._rooms.values() if self._is_forgotten(each)]:
            await self._forget(each)

    async def look(self) -> list[Attributes]:
        """Note what other hosts have kept meanwhile; return all that is kept and not live here, as it is now."""
        listed = {each.room_id: each for each in await self._listed() if not self._is_here(each.room_id)}
        self._rooms = listed | self._rooms  # what is known has followed its notebook
        for each in listed.values():
            known = self._rooms[each.room_id]
            if known.path is not None and self.of_path(known.path) != known:
                self._rooms[each.room_id] = replace(known, path=None, displaced_from=known.path)
        return [replace(self._rooms[each.room_id], size=each.size) for each in listed.values()]

    async def _listed(self) -> list[Attributes]:
        """Return what the store has of this host's; nothing where it can't be read."""
        if self.store is None:
            return []
        try:
            found = await asyncio.to_thread(self.store.rooms)
        except OSError as error:
            log.warning("the kept rooms can't be listed: %s", error)
            return []
        return [here for each in found if (here := self._here(each)) is not None]

    def of_path(self, path: str) -> Attributes | None:
        """Return the newest room of a notebook."""
        return _newest(each for each in self._rooms.values() if each.path == path)

    def of_kernel(self, kernel_id: str) -> Attributes | None:
        """Return the newest room in which a kernel was."""
        return _newest(each for each in self._rooms.values() if each.kernel_id == kernel_id)

    def get(self, room_id: str) -> Attributes | None:
        """Return a room by its id."""
        return self._rooms.get(room_id)

    def below(self, path: str) -> list[Attributes]:
        """Return those of a notebook, or of all in a folder."""
        return [
            each
            for each in self._rooms.values()
            if each.path is not None and (each.path == path or each.path.startswith(f"{path}/"))
        ]

    def add(self, attributes: Attributes) -> None:
        """Note a room that is no longer live."""
        if self.store is not None:
            self._rooms[attributes.room_id] = replace(attributes, saved_at=time.time())

    def take(self, room_id: str) -> Attributes | None:
        """Return a room that becomes live, and forget it here."""
        return self._rooms.pop(room_id, None)

    def _here(self, kept: Attributes) -> Attributes | None:
        """Return what a host with this root says of a room; None when that is another host's."""
        if kept.path is None:
            return kept if kept.root == self._root else None
        if kept.root == self._root:
            return kept
        whole = Path(kept.root or "", kept.path)
        if self._root is None:
            return replace(kept, root=None, path=str(whole))
        if not whole.is_relative_to(self._root):
            return None
        return replace(kept, root=self._root, path=whole.relative_to(self._root).as_posix())

    @staticmethod
    def _is_forgotten(kept: Attributes) -> bool:
        return kept.path is None and time.time() - kept.saved_at > DAYS_WITHOUT_NOTEBOOK * 24 * 3600

    async def _forget(self, kept: Attributes) -> None:
        assert self.store is not None
        try:
            shelf = await asyncio.to_thread(self.store.open, kept.room_id)
            await asyncio.to_thread(shelf.discard)
        except (OSError, CommdocError) as error:
            log.info("room %s, of no notebook any more, stays: %s", kept.room_id, error)
            return
        self._rooms.pop(kept.room_id, None)
        log.info(
            "room %s is forgotten: it belongs to no notebook, and nobody was in it for %d days",
            kept.room_id,
            DAYS_WITHOUT_NOTEBOOK,
        )


def _newest(found: Iterable[Attributes]) -> Attributes | None:
    return max(found, key=lambda each: each.saved_at, default=None)
