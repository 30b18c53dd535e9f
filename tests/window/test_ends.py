"""What is left of a window, a room and a document that have ended: nothing, and on no thread but their own."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import pycrdt
import pytest

from commdoc.document import CommsLog, CommsMap
from commdoc.rooms.feed import Feed
from commdoc.window.connection import Channel, Connection
from commdoc.window.core import WindowCore
from tests.conftest import until
from tests.window.house import a_house

pytestmark = pytest.mark.scenario("S40")


def collected(*them: weakref.ref[Any]) -> bool:
    gc.collect()
    return not any(each() is not None for each in them)


async def test_a_closed_window_leaves_no_document() -> None:
    async with a_house() as house:
        await house.kernel.open("c1", value=1)
        window = await house.window()
        core, doc, comms = (weakref.ref(each) for each in (window.core, window.core.doc, window.core.comms))
        await window.close()
        assert window.core.comms["c1"].state["value"] == 1, "what it showed can still be read"
        house.links.clear()
        house._windows.clear()
        del window
        await asyncio.sleep(0)
    until(lambda: collected(core, doc, comms), what="core, document and map are gone")


@pytest.mark.scenario("S09")
async def test_a_window_that_is_closed_between_two_attempts_makes_no_further_one() -> None:
    attempts = []

    async def refused() -> Channel:
        attempts.append(1)
        raise ConnectionRefusedError

    connection = Connection(WindowCore(lambda event: None), refused)
    running = asyncio.ensure_future(connection.run())
    while not attempts:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    await connection.close()
    running.cancel()
    await asyncio.wait([running], timeout=5)
    assert running.done()
    assert len(attempts) == 1


async def test_a_document_that_was_replaced_is_gone() -> None:
    async with a_house() as house:
        await house.kernel.open("c1", value=1)
        window = await house.window()
        replaced: list[weakref.ref[Any]] = [weakref.ref(window.core.doc), weakref.ref(window.core.comms)]
        for _ in range(3):
            before = window.core.document_id
            await house.cut()
            await house.restart()
            await house.kernel.open("c1", value=2)
            while not (window.connected and window.core.document_id != before):
                await asyncio.sleep(0.01)
            replaced += [weakref.ref(window.core.doc), weakref.ref(window.core.comms)]
        until(lambda: collected(*replaced[:-2]), what="the documents of earlier hosts are gone")


class Cycle:
    """Whatever it holds is freed by the garbage collector, on the thread that happens to run it."""

    def __init__(self, *held: object) -> None:
        self.held = (self, held)


def test_what_was_disposed_of_may_be_collected_on_any_thread() -> None:
    gc.collect()
    gc.disable()
    try:
        doc = pycrdt.Doc[Any]()
        log, comms, feed = CommsLog(doc), CommsMap(doc), Feed(doc, lambda: None)
        with log.batch():
            log.begin_epoch("k", "e1", "python3")
        for each in (log, comms):
            each.dispose()
            each.dispose()
        feed.close()
        feed.close()
        Cycle(log, comms, feed)
        del log, comms, feed, each
        # pytest fails the test for what can't be raised there: an object of pycrdt's that belongs to this thread.
        thread = threading.Thread(target=gc.collect)
        thread.start()
        thread.join()
    finally:
        gc.enable()
