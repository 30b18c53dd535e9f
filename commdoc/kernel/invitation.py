"""A link to the room for the person at the notebook: without a token, since what a cell prints is saved and shared."""

from __future__ import annotations

from typing import Final, NamedTuple

from commdoc.errors import CommdocError
from commdoc.kernel.http import ask
from commdoc.kernel.sidecar import Endpoint

ANSWER_SECONDS: Final = 1.0
"""A room that is there answers in milliseconds; the cell that asks does not wait long for another one."""


class Invitation(NamedTuple):
    """A link that opens the room, for a while; `seconds` is None when it asks for a login instead."""

    link: str
    seconds: float | None


def invite(endpoint: Endpoint) -> Invitation:
    """Ask the room's host for a link.

    Raises
    ------
    CommdocError
        When it gives none.
    """
    page = endpoint.url.rstrip("/")
    try:
        content = ask("POST", f"{page}/invitations", endpoint.token, seconds=ANSWER_SECONDS).content
        if "link" in content:  # a Jupyter server's, which asks for a login
            return Invitation(str(content["link"]), None)
        return Invitation(f"{page}/open/{content['code']}", float(content["seconds"]))
    except (CommdocError, ValueError, LookupError, TypeError) as error:
        raise CommdocError(f"{page} gives no link: {error!r}") from error
