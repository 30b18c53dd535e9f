"""The writer of the comms array: the one door through which the comms map of a document is changed.

Everything is planned in a *batch* and written at its end as one transaction: an update of a comm that is updated again,
or closed, in the same batch leaves nothing behind. `CommsLog` keeps its own index, so that no call depends on how much
the array holds, and never reads the array again — unless somebody else wrote into it: then `on_foreign` is
called, and the next batch, or `restore`, first makes the array again what the index says.

No I/O, no asyncio; not thread-safe: it belongs to the thread of its document.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from pycrdt import Doc

from commdoc.document.array_writer import ArrayWriter
from commdoc.document.elements import (
    GONE,
    LIVE,
    Kernel,
    View,
    kernel_text,
    key_texts,
    object_text,
    opened_text,
    split_model,
    storable,
    updated_text,
    view_text,
)
from commdoc.document.output_log import OutputLog
from commdoc.document.pen import Pen
from commdoc.document.records import Entry
from commdoc.document.slots import BlobRefs
from commdoc.document.views import Key
from commdoc.protocol.messages import Encoded, State
from commdoc.protocol.outputs import OUTPUTS, EncodedOutput
from commdoc.protocol.values import dumps

ORIGIN: Final = "commdoc"
"""Default origin of the log's transactions."""

OUTPUT_KEYS: Final = (OUTPUTS,)


class CommsLog:
    """Writes the comms map of a document.

    Parameters
    ----------
    doc : pycrdt.Doc
        May have a comms map already, which is read and gone on with.
    origin : hashable, optional
        Origin of the transactions.
    fresh : bool, optional
        Delete what the array holds instead of reading it: for a document that was refused.

    Raises
    ------
    SchemaError
        When the array is damaged or was written by a newer commdoc. It is left as it is.
    """

    def __init__(self, doc: Doc[Any], *, origin: Hashable = ORIGIN, fresh: bool = False) -> None:
        self._array = ArrayWriter(doc, origin, fresh=fresh)
        self._index = self._array.index
        self._refs = BlobRefs()
        for entry in self._index.entries.values():
            self._refs.add(entry.texts())
            self._refs.add(slot.text for chunks in entry.outputs.elements() for slot in chunks)
        self._pen = Pen(self._array, self._refs)
        self._stale: dict[str, Entry] = {}
        self._growing: dict[OutputLog, None] = {}
        self._batching = False
        self.on_change: Callable[[str, Iterable[str] | None], None] | None = None
        """Told each comm and its keys that differ now (`outputs` is one); None for one that opens or closes."""

    def dispose(self) -> None:
        """Stop observing the document, which stays as it is."""
        self._array.dispose()

    # --- reading -------------------------------------------------------------------------------------------------

    @property
    def clock(self) -> int:
        """The Yjs clock of the document's own client behind the last batch: what events name as ``after``."""
        return self._array.clock

    @property
    def on_foreign(self) -> Callable[[str], None] | None:
        """Called in the observer of a foreign write, with what happened. It must not write: it schedules `restore`."""
        return self._array.on_foreign

    @on_foreign.setter
    def on_foreign(self, callback: Callable[[str], None] | None) -> None:
        self._array.on_foreign = callback

    @property
    def kernels(self) -> dict[str, Kernel]:
        """The kernels by kernel_id; a copy."""
        return {kernel_id: kernel for kernel_id, (_, kernel) in self._index.kernels.items()}

    @property
    def views(self) -> list[View]:
        """The displayed views, in the order in which they were displayed; a copy."""
        return list(self._index.views)

    def __contains__(self, comm_id: object) -> bool:
        return comm_id in self._index.entries

    def __len__(self) -> int:
        return len(self._index.entries)

    def entry(self, comm_id: str) -> Entry | None:
        """Return what is known of a comm; not to be changed."""
        return self._index.entries.get(comm_id)

    def state(self, comm_id: str) -> State:
        """Return a comm's state, encoded, overlay applied, model keys put back, without `outputs`; a copy.

        Raises
        ------
        KeyError
            When no such comm is open.
        """
        return self._index.entries[comm_id].state()

    def comm_ids(self, epoch: str | None = None) -> list[str]:
        """Return the ids of the comms, of one epoch or of all, in seq order (same seq, of other epochs: by comm_id)."""
        entries = [e for e in self._index.entries.values() if epoch is None or e.epoch == epoch]
        return [entry.comm_id for entry in sorted(entries, key=lambda entry: (entry.seq, entry.comm_id))]

    def blob_refs(self) -> Mapping[str, int]:
        """Return how often live elements name each blob, by hash; it follows what happens."""
        return self._refs.counts

    def take_unnamed(self) -> list[str]:
        """Return the blobs that lost their last name since the last call and have none now."""
        return self._refs.take_unnamed()

    # --- batches -------------------------------------------------------------------------------------------------

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Plan in the block, write at its end: one transaction, or none when nothing differs.

        A block that raises writes what it planned before that. When somebody else has written into the array, it is
        restored in the same transaction.
        """
        if self._batching:
            msg = "a batch is open already"
            raise RuntimeError(msg)
        self._batching = True
        try:
            yield
        finally:
            self._batching = False
            self._write()

    def restore(self) -> bool:
        """Undo foreign writes into the array; return whether there were any. Not for use in an observer."""
        foreign = self._array.foreign
        with self.batch():
            pass
        return foreign

    # --- kernels -------------------------------------------------------------------------------------------------

    def set_kernel(self, kernel_id: str, *, epoch: str, name: str, status: str = LIVE) -> None:
        """Say which epoch a kernel is in, and whether it lives."""
        self._check_batch()
        kernel = Kernel(kernel_id, name, epoch, status)
        slot, known = self._index.kernels.get(kernel_id, (None, None))
        if kernel != known:
            self._index.kernels[kernel_id] = self._array.append(kernel_text(kernel)), kernel
            self._array.drop(slot)

    def forget_gone(self) -> None:
        """Forget the kernels that have gone and of which no comm is left."""
        self._check_batch()
        shown = {entry.epoch for entry in self._index.entries.values()}
        for kernel_id, (slot, kernel) in list(self._index.kernels.items()):
            if kernel.status == GONE and kernel.epoch not in shown:
                del self._index.kernels[kernel_id]
                self._array.drop(slot)

    def begin_epoch(self, kernel_id: str, epoch: str, name: str) -> list[str]:
        """Enter an epoch of a kernel. The comms of its earlier ones go, and any that are of no kernel's epoch.

        Returns
        -------
        list of str
            The comms that went.
        """
        self.set_kernel(kernel_id, epoch=epoch, name=name)
        present = {kernel.epoch for kernel in self.kernels.values()}
        gone = [comm_id for comm_id in self.comm_ids() if self._index.entries[comm_id].epoch not in present]
        for comm_id in gone:
            self.close(comm_id)
        self._index.seqs = {name: seq for name, seq in self._index.seqs.items() if name in present}
        return gone

    # --- comms ---------------------------------------------------------------------------------------------------

    def open(
        self,
        comm_id: str,
        *,
        epoch: str,
        target_name: str,
        state: State | None = None,
        data: Encoded = None,
        metadata: Encoded = None,
    ) -> None:
        """Open a comm. One that is open already gets this state; its seq, outputs and views stay.

        Parameters
        ----------
        state : dict, optional
            Encoded, with the ``_model_*`` keys; None for a comm without a state.
        data : JSON-ready, optional
            Encoded open data of a comm without a state.

        Raises
        ------
        ValueEncodingError
            When a value is not JSON; nothing has changed then.
        """
        self._check_batch()
        model, rest = split_model(state or {})
        rest = storable(rest, model)
        base = None if state is None else key_texts(rest)
        given = {"data": data if state is None else None, "metadata": metadata}
        extra = {name: dumps(value) for name, value in given.items() if value is not None}
        known = self._index.entries.get(comm_id)
        if known is not None and known.epoch != epoch:
            self.close(comm_id)
            known = None
        if known is not None and known.differs_in_values_only(target_name, model, base, extra):
            self._overlay(known, base or {})
            return
        seq = known.seq if known is not None else self._index.seqs.get(epoch, 1)
        parts = extra if base is None else {**extra, "state": object_text(base)}
        text = opened_text(comm_id, target_name=target_name, model=model, seq=seq, epoch=epoch, parts=parts)
        outputs = OutputLog(comm_id) if known is None else known.outputs
        entry = Entry(comm_id, target_name, model, seq, epoch, base, extra, self._array.append(text), outputs)
        if known is None:
            self._index.seqs[epoch] = seq + 1
        else:
            entry.unknown = known.unknown
            self._array.drop(known.opened, known.updated)
        self._index.entries[comm_id] = entry
        self._refs.add(entry.texts())
        if known is not None:
            self._refs.release(known.texts())
        self._tell(comm_id, None if known is None else state or ())

    def update(self, comm_id: str, state: State) -> bool:
        """Write the keys whose JSON text differs from what the comm has.

        Returns
        -------
        bool
            False when none does, or no such comm is open.
        """
        self._check_batch()
        entry = self._index.entries.get(comm_id)
        return entry is not None and self._overlay(entry, key_texts(storable(state, entry.model)))

    def close(self, comm_id: str) -> bool:
        """Remove a comm with everything that belongs to it; return whether it was open."""
        self._check_batch()
        entry = self._index.entries.pop(comm_id, None)
        if entry is None:
            return False
        entry.outputs.cut(self._pen, 0)
        self._array.drop(entry.opened, entry.updated, *entry.unknown)
        self._drop_views(self._index.views.find("comm", comm_id))
        self._refs.release(entry.texts())
        self._tell(comm_id, None)
        return True

    # --- outputs of an Output widget -----------------------------------------------------------------------------

    def append_output(self, comm_id: str, output: EncodedOutput) -> bool:
        """Append an output (encoded, nbformat 4) to a comm's; return whether the comm is open."""
        outputs = self._outputs(comm_id)
        if outputs is not None:
            outputs.append(self._pen, output)
            self._tell(comm_id, OUTPUT_KEYS)
        return outputs is not None

    def write_stream(self, comm_id: str, name: str, text: str) -> bool:
        r"""Write to a comm's last output if that is a stream of this name, else to a new one.

        `text` is as it was written: a ``\r`` or ``\b`` in it does what it does in JupyterLab. Return whether the comm
        is open. Raises `ValueEncodingError` for a lone surrogate; nothing has changed then.
        """
        dumps([name, text])
        outputs = self._outputs(comm_id)
        if outputs is not None and text:
            outputs.write(name, text)
            self._growing[outputs] = None
            self._tell(comm_id, OUTPUT_KEYS)
        return outputs is not None

    def set_outputs(self, comm_id: str, outputs: Sequence[EncodedOutput]) -> bool:
        """Make a comm's outputs these; return whether they differ. What doesn't is not written again."""
        known = self._outputs(comm_id)
        if known is None:
            return False
        dumps(outputs)
        self._growing[known] = None
        return self._differs(comm_id, known.assign(self._pen, outputs))

    def set_output(self, comm_id: str, index: int, output: EncodedOutput) -> bool:
        """Put an output in the place of one; return whether it differs. Raises IndexError when there is no such one."""
        known = self._outputs(comm_id)
        if known is None or not 0 <= index < len(known):
            msg = f"output {index} of {len(known or ())}"
            raise IndexError(msg)
        dumps(output)
        self._growing[known] = None
        return self._differs(comm_id, known.replace(self._pen, index, output))

    def clear_outputs(self, comm_id: str) -> bool:
        """Remove a comm's outputs; return whether there were any."""
        return self.set_outputs(comm_id, [])

    def outputs(self, comm_id: str) -> list[EncodedOutput]:
        """Return a comm's outputs, encoded; copies. Raises KeyError when no such comm is open."""
        return self._index.entries[comm_id].outputs.encoded()

    # --- views ---------------------------------------------------------------------------------------------------

    def set_view(self, comm_id: str, view: dict[str, Any]) -> bool:
        """Say that a comm is displayed. A cell's views are those of one execution: earlier ones' go.

        Parameters
        ----------
        view : dict
            ``{msg_id, cell_id?, execution_count?}``

        Returns
        -------
        bool
            False when that stood there already, or no such comm is open.
        """
        self._check_batch()
        views, shown = self._index.views, View(comm_id, dict(view))
        key = comm_id, shown.cell_id
        if comm_id not in self._index.entries or views.get(key) == shown:
            return False
        slot = self._array.append(view_text(comm_id, shown.view))
        same_cell = [] if shown.cell_id is None else views.find("cell", shown.cell_id)
        same_execution = views.find("execution", shown.msg_id)
        outdated = [other for other in same_cell if other not in same_execution]
        self._drop_views({*outdated, key} if views.get(key) else outdated)
        views.put(slot, shown)
        return True

    def clear_views(self, msg_id: str) -> bool:
        """Remove the views that an execution displayed; return whether there were any."""
        self._check_batch()
        keys = self._index.views.find("execution", msg_id)
        self._drop_views(keys)
        return bool(keys)

    # --- inside --------------------------------------------------------------------------------------------------

    def _check_batch(self) -> None:
        if not self._batching:
            msg = "the comms map is written in a batch: with log.batch(): …"
            raise RuntimeError(msg)

    def _outputs(self, comm_id: str) -> OutputLog | None:
        self._check_batch()
        entry = self._index.entries.get(comm_id)
        return None if entry is None else entry.outputs

    def _overlay(self, entry: Entry, texts: Mapping[str, str]) -> bool:
        changed = {key: text for key, text in texts.items() if entry.text(key) != text}
        if not changed:
            return False
        self._refs.add(changed.values())
        self._refs.release(entry.overlay[key] for key in changed if key in entry.overlay)
        entry.overlay.update(changed)
        if entry.updated is None or entry.updated.id is not None:
            self._array.drop(entry.updated)
            entry.updated = self._array.append()
        self._stale[entry.comm_id] = entry
        self._tell(entry.comm_id, changed)
        return True

    def _differs(self, comm_id: str, differs: bool) -> bool:
        if differs:
            self._tell(comm_id, OUTPUT_KEYS)
        return differs

    def _tell(self, comm_id: str, keys: Iterable[str] | None) -> None:
        if self.on_change is not None:
            self.on_change(comm_id, keys)

    def _drop_views(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._array.drop(self._index.views.pop(key))

    def _write(self) -> None:
        for entry in self._stale.values():
            if entry.updated is not None:
                entry.updated.text = updated_text(entry.comm_id, entry.overlay)
        self._stale.clear()
        for outputs in self._growing:
            outputs.flush(self._pen)
        self._growing.clear()
        self._array.write()
