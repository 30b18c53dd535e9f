"""Watches the process of a kernel: a lost connection says nothing about it."""

from __future__ import annotations

import psutil


class KernelProcess:
    """One life of a kernel's process.

    Parameters
    ----------
    pid : int
        Of the kernel; when the pid is used again later by another process, that is not it.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process: psutil.Process | None
        try:
            self._process = psutil.Process(pid)
            self._process.create_time()
        except psutil.NoSuchProcess:
            self._process = None

    def alive(self) -> bool:
        """Tell whether the process runs, as far as can be seen. A zombie, not buried by its parent yet, doesn't."""
        if self._process is None:
            return False
        try:
            return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
        except OSError:  # no file descriptor is left to look with
            return True
