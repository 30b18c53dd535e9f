"""A window in a process of its own, which a test may stop, count and end.

Run as a program with a room's link it answers JSON lines with JSON lines: ``{"do": "join"}``, ``fetch``, ``wait``.
`Beside` is the test's side.
"""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from typing_extensions import Self

import commdoc
from commdoc.protocol import values
from commdoc.window import events
from tests.conftest import ROOT


class Beside:
    """The process; a context manager. It joins with `join`."""

    def __init__(self, link: str) -> None:
        self._link = link

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.scale.beside", self._link]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.send_signal(signal.SIGCONT)
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait(20)

    def begin(self, do: str, **arguments: Any) -> None:
        """Begin a command; `result` has what comes of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """Wait for the result of the command that was begun."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the window beside has ended"
        return dict(json.loads(line))

    def has_answered(self) -> bool:
        """Whether a result is there."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    def do(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Run a command."""
        self.begin(command, **arguments)
        return self.result()

    def stall(self) -> None:
        """Stop the process: its connection stands, and takes nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a stall."""
        self._process.send_signal(signal.SIGCONT)


def _join(window: commdoc.Window) -> dict[str, Any]:
    return {"comms": len(window.comms), "blobs": len(window._window.core.blobs), "live": window.kernel.live}


def _fetch(window: commdoc.Window, comm_id: str) -> dict[str, Any]:
    """Fetch all blobs; count the moves of one comm that came between the first and the last of them."""
    arrivals: list[str] = []

    def hear(event: events.Event) -> None:
        if isinstance(event, events.BlobsArrived):
            arrivals.append("blobs")
        elif isinstance(event, events.CommUpdated) and event.comm_id == comm_id:
            arrivals.append("move")

    window.call(lambda: window._window.on_event(hear))
    named = [
        blob for model in window.comms.values() for blob in values.blob_sentinels(model.comm.encoded_state)
    ]
    blobs = window.fetch(named, 60)
    last = len(arrivals) - arrivals[::-1].index("blobs")
    between = arrivals[arrivals.index("blobs") : last]
    return {
        "blobs": len(blobs),
        "bytes": sum(map(len, blobs.values())),
        "frames": between.count("blobs"),
        "moves": between.count("move"),
    }


def _wait(window: commdoc.Window, comm_id: str, key: str, value: Any) -> dict[str, Any]:
    window.wait_until(lambda: window.comms[comm_id][key] == value, 30)
    return {"value": value}


_COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {"fetch": _fetch, "wait": _wait}


def main(link: str) -> None:
    """Answer commands until stdin ends."""
    window = None
    try:
        for line in sys.stdin:
            command = json.loads(line)
            name = command.pop("do")
            if name == "join":
                window = commdoc.join(url=link, timeout=60)
                answer = _join(window)
            else:
                assert window is not None
                answer = _COMMANDS[name](window, **command)
            print(json.dumps(answer), flush=True)
    finally:
        if window is not None:
            window.close()


if __name__ == "__main__":
    main(sys.argv[1])
