"""Versions of the wire and of the document, and how two sides agree on one."""

from __future__ import annotations

from typing import Final

from commdoc.errors import VersionError

PROTOCOL_VERSION: Final = 1
"""The wire that this release speaks best."""

MIN_PROTOCOL_VERSION: Final = 1
"""The oldest wire that this release still speaks: one version apart works."""

SCHEMA_VERSION: Final = 1
"""The document schema that this release writes, and the newest that it reads."""


def agree(theirs: tuple[int, int]) -> int:
    """Return the highest protocol version that both sides speak.

    Parameters
    ----------
    theirs : (int, int)
        Lowest and highest version of the other side, from its ``hello``.

    Raises
    ------
    VersionError
        When the ranges have nothing in common; the text says which side to upgrade.
    """
    low, high = theirs
    if high < MIN_PROTOCOL_VERSION:
        msg = (
            f"this side speaks commdoc protocol {MIN_PROTOCOL_VERSION} to {PROTOCOL_VERSION}, "
            f"the other {low} to {high}: upgrade commdoc on the other side"
        )
        raise VersionError(msg)
    if low > PROTOCOL_VERSION:
        msg = (
            f"this side speaks commdoc protocol {MIN_PROTOCOL_VERSION} to {PROTOCOL_VERSION}, "
            f"the other {low} to {high}: upgrade commdoc on this side"
        )
        raise VersionError(msg)
    return min(high, PROTOCOL_VERSION)
