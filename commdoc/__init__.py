"""Jupyter widgets live in the notebook document: every window has them, also while the kernel is busy or gone.

    %load_ext commdoc                  # in a notebook

    import commdoc                     # anywhere else
    with commdoc.join() as window:
        slider = window.wait_for("IntSliderModel")
        slider.set(value=5)

Importing this package imports nothing heavy: each layer is loaded when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from commdoc.errors import (
    BlobMissingError,
    CommdocError,
    ForbiddenError,
    LeaseError,
    ProtocolError,
    RequestError,
    RoomClosedError,
    RoomFullError,
    RoomNotFoundError,
    SchemaError,
    SidecarError,
    ValueEncodingError,
    VersionError,
)
from commdoc.version import __version__

if TYPE_CHECKING:
    from commdoc.window import AsyncWindow, Model, Window, export, join

__all__ = [
    "AsyncWindow",
    "BlobMissingError",
    "CommdocError",
    "ForbiddenError",
    "LeaseError",
    "Model",
    "ProtocolError",
    "RequestError",
    "RoomClosedError",
    "RoomFullError",
    "RoomNotFoundError",
    "SchemaError",
    "SidecarError",
    "ValueEncodingError",
    "VersionError",
    "Window",
    "__version__",
    "export",
    "join",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_FROM_WINDOW = frozenset({"AsyncWindow", "Model", "Window", "export", "join"})


def load_ipython_extension(ipython: Any) -> None:
    """Mirror this kernel's comms: ``%load_ext commdoc``."""
    from commdoc.kernel.extension import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Leave the kernel as it was: ``%unload_ext commdoc``."""
    from commdoc.kernel.extension import unload_ipython_extension as unload

    unload(ipython)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell a Jupyter server where its extension is."""
    from commdoc.server.jupyter.app import CommdocServer

    return [{"module": "commdoc.server.jupyter.app", "app": CommdocServer}]


def __getattr__(name: str) -> Any:
    if name in _FROM_WINDOW:
        from commdoc import window

        return getattr(window, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
