"""What somebody changed in a mirror, found by comparing it with what was written there. No I/O.

The mirror has all settings, most of them as they were: taken as a whole, an edit of one would put back all others. So
only what is in it and is different from what was last written counts. A tool may have read the mirror before it was
last written and write after; what it did not touch stands there as it was *then*. Of the versions that were replaced a
moment ago, it edited the one from which it differs least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from commdoc.protocol.settings import Value, Values

STALE_SECONDS: Final = 0.3
"""How long before the edit a version may have been replaced to be the one that was edited: a tool reads and writes in
some ms. Within that time an edit that puts one value back and changes another is taken for an edit of the older
version, since nobody can tell them apart; a person is not that fast.
"""

MOST_VERSIONS: Final = 8
"""Versions that are remembered: they are half a second apart."""


@dataclass
class Version:
    """What a mirror was written with, and when it was replaced (Unix time; None while it stands)."""

    values: Values
    replaced: float | None = None


def edits(
    found: Mapping[str, Value | None], versions: Sequence[Version], edited: float
) -> dict[str, Value | None]:
    """Return what was changed in a mirror.

    Parameters
    ----------
    found : mapping
        What it says.
    versions : sequence of Version
        As it was written, oldest first; empty when it never was.
    edited : float
        When it was changed, Unix time.
    """
    if not versions:
        return dict(found)
    best = _changed(found, versions[-1].values)
    for version in reversed(versions[:-1]):
        if version.replaced is None or version.replaced < edited - STALE_SECONDS:
            break
        changed = _changed(found, version.values)
        # One that is as it was then has been put back on purpose: a tool that changes nothing doesn't write.
        if 0 < len(changed) < len(best):
            best = changed
    return best


def _changed(found: Mapping[str, Value | None], written: Mapping[str, Value]) -> dict[str, Value | None]:
    return {key: value for key, value in found.items() if key not in written or value != written[key]}


def replaced(versions: Sequence[Version], values: Values, now: float) -> list[Version]:
    """Return the versions after the mirror was written with `values`; those too old to matter are left out."""
    kept = [Version(each.values, each.replaced if each.replaced is not None else now) for each in versions]
    fresh = [each for each in kept if each.replaced is not None and each.replaced >= now - 10.0]
    return [*fresh[1 - MOST_VERSIONS :], Version(dict(values))]
