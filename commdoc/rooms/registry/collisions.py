"""Two rooms for one path: which of them has it from now on. The other one lives on under its id, with all it has.

    the path's room has            the room that comes there has        the path goes to
    nothing, never had a kernel    anything                             the one that comes; its windows follow
    a kernel                       anything                             stays: somebody works there
    the last state of a kernel     comms and their kernel               the one that comes
    the last state of a kernel     less                                 stays

Windows don't decide: they look again, and find the room that has the path.
"""

from __future__ import annotations

from commdoc.rooms.registry.hosted import Hosted


def may_take(comes: Hosted, there: Hosted | None) -> bool:
    """Tell whether a room that comes to a path gets it from the one that is there."""
    if there is None or there is comes or there.is_unused:
        return True
    if there.has_kernel:
        return False
    return comes.has_content and comes.has_kernel


def told(comes: Hosted, there: Hosted) -> str:
    """Say what both have, for the log."""
    return f"{comes.room.room_id} ({_has(comes)}) and {there.room.room_id} ({_has(there)})"


def _has(hosted: Hosted) -> str:
    kernel = "its kernel" if hosted.has_kernel else "no kernel"
    return f"{len(hosted.room.comms)} comms, {kernel}, {hosted.room.window_count} windows"
