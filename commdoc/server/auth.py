"""Who may come in: tokens from headers, `Host` and `Origin`.

A refused request gets 403 and one constant reason; what exactly was wrong is in the log, never the token. `Host`
is checked against DNS rebinding (a page elsewhere whose name suddenly means 127.0.0.1), `Origin` against pages of
other servers, but those that may embed a room (`commdoc.server.embedding`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final, NoReturn
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError

from commdoc.errors import ForbiddenError
from commdoc.rooms.tokens import Grant, Invitations, TokenStore
from commdoc.server.embedding import Embedding

log = logging.getLogger(__name__)

FORBIDDEN: Final = "forbidden"
"""All that a refused client is told."""

SUBPROTOCOL: Final = "commdoc"
TOKEN_PREFIX: Final = "commdoc.token."
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Access:
    """Decides about requests.

    Parameters
    ----------
    tokens : TokenStore
        Knows what each token allows.
    hosts : iterable of str
        Names beside the loopback ones under which this server may be reached.
    embedding : Embedding, optional
        Pages of other origins that may show its rooms; none by default.

    Attributes
    ----------
    invitations : Invitations
        The links without a token.
    """

    def __init__(
        self, tokens: TokenStore, hosts: Iterable[str] = (), embedding: Embedding | None = None
    ) -> None:
        self.tokens = tokens
        self.embedding = embedding or Embedding()
        self.invitations = Invitations(tokens)
        self._hosts = LOOPBACK | frozenset(hosts)

    def check_origin(self, request: HTTPServerRequest, *, opaque: bool = False) -> None:
        """Check `Host`, and `Origin` where there is one; `opaque` lets the sandboxed frame's null in.

        Raises
        ------
        HTTPError
            403.
        """
        try:
            name = urlsplit(f"//{request.host}").hostname
        except ValueError:
            name = None
        if name not in self._hosts:
            self.refuse(request, f"host {request.host!r:.100}")
        origin = request.headers.get("Origin")
        own = f"{request.protocol}://{request.host}"
        known = origin in (None, own) or (opaque and origin == "null") or self.embedding.allows(request)
        if not known:
            self.refuse(request, f"origin {origin!r:.100}")

    def check_token(self, request: HTTPServerRequest, room_id: str | None = None) -> Grant:
        """Return what the request's token allows.

        Raises
        ------
        HTTPError
            403.
        """
        try:
            return self.tokens.check(token_of(request), room_id)
        except ForbiddenError as error:
            self.refuse(request, str(error))

    @staticmethod
    def refuse(request: HTTPServerRequest, reason: str) -> NoReturn:
        """Log why and raise 403."""
        log.warning("403 %s %s from %s: %s", request.method, request.path, request.remote_ip, reason)
        raise HTTPError(403, FORBIDDEN)


def token_of(request: HTTPServerRequest) -> str | None:
    """Return the token of the `Authorization` header, else the one among the WebSocket's sub-protocols."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    for protocol in (part.strip() for part in offered.split(",")):
        if protocol.startswith(TOKEN_PREFIX):
            return protocol[len(TOKEN_PREFIX) :]
    return None
