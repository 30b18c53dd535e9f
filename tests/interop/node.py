"""Node programs that tests drive: JSON lines in, JSON lines out (see lines.mjs).

`NodeWindow` is a window of the built library in a process of its own, `YjsPeer` a plain y-protocols peer. Values are
in the typed notation of ``tests/fixtures/README.md``; `to_browser` turns Python values into what a browser must
have got.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import math
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import Self

from commdoc.errors import CommdocError
from tests.conftest import ROOT

HERE = Path(__file__).parent
LIBRARY = ROOT / "js-shim" / "dist" / "interop.js"
SOURCES = ROOT / "js-shim" / "src"
LINE_LIMIT = 512 * 1024 * 1024


class NodeError(CommdocError):
    """A command of a Node program failed.

    Attributes
    ----------
    name, code : str, object
        Of the JavaScript error.
    """

    def __init__(self, name: str, message: str, code: Any) -> None:
        super().__init__(f"{name}: {message}")
        self.name, self.code = name, code


def build_library() -> None:
    """Build the library unless it is there and newer than its sources."""
    sources = [
        *SOURCES.glob("document/*.ts"),
        *SOURCES.glob("window/*.ts"),
        ROOT / "js-shim/tools/interop.ts",
    ]
    newest = max(path.stat().st_mtime for path in sources)
    if not LIBRARY.is_file() or LIBRARY.stat().st_mtime < newest:
        subprocess.run(["node", "build.mjs", "core"], cwd=ROOT / "js-shim", check=True, timeout=60)


class NodeProgram:
    """A running program; use as an async context manager."""

    script: str

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def __aenter__(self) -> Self:
        node = shutil.which("node")
        assert node is not None, "node is not on the PATH"
        build_library()
        self._process = await asyncio.create_subprocess_exec(
            node,
            str(HERE / self.script),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT,
        )
        self._reader = asyncio.ensure_future(self._read())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except asyncio.TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader

    async def do(self, command: str, **arguments: Any) -> Any:
        """Run a command and return its result.

        Raises
        ------
        NodeError
            When it failed there.
        """
        return await self.begin(command, **arguments)

    def begin(self, command: str, **arguments: Any) -> asyncio.Future[Any]:
        """Begin a command; the future has its result."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": command, **arguments}).encode() + b"\n")
        return answer

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            answer = json.loads(line)
            waiting = self._answers.pop(answer["id"])
            if waiting.done():
                continue
            if error := answer.get("error"):
                waiting.set_exception(NodeError(error["name"], error["message"], error["code"]))
            else:
                waiting.set_result(answer["ok"])
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(NodeError("Ended", f"{self.script} has ended", None))


class NodePipe:
    """A window's program, one command at a time and without asyncio: for property-based tests of what it computes."""

    def __enter__(self) -> Self:
        build_library()
        command = ["node", str(HERE / "window.mjs")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *exc: object) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(5)

    def do(self, command: str, **arguments: Any) -> Any:
        """Run a command and return its result; raises `NodeError`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"id": 0, "do": command, **arguments}).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if error := answer.get("error"):
            raise NodeError(error["name"], error["message"], error["code"])
        return answer["ok"]


class NodeWindow(NodeProgram):
    """A window of the JavaScript library."""

    script = "window.mjs"

    async def join(
        self, url: str, *, watch: Sequence[str] = (), digest: bool = False, **options: Any
    ) -> dict[str, Any]:
        """Join a room.

        `watch` names keys of which each comm message's event notes the value at that moment; with `digest` it notes the
        SHA-256 of buffers instead of their bytes.
        """
        joined: dict[str, Any] = await self.do(
            "join", url=url, watch=list(watch), digest=digest, options=options
        )
        return joined

    async def comms(self) -> dict[str, dict[str, Any]]:
        """Return comm_id to what the window shows, values in the typed notation; no blob may be missing."""
        shown = await self.do("dump")
        assert shown["missing"] == []
        return {comm["comm_id"]: comm for comm in shown["comms"]}

    async def request(self, comm_id: str, **state: Any) -> str:
        """Ask for a change; values as Python has them."""
        request_id: str = await self.do("request", comm_id=comm_id, state=to_browser(state))
        return request_id

    async def set(self, comm_id: str, **state: Any) -> Any:
        """Ask for a change and wait for what the kernel made of it."""
        return await self.do("wait_request", request_id=await self.request(comm_id, **state))

    async def send(self, comm_id: str, data: Any, buffers: Sequence[bytes] = ()) -> str:
        """Send a comm message."""
        encoded = [base64.b64encode(buffer).decode() for buffer in buffers]
        message_id: str = await self.do("send", comm_id=comm_id, data=to_browser(data), buffers=encoded)
        return message_id

    async def events(self, event: str | None = None) -> list[dict[str, Any]]:
        """Return what it has heard."""
        heard = await self.do("events", **({} if event is None else {"event": event}))
        return list(heard["events"])


class YjsPeer(NodeProgram):
    """A plain yjs peer that says hello and syncs."""

    script = "yjs_peer.mjs"


@contextlib.asynccontextmanager
async def node_window(url: str | None = None, **options: Any) -> AsyncIterator[NodeWindow]:
    """Run a window, which joins when there is a `url`."""
    async with NodeWindow() as window:
        if url is not None:
            await window.join(url, **options)
        yield window


def to_browser(value: Any) -> Any:
    """Return what a browser model gets of a Python value, in the typed notation."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return {"number": js_number(value)}
        case float():
            return {"number": js_number(value)} if math.isfinite(value) else repr(value)
        case bytes() | bytearray() | memoryview():
            return {"dataview": base64.b64encode(value).decode()}
        case list() | tuple():
            return {"list": [to_browser(item) for item in value]}
        case Mapping():
            return {"dict": {json_key(key): to_browser(item) for key, item in value.items()}}
    raise TypeError(type(value))


def json_key(key: object) -> str:
    """Return a dict key as JSON has it."""
    return key if isinstance(key, str) else str(json.loads(json.dumps({key: 0}).split(":", 1)[0][1:]))


def from_browser(notation: Any) -> Any:
    """Return what a kernel reads when a browser sends this back: numbers and all as `JSON.stringify` writes them."""
    match notation:
        case {"number": str(text)}:
            return (
                0 if text == "-0" else None if text in ("Infinity", "-Infinity", "NaN") else json.loads(text)
            )
        case {"dataview": str(text)}:
            return base64.b64decode(text)
        case {"list": items}:
            return [from_browser(item) for item in items]
        case {"dict": items}:
            return {key: from_browser(item) for key, item in items.items()}
    return notation


def normal(notation: Any) -> Any:
    """Return the notation with each number written as Python writes that double, so that two can be compared."""
    match notation:
        case {"number": str(text)}:
            return {"number": repr(float(text))}
        case {"list": items}:
            return {"list": [normal(item) for item in items]}
        case {"dict": items}:
            return {"dict": {key: normal(item) for key, item in items.items()}}
    return notation


def js_number(value: float) -> str:
    """Return a text of which JavaScript's `Number` makes what `JSON.parse` makes of the value's JSON text."""
    try:
        return repr(float(value))
    except OverflowError:
        return "Infinity" if value > 0 else "-Infinity"


def same_in_browser(python_value: Any, notation: Any) -> bool:
    """Whether a browser has got what it must get of a Python value."""
    return bool(normal(to_browser(python_value)) == normal(notation))
