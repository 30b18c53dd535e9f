"""The reader of the comms array: a map of the comms, kept up with the document as it changes.

`CommsMap` mirrors the array's elements, in plain Python objects, from the events of the array; so any thread may
read it, and reading costs no access to the document. What it shows depends on the array alone, not on how the updates
came: one by one, merged, or all at once. An element that is damaged or of an unknown kind is skipped; a ``u``, ``out``
or ``v`` that comes before its ``o`` waits for it. A document of a newer schema is refused as a whole.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Literal, NamedTuple

from pycrdt import Array, Doc, Subscription

from commdoc.document.comm import Comm, differing_keys, merged_state
from commdoc.document.elements import ROOT, Kernel, View
from commdoc.document.mirror import Mirror, Touched
from commdoc.document.output_list import Edit
from commdoc.document.yupdate import elements
from commdoc.errors import SchemaError
from commdoc.protocol.outputs import OUTPUTS
from commdoc.protocol.values import GetBlob

_log = logging.getLogger(__name__)


class Change(NamedTuple):
    """What a transaction did to one comm, or to a kernel (`comm_id` is its kernel_id then).

    Attributes
    ----------
    kind : str
        ``opened`` and ``closed`` include the comm's outputs and views. ``refused`` says that the document now has a
        newer schema: see `CommsMap.error`.
    keys : tuple of str
        State keys that were opened or updated; ``("outputs",)`` where outputs changed.
    outputs : tuple of Edit
        What happened to the outputs, to be done one after the other to a list of what they were.
    """

    kind: Literal["opened", "updated", "closed", "outputs", "views", "kernel", "refused"]
    comm_id: str
    keys: tuple[str, ...] = ()
    outputs: tuple[Edit, ...] = ()


class CommsMap(Mapping[str, Comm]):
    """The comms of a document: comm_id to `Comm`, in seq order (same seq, of other epochs: by comm_id).

    Parameters
    ----------
    doc : pycrdt.Doc
        Any document; it need not have a comms map yet.
    get_blob : callable, optional
        Returns a blob's bytes, or raises `BlobMissingError`. Called when a value is read, on the thread that reads.

    Notes
    -----
    Reading raises `SchemaError` while `error` is set.
    """

    def __init__(self, doc: Doc[Any], *, get_blob: GetBlob | None = None) -> None:
        self.error: SchemaError | None = None
        """Why the document is refused, or None."""
        self._get_blob = get_blob
        self._mirror = Mirror()
        self._comms: dict[str, Comm] = {}
        self._generation = 0
        self._ordered: tuple[int, dict[str, Comm]] = 0, {}
        self._callbacks: dict[object, Callable[[list[Change]], None]] = {}
        array: Array[Any] = doc.get(ROOT, type=Array)
        self._apply([{"insert": elements(array)}])
        # The raw event of pycrdt: wrapping it costs as much again, for a target and a path that are known.
        self._subscription: Subscription | None = array.integrated.observe(self._observe)

    def dispose(self) -> None:
        """Stop following the document; what was read stays. On the document's thread, as all use of it.

        Without it the document, which holds its observer, and whoever holds both stay in memory for ever.
        """
        if self._subscription is not None:
            self._subscription.drop()
            # It belongs to this thread; left to the garbage collector it may be freed on another one, and can't be.
            self._subscription = None

    # --- reading -------------------------------------------------------------------------------------------------

    def __getitem__(self, comm_id: str) -> Comm:
        self._check()
        return self._comms[comm_id]

    def __contains__(self, comm_id: object) -> bool:
        self._check()
        return comm_id in self._comms

    def __len__(self) -> int:
        self._check()
        return len(self._comms)

    def __iter__(self) -> Iterator[str]:
        return iter(self._snapshot())

    def keys(self) -> KeysView[str]:
        """Return the comm ids as they are now, in seq order."""
        return self._snapshot().keys()

    def values(self) -> ValuesView[Comm]:
        """Return the comms as they are now, in seq order: what closes meanwhile is still met."""
        return self._snapshot().values()

    def items(self) -> ItemsView[str, Comm]:
        """Return ids and comms as they are now, in seq order."""
        return self._snapshot().items()

    @property
    def kernels(self) -> dict[str, Kernel]:
        """The kernels by kernel_id; a copy."""
        self._check()
        return {kernel.kernel_id: kernel for kernel in list(self._mirror.kernels.values())}

    @property
    def views(self) -> list[dict[str, Any]]:
        """The displayed views ``{comm_id, msg_id, cell_id?, execution_count?}``, in the order of displaying; a copy."""
        self._check()
        views = list(self._mirror.views.values())
        return [{"comm_id": view.comm_id, **view.view} for view in views if view.comm_id in self._comms]

    def to_py(self) -> dict[str, dict[str, Any]]:
        """Return the plain nested map, values decoded."""
        return {comm_id: comm.to_py() for comm_id, comm in self.items()}

    def observe(self, callback: Callable[[list[Change]], None]) -> Callable[[], None]:
        """Call `callback` with the changes of each transaction, on the document's thread, while the transaction ends.

        The map has them already. The callback must not write into the document. What it raises is logged.

        Returns
        -------
        callable
            Ends it.
        """
        token = object()
        self._callbacks[token] = callback
        return lambda: self._callbacks.pop(token, None) and None

    def _check(self) -> None:
        if self.error is not None:
            raise self.error

    def _snapshot(self) -> dict[str, Comm]:
        self._check()
        generation = self._generation
        if self._ordered[0] != generation:
            comms = sorted(self._comms.values(), key=lambda comm: (comm.seq, comm.comm_id))
            self._ordered = generation, {comm.comm_id: comm for comm in comms}
        return self._ordered[1]

    # --- following -----------------------------------------------------------------------------------------------

    def _observe(self, event: Any) -> None:
        delta = event.delta
        del event  # of this thread: a traceback that is kept must not keep it
        try:
            changes = self._apply(delta)
        except Exception:  # noqa: BLE001 - what an observer raises ends up in somebody else's transaction
            _log.exception("reading a change of the comms map")
            return
        if not changes:
            return
        for callback in list(self._callbacks.values()):
            try:
                callback(list(changes))
            except Exception:  # noqa: BLE001 - one callback must not stop the others
                _log.exception("in a callback on changes of the comms map")

    def _apply(self, delta: list[dict[str, Any]]) -> list[Change]:
        """Bring the comms up to date with their elements, and tell how they differ from before."""
        touched = self._mirror.apply(delta)
        differing = dict.fromkeys(self._mirror.kernels.values()).keys() ^ touched.kernels.keys()
        changes = [Change("kernel", kernel_id) for kernel_id in sorted({k.kernel_id for k in differing})]
        for comm_id, views in touched.comms.items():
            changes += self._refresh(comm_id, views, touched)
        error = next(iter(self._mirror.newer.values()), None)
        if error is not None and self.error is None:
            changes = [Change("refused", "")]
        self.error = error
        return changes

    def _refresh(self, comm_id: str, views: list[View], touched: Touched) -> Iterator[Change]:
        parts = self._mirror.parts.get(comm_id)
        comm = self._comms.get(comm_id)
        opened = parts.opened if parts is not None else None
        if comm is not None and (opened is None or opened.head != comm._opened.head):
            comm.closed = True
            del self._comms[comm_id]
            self._generation += 1
            yield Change("closed", comm_id)
            comm = None
        if parts is None or opened is None:
            return
        state = merged_state(opened, parts.updated.state if parts.updated is not None else None)
        if comm is None:
            comm = self._comms[comm_id] = Comm(opened, state, parts.outputs.shown, self._get_blob)
            self._generation += 1
            yield Change("opened", comm_id, tuple(comm.keys()))
            return
        keys = differing_keys(comm._state, state)
        comm._opened, comm._state = opened, state
        if keys:
            yield Change("updated", comm_id, keys)
        edits = touched.outputs.get(comm_id)
        if edits:
            comm._outputs = parts.outputs.shown
            yield Change("outputs", comm_id, (OUTPUTS,), tuple(edits))
        if views != self._mirror.views_of(comm_id):
            yield Change("views", comm_id)
