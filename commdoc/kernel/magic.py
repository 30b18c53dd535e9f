"""The magic ``%commdoc``: what the mirror is doing, and joining another room."""

from __future__ import annotations

import shlex
import sys
from typing import Any, Final

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from commdoc.errors import CommdocError
from commdoc.kernel.bridge import Bridge
from commdoc.kernel.discovery import joined
from commdoc.kernel.invitation import invite
from commdoc.kernel.sidecar import Endpoint

LAG_SECONDS: Final = 0.2
"""What has not arrived after this is lag."""

USAGE: Final = """\
%commdoc             comms, windows and lag of the room, and a link to it that is good for some minutes
%commdoc join URL    move to the room at URL, its token for a bridge behind '#token='; or to the room that this kernel
                     has at the Jupyter server at URL, '?token=' included"""


@magics_class
class CommdocMagics(Magics):
    """Registered by ``%load_ext commdoc``."""

    def __init__(self, shell: Any, bridge: Bridge) -> None:
        super().__init__(shell)
        self._bridge = bridge

    @line_magic
    def commdoc(self, line: str) -> None:
        """Show what commdoc is doing, or join another room.

        ::

            %commdoc
            %commdoc join http://127.0.0.1:8888/commdoc/rooms/…/#token=…
        """
        try:
            words = shlex.split(line)
        except ValueError:  # a quote without its partner
            words = [line]
        if not words:
            self._bridge.settle(LAG_SECONDS)  # the cell that asks is on its way, too
            sys.stdout.write(self._status() + "\n")
        elif words[0] == "join" and len(words) == 2:
            try:
                locate = joined(words[1], self._bridge.info["kernel_id"])
            except CommdocError as error:
                raise UsageError(f"{error}.\n{USAGE}") from error
            self._bridge.join(locate)
            sys.stdout.write(f"joining {words[1].partition('#')[0].partition('?')[0]}\n")
        else:
            msg = f"%commdoc {line}: not understood.\n{USAGE}"
            raise UsageError(msg)

    def _status(self) -> str:
        status = self._bridge.status()
        if status.trouble is not None:
            return f"commdoc: no room: {status.trouble}\nIt is tried again; the notebook works as without commdoc."
        if status.endpoint is None:
            return "commdoc: looking for the room …"
        lag = "up to date" if not status.waiting and not status.unapplied else f"{status.waiting} waiting"
        return "\n".join(
            [
                f"commdoc: {_count(status.comms, 'comm')}, {_count(status.windows, 'window')}, {lag}",
                f"  open in a browser:  {_link(status.endpoint)}",
                "  in Python:          commdoc.join()",
            ]
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _link(endpoint: Endpoint) -> str:
    try:
        link, seconds = invite(endpoint)
    except CommdocError:
        return f"{endpoint.url}  (`commdoc rooms --link` in a terminal prints the whole link)"
    if seconds is None:
        where = (
            "behind your hub's address, for who is logged in"
            if link.startswith("/")
            else "for who is logged in"
        )
        return f"{link}  ({where} there)"
    return f"{link}  (good for {seconds / 60:.0f} minutes)"
