"""A room beside other writers of the same document, as jupyter-collaboration is one."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pycrdt
import pytest

from commdoc.document import CommsLog, CommsMap
from commdoc.document.yupdate import ElementId, encode_update
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.sync import Sync, sync_frame
from commdoc.server.jupyter.documents import Documents
from commdoc.server.jupyter.twin import Twin
from tests.rooms.parties import House, Window, moved, opened, request, until


def cells(doc: pycrdt.Doc) -> pycrdt.Array:
    return doc.get("cells", type=pycrdt.Array)


def comms(doc: pycrdt.Doc) -> list[Any]:
    return [json.loads(text) for text in doc.get("comms", type=pycrdt.Array)]


def values(doc: pycrdt.Doc) -> dict[str, Any]:
    return {
        comm_id: comm.encoded_state.get("value") for comm_id, comm in CommsMap(doc, get_blob=None).items()
    }


async def same(one: pycrdt.Doc, other: pycrdt.Doc) -> None:
    await until(lambda: one.get_state() == other.get_state() and one.get_update() == other.get_update())


class Front:
    """A window of the document's owner: it has a document of its own and knows nothing of rooms."""

    def __init__(self, theirs: pycrdt.Doc) -> None:
        self.doc: pycrdt.Doc = pycrdt.Doc()
        self._theirs = theirs
        self.doc.apply_update(theirs.get_update())
        self._subscriptions = [
            theirs.observe(lambda event: self._later(self.doc, event.update)),
            self.doc.observe(lambda event: self._later(theirs, event.update)),
        ]

    @staticmethod
    def _later(doc: pycrdt.Doc, update: bytes) -> None:
        if update != b"\x00\x00":
            asyncio.get_running_loop().call_soon(doc.apply_update, update)


async def test_both_documents_become_the_same_whoever_writes() -> None:
    theirs: pycrdt.Doc = pycrdt.Doc()
    cells(theirs).append("first")
    twin = await Twin.of(theirs)
    assert list(cells(twin.own)) == ["first"]
    cells(theirs).append("theirs")
    cells(twin.own).append("ours")
    del cells(theirs)[0]
    await same(theirs, twin.own)
    assert sorted(cells(theirs)) == ["ours", "theirs"]
    assert twin.own.client_id != theirs.client_id
    twin.close()
    cells(theirs).append("afterwards")
    await asyncio.sleep(0)
    assert "afterwards" not in list(cells(twin.own))


async def test_an_open_transaction_of_the_owner_delays_and_loses_nothing() -> None:
    theirs: pycrdt.Doc = pycrdt.Doc()
    twin = await Twin.of(theirs)
    async with House(doc=twin.own) as house:
        bridge = await house.bridge()
        window = await house.window()
        with theirs.transaction():  # as `YNotebook.aset` for a reload: other tasks run in it
            for n in range(20):
                cells(theirs).append(str(n))
                await bridge.do(opened(f"c{n}", value=n), moved(n + 100, f"c{n}"))
                await asyncio.sleep(0)
            assert window.state("c19")["value"] == 119, "the room's own windows don't wait"
        await same(theirs, twin.own)
        assert values(theirs) == {f"c{n}": n + 100 for n in range(20)}
        assert len(cells(theirs)) == 20
        await until(lambda: len(cells(window.doc)) == 20)
        assert house.room.comms.clock > 0
    twin.close()


async def test_a_room_opens_when_the_owner_s_transaction_has_ended() -> None:
    theirs: pycrdt.Doc = pycrdt.Doc()
    with theirs.transaction():
        cells(theirs).append("a")
        opening = asyncio.ensure_future(Twin.of(theirs))
        await asyncio.sleep(0.05)
        assert not opening.done()
        cells(theirs).append("b")
    twin = await opening
    assert list(cells(twin.own)) == ["a", "b"]
    twin.close()


async def test_cells_of_the_owner_s_windows_and_comms_interleave() -> None:
    dice = random.Random(4)
    theirs: pycrdt.Doc = pycrdt.Doc()
    cells(theirs).append("0")
    twin = await Twin.of(theirs)
    async with House(doc=twin.own) as house:
        fronts = [Front(theirs), Front(theirs)]
        bridge = await house.bridge()
        windows = [await house.window(), await house.window()]
        await bridge.do(*(opened(f"c{n}", value=0) for n in range(5)))
        for n in range(300):
            front, window = dice.choice(fronts), dice.choice(windows)
            match dice.randrange(6):
                case 0:
                    cells(front.doc).append(f"f{n}")
                case 1 if len(cells(front.doc)):
                    del cells(front.doc)[dice.randrange(len(cells(front.doc)))]
                case 2:  # a window on our own socket edits a cell, too
                    before = window.doc.get_state()
                    cells(window.doc).append(f"w{n}")
                    await window.transport.send(sync_frame(Sync.UPDATE, window.doc.get_update(before)))
                case 3:
                    await bridge.ops(moved(n, f"c{dice.randrange(5)}"))
                case 4:
                    await window.say(request(f"r{n}", f"c{dice.randrange(5)}", step=n + 1))
                case _:
                    cells(theirs).append(f"t{n}")  # the owner itself, with its document's client id
            if dice.random() < 0.5:
                await asyncio.sleep(0)
        await bridge.do(moved(-1, "c0"))
        everybody = [theirs, *(front.doc for front in fronts), *(window.doc for window in windows)]

        def agree() -> bool:
            return all(
                list(cells(doc)) == list(cells(twin.own)) and values(doc) == values(twin.own)
                for doc in everybody
            )

        await until(agree, "all documents are the same")
        assert values(theirs)["c0"] == -1
        assert [comm for window in windows for comm in window.heard_of("error")] == []
    twin.close()


@pytest.mark.scenario("S51")
async def test_what_others_write_into_the_comms_is_reverted_there_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    theirs: pycrdt.Doc = pycrdt.Doc()
    twin = await Twin.of(theirs)
    async with House(doc=twin.own) as house:
        front = Front(theirs)
        bridge = await house.bridge()
        window = await house.window()
        await bridge.do(opened(value=1))
        await until(lambda: values(front.doc) == {"c1": 1})
        array = front.doc.get("comms", type=pycrdt.Array)
        with front.doc.transaction():
            array.append('["u","c1",{"value":666}]')
            del array[0]
            cells(front.doc).append("a cell")
        await until(lambda: values(theirs) == values(front.doc) == values(window.doc) == {"c1": 1})
        await until(lambda: list(cells(window.doc)) == ["a cell"], "what else it wrote stays")
        assert "foreign write" in caplog.text
        await bridge.do(moved(2))
        await until(lambda: values(theirs) == values(front.doc) == values(window.doc) == {"c1": 2})
    twin.close()


@pytest.mark.scenario("S51")
async def test_what_waits_there_for_an_element_of_the_room_is_seen_when_it_comes() -> None:
    theirs: pycrdt.Doc = pycrdt.Doc()
    twin = await Twin.of(theirs)
    async with House(doc=twin.own) as house:
        front = Front(theirs)
        bridge = await house.bridge()
        await bridge.do(opened(value=1))
        next_of_room = ElementId(twin.own.client_id, house.room.comms.clock)
        forged = '["u","c1",{"value":666}]'
        theirs.apply_update(encode_update(ElementId(4711, 0), next_of_room, [forged], []))
        await bridge.do(moved(2))
        everybody = (theirs, twin.own, front.doc)
        await until(lambda: [values(doc) for doc in everybody] == [{"c1": 2}] * 3)
        assert all(forged not in list(doc.get("comms", type=pycrdt.Array)) for doc in everybody)
    twin.close()


async def test_what_others_write_does_not_count_as_what_windows_write() -> None:
    theirs: pycrdt.Doc = pycrdt.Doc()
    twin = await Twin.of(theirs)
    async with House(doc=twin.own, limits=RoomLimits(window_bytes=2_000)) as house:
        window: Window = await house.window()
        for _ in range(20):
            cells(theirs).append("x" * 1_000)
        await until(lambda: len(cells(window.doc)) == 20)
        before = window.doc.get_state()
        cells(window.doc).append("y" * 1_000)
        await window.transport.send(sync_frame(Sync.UPDATE, window.doc.get_update(before)))
        await until(lambda: len(cells(theirs)) == 21, "a window may still write")
        before = window.doc.get_state()
        cells(window.doc).append("z" * 1_500)
        await window.transport.send(sync_frame(Sync.UPDATE, window.doc.get_update(before)))
        await window.wait("error", code="too_large")
        cells(theirs).append("still taken")
        await until(lambda: "still taken" in list(cells(twin.own)))
        assert len(cells(theirs)) == 22
    twin.close()


async def test_comms_that_a_store_brought_back_stay_until_another_kernel_comes() -> None:
    for readable in (True, False):
        theirs: pycrdt.Doc = pycrdt.Doc()
        log = CommsLog(theirs)
        with log.batch():
            log.begin_epoch("k0", "e0", "python3")
            log.open("c0", epoch="e0", target_name="jupyter.widget", state={"value": 1})
        log.dispose()
        if not readable:
            theirs.get("comms", type=pycrdt.Array).append('["u","nobody",{}]')
        documents = Documents({"jupyter_server_ydoc": _Owner(theirs)})
        document = await documents.open("a.ipynb")
        async with House(doc=document.doc) as house:
            assert len(house.room.comms) == (1 if readable else 0)
            bridge = await house.bridge()
            await bridge.do(opened(value=5))
            await until(lambda: values(theirs) == {"c1": 5})  # noqa: B023 - awaited here
        assert await document.is_current("a.ipynb")
        document.close()


class _Owner:
    def __init__(self, doc: pycrdt.Doc) -> None:
        self.ydoc = doc

    async def get_document(self, **_options: Any) -> _Owner:
        return self


async def test_a_window_that_has_the_document_by_another_road_gets_events_only() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened(value=1))
        window = Window(house.connect("window"))
        window.listen()
        await window.say({"type": "hello", "protocol": [1, 1], "client": "test", "document": False})
        welcome = await window.wait("welcome")
        assert welcome["client_id"] == house.room.doc.client_id
        await bridge.do(
            moved(2), {"op": "message", "comm_id": "c1", "data": {"method": "custom"}, "buffers": []}
        )
        event = await window.wait("message")
        assert event["after"] == house.room.comms.clock
        await window.say(request("r1", value=3))
        await window.wait("accepted", request_id="r1")
        assert (window.steps, window.updates) == ([], [])
        await window.leave()
