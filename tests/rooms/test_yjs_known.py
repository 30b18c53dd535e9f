"""A window's update that waited for what the room is going to write would be taken in with the room's transaction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pycrdt
import pytest

from commdoc.document.yupdate import ElementId, encode_update, own_clock, state_vector
from commdoc.errors import ProtocolError
from commdoc.rooms.sync import Sync, sync_frame
from commdoc.rooms.yjs_known import check_known
from tests.rooms.parties import House, moved, opened, until

EVIL = ['["u","c1",{"value":666}]']


def behind_the_next(room: ElementId) -> bytes:
    return encode_update(ElementId(77, 0), room, EVIL, [])


def instead_of_the_next_but_one(room: ElementId) -> bytes:
    return encode_update(room._replace(clock=room.clock + 1), room._replace(clock=room.clock - 1), EVIL, [])


def as_the_room(room: ElementId) -> bytes:
    return encode_update(room, room._replace(clock=room.clock - 1), EVIL, [])


def deleting_the_next(room: ElementId) -> bytes:
    return encode_update(room, None, [], [room])


def with_a_gap_of_its_own(room: ElementId) -> bytes:
    return encode_update(ElementId(78, 5), room._replace(clock=room.clock - 1), EVIL, [])


@pytest.mark.scenario("S47", "S51")
@pytest.mark.parametrize(
    "attack",
    [
        behind_the_next,
        instead_of_the_next_but_one,
        as_the_room,
        deleting_the_next,
        with_a_gap_of_its_own,
    ],
)
async def test_nobody_writes_into_what_the_room_is_going_to_write(
    attack: Callable[[ElementId], bytes],
) -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        evil, good = await house.window(), await house.window()
        doc = house.room.doc
        update = attack(ElementId(doc.client_id, own_clock(doc)))
        await evil.transport.send(sync_frame(Sync.UPDATE, update))
        await asyncio.wait_for(evil.ended.wait(), 5)
        assert evil.close_code == 4400
        for value in range(1, 5):
            await bridge.do(moved(value))
            await until(lambda value=value: good.state("c1")["value"] == value)  # type: ignore[misc]
        late = await house.window()
        assert late.state("c1")["value"] == 4
        assert len(doc.get("comms", type=pycrdt.Array)) == len(late.doc.get("comms", type=pycrdt.Array)) == 3


async def test_what_a_window_writes_elsewhere_is_let_in() -> None:
    chance = random.Random(8)
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(opened())
        writers = [await house.window() for _ in range(3)]
        for writer in writers:
            original = writer.transport
            writer.doc.observe(
                lambda event, original=original: asyncio.ensure_future(
                    original.send(sync_frame(Sync.UPDATE, event.update))
                )
            )
        for n in range(60):
            text = chance.choice(writers).doc.get("notes", type=pycrdt.Text)
            if len(text) > 20 and chance.random() < 0.4:
                del text[2:9]
            else:
                text.insert(chance.randint(0, len(text)), f"{n:05}")
            await bridge.do(moved(n))
        rejoining = await house.window(doc=writers[0].doc)
        texts = {str(each.doc.get("notes", type=pycrdt.Text)) for each in [*writers, rejoining]}
        await until(
            lambda: (
                {str(each.doc.get("notes", type=pycrdt.Text)) for each in writers}
                == {str(house.room.doc.get("notes", type=pycrdt.Text))}
            ),
            f"one text: {texts}",
        )
        assert all(writer.close_code is None for writer in writers)


def test_what_follows_passes_and_what_comes_too_early_does_not() -> None:
    doc: pycrdt.Doc = pycrdt.Doc(client_id=1)
    other: pycrdt.Doc = pycrdt.Doc(client_id=2)
    text = doc.get("text", type=pycrdt.Text)
    for n in range(20):
        before = doc.get_state()
        text.insert(n, "abc")
        del text[n : n + 1]
        update = doc.get_update(before)
        check_known(update, state_vector(other.get_state()), 2)
        other.apply_update(update)
    text.insert(0, "x")
    before = doc.get_state()
    text.insert(0, "y")
    with pytest.raises(ProtocolError, match="it begins at"):
        check_known(doc.get_update(before), state_vector(other.get_state()), 2)
