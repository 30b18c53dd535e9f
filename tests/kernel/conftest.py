"""A real kernel for each module, a recording room and a loaded commdoc for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.kernel.process import KernelProcess, kernel_process, load, unload
from tests.kernel.room import RecordingRoom, recording_room


class Loaded(NamedTuple):
    """A kernel that has commdoc loaded, and the room that it tells."""

    kernel: KernelProcess
    room: RecordingRoom


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelProcess]:
    """A real ipykernel."""
    with kernel_process() as process:
        process.run("import ipywidgets as w, gc, threading, time")
        yield process


@pytest.fixture
def room() -> Iterator[RecordingRoom]:
    """A room that is there."""
    with recording_room() as room:
        yield room


@pytest.fixture
def loaded(kernel: KernelProcess, room: RecordingRoom) -> Iterator[Loaded]:
    """The module's kernel with commdoc loaded, and adopted by a room of this test."""
    load(kernel, room.url)
    room.wait_for(lambda: room.of("adopted"), "the adoption")
    yield Loaded(kernel, room)
    unload(kernel)
    kernel.run("w.Widget.close_all()")
