"""Anything that a room may do to the log, in any batches: log, late reader and incremental readers always agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pycrdt import Doc

from commdoc.document import CommsLog
from commdoc.document.yupdate import own_clock
from commdoc.protocol.values import blob_sentinels, dumps, sentinel
from tests.document.stories import Reader, Transactions, array, late, open_comm, shown, written

comm_ids = st.sampled_from(["a", "b", "c", "漢", ""])
keys = st.sampled_from(["value", "x", "_model_name", "$blob", "🌊"])
values = st.sampled_from(
    [0, 1, True, False, 1.0, 0.0, -0.0, None, "", "1", [], [1], [1.0], {}, {"a": 1}, {"a": True}]
    + [sentinel(bytes([n]), "bytes") for n in range(3)]
    + [[sentinel(b"x", "text"), {"deep": sentinel(b"x", "text")}]]
)
states = st.dictionaries(keys, values, max_size=4)
cells = st.sampled_from([None, "cell-1", "cell-2"])


class Rooms(RuleBasedStateMachine):
    """A model beside the log: comm_id → what it must be. A batch is open from `begin` to `commit`."""

    def __init__(self) -> None:
        super().__init__()
        self.doc: Doc[Any] = Doc()
        self.log = CommsLog(self.doc)
        self.log.on_foreign = lambda reason: None
        self.sent = Transactions(self.doc)
        self.singly, self.merged, self.resent = Reader(), Reader(), Reader()
        self.pending: list[bytes] = []
        self.batch: Any = None
        self.comms: dict[str, dict[str, Any]] = {}
        self.views: dict[tuple[str, str | None], dict[str, Any]] = {}
        self.epoch, self.epochs, self.seq = "", 0, 1
        self.new_epoch()
        self.commit()

    # --- what the room does --------------------------------------------------------------------------------------

    @precondition(lambda self: self.batch is None)
    @rule()
    def begin(self) -> None:
        self.batch = self.log.batch()
        self.batch.__enter__()

    @rule(comm_id=comm_ids, state=states, closes=st.booleans())
    def open(self, comm_id: str, state: dict[str, Any], closes: bool) -> None:
        self._in_batch()
        if closes:
            self.close(comm_id)
        open_comm(self.log, comm_id, self.epoch, **state)
        known = self.comms.get(comm_id)
        if known is None:
            self.comms[comm_id] = {"seq": self.seq, "state": dict(state), "outputs": []}
            self.seq += 1
        else:
            known["state"] = dict(state)

    @rule(comm_id=comm_ids, state=states)
    def update(self, comm_id: str, state: dict[str, Any]) -> None:
        self._in_batch()
        known = self.comms.get(comm_id)
        differs = known is not None and any(
            key not in known["state"] or dumps(known["state"][key]) != dumps(value)
            for key, value in state.items()
        )
        assert self.log.update(comm_id, state) == differs
        if known is not None:
            known["state"].update(state)

    @rule(comm_id=comm_ids)
    def close(self, comm_id: str) -> None:
        self._in_batch()
        assert self.log.close(comm_id) == (self.comms.pop(comm_id, None) is not None)
        self.views = {key: view for key, view in self.views.items() if key[0] != comm_id}

    @rule(comm_id=comm_ids, n=st.integers(0, 3))
    def append_output(self, comm_id: str, n: int) -> None:
        self._in_batch()
        output = {"n": n, "data": sentinel(bytes([n]), "bytes")}
        if self.log.append_output(comm_id, output):
            self.comms[comm_id]["outputs"].append(output)

    @rule(comm_id=comm_ids)
    def clear_outputs(self, comm_id: str) -> None:
        self._in_batch()
        if self.log.clear_outputs(comm_id):
            self.comms[comm_id]["outputs"].clear()

    @rule(comm_id=comm_ids, cell=cells, execution=st.integers(1, 4))
    def set_view(self, comm_id: str, cell: str | None, execution: int) -> None:
        self._in_batch()
        view: dict[str, Any] = {"msg_id": f"m{execution}"} | ({"cell_id": cell} if cell else {})
        self.log.set_view(comm_id, view)
        if comm_id in self.comms and self.views.get((comm_id, cell)) != {"comm_id": comm_id, **view}:
            self.views.pop((comm_id, cell), None)
            self.views = {
                key: shown_view
                for key, shown_view in self.views.items()
                if cell is None or key[1] != cell or shown_view["msg_id"] == view["msg_id"]
            }
            self.views[comm_id, cell] = {"comm_id": comm_id, **view}

    @rule(execution=st.integers(1, 4))
    def clear_views(self, execution: int) -> None:
        self._in_batch()
        self.log.clear_views(f"m{execution}")
        self.views = {key: view for key, view in self.views.items() if view["msg_id"] != f"m{execution}"}

    @rule()
    def new_epoch(self) -> None:
        self._in_batch()
        self.epochs += 1
        self.epoch, self.seq = f"epoch-{self.epochs}", 1
        assert sorted(self.log.begin_epoch("kernel", self.epoch, "python3")) == sorted(self.comms)
        self.comms.clear()
        self.views.clear()

    @precondition(lambda self: self.batch is not None)
    @rule(deliver=st.booleans())
    def commit(self, deliver: bool = True) -> None:
        self.batch.__exit__(None, None, None)
        self.batch = None
        self.singly.apply(*self.sent.updates)
        self.pending += self.sent.updates
        self.sent.updates.clear()
        if deliver:
            self.merged.apply_merged(*self.pending)
            self.pending.clear()
            self.resent.doc.apply_update(self.doc.get_update(self.resent.doc.get_state()))

    @precondition(lambda self: self.batch is None)
    @rule(at=st.integers(0, 5), text=st.sampled_from(["junk", '["u","a",{"value":9}]', None]))
    def somebody_else_writes(self, at: int, text: str | None) -> None:
        foreign = array(self.doc)
        at = min(at, len(foreign) - 1)
        if text is None:
            del foreign[at]
        else:
            foreign.insert(at, text)
        self.begin()
        self.commit()

    @precondition(lambda self: self.batch is None)
    @rule()
    def restart_the_room(self) -> None:
        """Another log goes on with the document, as another client."""
        self.log.dispose()
        doc: Doc[Any] = Doc()
        doc.apply_update(self.doc.get_update())
        self.doc, self.sent = doc, Transactions(doc)
        self.log = CommsLog(doc)
        self.log.on_foreign = lambda reason: None
        self.seq = max((comm["seq"] for comm in self.comms.values()), default=0) + 1

    # --- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def the_log_says_what_was_done(self) -> None:
        assert {
            comm_id: self.log.state(comm_id) for comm_id in self.log.comm_ids()
        }.keys() == self.comms.keys()
        for comm_id, comm in self.comms.items():
            entry = self.log.entry(comm_id)
            assert entry is not None
            assert entry.seq == comm["seq"]
            assert {key: dumps(value) for key, value in entry.state().items()} == {
                key: dumps(value) for key, value in comm["state"].items()
            }
        assert [view.view | {"comm_id": view.comm_id} for view in self.log.views] == list(self.views.values())

    @invariant()
    def between_batches_all_agree(self) -> None:
        if self.batch is not None:
            return
        expected = written(self.log)
        assert [comm["outputs"] for comm in expected["comms"]] == [
            [dumps(output) for output in self.comms[comm["comm_id"]]["outputs"]] for comm in expected["comms"]
        ]
        assert shown(late(self.doc)) == expected
        assert shown(self.singly.comms) == expected
        if not self.pending:
            assert shown(self.merged.comms) == expected
            assert shown(self.resent.comms) == expected

    @invariant()
    def between_batches_index_counts_and_clock_are_right(self) -> None:
        if self.batch is not None:
            return
        texts = list(array(self.doc))
        assert [slot.text for slot in self.log._index.slots] == texts
        counted: dict[str, int] = {}
        for text in texts:
            kind, _, body = json.loads(text)
            parts = [*body.get("state", {}).values()] if kind == "o" else [*body.values()]
            for blob in (blob for part in parts for blob in blob_sentinels(part)):
                counted[blob["$blob"]] = counted.get(blob["$blob"], 0) + 1
        assert self.log.blob_refs() == counted
        assert self.log.clock == own_clock(self.doc)

    def teardown(self) -> None:
        if self.batch is not None:
            self.batch.__exit__(None, None, None)

    def _in_batch(self) -> None:
        if self.batch is None:
            self.begin()


@pytest.mark.scenario("S21", "S51")
class TestRooms(Rooms.TestCase):  # type: ignore[valid-type,misc]
    settings = settings(max_examples=60, stateful_step_count=40)
