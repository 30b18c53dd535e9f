"""Starts, or finds, the sidecar process that hosts this kernel's room.

The sidecar is told its configuration on stdin and answers with one line on stdout; one that is running
already for this kernel (it outlives a restart) makes a second one answer with the first one's address and
end. So starting is finding.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from commdoc.errors import SidecarError

START_SECONDS: Final = 30.0
"""A cold start on a busy machine takes 2 s; whoever takes ten times as long is not coming."""

PROGRAM: Final = """\
import sys
if sys.path[0] == "":
    del sys.path[0]
sys.path.append({root!r})
from commdoc.server.sidecar import main
sys.exit(main(sys.argv[1:]))
"""
"""As ``python -m commdoc.server.sidecar``, but without the folder of the notebook in front of the import path: a user's
``token.py`` or ``queue.py`` there is not the standard library's. This package is found behind all others, where it was
found by the kernel.
"""


@dataclass(frozen=True)
class Endpoint:
    """Where a room answers.

    Attributes
    ----------
    url : str
        ``http://host:port/commdoc/rooms/<room_id>/``
    token : str
        Good for being this kernel's bridge.
    window_url : str or None
        The link for a person, token behind ``#``; None when only the host may make one.
    """

    url: str
    token: str
    window_url: str | None = None

    @property
    def socket_url(self) -> str:
        """The WebSocket's address."""
        return "ws" + self.url.removeprefix("http").rstrip("/") + "/ws"


def start(config: dict[str, Any]) -> Endpoint:
    """Return the address of the kernel's sidecar, started if there is none.

    Parameters
    ----------
    config : dict
        ``connection_file``, ``kernel_id``, ``kernel_pid``, perhaps ``session_name``, ``grace``, ``port``.

    Raises
    ------
    SidecarError
        With the reason that the sidecar gave, or what it left on stderr.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COMMDOC_TOKEN")}
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(root=str(Path(__file__).parents[2])), "--detach"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            close_fds=True,
            env=environment,
        )
    except OSError as error:
        msg = f"the sidecar process can't be started: {error}"
        raise SidecarError(msg) from error
    line, trouble = _answer(process, config)
    try:
        answer = json.loads(line)
    except ValueError:
        msg = f"the sidecar process ended without an answer: {trouble or 'nothing on stderr'}"
        raise SidecarError(msg) from None
    if "error" in answer:
        raise SidecarError(str(answer["error"]))
    url = str(answer["url"])
    return Endpoint(url, answer["tokens"]["bridge"], f"{url}#token={answer['tokens']['window']}")


def _answer(process: subprocess.Popen[bytes], config: dict[str, Any]) -> tuple[bytes, str]:
    """Return the sidecar's line, and the end of its stderr where it gave none."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        process.stdin.write(json.dumps(config).encode() + b"\n")
        process.stdin.close()
        line = process.stdout.readline()
        trouble = "" if line.strip() else process.stderr.read()[-2000:].decode(errors="replace").strip()
    except OSError as error:
        line, trouble = b"", str(error)
    finally:
        watchdog.cancel()
        process.stdout.close()
        process.stderr.close()
    process.wait()  # what was started here has forked the sidecar and ends: no zombie is left to the kernel
    return line, trouble
