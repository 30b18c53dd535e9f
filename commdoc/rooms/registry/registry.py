"""The rooms of a host: one for each notebook, found by its path and by its kernel, live or kept.

    a bridge comes                 the room of its kernel's notebook; of a kernel without one, one of its own
    a window asks for a kernel     the room where its bridge is, else where it would go
    a window asks for a notebook   its room, made if there is none
    a notebook is renamed          its room has the new path
    a session names another path   (save as) the live room has it, unless somebody works in another one (`collisions`)
    nobody is in a room            it goes after a while (`eviction`), when the store has all of it
    a kept room is asked for       it is there again, under its id, with its last state

Two rooms for one path cannot be: whoever asks while a room is being made gets that one. A document that its owner has
let go and opened again is another document: the room ends, its windows rejoin the next one, which has its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from weakref import WeakValueDictionary

from commdoc.rooms.registry.collisions import may_take, told
from commdoc.rooms.registry.eviction import Evictions
from commdoc.rooms.registry.hosted import Document, Hosted, Known
from commdoc.rooms.registry.kept import Kept
from commdoc.rooms.room import Room
from commdoc.rooms.store.base import Attributes, RoomStore
from commdoc.rooms.store.keeper import Keeper

log = logging.getLogger(__name__)

GRACE_SECONDS = 600.0
"""How long a room stays live for nobody."""


class Registry:
    """Makes rooms and finds them.

    Parameters
    ----------
    open_document : callable
        Returns the document of a path, or one for no path.
    make_room : callable
        Returns a room for a document, with this id and keeper.
    store : RoomStore, optional
        Keeps the rooms; without it they end with the process, and none that has anything in it is evicted.
    root : str, optional
        The folder that paths count from.
    grace : callable
        Returns how many seconds a room stays live for nobody.
    """

    def __init__(
        self,
        open_document: Callable[[str | None], Awaitable[Document]],
        make_room: Callable[[Document, str, Keeper | None], Room],
        store: RoomStore | None = None,
        root: str | None = None,
        grace: Callable[[], float] = lambda: GRACE_SECONDS,
    ) -> None:
        self._open_document = open_document
        self._make_room = make_room
        self._root = root
        self._kept = Kept(store, root, lambda room_id: room_id in self._hosted or room_id in self._ending)
        self._hosted: dict[str, Hosted] = {}
        self._by_path: dict[str, Hosted] = {}
        self._by_kernel: dict[str, Hosted] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._evictions = Evictions(grace, self.evict)
        self._closed = False

    # --- finding -----------------------------------------------------------------------------------------------------

    def all(self) -> list[Hosted]:
        """Return all live rooms."""
        return list(self._hosted.values())

    async def kept(self) -> list[Attributes]:
        """Return the rooms that are kept and not live here."""
        if self._ending:
            await asyncio.wait(list(self._ending.values()))
        return await self._kept.look()

    def get(self, room_id: str) -> Hosted | None:
        """Return the live room of this id."""
        return self._hosted.get(room_id)

    def of_kernel(self, kernel_id: str) -> Hosted | None:
        """Return the live room where this kernel's bridge is or was last."""
        return self._by_kernel.get(kernel_id)

    def of_path(self, path: str) -> Hosted | None:
        """Return the live room of a notebook."""
        return self._by_path.get(path)

    async def find(self, room_id: str) -> Hosted | None:
        """Return the room of this id, live again if it was kept."""
        if (live := self._hosted.get(room_id)) is not None:
            return live
        await self._kept.load()
        if self._kept.get(room_id) is None:
            await self._kept.look()
        kept = self._kept.get(room_id)
        if kept is None:
            return self._hosted.get(room_id)
        async with self._turn(f"room {room_id}" if kept.path is None else f"path {kept.path}"):
            return await self._again(room_id)

    async def find_kernel(self, kernel_id: str) -> Hosted | None:
        """Return the room where this kernel was last, live again if it was kept."""
        if (live := self._by_kernel.get(kernel_id)) is not None:
            return live
        await self._kept.load()
        kept = self._kept.of_kernel(kernel_id)
        return self._by_kernel.get(kernel_id) if kept is None else await self.find(kept.room_id)

    async def for_path(self, path: str) -> Hosted:
        """Return the room of a notebook, made if there is none."""
        await self._kept.load()
        async with self._turn(f"path {path}"):
            return await self._for_path(path)

    async def for_kernel(self, kernel_id: str, paths: Iterable[str]) -> Hosted:
        """Return the room where a kernel's bridge belongs.

        Parameters
        ----------
        paths : iterable of str
            Of the notebooks that have sessions on the kernel.
        """
        await self._kept.load()
        async with self._turn(f"kernel {kernel_id}"):
            mine, wanted = self._by_kernel.get(kernel_id), list(paths)
            if mine is not None and (mine.path is not None or not wanted):
                # A session may still have the path from before a renaming; `session_moved` tells when it has another.
                async with self._turn(f"path {mine.path}"):
                    mine = self._by_kernel.get(kernel_id)  # it may have been evicted just now
                    if mine is not None:
                        return await self._fresh(mine)
            if wanted:
                return await self._placed(kernel_id, mine, wanted[0])
            kept = self._kept.of_kernel(kernel_id)
            found = None if kept is None else await self.find(kept.room_id)
            hosted = found or await self._make(None)
            self.attached(hosted, kernel_id)  # its windows may ask before its bridge comes
            return hosted

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

    async def renamed(self, old: str, new: str) -> None:
        """Follow a notebook, or all in a folder, to a new path."""
        await self._kept.load()
        for path in self._below(old):
            after = new + path[len(old) :]
            async with self._both(path, after):
                hosted, kept = self._by_path.get(path), self._kept.of_path(path)
                if hosted is not None or kept is not None:
                    await self._displace_from(after)
                if hosted is not None:
                    self._rename(hosted, after)
                elif kept is not None:
                    await self._again(kept.room_id, path=after)

    async def deleted(self, path: str) -> None:
        """Take the path from notebooks that are no more: a new file of this name is another notebook."""
        await self._kept.load()
        for each in self._below(path):
            async with self._turn(f"path {each}"):
                await self._displace_from(each)

    async def session_moved(self, kernel_id: str, paths: Iterable[str]) -> None:
        """Follow a kernel's notebook that was saved under another name, or a kernel whose session has come."""
        wanted = list(paths)
        await self._kept.load()
        async with self._turn(f"kernel {kernel_id}"):
            mine = self._by_kernel.get(kernel_id)
            if mine is not None and wanted and mine.path not in wanted:
                await self._placed(kernel_id, mine, wanted[0])

    async def evict(self, hosted: Hosted) -> bool:
        """End a room that nobody is in, when the store has all of it; return whether it has ended.

        It stays when it isn't this registry's room of its id any more, when somebody is in it, or comes meanwhile, and
        when it can't be kept.
        """
        room, keeper = hosted.room, hosted.room.keeper
        async with self._turn(f"path {hosted.path}"):
            if not self._may_go(hosted):
                return False
            if keeper is None:
                if hosted.has_content:
                    return False
            elif not await keeper.flush():
                log.warning("room %s stays: its last state is not kept (%s)", room.room_id, keeper.state)
                return False
            if not self._may_go(hosted):
                return False
            log.info("room %s of %s: nobody is in it any more", room.room_id, hosted.path or "no notebook")
            await self._let_go(hosted, "nobody was in it")
            return True

    async def close(self) -> None:
        """End all rooms."""
        self._closed = True
        await self._evictions.close()
        hosted, self._hosted = self.all(), {}
        self._by_path.clear()
        self._by_kernel.clear()
        await asyncio.gather(*(each.room.close("the Jupyter server has ended") for each in hosted))
        for each in hosted:
            each.document.close()
        await asyncio.gather(*self._ending.values(), return_exceptions=True)

    # --- turns -------------------------------------------------------------------------------------------------------

    def _turn(self, of: str) -> asyncio.Lock:
        """Return the lock of a kernel or path: a document that opens slowly keeps nobody else waiting.

        A kernel's is taken before a path's, never after it; of two paths the smaller first.
        """
        return self._turns.setdefault(of, asyncio.Lock())

    @contextlib.asynccontextmanager
    async def _both(self, one: str, other: str) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as held:
            for path in sorted({one, other}):
                await held.enter_async_context(self._turn(f"path {path}"))
            yield

    # --- making and ending -------------------------------------------------------------------------------------------

    async def _for_path(self, path: str) -> Hosted:
        hosted = self._by_path.get(path)
        if hosted is not None:
            return await self._fresh(hosted)
        if self._kept.of_path(path) is None:
            await self._kept.look()
        kept = self._kept.of_path(path)
        again = None if kept is None else await self._again(kept.room_id)
        return again or await self._make(Known(_new_id(), self._root, path))

    async def _again(self, room_id: str, **changes: str | None) -> Hosted | None:
        """Return a kept room, live again; with its path's turn, if it has one, else its own."""
        kept = self._kept.get(room_id)
        if kept is None or room_id in self._hosted:
            return self._hosted.get(room_id)
        known = Known(room_id, self._root, kept.path, kept.kernel_id, kept.displaced_from)
        for name, value in changes.items():
            setattr(known, name, value)
        if known.path is not None and known.path in self._by_path:
            known.path, known.displaced_from = None, known.path
        hosted = await self._make(known)
        self._kept.take(room_id)
        if hosted.kernel_id is not None and hosted.kernel_id not in self._by_kernel:
            self._by_kernel[hosted.kernel_id] = hosted
        if changes and hosted.room.keeper is not None:
            hosted.room.keeper.changed()
        return hosted

    async def _make(self, known: Known | None) -> Hosted:
        known = known or Known(_new_id(), self._root)
        if (ending := self._ending.get(known.room_id)) is not None:
            await asyncio.wait([ending])
        document = await self._open_document(known.path)
        keeper = None
        if self._kept.store is not None:
            keeper = await Keeper.open(self._kept.store, document.doc, known.attributes)
        room = self._make_room(document, known.room_id, keeper)
        room.start()
        hosted = Hosted(room, document, known)
        self._hosted[room.room_id] = hosted
        if hosted.path is not None:
            self._by_path[hosted.path] = hosted
        self._evictions.watch(hosted)
        log.info("room %s of %s", room.room_id, hosted.path or "a kernel without a notebook")
        return hosted

    async def _fresh(self, hosted: Hosted) -> Hosted:
        """Return the room, or the next one of its id when its document is no longer the notebook's."""
        if await hosted.document.is_current(hosted.path):
            self._evictions.used(hosted)
            return hosted
        log.info("room %s begins afresh: %s has another document", hosted.room.room_id, hosted.path)
        known = Known(hosted.room.room_id, self._root, hosted.path, hosted.kernel_id)
        if hosted.room.keeper is not None:
            await self._let_go(hosted, "the notebook has been opened anew")
            self._kept.take(known.room_id)
            try:
                after = await self._make(known)
            except BaseException:
                self._kept.add(known.attributes())
                raise
        else:
            after = await self._make(known)
            self._evictions.forget(hosted)
            await self._bury(hosted, "the notebook has been opened anew")
        if after.kernel_id is not None:
            self._by_kernel[after.kernel_id] = after
        return after

    def _may_go(self, hosted: Hosted) -> bool:
        return self._hosted.get(hosted.room.room_id) is hosted and not hosted.has_peers and not self._closed

    def _let_go(self, hosted: Hosted, reason: str) -> asyncio.Task[None]:
        """End a room whose state is kept, or that has none; who asks for it from now on waits until it has ended."""
        room_id = hosted.room.room_id
        self._evictions.forget(hosted)
        self._hosted.pop(room_id, None)
        if hosted.path is not None and self._by_path.get(hosted.path) is hosted:
            del self._by_path[hosted.path]
        if hosted.kernel_id is not None and self._by_kernel.get(hosted.kernel_id) is hosted:
            del self._by_kernel[hosted.kernel_id]
        if hosted.has_content:
            self._kept.add(hosted.attributes)
        task = self._ending[room_id] = asyncio.ensure_future(self._bury(hosted, reason))
        task.add_done_callback(lambda _: self._ending.pop(room_id, None))
        return task

    async def _bury(self, hosted: Hosted, reason: str) -> None:
        await hosted.room.close(reason)
        hosted.document.close()

    # --- paths -------------------------------------------------------------------------------------------------------

    def _below(self, path: str) -> list[str]:
        """Return the paths with rooms, live or kept, that are this one or below it."""
        live = {each for each in self._by_path if each == path or each.startswith(f"{path}/")}
        return sorted(live | {each.path for each in self._kept.below(path) if each.path is not None})

    async def _placed(self, kernel_id: str, mine: Hosted | None, path: str) -> Hosted:
        """Return the room of a kernel whose notebook is at this path: its own, if that may go there."""
        async with self._turn(f"path {path}"):
            other = self._by_path.get(path)
            if other is None and (kept := self._kept.of_path(path)) is not None:
                other = await self._again(kept.room_id)
            if mine is None or not mine.document.may_move or not may_take(mine, other):
                hosted = await self._for_path(path)
                if mine is not None:
                    log.info("%s stays the path of the second of %s", path, told(mine, hosted))
                    # The bridge leaves the room where it is, looks again, and comes to this one.
                    self.attached(hosted, kernel_id)
                return hosted
            if other is not None and other is not mine:
                log.info("%s is the path of the first of %s now", path, told(mine, other))
            self._rename(mine, path)
            return mine

    def _rename(self, hosted: Hosted, path: str) -> None:
        """Give a room another path, whose turn is taken; a room that had it loses it."""
        other = self._by_path.get(path)
        if other is not None and other is not hosted:
            self._displace(other)
        if hosted.path is not None:
            self._by_path.pop(hosted.path, None)
        log.info("room %s: %s is %s now", hosted.room.room_id, hosted.path, path)
        hosted.path = path
        self._by_path[path] = hosted
        self._evictions.used(hosted)

    async def _displace_from(self, path: str) -> None:
        """Take a path, whose turn is taken, from the room that has it."""
        hosted, kept = self._by_path.get(path), self._kept.of_path(path)
        if hosted is None and kept is not None:
            hosted = await self._again(kept.room_id)
        if hosted is not None and hosted.path == path:
            self._displace(hosted)

    def _displace(self, hosted: Hosted) -> None:
        """Take a room's path from it; it lives on under its id with all it has. Its windows look again."""
        log.info("room %s is no longer that of %s", hosted.room.room_id, hosted.path)
        assert hosted.path is not None
        del self._by_path[hosted.path]
        hosted.path = None
        if hosted.has_kernel:
            return
        if hosted.room.keeper is not None or not hosted.has_content:
            self._let_go(hosted, "the notebook has another room")
        else:
            self._evictions.used(hosted)


def _new_id() -> str:
    return uuid.uuid4().hex
