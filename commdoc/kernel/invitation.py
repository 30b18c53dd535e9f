"""A link to the room for the person at the notebook: without a token, since what a cell prints is saved and shared."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from commdoc.errors import CommdocError
from commdoc.kernel.sidecar import Endpoint

ANSWER_SECONDS: Final = 1.0
"""A room that is there answers in milliseconds; the cell that asks does not wait long for another one."""


class Invitation(NamedTuple):
    """A link that opens the room for a while."""

    link: str
    seconds: float


def invite(endpoint: Endpoint) -> Invitation:
    """Ask the room's host for a link.

    Raises
    ------
    CommdocError
        When it gives none.
    """
    parts = urlsplit(endpoint.url)
    page = endpoint.url.rstrip("/")
    # No proxy of the environment: a room is on this machine, or where its address says.
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = make(parts.netloc, timeout=ANSWER_SECONDS)
    try:
        headers = {"Authorization": f"Bearer {endpoint.token}"}
        connection.request("POST", f"{urlsplit(page).path}/invitations", headers=headers)
        response = connection.getresponse()
        content = json.loads(response.read(10_000)) if response.status == 200 else {}
        return Invitation(f"{page}/open/{content['code']}", float(content["seconds"]))
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        raise CommdocError(f"{page} gives no link: {error!r}") from error
    finally:
        connection.close()
