"""The page, the frame in it, and their scripts and styles.

The page holds the token and the WebSocket; it runs our own scripts and nothing else. Widgets run in a frame of
opaque origin: an author's module there can't read the page, its storage or its token, and every request it makes
to this server lacks what opens anything. So the frame may do what widgets do in JupyterLab (modules from a blob or
a CDN, eval), and the page may not.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Final

from tornado.web import HTTPError, RequestHandler, StaticFileHandler

from commdoc.server.embedding import Embedding
from commdoc.server.handlers import Handler
from commdoc.server.nbextensions import PREFIX

STATIC: Final = Path(__file__).parent / "static"
"""What `js-shim` builds; empty in a checkout that was not built."""

FRAME: Final = "frame.html"

_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self' {socket}; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'; "
    "frame-ancestors {ancestors}"
)

# Host and scheme are spelled out: in a document of opaque origin not every browser takes 'self' for the server.
# Elsewhere only https: what listens on other loopback ports is none of a widget's business.
# Of this host it may load `{parts}`: the page's own, and front ends of widget packages, whose addresses it is told.
_FRAME_POLICY: Final = (
    "sandbox allow-scripts allow-downloads allow-modals allow-forms allow-popups; "
    "default-src 'none'; "
    "script-src {parts} blob: data: https: 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval'; "
    "style-src {parts} blob: data: https: 'unsafe-inline'; "
    "img-src {parts} blob: data: https:; font-src {parts} blob: data: https:; "
    "media-src blob: data: https:; connect-src blob: data: https: wss:; worker-src blob: data:; "
    "child-src blob: data: https:; frame-src blob: data: https:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
)

_NOT_BUILT: Final = (
    "<!doctype html><title>commdoc</title><p>This installation has no built JavaScript: "
    "run <code>make js</code> in the checkout, or install a wheel.</p>"
)


def send_page(handler: RequestHandler, embedding: Embedding) -> None:
    """Send the page, the same for every room: which one it shows stands in its address."""
    own = handler.request.host
    policy = _PAGE_POLICY.format(socket=f"ws://{own} wss://{own}", ancestors=embedding.ancestors())
    handler.set_header("Content-Security-Policy", policy)
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    handler.set_header("Cache-Control", "no-cache")
    page = STATIC / "viewer.html"
    handler.finish(page.read_text(encoding="utf-8") if page.is_file() else _NOT_BUILT)


class PageHandler(Handler):
    """The page of a room."""

    def get(self, room_id: str) -> None:
        """Send the page; whoever has no token sees nothing in it."""
        if room_id not in self.rooms:
            raise HTTPError(404, "no such room")
        if not self.request.path.endswith("/"):
            self.redirect(f"{self.request.path}/", permanent=False)
            return
        send_page(self, self.access.embedding)


class StaticFiles(StaticFileHandler):
    """Built JavaScript and CSS, for any host: it inherits this beside its own base."""

    @property
    def embedding(self) -> Embedding:
        """Who may have the page, and so the frame in it, in a page of their own."""
        raise NotImplementedError

    @property
    def frame_parts(self) -> tuple[str, ...]:
        """From where on this host the frame may load its parts; paths."""
        return "/commdoc/static/", PREFIX

    def parse_url_path(self, url_path: str) -> str:
        """Refuse what no file system takes."""
        if "\0" in url_path:
            raise HTTPError(404, "no such file")
        return super().parse_url_path(url_path)

    def set_extra_headers(self, path: str) -> None:
        """Set what lets the frame load its parts, and what binds it."""
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.set_header("Cache-Control", "no-cache")
        if Path(path).name == FRAME:
            own = f"{self.request.protocol}://{self.request.host}"
            parts = " ".join(own + path for path in self.frame_parts)
            self.set_header(
                "Content-Security-Policy",
                _FRAME_POLICY.format(ancestors=self.embedding.ancestors(own), parts=parts),
            )
        else:
            self.set_header("Content-Security-Policy", "default-src 'none'")

    def get_content_type(self) -> str:
        """Return a type that a browser takes for a module, whatever the system's tables say."""
        if self.absolute_path is not None and self.absolute_path.endswith((".js", ".mjs")):
            return "text/javascript; charset=utf-8"
        kind, _ = mimetypes.guess_type(self.absolute_path or "")
        return kind or "application/octet-stream"


class StaticHandler(Handler, StaticFiles):
    """Built JavaScript and CSS, without a secret in it: open to the frame, whose origin is null."""

    opaque_origin = True

    @property
    def embedding(self) -> Embedding:
        """The sidecar's."""
        return self.access.embedding
