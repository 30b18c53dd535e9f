"""The one place where commdoc listens to the kernel: ``kernel.session.send``.

It sees comm messages of every origin and outputs, in the order in which they leave. The original is always
called. Beside it a watched message costs one `SimpleQueue.put`: that is reentrant and takes no Python lock,
so a `close()` that the garbage collector runs inside the hook can't deadlock. Nothing is serialised here.

An update whose comm has an update in the queue already, with nothing but updates behind it, goes into that
one: under a loop of ``w.value = i`` the flush thread, which shares the GIL, then has one record to handle
per window instead of hundreds. No lock guards this: `seal` puts a fresh table in place, and who has written
into a record looks whether its table is still the one; if not, the update goes into the queue by itself.

An error in here never reaches the caller; it is told once to `report`.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from commdoc.kernel.capture import Captures
from commdoc.kernel.output_watch import KEPT, OutputWatch, Watcher
from commdoc.kernel.records import (
    SCALARS,
    Kind,
    Parent,
    Record,
    freeze,
    freeze_buffers,
    freeze_state,
)
from commdoc.protocol.outputs import is_output_model

WIDGET_TARGET: Final = "jupyter.widget"

CONTROL_TARGET: Final = "jupyter.widget.control"
"""ipywidgets' own channel for one front end that asks for all states: its messages are nobody else's."""

_UPDATE: Final = int(Kind.UPDATE)

Told = list[tuple[dict[str, Any], Any]]
"""Messages as (content, buffers)."""


class SendHook:
    """Stands in for ``session.send`` while installed.

    Parameters
    ----------
    session : jupyter_client.session.Session
        The kernel's.
    put : callable
        Takes a record; must be reentrant and never block.
    urge : callable
        Called after a record that should not wait for the coalescing window.
    report : callable
        Takes an exception that was raised in here.
    captures : Captures
        Decides which Output widget takes an output instead of the cell.
    """

    def __init__(
        self,
        session: Any,
        put: Callable[[Record], None],
        urge: Callable[[], None],
        report: Callable[[BaseException], None],
        captures: Captures | None = None,
    ) -> None:
        self._session = session
        self.captures = captures or Captures(lambda _: None)
        self.before_idle: Callable[[], None] = lambda: None
        """Called before an execution is said to be over: the last chance to tell who stops listening then."""
        self._put = put
        self._urge = urge
        self._report = report
        self._original = self.pass_on = session.send
        self._was_in_dict = "send" in vars(session)
        self.active = False
        self._told: dict[int, Told] = {}
        self._probing: dict[int, tuple[str, Told]] = {}
        self.mergeable: Mapping[str, str] = {}
        """Comm id to target name, of the comms that are mirrored; those of a widget have updates that may
        be merged.
        """
        self._last: dict[str, Record] = {}
        """Comm id to the record that its next update may go into. The short way in `send` asks nothing else:
        this stays empty while nothing is to be noted, and gets nothing under `telling` and `probing`.
        """
        watch = OutputWatch(
            self.captures,
            self._barrier,
            self._erred,
            lambda: self.before_idle(),  # noqa: PLW0108 - it is set later
        )
        self._watched: dict[str, Watcher] = {
            "comm_open": self._comm_open,
            "comm_close": self._comm_close,
            **watch.watchers,
        }
        self._hook = self._make()

    def install(self) -> None:
        """Start listening."""
        self.seal()
        self.active = True
        self._session.send = self._hook

    def remove(self) -> None:
        """Stop listening; leave the session as it was.

        When somebody else has wrapped ``send`` after us, their wrapper goes on calling us and we only pass
        through.
        """
        self.stop()
        if vars(self._session).get("send") is not self._hook:
            return
        if self._was_in_dict:
            self._session.send = self._original
        else:
            del self._session.send

    @contextmanager
    def telling(self) -> Iterator[Told]:
        """Collect the comm messages and errors that this thread sends, while it handles a front end's message."""
        me, told = get_ident(), Told()
        outer = self._told.get(me)
        self._told[me] = told
        self.seal()
        try:
            yield told
        finally:
            if outer is None:
                del self._told[me]
            else:
                self._told[me] = outer

    @contextmanager
    def probing(self, comm_id: str) -> Iterator[Told]:
        """Collect what the comm answers on this thread, and *keep it from* iopub: the question is our own."""
        me, answers = get_ident(), Told()
        self._probing[me] = (comm_id, answers)
        self.seal()
        try:
            yield answers
        finally:
            del self._probing[me]

    def stop(self) -> None:
        """Note nothing any more, also where somebody else's wrapper goes on calling."""
        self.active = False
        self.seal()

    def seal(self) -> None:
        """Let no further update go into those noted so far: they are about to be read, or a barrier comes."""
        self._last = {}

    def _barrier(self, record: Record) -> None:
        self._put(record)
        self._last = {}  # after it: another thread's update that goes in between then is read with it, or behind it

    def _make(self) -> Callable[..., Any]:
        original = self._original
        comm_msg = self._comm_msg
        hook = self

        # The signature of Session.send, so that positional callers keep working.
        def send(
            stream: Any,
            msg_or_type: Any,
            content: Any = None,
            parent: Any = None,
            ident: Any = None,
            buffers: Any = None,
            track: bool = False,
            header: Any = None,
            metadata: Any = None,
        ) -> Any:
            try:
                if msg_or_type == "comm_msg":
                    last = hook._last
                    before = last.get(content["comm_id"])
                    data = content["data"]
                    if (
                        before is None
                        or before[5] is not parent
                        or buffers
                        or data.__class__ is not dict
                        or data.get("method") != "update"
                        or (state := data.get("state")).__class__ is not dict
                        or before[6] != get_ident()
                    ):
                        kept = comm_msg(content, buffers, parent)
                        if kept is KEPT:
                            return None
                        content = kept or content
                    else:
                        # Into the record that is there, without one call more: under a loop this is all.
                        noted = before[2]
                        for key, value in state.items():
                            if value is None and noted.get(key).__class__ not in SCALARS:
                                hook._took_back(content["comm_id"], data, parent)
                                break
                            noted[key] = value if value.__class__ in SCALARS else freeze(value)
                        if hook._last is not last:
                            hook._update(content["comm_id"], data, buffers, parent)
                elif hook.active and hook._other(msg_or_type, content, buffers, parent, metadata) is KEPT:
                    return None
            except Exception as error:  # noqa: BLE001 - user code must not notice (P8)
                hook._report(error)
            return original(stream, msg_or_type, content, parent, ident, buffers, track, header, metadata)

        return send

    def _other(self, msg_or_type: Any, content: Any, buffers: Any, parent: Any, metadata: Any) -> Any:
        """Note what is no comm message, or is handed over whole."""
        if msg_or_type.__class__ is not str:
            return self._whole_message(msg_or_type, buffers)
        note = self._watched.get(msg_or_type)
        return None if note is None else note(content, buffers, parent, metadata)

    def _whole_message(self, message: Any, buffers: Any) -> Any:
        msg_type, content = message.get("msg_type"), message.get("content")
        buffers = buffers or message.get("buffers")
        parent = {"header": message.get("parent_header")}
        if msg_type == "comm_msg":
            self._comm_msg(content, buffers, parent)
        elif (note := self._watched.get(msg_type)) is not None:
            return note(content, buffers, parent, message.get("metadata"))
        return None

    def _comm_msg(self, content: Any, buffers: Any, parent: Parent | None) -> Any:
        """Note a comm message; returns `KEPT`, None to send it as it is, or what to send instead."""
        if not self.active:
            return None
        comm_id = content["comm_id"]
        data = content["data"]
        method = data.get("method") if isinstance(data, dict) else None
        if self._told and (told := self._told.get(get_ident())) is not None:
            told.append((content, buffers))
        if method == "update" and data.get("state").__class__ is dict:
            if self._probing and self._is_answer(comm_id, content, buffers):
                return KEPT
            if "msg_id" in data["state"] and comm_id in self.captures.holders:
                return self._aim(content, buffers, parent)
            self._update(comm_id, data, buffers, parent)
        elif method != "echo_update":  # that leaves before the kernel has validated anything
            self._message(comm_id, data, buffers)
        return None

    def _aim(self, content: Any, buffers: Any, parent: Parent | None) -> Any:
        """Take the ``msg_id`` out of an Output widget's update: front ends are not to capture by themselves."""
        data = content["data"]
        state = {key: value for key, value in data["state"].items() if key != "msg_id"}
        self.captures.aim(content["comm_id"], data["state"]["msg_id"])
        if not state:
            return KEPT
        rest = {**content, "data": {**data, "state": state}}
        self._update(content["comm_id"], rest["data"], buffers, parent)
        return rest

    def _erred(self, content: dict[str, Any]) -> None:
        """An error is published: who handles a front end's message on this thread is told."""
        if self._told and (told := self._told.get(get_ident())) is not None:
            told.append((content, None))

    def _is_answer(self, comm_id: str, content: Any, buffers: Any) -> bool:
        asked, answers = self._probing.get(get_ident(), (None, []))
        if asked != comm_id:
            return False
        answers.append((content, buffers))
        return True

    def _message(self, comm_id: str, data: Any, buffers: Any) -> None:
        self._barrier((Kind.MESSAGE, comm_id, freeze(data), freeze_buffers(buffers)))
        self._urge()

    def _took_back(self, comm_id: str, data: dict[str, Any], parent: Parent | None) -> None:
        """A key that was just set to something has None again: both are noted, see `Coalescer`."""
        self._update(comm_id, data, None, parent)
        self._last.pop(comm_id, None)

    def _update(self, comm_id: str, data: dict[str, Any], buffers: Any, parent: Parent | None) -> None:
        paths = data.get("buffer_paths")
        record = (
            _UPDATE,
            comm_id,
            freeze_state(data["state"]),
            freeze(paths) if paths else (),
            freeze_buffers(buffers) if buffers else (),
            parent,
            get_ident(),
            None if len(data) == 3 and paths is not None else _rest(data),
        )
        if (
            not buffers
            and self.active
            and not self._told
            and not self._probing
            and self.mergeable.get(comm_id) == WIDGET_TARGET
            and comm_id not in self.captures.holders  # what an Output takes stands between its updates
        ):
            self._last[comm_id] = record
        else:
            self._last.pop(comm_id, None)  # this one is not to be overtaken by what goes into the one before
        self._put(record)

    def _comm_open(self, content: Any, buffers: Any, _parent: Parent | None, metadata: Any) -> None:
        data = content["data"]
        if data.__class__ is dict and data.get("state").__class__ is dict:
            state = data["state"]
            if is_output_model(state.get("_model_module"), state.get("_model_name")):
                self.captures.opened(content["comm_id"], state.get("msg_id") or "")
            data = {"state": freeze_state(data["state"]), **_rest(data)}
        else:
            data = freeze(data)
        self._barrier(
            (
                Kind.OPEN,
                content["comm_id"],
                content["target_name"],
                data,
                freeze_buffers(buffers),
                freeze(metadata),
            )
        )

    def _comm_close(self, content: Any, _buffers: Any, _parent: Parent | None, _metadata: Any) -> None:
        self.captures.closed(content["comm_id"])
        self._barrier((Kind.CLOSE, content["comm_id"]))


def _rest(data: dict[str, Any]) -> dict[str, Any]:
    """Return what is beside the state; only comms with a target of their own have more than two items there."""
    return {key: freeze(value) for key, value in data.items() if key != "state"}
