"""An Output widget in a document, a window that is there, and what it is told."""

from __future__ import annotations

from typing import Any

from pycrdt import Doc

from commdoc.document import Edit
from tests.document.stories import (
    OUTPUT_WIDGET,
    Reader,
    Transactions,
    a_log,
    elements,
    late,
    open_comm,
    shown,
    written,
)

OUT = "out"


class Notebook:
    """A document with an Output widget, a window that is there and what it was told."""

    def __init__(self, **state: Any) -> None:
        self.doc: Doc[Any] = Doc()
        self.log = a_log(self.doc)
        with self.log.batch():
            open_comm(self.log, OUT, **{**OUTPUT_WIDGET, "msg_id": "", **state})
        self.sent = Transactions(self.doc)
        self.reader = Reader([self.doc.get_update()])
        self.reader.take()

    def write(self, *texts: str, name: str = "stdout") -> tuple[Edit, ...]:
        """Write all in one batch; return what the window was told."""
        with self.log.batch():
            for text in texts:
                self.log.write_stream(OUT, name, text)
        return self.told()

    def told(self) -> tuple[Edit, ...]:
        self.reader.apply(*self.sent.updates)
        self.sent.updates.clear()
        changes = self.reader.take()
        assert all(change.kind == "outputs" for change in changes)
        return tuple(edit for change in changes for edit in change.outputs)

    def chunks(self) -> list[str]:
        """Return the texts of the first output's elements."""
        bodies = [element[2] for element in elements(self.doc) if element[0] == "out" and element[3] == 1]
        return [body if isinstance(body, str) else body["text"] for body in bodies]

    def texts(self) -> list[Any]:
        """Return the texts of all streams, as everybody reads them."""
        assert shown(late(self.doc)) == shown(self.reader.comms) == written(self.log)
        assert self.reader.followed[OUT] == self.log.outputs(OUT)
        return [output.get("text") for output in self.log.outputs(OUT)]
