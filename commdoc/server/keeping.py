"""Where a host of this user keeps its rooms.

nothing said      ``commdoc/rooms`` in Jupyter's data folder (``jupyter --data-dir``)
a folder          there
``memory``        nowhere: a room ends with its host
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from commdoc.rooms.store.base import RoomStore
from commdoc.rooms.store.folder import FolderStore

STORE_NAME: Final = "COMMDOC_STORE"
"""In the environment: what a host is told that isn't told otherwise."""

BLOBS_NAME: Final = "COMMDOC_BLOBS_URL"

MEMORY: Final = "memory"


def store_folder(where: str = "") -> Path | None:
    """Return the folder in which rooms are kept, None when they aren't."""
    from jupyter_core.paths import jupyter_data_dir

    where = where or os.environ.get(STORE_NAME, "")
    if where == MEMORY:
        return None
    return Path(where).expanduser() if where else Path(jupyter_data_dir(), "commdoc", "rooms")


def store_of(where: str = "", blobs_url: str = "") -> RoomStore | None:
    """Return the place for a host's rooms, None when they are not kept.

    Parameters
    ----------
    where : str
        A folder, or ``memory``; empty: what the environment's `STORE_NAME` says, else the default.
    blobs_url : str
        Where blobs are copied to, as fsspec has it; empty: what the environment's `BLOBS_NAME` says, else nowhere.
    """
    folder = store_folder(where)
    return None if folder is None else FolderStore(folder, blobs_url or os.environ.get(BLOBS_NAME) or None)
