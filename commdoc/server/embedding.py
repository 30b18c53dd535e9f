"""Pages of other origins that may show a room's widgets: an explicit list, empty unless somebody fills it.

    sidecar          COMMDOC_EMBED_ORIGINS in the kernel's environment, with blanks between
    Jupyter server   c.CommdocServer.embed_origins = ["https://dash.example"]

Such a page gets in with the token of a link, as everybody does; the list only says from where a browser may bring it. A
person's cookies never count for it. It may also have the room's own page in a frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from tornado.httputil import HTTPServerRequest

from commdoc.errors import OriginError

PREFLIGHT_SECONDS: Final = 600
"""How long a browser may remember that it may ask."""

_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?\Z")


class Embedding:
    """Knows the origins.

    Parameters
    ----------
    origins : iterable of str
        As browsers send them, ``scheme://host`` or ``scheme://host:port``; no wildcards.

    Raises
    ------
    OriginError
        For what is no origin.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self.origins = tuple(dict.fromkeys(_read(origin) for origin in origins))

    def allows(self, request: HTTPServerRequest) -> bool:
        """Tell whether the request comes from one of these pages."""
        return request.headers.get("Origin") in self.origins

    def headers(self, request: HTTPServerRequest) -> Mapping[str, str]:
        """Return what lets such a page read the answer."""
        if not self.origins:
            return {}
        if not self.allows(request):
            return {"Vary": "Origin"}
        return {"Access-Control-Allow-Origin": request.headers["Origin"], "Vary": "Origin"}

    def preflight(self, request: HTTPServerRequest) -> Mapping[str, str]:
        """Return what lets such a page ask with a token."""
        return {
            **self.headers(request),
            "Access-Control-Allow-Headers": "Authorization",
            "Access-Control-Allow-Methods": "GET",
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }

    def is_preflight(self, request: HTTPServerRequest) -> bool:
        """Tell whether a browser asks whether such a page may ask."""
        asks = request.headers.get("Access-Control-Request-Method") == "GET"
        return request.method == "OPTIONS" and asks and self.allows(request)

    def ancestors(self, *own: str) -> str:
        """Return who may have a page in a frame, as the policy says it."""
        return " ".join([*own, *self.origins]) or "'none'"


def _read(origin: str) -> str:
    if not _ORIGIN.match(origin):
        msg = f"{origin!r} is no origin of a page; it must be like https://dash.example or http://localhost:8000"
        raise OriginError(msg)
    return origin.removesuffix(":443") if origin.startswith("https:") else origin.removesuffix(":80")
