"""The local socket of a Jupyter server: who is let into which room by it.

    a bridge    says `kernel_id` and its token, as at ``/commdoc/bridge/<kernel_id>/ws``
    a link      says `room_id` and a token that this host has issued, as at ``/commdoc/rooms/<room_id>/ws``

Persons, with Jupyter's own cookies and tokens, come by the WebSocket. A bridge is told the path when it asks which
commdoc this is, windows by the room's announcement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from commdoc.errors import ForbiddenError, RoomNotFoundError
from commdoc.server.admission import Admitted, text
from commdoc.server.local_socket import LocalSocket

if TYPE_CHECKING:
    from commdoc.server.jupyter.app import CommdocServer

GONE_SECONDS = 0.05
"""Until it is found out what became of the kernel whose bridge has gone: its room has noticed by then."""


class Local:
    """The local socket of the extension."""

    def __init__(self, commdoc: CommdocServer) -> None:
        self._commdoc = commdoc
        self.socket = LocalSocket(self._admit)

    async def start(self) -> None:
        """Listen, where the user's settings don't say otherwise."""
        if self._commdoc.user_settings["server.local_socket"]:
            path = await self.socket.listen()
            self._commdoc.notices.local = None if path is None else str(path)

    def told(self) -> dict[str, str]:
        """Return what a bridge is told; nothing where kernels run elsewhere."""
        path = None if self._commdoc.kernels.remote else self.socket.path
        return {} if path is None else {"local": str(path)}

    async def _admit(self, auth: Mapping[str, Any]) -> Admitted:
        if "kernel_id" in auth:
            return await self._admit_bridge(text(auth, "kernel_id"), text(auth, "token"))
        room_id = text(auth, "room_id")
        grant = self._commdoc.tokens.check(text(auth, "token"), room_id)
        hosted = await self._commdoc.registry.find(room_id)
        if hosted is None:
            raise RoomNotFoundError("no such room")
        return Admitted(hosted.room, grant.role)

    async def _admit_bridge(self, name: str, token: str) -> Admitted:
        commdoc = self._commdoc
        if not commdoc.keys.check(token, name):
            raise ForbiddenError("not the token of this kernel's bridge")
        kernel_id = commdoc.kernels.id_of(name)
        hosted = await commdoc.room_of_kernel(kernel_id) if await commdoc.kernels.has(kernel_id) else None
        if hosted is None:
            raise RoomNotFoundError("no such kernel")
        loop = asyncio.get_running_loop()
        return Admitted(
            hosted.room,
            "bridge",
            kernel_id,
            came=lambda: commdoc.bridge_comes(hosted, kernel_id),
            left=lambda: _later(loop, commdoc, hosted, kernel_id),
        )


def _later(loop: asyncio.AbstractEventLoop, commdoc: CommdocServer, hosted: Any, kernel_id: str) -> None:
    loop.call_later(GONE_SECONDS, commdoc.bridge_gone, hosted, kernel_id)
