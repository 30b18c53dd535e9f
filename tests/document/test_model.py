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
from commdoc.protocol.streams import StreamText
from commdoc.protocol.values import blob_sentinels, dumps, sentinel
from tests.document.stories import Reader, Transactions, array, late, open_comm, shown, stream, written

comm_ids = st.sampled_from(["a", "b", "c", "漢", ""])
keys = st.sampled_from(["value", "x", "_model_name", "$blob", "🌊"])
values = st.sampled_from(
    [0, 1, True, False, 1.0, 0.0, -0.0, None, "", "1", [], [1], [1.0], {}, {"a": 1}, {"a": True}]
    + [sentinel(bytes([n]), "bytes") for n in range(3)]
    + [[sentinel(b"x", "text"), {"deep": sentinel(b"x", "text")}]]
)
states = st.dictionaries(keys, values, max_size=4)
names = st.sampled_from(["stdout", "stderr"])
texts = st.text(alphabet="ab🌊\n\r\b", max_size=12) | st.sampled_from(["long line\n" * 30, "x" * 200])
outputs = st.one_of(
    st.builds(stream, texts, names),
    st.builds(lambda n: {"n": n, "data": sentinel(bytes([n]), "bytes")}, st.integers(0, 3)),
    st.just({"output_type": "stream", "name": "stdout", "text": ["no", "text"]}),
)
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
        self.written: dict[str, str] = {}
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
        self.written.pop(comm_id, None)
        self.views = {key: view for key, view in self.views.items() if key[0] != comm_id}

    @rule(comm_id=comm_ids, output=outputs)
    def append_output(self, comm_id: str, output: dict[str, Any]) -> None:
        self._in_batch()
        if self.log.append_output(comm_id, output):
            self.comms[comm_id]["outputs"].append(output)
            self.written.pop(comm_id, None)

    @rule(comm_id=comm_ids, name=names, written=st.lists(texts, max_size=4))
    def write_stream(self, comm_id: str, name: str, written: list[str]) -> None:
        self._in_batch()
        for text in written:
            if not self.log.write_stream(comm_id, name, text) or not text:
                continue
            known = self.comms[comm_id]["outputs"]
            last = known[-1] if known else {}
            if last.get("name") != name or not isinstance(last["text"], str):
                known.append(stream("", name))
                self.written[comm_id] = ""
            raw = self.written[comm_id] = self.written.get(comm_id, known[-1]["text"]) + text
            known[-1] = {**known[-1], "text": StreamText(raw).text()}

    @rule(comm_id=comm_ids, kept=st.integers(0, 4), more=st.lists(outputs, max_size=3), grown=texts)
    def set_outputs(self, comm_id: str, kept: int, more: list[dict[str, Any]], grown: str) -> None:
        self._in_batch()
        before = self.comms.get(comm_id, {}).get("outputs", [])
        after = [*before[:kept], *more]
        if kept and len(before) >= kept and isinstance(before[kept - 1].get("text"), str):
            after[kept - 1] = {**before[kept - 1], "text": before[kept - 1]["text"] + grown}
        differs = comm_id in self.comms and dumps(before) != dumps(after)
        assert self.log.set_outputs(comm_id, after) == differs
        if comm_id in self.comms:
            self.comms[comm_id]["outputs"] = after
            self.written.pop(comm_id, None)

    @rule(comm_id=comm_ids, index=st.integers(0, 4), output=outputs)
    def set_output(self, comm_id: str, index: int, output: dict[str, Any]) -> None:
        self._in_batch()
        known = self.comms.get(comm_id, {}).get("outputs", [])
        if index >= len(known):
            with pytest.raises(IndexError):
                self.log.set_output(comm_id, index, output)
            return
        assert self.log.set_output(comm_id, index, output) == (dumps(known[index]) != dumps(output))
        known[index] = output
        if index == len(known) - 1:
            self.written.pop(comm_id, None)

    @rule(comm_id=comm_ids)
    def clear_outputs(self, comm_id: str) -> None:
        self._in_batch()
        had = bool(self.comms.get(comm_id, {}).get("outputs"))
        assert self.log.clear_outputs(comm_id) == had
        if comm_id in self.comms:
            self.comms[comm_id]["outputs"] = []
            self.written.pop(comm_id, None)

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
        self.written.clear()
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
        self.written.clear()
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
        for reader in (self.singly, *(() if self.pending else (self.merged, self.resent))):
            followed = {comm_id: dumps(outputs) for comm_id, outputs in reader.followed.items()}
            assert followed == {
                comm_id: dumps(comm.encoded_outputs) for comm_id, comm in reader.comms.items()
            }
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
            kind, _, body, *_ = json.loads(text)
            parts = (
                [*body.get("state", {}).values()]
                if kind == "o"
                else [body]
                if kind == "out"
                else [*body.values()]
            )
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
