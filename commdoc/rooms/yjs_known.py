"""Whether a Yjs update follows what a document has, so that nothing of it would wait there.

yrs keeps what refers to elements that it lacks, and takes it in when they come. A window could so write *behind an
element that the room is going to write*, or delete it: that would happen inside the room's own transaction, where a
foreign write is not looked for. What waits is also kept for as long as the document is. A window has all that it refers
to from the room, and its updates come in order on one socket; so an update that has to wait is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from commdoc.rooms.yjs_check import _Reader


def check_known(update: bytes, known: Mapping[int, int], own: int) -> None:
    """Read an update which `check_update` has passed.

    Parameters
    ----------
    known : mapping
        The document's state vector: client to its next clock.
    own : int
        The document's own client id, with which nobody else writes.

    Raises
    ------
    ProtocolError
        With what it refers to that is not there, or that it writes with the document's client id.
    """
    reader = _Referring(update)
    after = dict(known)
    for _ in range(reader.number()):
        structs, client, clock = reader.number(), reader.number(), reader.number()
        has = known.get(client, 0)
        if clock > has:
            raise reader.wrong(
                f"it begins at {clock} of the client {client}, of whom {has} elements are here"
            )
        for _ in range(structs):
            clock += reader.struct()
        after[client] = max(clock, has)
        if client == own and clock > has:
            raise reader.wrong("it writes with the client id of the room")
    for _ in range(reader.number()):
        client = reader.number()
        for _ in range(reader.number()):
            reader.refer(client, reader.number() + reader.number() - 1)
    for client, clock in reader.needs.items():
        if clock >= after.get(client, 0):
            raise reader.wrong(f"it refers to element {clock} of the client {client}, which is not here")


class _Referring(_Reader):
    """Notes the last element of each client that is referred to."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, "update that follows")
        self.needs: dict[int, int] = {}

    def refer(self, client: int, clock: int) -> None:
        self.needs[client] = max(clock, self.needs.get(client, 0))

    def _id(self) -> None:
        self.refer(self.number(), self.number())
