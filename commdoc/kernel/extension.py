"""``%load_ext commdoc``, ``%unload_ext commdoc`` and ``c.IPKernelApp.extensions = ["commdoc"]``.

Loading twice does nothing the second time; unloading leaves the kernel as it was.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, Final

from IPython.core.error import UsageError

from commdoc.kernel import discovery
from commdoc.kernel.bridge import Bridge, kernel_info
from commdoc.kernel.magic import CommdocMagics
from commdoc.kernel.sidecar import Endpoint, start
from commdoc.protocol.messages import KernelInfo
from commdoc.version import __version__

_ATTRIBUTE: Final = "_commdoc_bridge"
"""Where the bridge is kept: on the kernel, so that `%autoreload` of this module can't forget it."""

logger = logging.getLogger(__name__)


def load_ipython_extension(shell: Any) -> None:
    """Mirror the comms of this kernel from now on.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        Of a Jupyter kernel.

    Raises
    ------
    UsageError
        In an IPython that is no Jupyter kernel: there are no comms.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is None or not hasattr(kernel, "comm_manager") or kernel.session is None:
        msg = "commdoc mirrors the widgets of a Jupyter kernel; this IPython is none. Load it in a notebook or console."
        raise UsageError(msg)
    if getattr(kernel, _ATTRIBUTE, None) is not None:
        return
    from ipykernel.connect import get_connection_file

    connection_file = get_connection_file()
    info = kernel_info(connection_file)
    discovery.take_environment(info["kernel_id"])
    find = discovery.Discovery(info["kernel_id"], lambda: _locate(connection_file, info))
    bridge = Bridge(kernel, info, find, f"commdoc-kernel {__version__}")
    setattr(kernel, _ATTRIBUTE, bridge)
    bridge.start()
    shell.register_magics(CommdocMagics(shell, bridge))


def unload_ipython_extension(shell: Any) -> None:
    """Stop mirroring and leave the kernel as it was."""
    kernel = getattr(shell, "kernel", None)
    bridge = getattr(kernel, _ATTRIBUTE, None)
    if bridge is None:
        return
    delattr(kernel, _ATTRIBUTE)
    bridge.stop()
    shell.magics_manager.magics["line"].pop("commdoc", None)
    magics = shell.magics_manager.registry.pop("CommdocMagics", None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)


def _locate(connection_file: str, info: KernelInfo) -> Endpoint:
    config: dict[str, Any] = {
        "connection_file": str(Path(connection_file).absolute()),
        "kernel_id": info["kernel_id"],
        "kernel_pid": info["pid"],
    }
    if "session_name" in info:
        config["session_name"] = info["session_name"]
    grace = os.environ.get("COMMDOC_SIDECAR_GRACE")
    if grace:
        config["grace"] = float(grace)
    origins = os.environ.get("COMMDOC_EMBED_ORIGINS", "").split()
    if origins:
        config["embed_origins"] = origins
    return start(config)
