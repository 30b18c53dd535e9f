"""Small questions to a room's host, over HTTP.

No proxy of the environment is used: a host is on this machine, or where its address says.
"""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from commdoc.errors import CommdocError

ANSWER_SECONDS: Final = 10.0
"""A server that loads a large notebook answers late."""

MAX_ANSWER_BYTES: Final = 65_536


class UnreachableError(CommdocError):
    """Nobody answers there."""


class Answer(NamedTuple):
    """What came back; `content` is the JSON object in it, {} when there is none; `items` the list, if it is one."""

    status: int
    content: dict[str, Any]
    items: tuple[Any, ...] = ()


def ask(
    method: str,
    url: str,
    token: str,
    body: dict[str, Any] | None = None,
    *,
    seconds: float = ANSWER_SECONDS,
    most: int = MAX_ANSWER_BYTES,
) -> Answer:
    """Send a request and return the answer; no redirect is followed.

    Parameters
    ----------
    token : str
        Sent as the bearer; none when empty.
    most : int
        Bytes of the answer that are read; a longer one is no JSON.

    Raises
    ------
    UnreachableError
        With the reason.
    """
    parts = urlsplit(url)
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = make(parts.netloc, timeout=seconds)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, parts.path or "/", None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        content = response.read(most)
    except (OSError, HTTPException, ValueError) as error:
        raise UnreachableError(f"{url}: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    items = tuple(value) if isinstance(value, list) else ()
    return Answer(response.status, value if isinstance(value, dict) else {}, items)
