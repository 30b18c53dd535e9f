"""The settings that a kernel's side has: the room tells them, with the welcome and when they change.

Until it has, and with a room that tells none, the defaults hold; what was told holds until something else is.
"""

from __future__ import annotations

from commdoc.kernel.batch import BatchEncoder
from commdoc.kernel.flush import FlushThread
from commdoc.protocol.settings import read_told


def take(told: object, flush: FlushThread, encoder: BatchEncoder) -> None:
    """Go by what the room tells, as far as it is known here. From any thread: each is one assignment."""
    values = read_told(told, "bridge")
    if "kernel.window_ms" in values:
        flush.window_seconds = float(values["kernel.window_ms"]) / 1000
    if "kernel.blob_threshold" in values:
        encoder.blob_threshold = int(values["kernel.blob_threshold"])
