"""The kernels of a Jupyter server: what they are given when they start, and when they end.

The server's kernel manager has no hooks for either, so three methods of that one object are wrapped here, and two of
its session manager. Each calls the original always, with what it was called with and perhaps a kernel id, two names
in the environment and an argument; what goes wrong here is logged and changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Final, Protocol

from jupyter_core.utils import ensure_async

from commdoc.kernel.discovery import GATEWAY_PREFIX
from commdoc.protocol.messages import KernelInfo
from commdoc.rooms.kernel_link import KernelLink, KernelLinkError, SubshellLost
from commdoc.rooms.zmq_link import ZmqLink

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 1.0, 2.0)
"""Between looks at a kernel whose bridge has gone: a killed one is shown as dead before the server's own poll, which
comes every 3 s. After that what the server notices will do.
"""


class Host(Protocol):
    """Who wants to know, and gives the address."""

    def environment(self, kernel_id: str) -> Mapping[str, str]:
        """Return what to add to the environment of a kernel."""

    def arguments(self, kernel_name: str | None) -> list[str]:
        """Return what to add to the command line of a kernel of that name."""

    def epoch_of(self, kernel_id: str) -> str | None:
        """Return the life of a kernel that its room shows."""

    def kernel_ended(self, kernel_id: str, reason: str, epoch: str | None = None) -> None:
        """Be told that a kernel, or only this life of it, has ended."""

    async def session_changed(self, kernel_id: str) -> None:
        """Be told that a session on this kernel was made, or is another notebook's now."""


class Kernels:
    """Watches the kernels of a server.

    Parameters
    ----------
    manager, sessions
        The server's kernel manager and session manager.
    host : Host
        Who is told.
    remote : bool
        Whether the kernels are a gateway's.
    """

    def __init__(self, manager: Any, sessions: Any, host: Host, *, remote: bool = False) -> None:
        self._manager = manager
        self._sessions = sessions
        self._host = host
        self._watched: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wrapped: list[tuple[Any, str]] = []
        self.remote = remote
        self._aliases: dict[str, str] = {}

    # --- asking ------------------------------------------------------------------------------------------------------

    async def has(self, kernel_id: str) -> bool:
        """Tell whether the server has this kernel; a gateway's are known once they are listed."""
        if kernel_id not in self._manager:
            await ensure_async(self._manager.list_kernels())
        return kernel_id in self._manager

    def id_of(self, name: str) -> str:
        """Return the id of the kernel that an address names: a gateway's has a name before it has an id."""
        return self._aliases.get(name, name)

    async def notebooks_of(self, kernel_id: str) -> list[str]:
        """Return the paths of the notebooks that have sessions on a kernel."""
        found = await ensure_async(self._sessions.list_sessions())
        return [
            each["path"]
            for each in found
            if each["kernel"] and each["kernel"]["id"] == kernel_id and each["type"] == "notebook"
        ]

    def pid_of(self, kernel_id: str) -> int:
        """Return the kernel's process id, 0 where the server doesn't know it."""
        provisioner = getattr(self._manager.get_kernel(kernel_id), "provisioner", None)
        return int(getattr(provisioner, "pid", None) or 0)

    def connection_file_of(self, kernel_id: str) -> str:
        """Return where the kernel's ports are, "" for one elsewhere."""
        return str(getattr(self._manager.get_kernel(kernel_id), "connection_file", None) or "")

    def connect(self, kernel: KernelInfo, subshell_lost: SubshellLost) -> KernelLink:
        """Return the way to a kernel's shell channel. Raises `KernelLinkError`."""
        kernel_id = kernel["kernel_id"]
        if kernel_id not in self._manager:
            raise KernelLinkError(f"the server has no kernel {kernel_id}")
        if self.remote:
            from commdoc.server.jupyter.gateway_link import GatewayLink

            return GatewayLink(kernel_id, subshell_lost)
        path = self.connection_file_of(kernel_id)
        if not path:
            raise KernelLinkError(f"the server has no ports of the kernel {kernel_id}, which runs elsewhere")
        return ZmqLink(Path(path), subshell_lost)

    # --- watching ----------------------------------------------------------------------------------------------------

    def watch(self, kernel_id: str) -> None:
        """Be told by the server when it restarts this kernel by itself, or gives it up."""
        if kernel_id in self._watched:
            return
        self._watched.add(kernel_id)
        ended = self._ended
        for event, reason in (("restart", "the kernel has died"), ("dead", "the kernel has died too often")):
            try:
                self._manager.add_restart_callback(
                    kernel_id, lambda reason=reason: ended(kernel_id, reason), event
                )
            except Exception as error:  # noqa: BLE001 - a manager of somebody else's without such callbacks
                log.info("kernel %s: no news of its restarts: %r", kernel_id, error)

    def look(self, kernel_id: str, epoch: str | None) -> None:
        """Find out whether a kernel whose bridge has gone lives."""
        task = asyncio.ensure_future(self._look(kernel_id, epoch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, kernel_id: str, epoch: str | None) -> None:
        for seconds in LOOK_SECONDS:
            await asyncio.sleep(seconds)
            if kernel_id not in self._manager:
                return
            try:
                alive = await ensure_async(self._manager.get_kernel(kernel_id).is_alive())
            except Exception as error:  # noqa: BLE001 - a kernel that is just being replaced, or is elsewhere
                log.debug("kernel %s: %r", kernel_id, error)
                continue
            if not alive:
                self._ended(kernel_id, "the kernel's process has ended", epoch)
                return

    # --- the wrapped methods -----------------------------------------------------------------------------------------

    def install(self) -> None:
        """Wrap them."""
        self._wrap(self._manager, "start_kernel", self._start)
        self._wrap(self._manager, "restart_kernel", self._restart)
        self._wrap(self._manager, "remove_kernel", self._remove)
        self._wrap(self._sessions, "update_session", self._update_session)
        self._wrap(self._sessions, "save_session", self._save_session)

    def uninstall(self) -> None:
        """Unwrap them, and stop looking."""
        for holder, name in self._wrapped:
            holder.__dict__.pop(name, None)
        self._wrapped.clear()
        for task in self._tasks:
            task.cancel()

    def _wrap(self, holder: Any, name: str, wrapper: Callable[..., Any]) -> None:
        original = getattr(holder, name)

        @wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return wrapper(original, *args, **kwargs)

        setattr(holder, name, wrapped)
        self._wrapped.append((holder, name))

    async def _start(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        if self.remote:
            return await self._start_remote(original, *args, **kwargs)
        try:
            kernel_id = kwargs.get("kernel_id")
            if kernel_id is None:
                kernel_id = self._manager.new_kernel_id(**kwargs)
            env = {**(kwargs.get("env") or os.environ), **self._host.environment(kernel_id)}
        except Exception:
            log.exception("a kernel starts without an address for its comms")
        else:
            kwargs.update(kernel_id=kernel_id, env=env)
            if added := self._arguments(kwargs.get("kernel_name")):
                kwargs["extra_arguments"] = [*(kwargs.get("extra_arguments") or ()), *added]
        return await ensure_async(original(*args, **kwargs))

    def _arguments(self, kernel_name: str | None) -> list[str]:
        try:
            return self._host.arguments(kernel_name)
        except Exception as error:  # noqa: BLE001 - what it is, the start itself will say
            log.info("kernel %s is not told to load commdoc: %r", kernel_name, error)
            return []

    async def _start_remote(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        """Start a kernel at the gateway, which gives it an id: its address has a name of ours instead.

        Whether the environment comes through is the gateway's matter, and ``GatewayClient.allowed_envs``.
        """
        name = None
        if kwargs.get("kernel_id") is None:  # else it is there already
            name = f"{GATEWAY_PREFIX}{uuid.uuid4().hex}"
            kwargs["env"] = {**(kwargs.get("env") or {}), **self._host.environment(name)}
        kernel_id = await ensure_async(original(*args, **kwargs))
        if name is not None:
            self._aliases[name] = kernel_id
        return kernel_id

    async def _restart(self, original: Any, kernel_id: str, *args: Any, **kwargs: Any) -> Any:
        epoch = self._host.epoch_of(kernel_id)
        result = await ensure_async(original(kernel_id, *args, **kwargs))
        # The process is another one now; perhaps its bridge has come already.
        self._ended(kernel_id, "the kernel was restarted", epoch or "")
        return result

    def _remove(self, original: Any, kernel_id: str, *args: Any, **kwargs: Any) -> Any:
        self._watched.discard(kernel_id)
        self._aliases = {name: each for name, each in self._aliases.items() if each != kernel_id}
        self._ended(kernel_id, "the kernel was shut down")
        return original(kernel_id, *args, **kwargs)

    def _ended(self, kernel_id: str, reason: str, epoch: str | None = None) -> None:
        try:
            self._host.kernel_ended(kernel_id, reason, epoch)
        except Exception:
            log.exception("the room of the kernel %s is not told that it has ended", kernel_id)

    async def _save_session(self, original: Any, session_id: str, *args: Any, **kwargs: Any) -> Any:
        model = await ensure_async(original(session_id, *args, **kwargs))
        await self._session_changed(model)
        return model

    async def _update_session(self, original: Any, session_id: str, *args: Any, **kwargs: Any) -> Any:
        result = await ensure_async(original(session_id, *args, **kwargs))
        # A new name alone says nothing: it comes with a new path, by a request of its own that may be there first.
        if kwargs.keys() & {"path", "kernel_id"}:
            session = await ensure_async(self._sessions.get_session(session_id=session_id))
            await self._session_changed(session)
        return result

    async def _session_changed(self, model: Any) -> None:
        try:
            await self._host.session_changed(model["kernel"]["id"])
        except Exception:
            log.exception("a session has changed: %.200r", model)
