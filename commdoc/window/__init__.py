"""The headless window: a room's comms in Python, blocking (`Window`) or on a loop (`AsyncWindow`).

frames ─► connection ─► core (document, blobs, requests) ─► events ─► window ─► observers ─► delivery ─► callbacks
"""

from __future__ import annotations

from commdoc.window.blocking import Window, join
from commdoc.window.comm import AsyncComm, Kernel
from commdoc.window.exporting import Exported, export
from commdoc.window.model import Model
from commdoc.window.observers import Change
from commdoc.window.window import AsyncWindow

__all__ = ["AsyncComm", "AsyncWindow", "Change", "Exported", "Kernel", "Model", "Window", "export", "join"]
