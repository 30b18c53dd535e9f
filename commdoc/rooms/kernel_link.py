"""What a room asks of the way to a kernel: messages out, never a wait.

The room sends what windows ask for; what came of it, the bridge tells. `commdoc.rooms.zmq_link` is the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from commdoc.errors import CommdocError
from commdoc.protocol.messages import KernelInfo

SubshellLost = Callable[[str], None]
"""Told the msg_id of a message that the kernel dropped because its subshell has gone (`UnknownSubshellError`)."""


class KernelLinkError(CommdocError):
    """A message could not be given to the kernel; the text is the reason the window is told."""


class KernelLink(Protocol):
    """The shell channel of one kernel."""

    def send(
        self,
        msg_type: str,
        content: dict[str, Any],
        buffers: Sequence[bytes | memoryview],
        msg_id: str,
    ) -> None:
        """Send a message whose header has this `msg_id`; returns at once. Raises `KernelLinkError`."""

    def close(self) -> None:
        """Let go of the kernel; messages that it has not taken yet are dropped."""


ConnectKernel = Callable[[KernelInfo, SubshellLost], KernelLink]
"""Makes the link for one life of a kernel. A new one for each: nothing sent to a dead kernel may reach the next.
"""
