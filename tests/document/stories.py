"""What the document tests share: documents, readers, and what they show."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pycrdt import Array, Doc, merge_updates

from commdoc.document import ROOT, Change, CommsLog, CommsMap
from commdoc.protocol.messages import State
from commdoc.protocol.values import GetBlob, dumps

EPOCH = "epoch-1"
WIDGET = "jupyter.widget"


def a_log(doc: Doc[Any] | None = None) -> CommsLog:
    """Return a log with a live kernel."""
    log = CommsLog(Doc() if doc is None else doc)
    with log.batch():
        log.begin_epoch("kernel-1", EPOCH, "python3")
    return log


OUTPUT_WIDGET = {
    "_model_module": "@jupyter-widgets/output",
    "_model_module_version": "1.0.0",
    "_model_name": "OutputModel",
}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def open_comm(log: CommsLog, comm_id: str, epoch: str = EPOCH, **state: Any) -> None:
    log.open(comm_id, epoch=epoch, target_name=WIDGET, state=state)


def elements(doc: Doc[Any]) -> list[Any]:
    """Return the elements of the comms array, parsed."""
    return [json.loads(text) for text in array(doc)]


def array(doc: Doc[Any]) -> Array[Any]:
    return doc.get(ROOT, type=Array)


def kinds(doc: Doc[Any]) -> list[str]:
    return [element[0] for element in elements(doc)]


class Transactions:
    """Counts a document's transactions and keeps their updates."""

    def __init__(self, doc: Doc[Any]) -> None:
        self.updates: list[bytes] = []
        doc.observe(lambda event: self.updates.append(event.update))

    def __len__(self) -> int:
        return len(self.updates)


class Reader:
    """A window's document and its comms map, with the changes that it was told."""

    def __init__(self, updates: Iterable[bytes] = (), get_blob: GetBlob | None = None) -> None:
        self.doc: Doc[Any] = Doc()
        self.comms = CommsMap(self.doc, get_blob=get_blob)
        self.changes: list[Change] = []
        self.followed: dict[str, list[Any]] = {}
        """Outputs by comm, kept up from what the changes say and from nothing else."""
        self.comms.observe(self._follow)
        self.apply(*updates)

    def apply(self, *updates: bytes) -> None:
        for update in updates:
            self.doc.apply_update(update)

    def apply_merged(self, *updates: bytes) -> None:
        if updates:
            self.doc.apply_update(merge_updates(*updates))

    def _follow(self, changes: list[Change]) -> None:
        self.changes += changes
        for kind, comm_id, _, edits in changes:
            if kind == "closed":
                del self.followed[comm_id]
            elif kind == "opened":
                self.followed[comm_id] = self.comms[comm_id].encoded_outputs
            outputs = self.followed.get(comm_id, [])
            for what, at, cut, text in edits:
                if what == "cut":
                    del outputs[at:]
                elif what == "stream":
                    assert "\n" not in outputs[at]["text"][len(outputs[at]["text"]) - cut :]
                    kept = outputs[at]["text"][: len(outputs[at]["text"]) - cut]
                    outputs[at] = {**outputs[at], "text": kept + text}
                else:
                    assert what == "replaced" or at == len(outputs)
                    outputs[at : at + 1] = [self.comms[comm_id].encoded_outputs[at]]

    def take(self) -> list[Change]:
        """Return the changes since the last call."""
        changes = list(self.changes)
        self.changes.clear()
        return changes


def late(doc: Doc[Any]) -> CommsMap:
    """Return the comms map of a window that joins now."""
    other: Doc[Any] = Doc()
    other.apply_update(doc.get_update())
    return CommsMap(other)


def shown(comms: CommsMap) -> dict[str, Any]:
    """Return all that a reader shows, values as their JSON texts, so that equal means exactly equal."""
    return {
        "comms": [
            {
                "comm_id": comm_id,
                "seq": comm.seq,
                "epoch": comm.epoch,
                "target_name": comm.target_name,
                "model": (comm.model_module, comm.model_module_version, comm.model_name),
                "state": texts(comm.encoded_state),
                "has_state": comm.has_state,
                "outputs": [dumps(output) for output in comm.encoded_outputs],
            }
            for comm_id, comm in comms.items()
        ],
        "kernels": comms.kernels,
        "views": comms.views,
    }


def written(log: CommsLog) -> dict[str, Any]:
    """Return all that a log says it wrote, in the form of `shown`."""
    entries = [log.entry(comm_id) for comm_id in log.comm_ids()]
    return {
        "comms": sorted(
            (
                {
                    "comm_id": entry.comm_id,
                    "seq": entry.seq,
                    "epoch": entry.epoch,
                    "target_name": entry.target_name,
                    "model": tuple(
                        entry.model.get(name)
                        for name in ("model_module", "model_module_version", "model_name")
                    ),
                    "state": texts(
                        entry.state()
                        | ({"outputs": log.outputs(entry.comm_id)} if entry.is_output_model else {})
                    ),
                    "has_state": entry.base is not None,
                    "outputs": [dumps(output) for output in log.outputs(entry.comm_id)],
                }
                for entry in entries
                if entry is not None
            ),
            key=lambda comm: (comm["seq"], comm["comm_id"]),
        ),
        "kernels": log.kernels,
        "views": [{"comm_id": view.comm_id, **view.view} for view in log.views],
    }


def texts(state: State | Any) -> dict[str, str]:
    return {key: dumps(value) for key, value in state.items()}
