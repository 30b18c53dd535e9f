"""Which frames go deflated to a peer that reads that (permessage-deflate), and which as they are.

The document is JSON texts that have the same keys again and again: deflating takes 1.5 ms for each MB and leaves a
twentieth. Binary blobs are mostly compressed already, or shrink little: for them it would take 15 to 22 ms for each MB,
of the one loop that all windows share (``docs/decisions/0003-deflate.md``).
"""

from __future__ import annotations

from typing import Final

from commdoc.protocol import frames

OPTIONS: Final = {"compression_level": 1, "mem_level": 8}
"""Level 6 takes twice the time and leaves a fifth less of very little."""

SMALL_BYTES: Final = 4_096
"""Of a message: deflated without a look at it."""

SAMPLE_BYTES: Final = 1_024


def is_worth_it(frame: bytes) -> bool:
    """Whether a frame is the document, small, or text (as far as a sample from its middle tells)."""
    if frame[0] == frames.SYNC or len(frame) <= SMALL_BYTES:
        return True
    middle = len(frame) // 2
    return frame[middle : middle + SAMPLE_BYTES].isascii()
