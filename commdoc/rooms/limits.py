"""What a room allows, and for how long it waits: every constant with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from commdoc.protocol import frames, messages

MB = 1024 * 1024

AHEAD: Final = 8
"""Times `in_flight` that a window may have sent and not heard of."""


@dataclass
class RoomLimits:
    """Limits of a room; bytes and seconds. A host's rooms may share one, which changes with the user's settings.

    Attributes
    ----------
    windows
        Windows and viewers at a time: 400 cost a sidecar 200 MB, and a script that went wrong opens thousands.
    frame_bytes
        Largest frame that a peer may send.
    text_bytes
        Longest JSON text in a frame of a window: 16 MB of nested lists held a room up for 2 s.
    queue_bytes
        Pending document updates of a peer; past it they become one diff. A full document of 5,000 models is about 5 MB,
        so a diff is never much more than what was dropped for it.
    event_bytes
        Pending events of a peer; past it a peer that takes nothing is closed.
    stall_seconds
        How long it may have taken nothing then. A burst alone, up to 4 times `event_bytes`, closes nobody.
    push_bytes
        Largest blob that is pushed to live windows; an image stream is below, a data set above it.
    handshake_seconds
        For `hello` and for sync step 1 each.
    request_seconds
        How long a request waits for a kernel that is not connected.
    lost_seconds
        How long a request in flight waits for a kernel that is connected and says it is idle: its message got lost.
    gap_seconds
        The same for one that was in flight while the connection was lost.
    waiting_bytes
        Requests and messages that wait in the room for the kernel, all windows together.
    peer_waiting_bytes
        The same of one window; a single larger one may still wait alone: a file of 20 MB is uploaded as one message.
    in_flight, in_flight_bytes
        Requests and messages of one window that the kernel has been given and has not handled: they stand before
        whatever others ask. Enough for 3,000 a second at a round trip of 10 ms. A window is told more than that.
    blob_grace_seconds
        How long a blob stays that no live entry names. The bridge counts on 20 of them.
    unnamed_bytes
        Blobs kept for that grace time, together: a 60 Hz stream of 1 MB images would keep 3.6 GB.
    window_bytes
        What all windows together may write into the document in its life: every joiner gets it, and a widget could fill
        it at 40 MB a second.
    peer_frames, peer_bytes
        What a window may send per second in the long run, two seconds' worth at once; past it it is read slowly.
    """

    windows: int = 200
    frame_bytes: int = frames.MAX_FRAME_BYTES
    text_bytes: int = 8 * MB
    queue_bytes: int = 4 * MB
    event_bytes: int = 64 * MB
    stall_seconds: float = 2.0
    push_bytes: int = 4 * MB
    handshake_seconds: float = 10.0
    request_seconds: float = 10.0
    lost_seconds: float = 30.0
    gap_seconds: float = 2.0
    waiting_bytes: int = 64 * MB
    peer_waiting_bytes: int = 16 * MB
    in_flight: int = 32
    in_flight_bytes: int = 8 * MB
    blob_grace_seconds: float = 60.0
    unnamed_bytes: int = 128 * MB
    window_bytes: int = 64 * MB
    peer_frames: float = 1_000.0
    peer_bytes: float = 64.0 * MB

    def public(self) -> messages.Limits:
        """Return what a `welcome` says of them."""
        return {
            "frame_bytes": self.frame_bytes,
            "text_bytes": self.text_bytes,
            "queue_bytes": self.queue_bytes,
            "event_bytes": self.event_bytes,
            "push_bytes": self.push_bytes,
            "handshake_seconds": self.handshake_seconds,
            # Some wait here, so that the kernel has the next at once.
            "in_flight": AHEAD * self.in_flight,
            "in_flight_bytes": min(2 * self.in_flight_bytes, self.peer_waiting_bytes),
        }


class RateLimiter:
    """Tells how long a peer that sends too much has to wait: two token buckets, frames and bytes.

    Parameters
    ----------
    frames_per_second, bytes_per_second : float
        What is allowed in the long run; twice as much at once.
    now : float
        Monotonic seconds.
    """

    def __init__(self, frames_per_second: float, bytes_per_second: float, now: float) -> None:
        self._rates = (frames_per_second, bytes_per_second)
        self._left = [2 * frames_per_second, 2 * bytes_per_second]
        self._at = now

    def took(self, size: int, now: float) -> float:
        """Account for one frame of `size` bytes; return the seconds to wait before the next is read."""
        wait = 0.0
        for n, (rate, cost) in enumerate(zip(self._rates, (1, size), strict=True)):
            left = min(self._left[n] + (now - self._at) * rate, 2 * rate) - cost
            self._left[n] = left
            if left < 0:
                wait = max(wait, -left / rate)
        self._at = now
        return wait
