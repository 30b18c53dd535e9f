"""Who may come in at a Jupyter server: its own users, and bearers of our scoped tokens.

    a person     Jupyter's cookie or token → identity provider → authorizer      window, or viewer
    a link       `Bearer` or sub-protocol token that this host has issued        the role and room it was issued for
    a bridge     `Bearer` token made of the server's secret and the kernel's id  that kernel's bridge, while it runs

`Host` and `Origin` are checked by Jupyter's own rules (``allow_remote_access``, ``allow_origin``); that of a link or a
bridge, too. A link may also come from a page that may embed rooms (`commdoc.server.embedding`). A refusal is 403 and a
constant text; why is in the log.
"""

from __future__ import annotations

import base64
import hmac
import logging
from typing import TYPE_CHECKING, Any, Final, NoReturn

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from commdoc.errors import ForbiddenError
from commdoc.protocol.messages import Role
from commdoc.rooms.tokens import Grant
from commdoc.server.auth import FORBIDDEN, token_of

if TYPE_CHECKING:
    from commdoc.server.jupyter.app import CommdocServer

log = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 65_536


class BridgeKeys:
    """Makes and checks the tokens of bridges.

    A token says nothing but which kernel it is for, and is good as long as the server has that kernel: nothing has to
    be kept, and it outlives a restart of the server whose kernels live on elsewhere (a gateway's).

    Parameters
    ----------
    secret : bytes
        The server's, with which it signs its cookies.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"commdoc: tokens of bridges", "sha256")

    def token(self, kernel_id: str) -> str:
        """Return the token for being this kernel's bridge."""
        return base64.urlsafe_b64encode(hmac.digest(self._key, kernel_id.encode(), "sha256")).decode()

    def check(self, token: str | None, kernel_id: str) -> bool:
        """Tell whether it is that token."""
        given = (token or "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self.token(kernel_id).encode())


class Guarded(JupyterHandler):
    """What all our handlers at a Jupyter server share.

    Attributes
    ----------
    grant : Grant or None
        What the request's token of ours allows; None for a person whom Jupyter knows.
    """

    grant: Grant | None = None

    @property
    def commdoc(self) -> CommdocServer:
        """The extension."""
        extension: CommdocServer = self.settings["commdoc"]
        return extension

    def set_default_headers(self) -> None:
        """Add what every answer of ours has."""
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        for name, value in self.commdoc.embedding.headers(self.request).items():
            self.set_header(name, value)

    async def prepare(self, **options: Any) -> None:
        """Find out who asks: by a token of ours, else as Jupyter does."""
        if len(self.request.body or b"") > MAX_BODY_BYTES:
            raise HTTPError(413, "too large")
        if self.commdoc.embedding.is_preflight(self.request):
            self.check_from_here()
            return  # to `options`
        self.grant = self._granted()
        if self.grant is None:
            await ensure_async(super().prepare(_redirect_to_login=False, **options))  # type: ignore[arg-type]
            if not self.check_origin():
                self.refuse(f"origin {self.request.headers.get('Origin')!r:.100}")
            if self._is_from_another_site():
                self.refuse("a page of another origin")
            return
        # As Jupyter's own `prepare`, but the user is nobody: such a token opens nothing but what we open for it.
        self.current_user = self._jupyter_current_user = None
        self.check_from_here()

    def _is_from_another_site(self) -> bool:
        """Tell whether a browser asks for a page of another origin without saying which, as it does for an image."""
        headers = self.request.headers
        return "Origin" not in headers and headers.get("Sec-Fetch-Site") in ("same-site", "cross-site")

    def _granted(self) -> Grant | None:
        try:
            return self.commdoc.tokens.check(token_of(self.request))
        except ForbiddenError:
            return None  # perhaps one of Jupyter's

    def check_from_here(self) -> None:
        """Check `Host`, and `Origin` as Jupyter does for who has no token. Raises `HTTPError` 403."""
        if not self.check_host():
            self.refuse(f"host {self.request.host!r:.100}")
        origin = self.request.headers.get("Origin")
        if origin is not None and not self.embeds() and not self.check_origin():
            self.refuse(f"origin {origin!r:.100}")

    def embeds(self) -> bool:
        """Tell whether it comes from a page that may embed rooms. A person's cookies don't count from there."""
        by_link = self.grant is not None or self.commdoc.embedding.is_preflight(self.request)
        return by_link and self.commdoc.embedding.allows(self.request)

    @allow_unauthenticated
    def options(self, *_args: str, **_kwargs: str) -> None:
        """Say that such a page may ask with a link's token; nobody else may."""
        if not self.commdoc.embedding.is_preflight(self.request):
            raise HTTPError(405)
        for name, value in self.commdoc.embedding.preflight(self.request).items():
            self.set_header(name, value)
        self.set_status(204)
        self.finish()

    def skip_check_origin(self) -> bool:
        """Skip the check for who has a token of Jupyter's, as Jupyter does; ours are checked like cookies."""
        return self.grant is None and self.current_user is not None and super().skip_check_origin()

    def refuse(self, reason: str) -> NoReturn:
        """Log why and raise 403."""
        log.warning(
            "403 %s %s from %s: %s", self.request.method, self.request.path, self.request.remote_ip, reason
        )
        raise HTTPError(403, FORBIDDEN)

    async def role_in(self, room_id: str | None) -> Role:
        """Return what the client may be in a room; None is any, or one that is still to be made.

        Raises
        ------
        HTTPError
            403.
        """
        if self.grant is not None:
            if self.grant.room_id != room_id:
                self.refuse(f"{self.grant.role} token of another room")
            return self.grant.role
        if self.current_user is None:
            self.refuse("no user" if token_of(self.request) is None else "unknown token")
        if await self.may("execute", "kernels") and await self.may("write", "contents"):
            return "window"
        if not await self.may("read", "contents"):
            self.refuse(f"the user {self.current_user.username!r:.60} may not read notebooks")
        return "viewer"

    async def may(self, action: str, resource: str) -> bool:
        """Ask the server's authorizer."""
        allowed: bool = await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, action, resource)
        )
        return allowed

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send a constant text, as the sidecar does."""
        error = kwargs.get("exc_info", (None, None))[1]
        reason = error.log_message if isinstance(error, HTTPError) and error.log_message else self._reason
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code} {reason}\n")
