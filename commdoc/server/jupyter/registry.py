"""The rooms of a Jupyter server: one for each notebook, found by its path and by its kernel.

    a bridge comes                 the room of its kernel's notebook; of a kernel without one, one of its own
    a window asks for a kernel     the room where its bridge is, else where it would go
    a window asks for a notebook   its room, made if there is none
    a notebook is renamed          its room has the new path
    a session names another path   (save as) the live room has it, unless that notebook has a room with widgets

Two rooms for one path cannot be: whoever asks while a room is being made gets that one. A document that its owner has
let go and opened again is another document: the room ends, its windows rejoin the next one, which has its id.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from commdoc.rooms.room import Room
from commdoc.server.jupyter.documents import Document

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Hosted:
    """A room and what its host knows of it.

    Attributes
    ----------
    path : str or None
        Of the notebook, as the server's contents manager names it.
    kernel_id : str or None
        Whose bridge came last.
    """

    room: Room
    document: Document
    path: str | None = None
    kernel_id: str | None = None

    def has_epoch(self, epoch: str | None) -> bool:
        """Tell whether this life of a kernel is the one that the room shows."""
        kernel = self.room.kernel.kernel
        return kernel is not None and kernel["epoch"] == epoch

    def kernel_dead(self, reason: str, epoch: str | None = None) -> None:
        """Tell the room that its kernel is gone; with `epoch` only if that life of it is the one that it shows."""
        if epoch is None or self.has_epoch(epoch):
            self.room.kernel_dead(reason)

    @property
    def is_unused(self) -> bool:
        """Whether no kernel has been in it: there is nothing to lose."""
        return self.kernel_id is None and self.room.kernel.kernel is None


class Registry:
    """Makes rooms and finds them.

    Parameters
    ----------
    open_document : callable
        Returns the document of a path, or one for no path.
    make_room : callable
        Returns a room for a document, with this id.
    """

    def __init__(
        self,
        open_document: Callable[[str | None], Awaitable[Document]],
        make_room: Callable[[Document, str], Room],
    ) -> None:
        self._open_document = open_document
        self._make_room = make_room
        self._hosted: dict[str, Hosted] = {}
        self._by_path: dict[str, Hosted] = {}
        self._by_kernel: dict[str, Hosted] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # --- finding -----------------------------------------------------------------------------------------------------

    def all(self) -> list[Hosted]:
        """Return all rooms."""
        return list(self._hosted.values())

    def get(self, room_id: str) -> Hosted | None:
        """Return the room of this id."""
        return self._hosted.get(room_id)

    def of_kernel(self, kernel_id: str) -> Hosted | None:
        """Return the room where this kernel's bridge is or was last."""
        return self._by_kernel.get(kernel_id)

    def of_path(self, path: str) -> Hosted | None:
        """Return the room of a notebook."""
        return self._by_path.get(path)

    async def for_path(self, path: str) -> Hosted:
        """Return the room of a notebook, made if there is none."""
        async with self._turn(f"path {path}"):
            return await self._for_path(path)

    async def for_kernel(self, kernel_id: str, paths: Iterable[str]) -> Hosted:
        """Return the room where a kernel's bridge belongs.

        Parameters
        ----------
        paths : iterable of str
            Of the notebooks that have sessions on the kernel.
        """
        async with self._turn(f"kernel {kernel_id}"):
            mine, wanted = self._by_kernel.get(kernel_id), list(paths)
            if mine is not None and (mine.path is not None or not wanted):
                # A session may still have the path from before a renaming; `session_moved` tells when it has another.
                async with self._turn(f"path {mine.path}"):
                    return await self._fresh(self._by_kernel.get(kernel_id, mine))
            if not wanted:
                hosted = await self._make(None)
                self.attached(hosted, kernel_id)  # its windows may ask before its bridge comes
                return hosted
            return await self._placed(kernel_id, mine, wanted[0])

    # --- what changes ------------------------------------------------------------------------------------------------

    def attached(self, hosted: Hosted, kernel_id: str) -> None:
        """Note that a kernel's bridge comes into a room."""
        before = self._by_kernel.get(kernel_id)
        if before is not None and before is not hosted:
            before.kernel_dead("the kernel has another room now")
            before.kernel_id = None
        if hosted.kernel_id is not None and hosted.kernel_id != kernel_id:
            self._by_kernel.pop(hosted.kernel_id, None)
        hosted.kernel_id = kernel_id
        self._by_kernel[kernel_id] = hosted

    def renamed(self, old: str, new: str) -> None:
        """Follow a notebook, or all in a folder, to a new path."""
        for path in [path for path in self._by_path if path == old or path.startswith(f"{old}/")]:
            self._rename(self._by_path[path], new + path[len(old) :])

    def deleted(self, path: str) -> None:
        """Forget the path of notebooks that are no more: a new file of this name is another notebook."""
        for each in [each for each in self._by_path if each == path or each.startswith(f"{path}/")]:
            self._by_path.pop(each).path = None

    async def session_moved(self, kernel_id: str, paths: Iterable[str]) -> None:
        """Follow a kernel's notebook that was saved under another name, or a kernel whose session has come."""
        wanted = list(paths)
        async with self._turn(f"kernel {kernel_id}"):
            mine = self._by_kernel.get(kernel_id)
            if mine is not None and wanted and mine.path not in wanted:
                await self._placed(kernel_id, mine, wanted[0])

    async def close(self) -> None:
        """End all rooms."""
        hosted, self._hosted = self.all(), {}
        self._by_path.clear()
        self._by_kernel.clear()
        await asyncio.gather(*(each.room.close("the Jupyter server has ended") for each in hosted))
        for each in hosted:
            each.document.close()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _turn(self, of: str) -> asyncio.Lock:
        """Return the lock of a kernel or path: a document that opens slowly keeps nobody else waiting.

        A kernel's is taken before a path's, never after it.
        """
        return self._turns.setdefault(of, asyncio.Lock())

    async def _for_path(self, path: str) -> Hosted:
        hosted = self._by_path.get(path)
        return await self._make(path) if hosted is None else await self._fresh(hosted)

    async def _make(self, path: str | None, room_id: str | None = None) -> Hosted:
        document = await self._open_document(path)
        room = self._make_room(document, room_id or uuid.uuid4().hex)
        room.start()
        hosted = Hosted(room, document, path)
        self._hosted[room.room_id] = hosted
        if path is not None:
            self._by_path[path] = hosted
        log.info("room %s of %s", room.room_id, path or "a kernel without a notebook")
        return hosted

    async def _fresh(self, hosted: Hosted) -> Hosted:
        """Return the room, or the next one of its id when its document is no longer the notebook's."""
        if await hosted.document.is_current(hosted.path):
            return hosted
        log.info("room %s begins afresh: %s has another document", hosted.room.room_id, hosted.path)
        after = await self._make(hosted.path, hosted.room.room_id)
        if hosted.kernel_id is not None:
            after.kernel_id = hosted.kernel_id
            self._by_kernel[hosted.kernel_id] = after
        await hosted.room.close("the notebook has been opened anew")
        hosted.document.close()
        return after

    async def _placed(self, kernel_id: str, mine: Hosted | None, path: str) -> Hosted:
        """Return the room of a kernel whose notebook is at this path: its own, if that may go there."""
        async with self._turn(f"path {path}"):
            other = self._by_path.get(path)
            if mine is None or not mine.document.may_move or (other is not None and not other.is_unused):
                hosted = await self._for_path(path)
                if mine is not None:
                    # The bridge leaves the room where it is, looks again, and comes to this one.
                    self.attached(hosted, kernel_id)
                return hosted
            self._rename(mine, path)
        if other is not None:
            # Somebody has asked for the path already: its windows come to this room instead.
            self._hosted.pop(other.room.room_id, None)
            await other.room.close("the notebook has another room")
            other.document.close()
        return mine

    def _rename(self, hosted: Hosted, path: str) -> None:
        """Give a room another path; a room that had it loses it."""
        other = self._by_path.get(path)
        if other is not None and other is not hosted:
            other.path = None
        if hosted.path is not None:
            self._by_path.pop(hosted.path, None)
        log.info("room %s: %s is %s now", hosted.room.room_id, hosted.path, path)
        hosted.path = path
        self._by_path[path] = hosted
