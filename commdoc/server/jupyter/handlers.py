"""What a Jupyter server answers under ``<base_url>commdoc/``; the table is in ``docs/protocol.md``."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Final

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, StaticFileHandler, authenticated

from commdoc.protocol.frames import MAX_FRAME_BYTES
from commdoc.protocol.messages import Role
from commdoc.protocol.version import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION
from commdoc.rooms.registry import Hosted
from commdoc.server.auth import token_of
from commdoc.server.embedding import Embedding
from commdoc.server.handlers import describe, describe_kept, send_blob
from commdoc.server.jupyter.access import Guarded
from commdoc.server.nbextensions import PREFIX, send_file, send_place
from commdoc.server.pages import STATIC, StaticFiles, send_page
from commdoc.server.peer_socket import VIEWER_BYTES, PeerSocket
from commdoc.version import __version__

log = logging.getLogger(__name__)

ID: Final = r"([0-9A-Za-z_-]{1,64})"


def routes() -> list[Any]:
    """Return addresses, without the server's base, and their handlers."""
    return [
        (r"/commdoc/api/status", StatusHandler),
        (r"/commdoc/api/rooms", RoomsHandler),
        (rf"/commdoc/api/rooms/{ID}/links", LinksHandler),
        (r"/commdoc/api/bridge", BridgeTokenHandler),
        (rf"/commdoc/rooms/{ID}/ws", RoomSocket),
        (rf"/commdoc/rooms/{ID}/blobs/([^/]+)", BlobHandler),
        (rf"/commdoc/rooms/{ID}/nbextensions", ModuleHandler),
        (rf"{PREFIX}{ID}/([^/]+)/(.+)", ModuleFileHandler),
        (rf"/commdoc/rooms/{ID}", RoomHandler),
        (rf"/commdoc/rooms/{ID}/", PageHandler),
        (rf"/commdoc/bridge/{ID}/ws", BridgeSocket),
        (rf"/commdoc/bridge/{ID}/invitations", InvitationHandler),
        (rf"/commdoc/bridge/{ID}/?", BridgeHandler),
        (r"/commdoc/static/(.*)", StaticHandler, {"path": str(STATIC)}),
    ]


def about() -> dict[str, Any]:
    """Return which commdoc this is: what the other side needs to know whether they understand each other."""
    return {"version": __version__, "protocol": [MIN_PROTOCOL_VERSION, PROTOCOL_VERSION]}


class Api(Guarded):
    """A handler that answers with JSON. Who asks is decided in it: no redirect to a login."""

    def body(self) -> dict[str, Any]:
        """Return the JSON object that was sent. Raises `HTTPError` 400."""
        try:
            body = json.loads(self.request.body or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise HTTPError(400, "the body must be a JSON object")
        return body

    def text(self, body: dict[str, Any], name: str) -> str | None:
        """Return a field that is a text or absent. Raises `HTTPError` 400."""
        value = body.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > 4_096):
            raise HTTPError(400, f"{name} must be a text")
        return value or None

    async def hosted(self, room_id: str) -> Hosted:
        """Return a room, live again if it was kept. Raises `HTTPError` 404."""
        hosted = await self.commdoc.registry.find(room_id)
        if hosted is None:
            raise HTTPError(404, "no such room")
        return hosted

    def describe(self, hosted: Hosted) -> dict[str, Any]:
        """Return what is said of a room."""
        return describe(hosted.room, hosted.attributes)


class StatusHandler(Api):
    """Whether commdoc is here, and which."""

    @allow_unauthenticated
    async def get(self) -> None:
        """Send it to anybody who may come in at all."""
        await self.role_in(self.grant.room_id if self.grant is not None else None)
        assert self.commdoc.serverapp is not None
        remote = bool(self.commdoc.serverapp.gateway_config.gateway_enabled)
        self.finish({**about(), "document": self.commdoc.documents.kind, "gateway": remote})


class RoomsHandler(Api):
    """The rooms."""

    @allow_unauthenticated
    async def get(self) -> None:
        """Send those that the client may see: a link's own, a person's all."""
        await self.role_in(self.grant.room_id if self.grant is not None else None)
        own = self.grant.room_id if self.grant is not None else None
        live = [self.describe(each) for each in self.commdoc.registry.all()]
        kept = [describe_kept(each) for each in await self.commdoc.registry.kept()]
        self.finish({"rooms": [each for each in live + kept if own in (None, each["room_id"])]})

    @allow_unauthenticated
    async def post(self) -> None:
        """Find or make the room of a kernel or notebook."""
        role = await self.role_in(None)
        body = self.body()
        kernel_id, path = self.text(body, "kernel_id"), self.text(body, "path")
        found = await self.commdoc.room_of_kernel(kernel_id) if kernel_id is not None else None
        if found is None and path is not None:
            found = await self.commdoc.room_of_path(path)
        if found is None:
            raise HTTPError(404, "no such kernel or notebook")
        self.finish({**self.describe(found), "role": role, "document": self.commdoc.documents.kind})


class LinksHandler(Api):
    """Links to a room's page, for others."""

    @allow_unauthenticated
    async def post(self, room_id: str) -> None:
        """Send one, without host: the browser that asks knows under which name it reaches the server."""
        own = await self.role_in(room_id)
        role = self.body().get("role", "viewer")
        await self.hosted(room_id)
        if role not in ("window", "viewer"):
            raise HTTPError(400, "role is window or viewer")
        if role == "window" and own != "window":
            self.refuse("a viewer asks for a window's link")
        token = self.commdoc.tokens.issue(role, room_id)
        self.finish({"url": f"{page_of(self, room_id)}#token={token}"})


class BridgeTokenHandler(Api):
    """Exchanges a person's credentials for the token of one kernel's bridge."""

    @allow_unauthenticated
    async def post(self) -> None:
        """Send address and token."""
        if await self.role_in(None) != "window":
            self.refuse("a viewer asks for a bridge's token")
        kernel_id = self.text(self.body(), "kernel_id")
        if kernel_id is None or not await self.commdoc.kernels.has(kernel_id):
            raise HTTPError(404, "no such kernel")
        url, token = self.commdoc.bridge_address(kernel_id), self.commdoc.keys.token(kernel_id)
        self.finish({**about(), **self.commdoc.local.told(), "url": url, "token": token})


class BlobHandler(Api):
    """One blob of a room, while a live entry names it."""

    @allow_unauthenticated
    async def get(self, room_id: str, digest: str) -> None:
        """Send the blob."""
        await self.role_in(room_id)
        send_blob(self, (await self.hosted(room_id)).room, digest)


class RoomHandler(Guarded):
    """The address of a room for a person who is logged in."""

    async def prepare(self, **options: Any) -> None:
        """Let Jupyter send who is not logged in to its login."""
        self.grant = None
        if self._is_for_a_foreign_frame():
            self.refuse("a page of another origin that has it in a frame")
        await super(Guarded, self).prepare(**options)

    def _is_for_a_foreign_frame(self) -> bool:
        """Tell whether a page that may embed rooms would get one by a person's cookie, without a link to it."""
        headers = self.request.headers
        framed = headers.get("Sec-Fetch-Dest") in ("iframe", "frame", "embed", "object")
        return framed and headers.get("Sec-Fetch-Site") in ("same-site", "cross-site")

    @authenticated
    async def get(self, room_id: str) -> None:
        """Send the browser to the page, with a token for what the person may do."""
        role = await self.role_in(room_id)
        if await self.commdoc.registry.find(room_id) is None:
            raise HTTPError(404, "no such room")
        token = self.commdoc.tokens.issue(role, room_id)
        self.redirect(f"{page_of(self, room_id)}#token={token}", status=303)


class Open(Guarded):
    """Without a secret in it: sent to anybody."""

    opaque_origin = False

    async def prepare(self, **_options: Any) -> None:
        """Check only where the request comes from."""
        self.current_user = self._jupyter_current_user = None
        if not self.opaque_origin:
            self.check_from_here()
        elif not self.check_host():
            self.refuse(f"host {self.request.host!r:.100}")


class PageHandler(Open):
    """The page of a room; whoever has no token sees nothing in it."""

    @allow_unauthenticated
    def get(self, _room_id: str) -> None:
        """Send the page."""
        send_page(self, self.commdoc.embedding)


class StaticHandler(StaticFiles, Open):
    """Built JavaScript and CSS: open to the frame, whose origin is null."""

    opaque_origin = True

    @allow_unauthenticated
    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file."""
        await StaticFileHandler.get(self, path, include_body)

    @allow_unauthenticated
    async def head(self, path: str) -> None:
        """Send a file's headers."""
        await StaticFileHandler.get(self, path, include_body=False)

    @property
    def embedding(self) -> Embedding:
        """The server's."""
        return self.commdoc.embedding

    @property
    def frame_parts(self) -> tuple[str, ...]:
        """From where on this host the frame may load its parts."""
        parts = "commdoc/static/", PREFIX
        return tuple(str(url_path_join(self.base_url, part)) for part in parts)


class ModuleHandler(Api):
    """Where the front end of a widget package is, for who may read the room."""

    @allow_unauthenticated
    async def get(self, room_id: str) -> None:
        """Send the address."""
        await self.role_in(room_id)
        prefix = str(url_path_join(self.base_url, PREFIX))
        await send_place(self, self.commdoc.tickets, (await self.hosted(room_id)).room, prefix)


class ModuleFileHandler(Open):
    """A file of it, for who has its ticket; open to the frame, whose origin is null."""

    opaque_origin = True

    @allow_unauthenticated
    async def get(self, room_id: str, ticket: str, path: str) -> None:
        """Send the file."""
        hosted = self.commdoc.registry.get(room_id)
        room = hosted.room if hosted else None
        await send_file(self, self.commdoc.tickets, room, ticket, path, self.commdoc.embedding)


# --- bridges ---------------------------------------------------------------------------------------------------------


class BridgeGuarded(Guarded):
    """What a kernel asks with its token.

    Attributes
    ----------
    own_id : str
        The kernel.
    """

    own_id: str

    async def prepare(self, **_options: Any) -> None:
        """Check the token, which is good for the kernel in the address and no other."""
        self.current_user = self._jupyter_current_user = None
        self.check_from_here()
        name = self.path_args[0]
        token = token_of(self.request)
        if not self.commdoc.keys.check(token, name):
            self.refuse("no token" if token is None else "not the token of this kernel's bridge")
        self.own_id = self.commdoc.kernels.id_of(name)
        if not await self.commdoc.kernels.has(self.own_id):
            raise HTTPError(404, "no such kernel")


class BridgeHandler(BridgeGuarded):
    """What a bridge wants to know before it connects."""

    @allow_unauthenticated
    def get(self, _kernel_id: str) -> None:
        """Send it."""
        self.finish({**about(), **self.commdoc.local.told()})


class InvitationHandler(BridgeGuarded):
    """The address of the kernel's room for the person at the notebook."""

    @allow_unauthenticated
    async def post(self, _name: str) -> None:
        """Send it; it opens for who is logged in, so it may be printed and saved."""
        hosted = await self.commdoc.room_of_kernel(self.own_id)
        if hosted is None:
            raise HTTPError(404, "no such room")
        self.finish({"link": f"{self.commdoc.base_for_people}commdoc/rooms/{hosted.room.room_id}"})


# --- sockets ---------------------------------------------------------------------------------------------------------


class Socket(PeerSocket):
    """What both kinds of sockets share."""

    def set_default_headers(self) -> None:
        """Set none: the answer is an upgrade."""

    @property
    def max_message_size(self) -> int:
        """Most bytes of a message, whatever the server's other sockets allow."""
        return VIEWER_BYTES if self.role == "viewer" else MAX_FRAME_BYTES


class RoomSocket(Socket, WebSocketMixin, Guarded):
    """A window's or viewer's WebSocket."""

    async def prepare(self, **_options: Any) -> None:
        """Decide before the upgrade."""
        await Guarded.prepare(self)
        room_id = self.path_args[0]
        self.role: Role = await self.role_in(room_id)
        hosted = await self.commdoc.registry.find(room_id)
        if hosted is None:
            raise HTTPError(404, "no such room")
        self.room = hosted.room

    def check_origin(self, origin: str | None = None) -> bool:
        """Check as Jupyter does for its own WebSockets; who has a link may come from a page that may embed it."""
        return self.embeds() or bool(WebSocketMixin.check_origin(self, origin))

    @allow_unauthenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Upgrade: `prepare` has decided."""
        await PeerSocket.get(self, *args, **kwargs)


class BridgeSocket(Socket, BridgeGuarded):
    """A bridge's WebSocket."""

    role: Role = "bridge"

    async def prepare(self, **_options: Any) -> None:
        """Decide before the upgrade, and find the room."""
        await BridgeGuarded.prepare(self)
        self.kernel_id = self.own_id
        hosted = await self.commdoc.room_of_kernel(self.kernel_id)
        if hosted is None:
            raise HTTPError(404, "no such kernel")
        self.room, self._hosted = hosted.room, hosted

    def check_origin(self, origin: str | None = None) -> bool:
        """Say yes: `prepare` has checked it."""
        return True

    @allow_unauthenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Upgrade: `prepare` has decided."""
        await PeerSocket.get(self, *args, **kwargs)

    def open(self, *args: str, **kwargs: str) -> None:
        """Hand the connection to the room, and tell the host."""
        self.commdoc.bridge_comes(self._hosted, self.own_id)
        super().open(*args, **kwargs)

    def on_close(self) -> None:
        """End the room's iteration; when the room has noticed, find out about the kernel."""
        super().on_close()
        asyncio.get_running_loop().call_later(0.05, self.commdoc.bridge_gone, self._hosted, self.own_id)


def page_of(handler: Guarded, room_id: str) -> str:
    """Return the path of a room's page."""
    return str(url_path_join(handler.base_url, "commdoc/rooms", room_id, "/"))
