"""The right to host a kernel's room: a lock in the runtime folder that ends with the process which holds it.

A host's files have the kernel's name: ``commdoc-<kernel_id>.json`` (its announcement), ``.lock`` and ``.log``.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from filelock import FileLock, Timeout

from commdoc.server import announce


class Claim:
    """One kernel's lock.

    Parameters
    ----------
    kernel_id : str
        The kernel's.

    Attributes
    ----------
    path, log : Path
        Of the announcement and of the log.
    """

    def __init__(self, kernel_id: str) -> None:
        self.kernel_id = kernel_id
        self.path = announce.path_of(kernel_id)
        self.log = self.path.with_suffix(".log")
        self._lock = FileLock(self.path.with_suffix(".lock"), mode=0o600)

    @property
    def lock_file(self) -> str:
        """What to name where somebody else has it and says nothing."""
        return str(self._lock.lock_file)

    def take(self) -> bool:
        """Take the lock if nobody has it."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def give_back(self) -> None:
        """Remove log and lock, and let go of it."""
        # While it is held; whoever waits for it finds that its file is another one, and opens the new one.
        for leftover in (self.log, Path(self.lock_file)):
            with contextlib.suppress(OSError):
                leftover.unlink()
        self._lock.release()
