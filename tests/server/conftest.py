"""A stand-in for a kernel, for each test that asks for it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from tests.server.sleeper import Sleeper


@pytest.fixture
def kernel() -> Iterator[Sleeper]:
    sleeper = Sleeper()
    yield sleeper
    sleeper.kill()
    found = sleeper.announcement
    if found is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found["pid"], signal.SIGTERM)
