"""A disk that fills up for one process, and has space again."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

FULL_BYTES = 300_000
"""Longer files than this can't be written: the log of a process can, what its rooms have can't."""


@contextmanager
def full_disk(pid: int) -> Iterator[None]:
    """Have a process unable to write long files, as long as the block runs."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (FULL_BYTES, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
