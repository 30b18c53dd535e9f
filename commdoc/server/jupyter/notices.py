"""Announces the rooms of a Jupyter server to this user's other programs, as a sidecar does (`commdoc.server.announce`).

With it ``commdoc.join()`` and the commands find the rooms without an address. The file has no token for a bridge: a
kernel gets its own from the server.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass
from typing import Final

from commdoc.protocol.messages import Role
from commdoc.rooms.tokens import LIFETIME, Tokens
from commdoc.server import announce
from commdoc.server.announce import Announcement

log = logging.getLogger(__name__)

NOT_TAKEN_OVER: Final = 0.0
"""As the time when the tokens end: no sidecar goes on in this server's place when it has died."""


RENEWAL_SECONDS: Final = 600.0
"""Between looks whether tokens are to be renewed: long before they end."""


@dataclass
class _Notice:
    announcement: Announcement
    renew_at: float


class Notices:
    """Writes and removes the files.

    Parameters
    ----------
    tokens : Tokens
        Where the tokens are issued.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._notices: dict[str, _Notice] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.local: str | None = None
        """Path of the host's local socket."""

    def write(
        self,
        room_id: str,
        url: str,
        kernel_id: str,
        kernel_pid: int,
        connection_file: str,
        notebook: str | None,
    ) -> None:
        """Announce a room under the name of its kernel; no longer under the one before. Needs a running loop."""
        before = self._notices.get(room_id)
        if before is not None and before.announcement["kernel_id"] != kernel_id:
            announce.remove(before.announcement["kernel_id"], os.getpid())
        announcement: Announcement = {
            "version": announce.VERSION,
            "url": url,
            "room_id": room_id,
            "pid": os.getpid(),
            "kernel_id": kernel_id,
            "kernel_pid": kernel_pid,
            "connection_file": connection_file,
            "tokens": before.announcement["tokens"] if before is not None else {},
            "created": before.announcement["created"] if before is not None else time.time(),
            "expires": NOT_TAKEN_OVER,
        }
        if notebook is not None:
            announcement["notebook"] = notebook
        if self.local is not None:
            announcement["local"] = self.local
        self._notices[room_id] = notice = _Notice(
            announcement, before.renew_at if before is not None else 0.0
        )
        self._publish(notice)
        if self._timer is None:
            self._renew()

    def remove_all(self) -> None:
        """Remove this server's files."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for notice in self._notices.values():
            announce.remove(notice.announcement["kernel_id"], os.getpid())
        self._notices.clear()

    def _renew(self) -> None:
        for notice in self._notices.values():
            if time.time() >= notice.renew_at:
                self._publish(notice)
        self._timer = asyncio.get_running_loop().call_later(RENEWAL_SECONDS, self._renew)

    def _publish(self, notice: _Notice) -> None:
        announcement, now = notice.announcement, time.time()
        if now >= notice.renew_at:
            roles: tuple[Role, ...] = ("window", "viewer")
            announcement["tokens"] = {
                role: self._tokens.issue(role, announcement["room_id"]) for role in roles
            }
            notice.renew_at = now + LIFETIME / 2
        try:
            announce.write(announcement)
        except OSError as error:
            log.warning("room %s can't be announced: %s", announcement["room_id"], error)
