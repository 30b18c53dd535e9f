"""Updates written by hand are what Yjs would have written."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map

from commdoc.document import ROOT
from commdoc.document.yupdate import ElementId, element_ids, elements, encode_update, own_clock, state_vector

texts = st.lists(st.text(max_size=30), min_size=1, max_size=6)


@given(
    st.lists(st.tuples(texts, st.lists(st.integers(0, 20), max_size=4)), min_size=1, max_size=6),
    st.integers(1, 2**53 - 1),
)
def test_documents_are_byte_for_byte_those_of_the_arrays_own_methods(
    batches: list[tuple[list[str], list[int]]], client: int
) -> None:
    theirs: Doc[Any] = Doc(client_id=client)
    ours: Doc[Any] = Doc(client_id=client)
    their_array = theirs.get(ROOT, type=Array)
    our_array = ours.get(ROOT, type=Array)
    left: ElementId | None = None
    for new, drop in batches:
        indices = sorted({index for index in drop if index < len(their_array)})
        ids = element_ids(our_array)
        with theirs.transaction():
            for index in reversed(indices):
                del their_array[index]
            their_array.extend(new)
        first = ElementId(client, own_clock(ours))
        ours.apply_update(encode_update(first, left, new, [ids[index] for index in indices]))
        left = ElementId(client, first.clock + len(new) - 1)
        assert our_array.to_py() == their_array.to_py()
        assert ours.get_state() == theirs.get_state()
        assert ours.get_update() == theirs.get_update()


def test_runs_of_deleted_ids_are_written_together_and_twice_is_once() -> None:
    ids = [ElementId(1, clock) for clock in (5, 3, 4, 3, 9)] + [ElementId(2, 3)]
    assert encode_update(ElementId(1, 0), None, [], ids) == bytes([0, 2, 1, 2, 3, 3, 9, 1, 2, 1, 3, 1])
    assert encode_update(ElementId(1, 0), None, [], []) == b"\x00\x00"


def test_ids_are_found_among_tombstones_and_other_clients() -> None:
    a: Doc[Any] = Doc(client_id=7)
    b: Doc[Any] = Doc(client_id=2**40)
    array = a.get(ROOT, type=Array)
    array.extend(["a0", "a1", "a2", "a3"])
    b.apply_update(a.get_update())
    other = b.get(ROOT, type=Array)
    other.insert(2, Map())
    other.insert(1, "b1")
    del other[3]
    a.apply_update(b.get_update())
    array.append("a4")
    ids = element_ids(array)
    assert ids == [(7, 0), (2**40, 1), (7, 1), (7, 2), (7, 3), (7, 4)]
    assert state_vector(a.get_state()) == {7: 5, 2**40: 2}
    assert own_clock(a) == 5


def test_all_elements_at_once_are_the_elements_one_by_one() -> None:
    doc: Doc[Any] = Doc()
    array = doc.get(ROOT, type=Array)
    assert elements(array) == []
    array.extend(["漢🌊", '"\\\n\u2028\u0000', "", "5"])
    assert elements(array) == list(array)


@pytest.mark.parametrize("seed", range(3))
def test_a_reader_with_concurrent_edits_of_its_own_gets_the_same_array(seed: int) -> None:
    order = random.Random(seed)
    ours: Doc[Any] = Doc(client_id=50)
    peers: list[Doc[Any]] = [Doc(client_id=client) for client in (10, 90)]
    for doc in (ours, *peers):
        doc.get(ROOT, type=Array)
    left = None
    for step in range(30):
        first = ElementId(50, own_clock(ours))
        ids = [i for i in element_ids(ours.get(ROOT, type=Array)) if i.client == 50]
        ours.apply_update(encode_update(first, left, [f"ours {step}"], order.sample(ids, min(len(ids), 1))))
        left = first
        peer = order.choice(peers)
        foreign = peer.get(ROOT, type=Array)
        foreign.insert(order.randint(0, len(foreign)), f"foreign {step}")
        if order.random() < 0.3:
            ours.apply_update(peer.get_update(ours.get_state()))
        if order.random() < 0.3:
            peer.apply_update(ours.get_update(peer.get_state()))
    for _ in range(2):
        for one in (ours, *peers):
            for other in (ours, *peers):
                one.apply_update(other.get_update(one.get_state()))
    arrays = [doc.get(ROOT, type=Array).to_py() for doc in (ours, *peers)]
    assert arrays[0] == arrays[1] == arrays[2]
    mine = [text for text in arrays[0] if text.startswith("ours")]
    assert mine == sorted(mine, key=lambda text: int(text.split()[1]))
