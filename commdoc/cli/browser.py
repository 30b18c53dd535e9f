"""Which Chromium to drive, for `commdoc demo` and the browser tests: the system's, or Playwright's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")

MISSING: Final = (
    "no Chromium found: install one (Debian, Ubuntu: apt-get install chromium; elsewhere: playwright install "
    "chromium), or name one in COMMDOC_CHROMIUM"
)


def find_chromium() -> str | None:
    """Return the path of the system's Chromium; ``COMMDOC_CHROMIUM`` names another."""
    for name in (os.environ.get("COMMDOC_CHROMIUM"), *NAMES):
        path = shutil.which(name) if name else None
        if path is not None:
            return path
    return None


def launch_options(*, headless: bool = True) -> dict[str, Any]:
    """Return what Playwright's ``chromium.launch`` is to be called with."""
    options: dict[str, Any] = {"headless": headless, "args": []}
    path = find_chromium()
    if path is not None:
        options["executable_path"] = path
    if getattr(os, "geteuid", lambda: 1)() == 0:
        options["args"].append("--no-sandbox")  # Chromium refuses to run as root with its own sandbox
    if not _has_shared_memory():
        options["args"].append("--disable-dev-shm-usage")
    return options


def _has_shared_memory() -> bool:
    """Whether /dev/shm is large enough: a container's 64 MB end a page in the middle of its work."""
    folder = Path("/dev/shm")
    return not folder.exists() or shutil.disk_usage(folder).total > 256 * 1024 * 1024
