"""Where this kernel's room is: the first of these that answers.

    %commdoc join URL             what the person says
    COMMDOC_BRIDGE_URL, _TOKEN    what the Jupyter server gave to the kernel that it started
    a Jupyter server of this user that has commdoc and this kernel: the parent first; asked with its token, for one
                                  that may do nothing but be this kernel's bridge
    a sidecar

While the parent server has commdoc, or may have it, there is no sidecar: windows of that server would not find it. What
stands in the way is said, and all is tried again.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit, urlunsplit

import psutil

from commdoc.errors import CommdocError, VersionError
from commdoc.kernel.http import Answer, UnreachableError, ask
from commdoc.kernel.sidecar import Endpoint
from commdoc.protocol.version import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION
from commdoc.version import __version__

URL_NAME: Final = "COMMDOC_BRIDGE_URL"
TOKEN_NAME: Final = "COMMDOC_BRIDGE_TOKEN"

GATEWAY_PREFIX: Final = "gateway-"
"""Begins the name that the address of a gateway's kernel has: the server did not know its id when it gave it."""

PATIENCE_SECONDS: Final = 60.0
"""How long a server that gave this kernel an address may be away before a sidecar does instead, if its process is gone.
A server that is restarted is back by then.
"""

SILENCE_SECONDS: Final = 20.0
"""How long a parent server of which nothing is known may be silent before a sidecar does instead, with a warning:
perhaps it has no commdoc, and this kernel can't reach it.
"""

ROOMS: Final = "/commdoc/rooms/"
BRIDGES: Final = "/commdoc/bridge/"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Given:
    """The address that the server gave."""

    url: str
    token: str


@dataclass
class _Memory:
    given: Given | None = None


_memory = _Memory()
"""Of this process: what was in its environment must outlast `%unload_ext` and a second `%load_ext`."""


def take_environment(kernel_id: str) -> None:
    """Take the address out of the environment, so that no process that the user starts inherits the token.

    One that is another kernel's is not used: a kernel that user code started before, with the environment of its own.
    """
    url, token = os.environ.pop(URL_NAME, "").rstrip("/"), os.environ.pop(TOKEN_NAME, "")
    name = url.rpartition("/")[2]
    if token and (name == kernel_id or name.startswith(GATEWAY_PREFIX)):
        _memory.given = Given(url, token)
    elif token:
        logger.info("%s is not this kernel's, %s", url, kernel_id)


@dataclass(frozen=True)
class Server:
    """A running Jupyter server of this user, as its file in the runtime folder says."""

    url: str
    token: str
    pid: int
    sock: str = ""


def servers(parent: int) -> list[Server]:
    """Return the servers of this user, that of the process `parent` first."""
    from jupyter_core.paths import jupyter_runtime_dir

    found = [
        server for path in Path(jupyter_runtime_dir()).glob("jpserver-*.json") if (server := _server(path))
    ]
    return sorted(found, key=lambda server: server.pid != parent)


def _server(path: Path) -> Server | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        server = Server(
            url=str(content["url"]),
            token=str(content.get("token") or os.environ.get("JUPYTERHUB_API_TOKEN", "")),
            pid=int(content["pid"]),
            sock=str(content.get("sock") or ""),
        )
        return server if psutil.pid_exists(server.pid) else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


class Discovery:
    """Finds the room of one kernel; one of these for the kernel's life.

    Parameters
    ----------
    kernel_id : str
        This kernel.
    sidecar : callable
        Starts or finds the sidecar and returns its address.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        kernel_id: str,
        sidecar: Callable[[], Endpoint],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kernel_id = kernel_id
        self._sidecar = sidecar
        self._clock = clock
        self._parent = int(os.environ.get("JPY_PARENT_PID") or 0)
        self._away_since: float | None = None
        self._parent_has_it = False
        self._silent_since: float | None = None

    def __call__(self) -> Endpoint:
        """Return where the room is.

        Raises
        ------
        CommdocError
            When it is not to be had just now; the text says why and what to do.
        """
        trouble: CommdocError | None = None
        if _memory.given is not None:
            try:
                return self._at_given(_memory.given)
            except VersionError:
                raise
            except CommdocError as error:
                trouble = error
        for server in servers(self._parent):
            try:
                found = self._at_server(server)
            except UnreachableError as error:
                if server.pid == self._parent:
                    self._parent_is_away(error)
                continue
            if found is not None:
                return found
        if trouble is not None and not self._may_give_up():
            raise trouble
        return self._sidecar()

    def _parent_is_away(self, error: UnreachableError) -> None:
        """Wait for the parent server, for some time if it is not known to have commdoc.

        Raises
        ------
        CommdocError
            While there is to be no sidecar.
        """
        now = self._clock()
        if self._silent_since is None:
            self._silent_since = now
        if self._parent_has_it or now - self._silent_since < SILENCE_SECONDS:
            raise CommdocError(
                f"the Jupyter server of this kernel does not answer: {error}; `%commdoc join URL` names another room"
            ) from error
        logger.warning(
            "commdoc: the Jupyter server of this kernel does not answer, a process of its own serves the widgets: %s",
            error,
        )

    def _at_given(self, given: Given) -> Endpoint:
        answer = ask("GET", given.url, given.token)
        if answer.status != 200:
            raise CommdocError(
                f"{given.url} lets this kernel in no more ({answer.status}): `%commdoc join URL` names another room"
            )
        _check_version(answer.content, given.url)
        self._away_since = None
        return _with_local(Endpoint(given.url, given.token), answer)

    def _may_give_up(self) -> bool:
        """Tell whether the server that gave the address is gone, and has been for long enough."""
        now = self._clock()
        if self._away_since is None:
            self._away_since = now
        if self._parent and psutil.pid_exists(self._parent):
            return False
        return now - self._away_since > PATIENCE_SECONDS

    def _at_server(self, server: Server) -> Endpoint | None:
        """Return the address at a server, None when it hasn't commdoc or not this kernel.

        Raises
        ------
        CommdocError
            When it is the parent, has commdoc and gives none.
        """
        if server.sock or urlsplit(server.url).scheme not in ("http", "https"):
            logger.info("the Jupyter server at %s can't be reached over HTTP", server.sock or server.url)
            return None
        parent = server.pid == self._parent
        base = server.url.rstrip("/") + "/"
        answer = ask("POST", f"{base}commdoc/api/bridge", server.token, {"kernel_id": self._kernel_id})
        self._silent_since = None if parent else self._silent_since
        if answer.status == 200:
            self._parent_has_it = self._parent_has_it or parent
            return _endpoint(answer, base)
        if parent and answer.status in (401, 403) and has_commdoc(base):
            self._parent_has_it = True
            raise CommdocError(
                f"the Jupyter server at {base} has commdoc and does not let this kernel in by itself: restart the "
                "kernel, or run `%commdoc join` with a link that the server gives"
            )
        if parent and answer.status >= 500:
            raise CommdocError(f"the Jupyter server at {base} failed ({answer.status}): see its log")
        return None


def has_commdoc(base: str) -> bool:
    """Tell whether a server has the extension, without a token: where it is, it forbids; else there is a login."""
    return ask("GET", f"{base}commdoc/api/status", "").status == 403


def _check_version(content: dict[str, Any], where: str) -> None:
    """Check that server and kernel understand each other.

    Raises
    ------
    VersionError
        Which of them to upgrade.
    """
    span = content.get("protocol")
    if not isinstance(span, list) or len(span) != 2:
        return  # the room will say it
    low, high = int(span[0]), int(span[1])
    if low <= PROTOCOL_VERSION and high >= MIN_PROTOCOL_VERSION:
        return
    place, command = "the environment of the Jupyter server", "then restart the server"
    if low > PROTOCOL_VERSION:
        place, command = "the environment of this kernel", "then restart the kernel"
    raise VersionError(
        f"commdoc {content.get('version', 'of another version')} at {where} and commdoc {__version__} of this kernel "
        f"have no protocol in common ({low} to {high}, {MIN_PROTOCOL_VERSION} to {PROTOCOL_VERSION}): "
        f"run `pip install --upgrade commdoc` in {place}, {command}"
    )


def joined(link: str, kernel_id: str) -> Callable[[], Endpoint]:
    """Return what finds the room of a link that a person gives.

    Parameters
    ----------
    link : str
        Of a room or a bridge, its token behind ``#token=``; or of a Jupyter server, as it prints it when it starts,
        with ``?token=``.
    kernel_id : str
        This kernel.

    Raises
    ------
    CommdocError
        When it is no such link.
    """
    parts, (url, token) = urlsplit(link), without_token(link)
    if parts.scheme not in ("http", "https") or not parts.netloc or not token:
        raise CommdocError(
            f"{urlunsplit(parts._replace(fragment='', query=''))!r} is no link to a room or Jupyter server: it begins "
            "with http and ends with '#token=…' or '?token=…'"
        )
    if ROOMS in parts.path or BRIDGES in parts.path:
        endpoint = Endpoint(url, token)
        return lambda: endpoint
    return lambda: _exchanged(url, token, kernel_id)


def without_token(link: str) -> tuple[str, str]:
    """Return the address in a link, and its token, ``""`` when it has none."""
    parts = urlsplit(link)
    token = parse_qs(parts.fragment).get("token", parse_qs(parts.query).get("token", [""]))[0]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), token


def _exchanged(url: str, token: str, kernel_id: str) -> Endpoint:
    """Ask a Jupyter server for the address of this kernel's bridge. The link may be one of its pages."""
    refusals = []
    for base in bases(url):
        answer = ask("POST", f"{base}commdoc/api/bridge", token, {"kernel_id": kernel_id})
        if answer.status == 200:
            return _endpoint(answer, base)
        refusals.append(f"{base}: {_why(answer)}")
    raise CommdocError(f"no room there: {'; '.join(refusals)}")


def _endpoint(answer: Answer, base: str) -> Endpoint:
    """Return the address that a server gives, under the name by which it was reached just now."""
    _check_version(answer.content, base)
    path = urlsplit(str(answer.content["url"])).path
    return _with_local(Endpoint(urljoin(base, path), str(answer.content["token"])), answer)


def _with_local(endpoint: Endpoint, answer: Answer) -> Endpoint:
    """Add the server's local socket, of which it tells."""
    path = answer.content.get("local")
    if not isinstance(path, str):
        return endpoint
    return replace(endpoint, local=path, about={"kernel_id": endpoint.url.rstrip("/").rpartition("/")[2]})


def _why(answer: Answer) -> str:
    if answer.status in (401, 403):
        return "the token is refused"
    return "it has no commdoc, or not this kernel" if answer.status == 404 else f"it answers {answer.status}"


def bases(url: str) -> Iterator[str]:
    """Yield what may be the address of a Jupyter server, where a link leads to one of its pages; ends with ``/``."""
    parts = urlsplit(url)
    yield url.rstrip("/") + "/"
    for page in ("/lab", "/tree", "/notebooks", "/doc"):
        head, found, _ = parts.path.partition(page)
        if found:
            yield urlunsplit((parts.scheme, parts.netloc, head + "/", "", ""))
