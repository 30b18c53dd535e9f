"""Two sides agree on a protocol version, or say who has to upgrade."""

from __future__ import annotations

import pytest

from commdoc.errors import VersionError
from commdoc.protocol import version
from commdoc.protocol.version import agree


def test_equal_sides_agree_on_the_newest() -> None:
    assert agree((version.MIN_PROTOCOL_VERSION, version.PROTOCOL_VERSION)) == version.PROTOCOL_VERSION


def test_a_newer_side_speaks_ours() -> None:
    assert agree((1, version.PROTOCOL_VERSION + 1)) == version.PROTOCOL_VERSION


def test_an_older_side_is_spoken_to_in_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "PROTOCOL_VERSION", 3)
    monkeypatch.setattr(version, "MIN_PROTOCOL_VERSION", 2)
    assert agree((1, 2)) == 2
    with pytest.raises(VersionError, match="upgrade commdoc on the other side"):
        agree((1, 1))
    with pytest.raises(VersionError, match="upgrade commdoc on this side"):
        agree((4, 5))
