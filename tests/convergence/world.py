"""A kernel, its bridge, a room, two windows and a plain front end, on virtual time.

The bridge's logic (hook, inbound, coalescer, encoder), the room and the windows' core are the real ones;
messages travel over in-memory transports with random latencies, each road in order.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ipywidgets
from pycrdt import Doc

from commdoc.protocol import frames
from commdoc.protocol.messages import KernelInfo
from commdoc.rooms.batches import Governor
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.room import Room
from commdoc.rooms.transport import MemoryTransport, TransportClosedError, memory_pair
from commdoc.window import events
from commdoc.window.core import WindowCore
from tests.convergence.clockwork import run
from tests.convergence.kernel import KINDS, SimKernel, drop, widgets_of

REST_SECONDS = 20.0
"""Virtual; longer than any latency and than the room's request timeout."""

LIMITS = RoomLimits(queue_bytes=300)
"""Small, so that a slow window gets one fresh diff in place of its queue."""

_threads = itertools.count(2)

LIMITS = RoomLimits(queue_bytes=300)
"""Small, so that a slow window gets one fresh diff in place of its queue."""

_threads = itertools.count(2)

TICK = 1e-6
"""Between two things on one road: timers of the same instant run in no order."""

State = dict[str, Any]


class Road:
    """Carries things one way, in order, each with a latency of its own."""

    def __init__(self, rng: random.Random, slowest: float, arrive: Callable[[Any], None]) -> None:
        self._rng = rng
        self._slowest = slowest
        self._arrive = arrive
        self._last = 0.0

    def send(self, thing: Any) -> None:
        """Put it on the road."""
        loop = asyncio.get_running_loop()
        self._last = max(self._last + TICK, loop.time() + self._rng.uniform(0, self._slowest))
        loop.call_at(self._last, self._arrive, thing)


@dataclass
class Window:
    """A window as a page has it: widgets keep their own values and are told which keys to read again."""

    core: WindowCore
    shown: dict[str, State] = field(default_factory=dict)
    send: Callable[[], None] = lambda: None

    def hear(self, event: events.Event) -> None:
        if isinstance(event, events.CommUpdated):
            state = self.core.shown(event.comm_id) or {}
            self.shown.setdefault(event.comm_id, {}).update(
                {key: state[key] for key in event.keys if key in state}
            )
        elif isinstance(event, events.CommOpened):
            self.shown[event.comm_id] = dict(self.core.shown(event.comm_id) or {})

    def move(self, comm_id: str, state: State) -> None:
        self.shown[comm_id].update(state)
        self.core.request(comm_id, state)
        self.send()


@dataclass
class PlainFrontEnd:
    """What `WidgetModel` of @jupyter-widgets/base does with updates and echoes."""

    road: Road
    shown: dict[str, State] = field(default_factory=dict)
    expected: dict[tuple[str, str], str] = field(default_factory=dict)

    def hear(self, message: dict[str, Any]) -> None:
        content, kind = message["content"], message["msg_type"]
        comm_id, data = content["comm_id"], content.get("data", {})
        if kind == "comm_open":
            self.shown[comm_id] = dict(data["state"])
        elif kind == "comm_msg" and data.get("method") in ("update", "echo_update"):
            for key, value in data["state"].items():
                if data["method"] == "echo_update":
                    awaited = self.expected.get((comm_id, key))
                    if awaited is not None and awaited != message["parent_id"]:
                        continue
                    self.expected.pop((comm_id, key), None)
                self.shown.setdefault(comm_id, {})[key] = value

    def move(self, comm_id: str, state: State) -> None:
        msg_id = uuid.uuid4().hex
        self.shown[comm_id].update(state)
        for key in state:
            self.expected[comm_id, key] = msg_id
        self.road.send((comm_id, state, msg_id))


class World:
    """Everything, running; make one with `world`."""

    def __init__(self, seed: int, slowest: float) -> None:
        self.rng = random.Random(seed)
        self.slowest = slowest
        loop = asyncio.get_running_loop()
        self.bridge, bridge_far = memory_pair()
        self._tasks: list[asyncio.Task[Any]] = []
        self.kernel = SimKernel(Road(self.rng, slowest, self._ship).send, self.rng)
        self.to_kernel = Road(self.rng, slowest, self._from_room)
        self.room = Room(Doc(), "room", kernel_link=lambda info, lost: self, clock=loop.time, limits=LIMITS)
        self.room.governor = Governor(factor=0)  # it goes by real CPU time
        self.plain = PlainFrontEnd(Road(self.rng, slowest, self._from_plain))
        self.kernel.session.iopub.append(Road(self.rng, slowest, self.plain.hear).send)
        self.windows: list[Window] = []
        self.requested: list[State] = []
        """What the room asked of the kernel, message by message."""
        self._tasks.append(asyncio.ensure_future(self.kernel.run()))
        self._tasks.append(asyncio.ensure_future(self.room.serve(bridge_far, "bridge")))

    # --- the roads' ends --------------------------------------------------------------------------------------------

    def send(self, msg_type: str, content: State, buffers: Sequence[bytes | memoryview], msg_id: str) -> None:
        """As the room's `KernelLink`."""
        self.requested.append(content["data"]["state"])
        self.to_kernel.send((msg_type, content, msg_id))

    def close(self) -> None:
        """As the room's `KernelLink`."""

    def _from_room(self, message: tuple[str, State, str]) -> None:
        self.kernel.deliver(message[0], message[1], message[2], room=True)

    def _from_plain(self, message: tuple[str, State, str]) -> None:
        data = {"method": "update", "state": message[1], "buffer_paths": []}
        self.kernel.deliver("comm_msg", {"comm_id": message[0], "data": data}, message[2], room=False)

    def _ship(self, frame: bytes) -> None:
        self.bridge._other._incoming.put_nowait(frame)

    # --- people -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect the bridge."""
        info: KernelInfo = {"kernel_id": "k", "epoch": "k.1", "pid": 1, "name": "sim"}
        await self.bridge.send(
            frames.encode({"type": "hello", "protocol": [1, 1], "client": "sim", "kernel": info})
        )
        welcome = frames.decode(await self.bridge.receive()).message
        assert welcome["type"] == "welcome", welcome
        self.kernel.coalescer.link()
        self._tasks.append(asyncio.ensure_future(_swallow(self.bridge)))

    async def join(self) -> Window:
        """A window joins."""
        near, far = memory_pair(capacity=1)  # a window that is slow to take what the room has
        far._incoming = asyncio.Queue()
        heard: list[events.Event] = []
        core = WindowCore(heard.append)
        window = Window(core)
        up = Road(self.rng, self.slowest, far._incoming.put_nowait)

        def receive(frame: bytes) -> None:
            core.receive(frame)
            while heard:
                window.hear(heard.pop(0))
            window.send()

        async def take() -> None:
            async for frame in near:
                await asyncio.sleep(self.rng.uniform(0, self.slowest))
                receive(frame)

        def send() -> None:
            for frame in core.take_frames():
                up.send(frame)

        window.send = send
        self._tasks.append(asyncio.ensure_future(self.room.serve(far, "window")))
        self._tasks.append(asyncio.ensure_future(take()))
        core.connect()
        send()
        self.windows.append(window)
        while not core.synced:
            await asyncio.sleep(0.01)
        return window

    async def stop(self) -> None:
        """End every task."""
        await self.room.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _swallow(transport: MemoryTransport) -> None:
    try:
        while True:
            await transport.receive()
    except TransportClosedError:
        return


@dataclass(frozen=True)
class Action:
    """One thing that somebody does.

    Attributes
    ----------
    who : str
        ``kernel``, ``thread``, ``hold``, ``cell``, ``window0``, ``window1`` or ``plain``.
    widget : int
        Which of `KINDS`.
    state : dict
        What is set.
    pause : float
        Seconds after it.
    """

    who: str
    widget: int
    state: State
    pause: float


def differences(seed: int, slowest: float, actions: Sequence[Action]) -> list[str]:
    """Play the actions, wait for rest, and return who then has something else than the kernel."""
    with _quiet():
        return run(_play(seed, slowest, actions))


async def _play(seed: int, slowest: float, actions: Sequence[Action]) -> list[str]:
    world = World(seed, slowest)
    with widgets_of(world.kernel):
        await world.start()
        widgets = [kind() for kind in KINDS]
        try:
            for _ in range(2):
                await world.join()
            await asyncio.sleep(1)
            for action in actions:
                _act(world, widgets, action)
                await asyncio.sleep(action.pause)
            await asyncio.sleep(REST_SECONDS)
            found = [f"raised inside: {error!r}" for error in world.kernel.errors]
            asked = [action.state for action in actions if action.who.startswith("window")]
            found += [f"nobody asked for {state}" for state in world.requested if state not in asked]
            for widget in widgets:
                found += _compare(world, widget)
            return found
        finally:
            await world.stop()
            drop(widgets)


def _act(world: World, widgets: list[ipywidgets.IntSlider], action: Action) -> None:
    widget = widgets[action.widget]
    comm_id = widget.comm.comm_id
    if action.who.startswith("window"):
        world.windows[int(action.who[-1])].move(comm_id, action.state)
    elif action.who == "plain":
        world.plain.move(comm_id, action.state)
    elif action.who == "thread":
        with world.kernel.on_thread(next(_threads), world.rng.uniform(0, world.slowest)):
            _set(widget, action.state)
    else:
        world.kernel.shell.put_nowait(lambda: _cell(widget, action))


async def _cell(widget: ipywidgets.IntSlider, action: Action) -> None:
    if action.who == "hold":
        with widget.hold_sync():
            _set(widget, action.state)
            await asyncio.sleep(action.pause)
            _set(widget, action.state)
    else:
        _set(widget, action.state)
        if action.who == "cell":
            await asyncio.sleep(action.pause * 3)


def _set(widget: ipywidgets.IntSlider, state: State) -> None:
    for key, value in state.items():
        try:
            setattr(widget, key, value)
        except Exception:
            continue


def _compare(world: World, widget: ipywidgets.IntSlider) -> list[str]:
    comm_id = widget.comm.comm_id
    kernel = {key: getattr(widget, key) for key in ("value", "step", "max", "description")}
    have = {"document": world.room.comms.state(comm_id), "plain": world.plain.shown[comm_id]}
    for index, window in enumerate(world.windows):
        have[f"window{index}"] = window.shown[comm_id]
    return [
        f"{type(widget).__name__}.{key}: kernel {value!r}, {who} {state.get(key)!r}"
        for who, state in have.items()
        for key, value in kernel.items()
        if state.get(key) != value
    ]


@contextmanager
def _quiet() -> Iterator[None]:
    """The kernel logs each refused value; here that is what is tried."""
    loggers = [logging.getLogger(name) for name in ("Comm", "traitlets", "commdoc")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
