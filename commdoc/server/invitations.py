"""Links that end soon: what `%commdoc` prints stands in a notebook that is saved and shared, so it has no token.

    POST rooms/<room_id>/invitations     a bridge, with its token      → {code, seconds}
    GET  rooms/<room_id>/open/<code>     whoever was given the link    → 303 to the room's page, token behind ``#``

A code opens its one room for `CODE_SECONDS`, as often as it is followed in that time: two windows are the point. Later
it is a text without a meaning.
"""

from __future__ import annotations

import logging
from typing import Final

from tornado.web import HTTPError

from commdoc.rooms.tokens import CODE_SECONDS
from commdoc.server.handlers import Handler

log = logging.getLogger(__name__)

ENDED: Final = """\
<!doctype html><meta charset="utf-8"><title>commdoc</title>
<p>This link has ended: the links that <code>%commdoc</code> prints are good for {minutes:.0f} minutes.
<p>Run <code>%commdoc</code> in the notebook again and follow the new one, or run <code>commdoc rooms --link</code> in a
terminal.
"""


class InvitationsHandler(Handler):
    """Gives a bridge a code for the person at its notebook."""

    def post(self, room_id: str) -> None:
        """Send it."""
        grant = self.access.check_token(self.request, room_id)
        if grant.role != "bridge":
            self.access.refuse(self.request, f"a {grant.role} may not invite")
        if room_id not in self.rooms:
            raise HTTPError(404, "no such room")
        self.set_header("Cache-Control", "no-store")
        self.finish({"code": self.access.invitations.issue(room_id), "seconds": CODE_SECONDS})


class OpenHandler(Handler):
    """Lets in who follows the link."""

    def get(self, room_id: str, code: str) -> None:
        """Send the browser to the room's page, or say what to do for a new link."""
        token = self.access.invitations.redeem(code, room_id) if room_id in self.rooms else None
        self.set_header("Cache-Control", "no-store")
        if token is None:
            log.warning("403 an ended link to room %s from %s", room_id, self.request.remote_ip)
            self.set_status(403)
            self.set_header("Content-Security-Policy", "default-src 'none'")
            self.finish(ENDED.format(minutes=CODE_SECONDS / 60))
            return
        self.set_status(303)
        self.set_header("Location", f"../#token={token}")
