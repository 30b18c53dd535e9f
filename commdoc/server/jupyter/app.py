"""The extension: puts documents, rooms, kernels and handlers of one Jupyter server together, and ends them with it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from jupyter_core.utils import ensure_async
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from traitlets import Float, List, TraitError, Unicode, validate

from commdoc.errors import OriginError
from commdoc.kernel.discovery import TOKEN_NAME, URL_NAME
from commdoc.rooms.registry import Document, Hosted, Registry
from commdoc.rooms.registry.registry import GRACE_SECONDS
from commdoc.rooms.room import Room
from commdoc.rooms.settings.user import UserSettings
from commdoc.rooms.store.keeper import Keeper
from commdoc.rooms.tokens import SignedTokens
from commdoc.server.embedding import Embedding
from commdoc.server.jupyter import autoload
from commdoc.server.jupyter.access import BridgeKeys
from commdoc.server.jupyter.documents import Documents
from commdoc.server.jupyter.kernels import Kernels
from commdoc.server.jupyter.local import Local
from commdoc.server.jupyter.notices import Notices
from commdoc.server.keeping import store_of
from commdoc.server.nbextensions import Tickets
from commdoc.server.settings import host_settings

log = logging.getLogger(__name__)

CONTENTS_EVENTS: Final = "https://events.jupyter.org/jupyter_server/contents_service/v1"

DRIVE: Final = "RTC:"
"""What front ends of jupyter-collaboration put before a path."""


class CommdocServer(ExtensionApp):
    """Hosts a room for each notebook whose kernel has commdoc loaded."""

    name = "commdoc"
    load_other_extensions = True

    bridge_url = Unicode(
        help="Address of this server as its kernels reach it, base_url included, e.g. http://10.0.0.5:8888/user/me/. "
        "Default: where the server listens.",
    ).tag(config=True)

    embed_origins = List(
        Unicode(),
        help="Origins of pages elsewhere that may show this server's rooms with the token of a link, and have a room's "
        "page in a frame, e.g. ['https://dash.example']. No wildcards. Default: none.",
    ).tag(config=True)

    store = Unicode(
        help="Folder in which rooms are kept, so that they outlive the server; 'memory': they are not. "
        "Default: what COMMDOC_STORE says, else commdoc/rooms in Jupyter's data folder.",
    ).tag(config=True)

    blobs_url = Unicode(
        help="Where blobs of kept rooms are copied to, too: a URL that fsspec knows, e.g. s3://bucket/commdoc "
        "(pip install commdoc[fsspec]). Default: what COMMDOC_BLOBS_URL says, else nowhere.",
    ).tag(config=True)

    room_grace = Float(
        GRACE_SECONDS,
        min=0,
        help="Seconds that a room stays in memory when nobody is in it; it is kept in the store, and there again when "
        "somebody asks for it.",
    ).tag(config=True)

    @validate("embed_origins")
    def _are_origins(self, proposal: dict[str, Any]) -> list[str]:
        try:
            return list(Embedding(proposal["value"]).origins)
        except OriginError as error:
            raise TraitError(str(error)) from None

    tokens: SignedTokens
    keys: BridgeKeys
    documents: Documents
    registry: Registry
    user_settings: UserSettings
    kernels: Kernels
    notices: Notices
    local: Local
    tickets: Tickets
    embedding: Embedding

    def initialize_settings(self) -> None:
        """Make the parts; called when the server has its managers, and before it listens."""
        server = self.serverapp
        assert server is not None
        self.tokens = SignedTokens(server.cookie_secret)
        self.keys = BridgeKeys(server.cookie_secret)
        self.user_settings = host_settings()
        server.io_loop.add_callback(self.user_settings.start)
        self.documents = Documents(server.web_app.settings)
        self.registry = Registry(
            self.documents.open,
            self._make_room,
            store_of(self.store, self.blobs_url),
            str(Path(server.root_dir).resolve()) if server.root_dir else None,
            lambda: self.room_grace,
        )
        remote = bool(server.gateway_config.gateway_enabled)
        self.kernels = Kernels(server.kernel_manager, server.session_manager, self, remote=remote)
        self.notices = Notices(self.tokens)
        self.local = Local(self)
        server.io_loop.add_callback(self.local.start)
        self.tickets = Tickets()
        self.embedding = Embedding(self.embed_origins)
        self.kernels.install()
        if server.event_logger is not None:
            server.event_logger.add_listener(schema_id=CONTENTS_EVENTS, listener=self._contents_event)

    def initialize_handlers(self) -> None:
        """Add the handlers."""
        from commdoc.server.jupyter.handlers import routes

        self.handlers.extend(routes())

    async def stop_extension(self) -> None:
        """Say goodbye to all who are connected."""
        self.kernels.uninstall()
        self.notices.remove_all()
        await self.registry.close()
        await self.local.socket.close()
        await self.user_settings.close()

    # --- addresses ---------------------------------------------------------------------------------------------------

    @property
    def base_for_kernels(self) -> str:
        """The server's address as its kernels reach it; ends with ``/``."""
        assert self.serverapp is not None
        return (self.bridge_url or str(self.serverapp.connection_url)).rstrip("/") + "/"

    @property
    def base_for_people(self) -> str:
        """The server's address as a person reaches it; ends with ``/``. A path, where a hub does not tell its name."""
        assert self.serverapp is not None
        path = str(url_path_join(self.serverapp.base_url, "/"))
        if "JUPYTERHUB_SERVICE_PREFIX" in os.environ:
            public = os.environ.get("JUPYTERHUB_PUBLIC_URL")
            return f"{public.rstrip('/')}/" if public else path
        parts = urlsplit(self.serverapp.public_url)
        return urlunsplit((parts.scheme, parts.netloc, path, "", ""))

    def bridge_address(self, kernel_id: str) -> str:
        """Return the address for a kernel's bridge."""
        return f"{self.base_for_kernels}commdoc/bridge/{kernel_id}"

    # --- rooms -------------------------------------------------------------------------------------------------------

    def _make_room(self, document: Document, room_id: str, keeper: Keeper | None) -> Room:
        link, limits = self.kernels.connect, self.user_settings.limits
        return self.user_settings.adopt(
            Room(document.doc, room_id, keeper=keeper, kernel_link=link, limits=limits)
        )

    async def room_of_kernel(self, kernel_id: str) -> Hosted | None:
        """Return the room of a kernel, made if there is none; that of one that has ended, if it is there or kept."""
        if await self.kernels.has(kernel_id):
            return await self.registry.for_kernel(kernel_id, await self.kernels.notebooks_of(kernel_id))
        return await self.registry.find_kernel(kernel_id)

    async def room_of_path(self, path: str) -> Hosted | None:
        """Return the room of a notebook, made if there is none; None when there is no such file either."""
        path = path.removeprefix(DRIVE).strip("/")
        if self.registry.of_path(path) is None and not await self._exists(path):
            return None
        return await self.registry.for_path(path)

    async def _exists(self, path: str) -> bool:
        assert self.serverapp is not None
        contents: Any = self.serverapp.contents_manager
        exists: bool = await ensure_async(contents.file_exists(path))
        return exists

    def _file_of(self, path: str | None) -> str | None:
        """Return where a notebook is in the file system, as far as the server has it there."""
        root = getattr(self.serverapp, "root_dir", None)
        return path if path is None or not root else str(Path(root, path))

    def bridge_comes(self, hosted: Hosted, kernel_id: str) -> None:
        """Note that a bridge comes into a room."""
        self.registry.attached(hosted, kernel_id)
        self.kernels.watch(kernel_id)
        self.notices.write(
            hosted.room.room_id,
            f"{self.base_for_kernels}commdoc/rooms/{hosted.room.room_id}/",
            kernel_id,
            self.kernels.pid_of(kernel_id),
            self.kernels.connection_file_of(kernel_id),
            self._file_of(hosted.path),
        )

    def bridge_gone(self, hosted: Hosted, kernel_id: str) -> None:
        """Find out whether its kernel is gone, too."""
        if hosted.kernel_id == kernel_id and hosted.room.kernel.bridge is None:
            self.kernels.look(kernel_id, self.epoch_of(kernel_id))

    # --- what kernels are told, and tell -----------------------------------------------------------------------------

    def environment(self, kernel_id: str) -> Mapping[str, str]:
        """Return what a kernel needs for its bridge."""
        return {URL_NAME: self.bridge_address(kernel_id), TOKEN_NAME: self.keys.token(kernel_id)}

    def arguments(self, kernel_name: str | None) -> list[str]:
        """Return what makes a kernel load commdoc by itself, when its user wants that."""
        assert self.serverapp is not None
        if not self.user_settings["server.autoload"]:
            return []
        return autoload.arguments(self.serverapp.kernel_manager, kernel_name)

    def epoch_of(self, kernel_id: str) -> str | None:
        """Return the life of a kernel that its room shows."""
        hosted = self.registry.of_kernel(kernel_id)
        kernel = hosted.room.kernel.kernel if hosted is not None else None
        return kernel["epoch"] if kernel is not None else None

    def kernel_ended(self, kernel_id: str, reason: str, epoch: str | None = None) -> None:
        """Tell its room."""
        hosted = self.registry.of_kernel(kernel_id)
        if hosted is not None and hosted.kernel_id == kernel_id:
            hosted.kernel_dead(reason, epoch)

    async def session_changed(self, kernel_id: str) -> None:
        """Follow the notebook."""
        await self.registry.session_moved(kernel_id, await self.kernels.notebooks_of(kernel_id))

    async def _contents_event(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        if data.get("action") == "rename":
            await self.registry.renamed(data["source_path"].strip("/"), data["path"].strip("/"))
        elif data.get("action") == "delete":
            await self.registry.deleted(data["path"].strip("/"))
