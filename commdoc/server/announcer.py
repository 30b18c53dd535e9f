"""What a host announces over its life: tokens that are renewed in time, and those of a host that died before it.

A host that was killed leaves its announcement behind. The next one of the same kernel takes over its room's id, and, if
the port is free, port and tokens: a page that is open finds the room where it was, and old links stay good for as long
as they would have been. Where somebody else has the port by now the old tokens end: a page that is open goes on
offering its own to whoever listens there.
"""

from __future__ import annotations

import os
import time
from typing import Final

from commdoc.protocol.messages import Role
from commdoc.rooms.tokens import LIFETIME, TokenStore
from commdoc.server import announce
from commdoc.server.announce import Announcement, Issue

ROLES: Final[tuple[Role, ...]] = ("bridge", "window", "viewer")


class Announcer:
    """Announces one room.

    Parameters
    ----------
    tokens : TokenStore
        Where this host's tokens are.
    room_id, url : str
        Of the room.
    before : Announcement, optional
        Of the host that had this very address; its tokens stay good.
    """

    def __init__(
        self, tokens: TokenStore, room_id: str, url: str, before: Announcement | None = None
    ) -> None:
        self._tokens = tokens
        self._room_id = room_id
        self._url = url
        self._created = time.time()
        self._issues: list[Issue] = []
        self.local: str | None = None
        """Path of the host's local socket."""
        self.renew_at = 0.0
        """When it is time for new tokens, Unix time."""
        if before is not None:
            self._take_over(before)

    def _take_over(self, before: Announcement) -> None:
        self._created = before["created"]
        newest: Issue = {"tokens": before["tokens"], "expires": before["expires"]}
        for issue in [*before.get("earlier", []), newest]:
            expires = min(issue["expires"], time.time() + LIFETIME)
            self._issues.append({"tokens": dict(issue["tokens"]), "expires": expires})
            for role in ROLES:
                if role in issue["tokens"]:
                    self._tokens.take_over(issue["tokens"][role], role, self._room_id, expires)
        self.renew_at = self._issues[-1]["expires"] - LIFETIME / 2

    @property
    def current(self) -> dict[str, str]:
        """The newest tokens by role."""
        return self._issues[-1]["tokens"]

    def announce(self, kernel_id: str, kernel_pid: int, connection_file: str, notebook: str | None) -> None:
        """Write the file, with new tokens if it is time; the ones before stay good until they expire.

        Raises
        ------
        OSError
            When it can't be written.
        """
        now = time.time()
        self._issues = [issue for issue in self._issues if issue["expires"] > now]
        if now >= self.renew_at or not self._issues:
            tokens: dict[str, str] = {role: self._tokens.issue(role, self._room_id) for role in ROLES}
            self._issues.append({"tokens": tokens, "expires": now + LIFETIME})
            self.renew_at = now + LIFETIME / 2
        *earlier, newest = self._issues
        announcement: Announcement = {
            "version": announce.VERSION,
            "url": self._url,
            "room_id": self._room_id,
            "pid": os.getpid(),
            "kernel_id": kernel_id,
            "kernel_pid": kernel_pid,
            "connection_file": connection_file,
            "tokens": newest["tokens"],
            "created": self._created,
            "expires": newest["expires"],
            "earlier": earlier,
        }
        if notebook is not None:
            announcement["notebook"] = notebook
        if self.local is not None:
            announcement["local"] = self.local
        announce.write(announcement)
