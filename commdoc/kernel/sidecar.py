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
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

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
    local : str or None
        Path of the host's local socket, where it has one on this machine; each host's is another one, the address is
        the same.
    about : dict
        What is said there beside the token: ``room_id`` or ``kernel_id``.
    """

    url: str
    token: str
    window_url: str | None = None
    local: str | None = field(default=None, compare=False)
    about: dict[str, str] = field(default_factory=dict)

    @property
    def socket_url(self) -> str:
        """The WebSocket's address."""
        return "ws" + self.url.removeprefix("http").rstrip("/") + "/ws"


def start(config: dict[str, Any]) -> Endpoint:
    """Return the address of the kernel's sidecar, started if there is none.

    Parameters
    ----------
    config : dict
        ``connection_file``, ``kernel_id``, ``kernel_pid``, perhaps ``session_name``, ``grace``, ``port``,
        ``embed_origins``.

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
    answer, trouble = _answer(process, config)
    if answer is None:
        msg = f"the sidecar process ended without an answer: {trouble or 'nothing on stderr'}"
        raise SidecarError(msg)
    if "error" in answer:
        raise SidecarError(str(answer["error"]))
    url = str(answer["url"])
    return Endpoint(
        url,
        answer["tokens"]["bridge"],
        f"{url}#token={answer['tokens']['window']}",
        answer.get("local"),
        {"room_id": str(answer["room_id"])},
    )


def _answer(process: subprocess.Popen[bytes], config: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Return the sidecar's answer, and what it left on stderr where it gave none.

    The environment may make any Python talk, on both streams (``sitecustomize``, ``PYTHONVERBOSE``): lines that are no
    answer are passed over, and stderr is read all the time, since nobody can write into a full pipe.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.daemon = True
    watchdog.start()
    trouble: deque[bytes] = deque(maxlen=30)
    # Ends when the sidecar lets go of its streams, or with it.
    drain = threading.Thread(target=_read, args=(process.stderr, trouble), name="commdoc-locate", daemon=True)
    drain.start()
    answer = None
    try:
        process.stdin.write(json.dumps(config).encode() + b"\n")
        process.stdin.close()
        while answer is None and (line := process.stdout.readline()):
            answer = _object(line)
    except OSError as error:
        trouble.append(str(error).encode())
    finally:
        process.stdout.close()
        drain.join(START_SECONDS)
        watchdog.cancel()
    process.wait()  # what was started here has forked the sidecar and ends: no zombie is left to the kernel
    return answer, b"".join(trouble)[-2000:].decode(errors="replace").strip()


def _read(stream: IO[bytes], lines: deque[bytes]) -> None:
    with stream:
        lines.extend(stream)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
