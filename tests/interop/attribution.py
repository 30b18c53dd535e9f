"""What each guard of the handshake is for: the real room with the guard taken out, a Python and a yjs peer.

Run it: ``python -m tests.interop.attribution``

A peer joins a document that has 10 comms and a text. Between its hello and its step 1 five comms are opened and text is
written; while step 2 waits for the socket to take it 14 more; and one when it is synced. A policy of the handshake
decides what becomes of the 19 in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import pycrdt
from rich.console import Console
from rich.table import Table
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from commdoc.protocol import frames
from commdoc.protocol.messages import Role
from commdoc.rooms.handshake import DROPPED, ONE_DIFF, REPLAYED, HandshakePolicy
from commdoc.rooms.room import Room
from commdoc.rooms.sync import Sync, read_sync, sync_frame
from commdoc.rooms.tokens import TokenStore
from commdoc.rooms.transport import Transport
from commdoc.server.app import make_app
from commdoc.server.auth import Access
from tests.interop.node import YjsPeer

POLICIES = {"updates dropped": DROPPED, "singles replayed": REPLAYED, "one batched diff": ONE_DIFF}
ALPHABETS = {"ASCII": "plain text. ", "emoji and CJK": "漢字🌊👩‍👩‍👧 "}
BEFORE, EARLY, LATE, AFTER = 10, 5, 14, 1
ALL = BEFORE + EARLY + LATE + AFTER
SETTLE_SECONDS = 0.3
"""How long a peer is given that will never be complete."""


@dataclass(frozen=True)
class Outcome:
    """How one peer fared.

    Attributes
    ----------
    comms : int
        Elements that it ends with, of `ALL`.
    text : bool
        Whether its text is the room's.
    updates, twice, unfit : int
        Updates behind step 2; those that it had already; those that refer to what never came.
    kept : int
        Bytes that the room kept for it during the handshake.
    errors : list of str
        What yjs or pycrdt said.
    """

    policy: str
    alphabet: str
    peer: str
    comms: int
    text: bool
    updates: int
    twice: int
    unfit: int
    kept: int
    errors: list[str]

    @property
    def right(self) -> bool:
        """Whether it has all, and nothing twice."""
        return self.comms == ALL and self.text and not (self.twice or self.unfit or self.kept or self.errors)


class Gate:
    """A transport that holds back what is sent while it is shut."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = asyncio.Event()
        self.sent: list[bytes] = []

    async def send(self, frame: bytes) -> None:
        if not self.open.is_set():
            self.waiting.set()
        await self.open.wait()
        self.sent.append(frame)
        await self._transport.send(frame)

    async def close(self, code: int, reason: str) -> None:
        await self._transport.close(code, reason)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._transport.__aiter__()


class GatedRoom(Room):
    """The real room; `gate` is that of the peer that came last."""

    gate: Gate

    async def serve(self, transport: Transport, role: Role, kernel_id: str | None = None) -> None:
        self.gate = Gate(transport)
        await super().serve(self.gate, role, kernel_id)


class Result(NamedTuple):
    """What a peer has at the end."""

    comms: int
    text: str
    errors: list[str]


class Joiner(Protocol):
    """A peer whose step 1 is sent when it is told to."""

    async def connect(self, url: str, token: str) -> None: ...
    async def step1(self) -> None: ...
    async def result(self, complete: Callable[[int, str], bool]) -> Result: ...


class PythonPeer:
    """A y-protocols peer on pycrdt."""

    async def connect(self, url: str, token: str) -> None:
        self.doc: pycrdt.Doc = pycrdt.Doc()
        self._text = self.doc.get("text", type=pycrdt.Text)
        self._array = self.doc.get("comms", type=pycrdt.Array)
        self._errors: list[str] = []
        headers = {"Authorization": f"Bearer {token}"}
        self._socket = await connect(url, additional_headers=headers, proxy=None)
        await self._socket.send(frames.encode({"type": "hello", "protocol": [1, 1], "client": "python-peer"}))
        self._reader = asyncio.ensure_future(self._read())

    async def step1(self) -> None:
        await self._socket.send(sync_frame(Sync.STEP1, self.doc.get_state()))

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in self._socket:
                assert isinstance(frame, bytes)
                if frames.frame_type(frame) == frames.SYNC:
                    self._sync(*read_sync(frame))

    def _sync(self, kind: Sync, payload: bytes) -> None:
        if kind != Sync.STEP1:
            try:
                self.doc.apply_update(payload)
            except Exception as error:  # whatever it is, it is in the table
                self._errors.append(str(error))

    async def result(self, complete: Callable[[int, str], bool]) -> Result:
        end = time.monotonic() + SETTLE_SECONDS
        while not complete(len(self._array), str(self._text)) and time.monotonic() < end:
            await asyncio.sleep(0.005)
        await self._socket.close()
        await self._reader
        return Result(len(self._array), str(self._text), self._errors)


class NodePeer:
    """A y-protocols peer on yjs, in Node."""

    def __init__(self, peer: YjsPeer) -> None:
        self._peer = peer

    async def connect(self, url: str, token: str) -> None:
        await self._peer.do("connect", url=url, token=token, hold=True)

    async def step1(self) -> None:
        await self._peer.do("step1")

    async def result(self, complete: Callable[[int, str], bool]) -> Result:
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            state = await self._peer.do("state", types={"text": "text", "comms": "array"})
            comms, text = len(state["content"]["comms"]), state["content"]["text"]
            if complete(comms, text) or time.monotonic() > end:
                break
            await asyncio.sleep(0.005)
        await self._peer.do("close")
        return Result(comms, text, state["errors"])


class Story:
    """A room with this policy, served on a socket, and what happens in it."""

    def __init__(self, policy: HandshakePolicy, words: str) -> None:
        self.room = GatedRoom(pycrdt.Doc(), "room", handshake=policy)
        self._words = words
        self._text = self.room.doc.get("text", type=pycrdt.Text)
        self._opened = 0
        self.kept = 0

    async def happen(self, times: int) -> None:
        """Open a comm, write text behind and amid what is there: three transactions, an update each."""
        for _ in range(times):
            state = {"description": self._words, "value": self._opened}
            with self.room.writing():
                self.room.comms.open(f"c{self._opened}", epoch="e", target_name="t", state=state)
            self._opened += 1
            self._text += self._words
            await asyncio.sleep(
                0
            )  # the text's transactions are not the room's own: it sends them a moment later
            # pycrdt counts in UTF-8 bytes; this lies between two of the words.
            self._text.insert(len(self._words.encode()) * (self._opened // 2), self._words)
            await asyncio.sleep(0)

    async def join(self, peer: Joiner) -> Result:
        """Let a peer join amid it; return what it ends with."""
        tokens = TokenStore()
        server = HTTPServer(make_app({"room": self.room}, Access(tokens)))
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        url = f"ws://127.0.0.1:{sockets[0].getsockname()[1]}/commdoc/rooms/room/ws"
        try:
            await self.happen(BEFORE)
            await peer.connect(url, tokens.issue("window", "room"))
            while not self.room.broadcast.members:
                await asyncio.sleep(0.001)
            [member] = self.room.broadcast.members.values()
            assert member.handshake is not None
            await self.happen(EARLY)
            self.room.gate.open.clear()
            await peer.step1()
            await self.room.gate.waiting.wait()
            await self.happen(LATE)
            self.kept = sum(map(len, member.handshake._singles))
            self.room.gate.open.set()
            while not member.peer.synced:
                await asyncio.sleep(0.001)
            await self.happen(AFTER)
            return await peer.result(lambda comms, text: comms == ALL and text == self.text)
        finally:
            server.stop()
            await self.room.close()
            await server.close_all_connections()

    @property
    def text(self) -> str:
        """The room's text."""
        return str(self._text)


def judge(sent: list[bytes]) -> tuple[int, int, int]:
    """Return how many updates there were behind step 2, how many of them came twice, and how many did not fit."""
    doc: pycrdt.Doc = pycrdt.Doc()
    doc.get("text", type=pycrdt.Text)
    doc.get("comms", type=pycrdt.Array)
    updates = twice = unfit = 0
    for frame in sent:
        if frames.frame_type(frame) != frames.SYNC:
            continue
        kind, payload = read_sync(frame)
        before = doc.get_state()
        if kind != Sync.STEP1:
            doc.apply_update(payload)
        if kind == Sync.UPDATE:
            updates += 1
            if doc.get_state() == before:
                fits = begins_at(payload) <= clock_of(doc)
                twice, unfit = twice + fits, unfit + (not fits)
    return updates, twice, unfit


def begins_at(update: bytes) -> int:
    """Return the clock of an update's first struct: clients, structs, client, clock, as varuints."""
    at = clock = 0
    for _ in range(4):
        clock, at = frames.read_varuint(update, at)
    return clock


def clock_of(doc: pycrdt.Doc) -> int:
    """Return the clock up to which a document has its one writer's structs: clients, client, clock."""
    at = clock = 0
    for _ in range(3):
        clock, at = frames.read_varuint(doc.get_state(), at)
    return clock


async def run(policy: str, alphabet: str, name: str, peer: Joiner) -> Outcome:
    """Run one cell of the matrix."""
    story = Story(POLICIES[policy], ALPHABETS[alphabet])
    result = await story.join(peer)
    updates, twice, unfit = judge(story.room.gate.sent)
    right_text = result.text == story.text
    return Outcome(
        policy, alphabet, name, result.comms, right_text, updates, twice, unfit, story.kept, result.errors
    )


async def matrix() -> list[Outcome]:
    """Run all of it."""
    outcomes = []
    for policy in POLICIES:
        for alphabet in ALPHABETS:
            outcomes.append(await run(policy, alphabet, "Python", PythonPeer()))
            async with YjsPeer() as yjs:
                outcomes.append(await run(policy, alphabet, "yjs", NodePeer(yjs)))
    return outcomes


def table(outcomes: list[Outcome]) -> Table:
    """Return the matrix to be printed."""
    shown = Table(
        title=f"A peer joins while {ALL - BEFORE} comms are opened and text is written", title_justify="left"
    )
    for heading in ("during the handshake", "text", "peer"):
        shown.add_column(heading)
    for heading in ("comms", "text right", "updates", "twice", "don't fit", "bytes kept", "errors"):
        shown.add_column(heading, justify="right")
    shown.add_column("")
    for each in outcomes:
        errors = each.errors[0][:30] if each.errors else "none"
        figures = (each.updates, each.twice, each.unfit, each.kept)
        shown.add_row(
            each.policy,
            each.alphabet,
            each.peer,
            f"{each.comms} of {ALL}",
            "yes" if each.text else "no",
            *map(str, figures),
            errors,
            "[green]right[/]" if each.right else "[red]wrong[/]",
            end_section=each.peer == "yjs" and each.alphabet == list(ALPHABETS)[-1],
        )
    return shown


def main() -> int:
    """Print the matrix; exit code 1 when the room's own policy is not right, or a guard is shown to be for nothing."""
    begin = time.monotonic()
    outcomes = asyncio.run(matrix())
    console = Console(width=140)
    console.print(table(outcomes))
    console.print(
        "Dropped updates leave a gap for good: what refers to them is never shown.\n"
        "Replayed singles overlap step 2, and are kept without bound.\n"
        f"One diff, made when step 2 is out, is neither. ({time.monotonic() - begin:.1f} s)"
    )
    return 0 if all(each.right == (each.policy == "one batched diff") for each in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
