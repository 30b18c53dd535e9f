"""The updates behind a snapshot, one file for each mark: one `write` for each, so that a killed process loses none.

    8 bytes  magic, the version of the format its last two digits
    records  4 bytes length, 4 bytes CRC-32 of the update, both big-endian; the update

What follows a record that is cut off or damaged doesn't count: nothing is appended behind a hole.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

MAGIC: Final = b"cmdocj01"
_HEAD: Final = struct.Struct(">II")


class Journal:
    """Appends to one file, which is made with the first update.

    Parameters
    ----------
    path : Path
        Nobody else writes it.

    Attributes
    ----------
    size : int
        Bytes of updates that are in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._file: int | None = None

    def append(self, update: bytes) -> None:
        """Append an update. When it raises `OSError`, nothing more may be appended: the file has a hole."""
        if self._file is None:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            _write(self._file, MAGIC)
        _write(self._file, _HEAD.pack(len(update), zlib.crc32(update)) + update)
        self.size += len(update)

    def sync(self) -> None:
        """Have what is in it outlive a power cut."""
        if self._file is not None:
            os.fsync(self._file)

    def close(self) -> None:
        """Append no more."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _write(file: int, content: bytes) -> None:
    if os.write(file, content) != len(content):
        raise OSError(28, "No space left on device")


def read(path: Path) -> tuple[list[bytes], bool]:
    """Read a file.

    Returns
    -------
    updates, whole : list of bytes, bool
        `whole` is False when something follows that can't be read.
    """
    content = path.read_bytes()
    if not content.startswith(MAGIC):
        return [], not content
    updates: list[bytes] = []
    at = len(MAGIC)
    while at < len(content):
        if at + _HEAD.size > len(content):
            return updates, False
        length, checksum = _HEAD.unpack_from(content, at)
        update = content[at + _HEAD.size : at + _HEAD.size + length]
        if len(update) != length or zlib.crc32(update) != checksum:
            return updates, False
        updates.append(update)
        at += _HEAD.size + length
    return updates, True
