"""A plain Jupyter front end: it knows nothing of commdoc, hears iopub, and moves what it sees."""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session

WIDGET_TARGET = "jupyter.widget"


MOVE_SECONDS = 0.05
"""Between two rounds of moves: a hand, not a flood; the kernel handles one update in 0.2 to 1 ms."""


def _upload(random_: random.Random) -> list[dict[str, Any]]:
    content = memoryview(random_.randbytes(300))
    return [
        {"name": "a.bin", "type": "", "size": 300, "last_modified": 1_700_000_000_000, "content": content}
    ]


def _integer(random_: random.Random) -> int:
    return random_.randint(-5, 12)


def _text(random_: random.Random) -> str:
    return random_.choice(["", "Grüße", "数字 📊", "x" * 2_000])


def _index(random_: random.Random) -> int:
    return random_.choice([0, 1, 99])


MOVES: dict[str, tuple[str, Callable[[random.Random], Any]]] = {
    **dict.fromkeys(["IntSlider", "BoundedIntText", "IntText", "Play"], ("value", _integer)),
    **dict.fromkeys(
        ["FloatSlider", "BoundedFloatText", "FloatText"], ("value", lambda r: _integer(r) + 0.25)
    ),
    "IntRangeSlider": ("value", lambda r: sorted([_integer(r), _integer(r)])),
    "FloatRangeSlider": ("value", lambda r: sorted([_integer(r) + 0.5, float(_integer(r))])),
    **dict.fromkeys(["Text", "Textarea", "Password", "Combobox"], ("value", _text)),
    **dict.fromkeys(["Checkbox", "ToggleButton"], ("value", lambda r: r.random() < 0.5)),
    **dict.fromkeys(
        ["Dropdown", "RadioButtons", "Select", "SelectionSlider", "ToggleButtons"], ("index", _index)
    ),
    "SelectMultiple": ("index", lambda r: r.choice([[], [0], [0, 2]])),
    **dict.fromkeys(["Tab", "Accordion", "Stack"], ("selected_index", lambda r: r.choice([0, 1, None]))),
    "ColorPicker": ("value", lambda r: r.choice(["red", "#123456", "no colour"])),
    "DatePicker": ("value", lambda r: {"year": 2026, "month": r.randint(0, 11), "date": 3}),
    "FileUpload": ("value", _upload),
    "Layout": ("width", lambda r: r.choice(["10px", "50%", None])),
}
"""Model to the key that a person moves, and to what; some of it the kernel will clamp or refuse."""


class PlainFrontEnd:
    """Moves what opens, on a thread of its own, until `close`.

    Attributes
    ----------
    moved : int
        How many updates it sent.
    heard : list
        Message type, content and buffers of all comm messages on iopub.
    """

    def __init__(self, connection_file: str, *, seed: int = 1, moving: bool = True) -> None:
        kernel = json.loads(Path(connection_file).read_text(encoding="utf-8"))
        self._session = Session(key=kernel["key"].encode(), signature_scheme=kernel["signature_scheme"])
        self._context = zmq.Context()
        self._shell = self._context.socket(zmq.DEALER)
        self._shell.identity = self._session.bsession
        self._shell.connect(f"tcp://{kernel['ip']}:{kernel['shell_port']}")
        self._iopub = self._context.socket(zmq.SUB)
        self._iopub.subscribe(b"")
        self._iopub.connect(f"tcp://{kernel['ip']}:{kernel['iopub_port']}")
        self._random = random.Random(seed)
        self._names: dict[str, str] = {}
        self._ending = threading.Event()
        self.moved = 0
        self.heard: list[tuple[str, dict[str, Any], list[bytes]]] = []
        self._asked: queue.SimpleQueue[tuple[str, dict[str, Any], dict[str, Any]]] = queue.SimpleQueue()
        self.moving = moving
        self._thread = threading.Thread(target=self._run, name="plain front end")
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self._context.destroy(linger=0)

    def _run(self) -> None:
        next_move = 0.0
        while not self._ending.is_set():
            heard = self._iopub.poll(20)
            while heard and self._iopub.poll(0):
                message: Any = self._session.recv(self._iopub)[1]
                self._hear(message)
            if self.moving and self._names and time.monotonic() > next_move:
                next_move = time.monotonic() + MOVE_SECONDS
                for comm_id in self._random.sample(list(self._names), min(5, len(self._names))):
                    self._move(comm_id)
            while not self._asked.empty():
                self._send(*self._asked.get())
            while self._shell.poll(0):
                self._session.recv(self._shell)

    def _hear(self, message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"].startswith("comm_"):
            self.heard.append(
                (message["msg_type"], content, [bytes(buffer) for buffer in message["buffers"]])
            )
        if message["msg_type"] == "comm_open" and content["target_name"] == WIDGET_TARGET:
            self._names[content["comm_id"]] = content["data"]["state"].get("_model_name", "")
        elif message["msg_type"] == "comm_close":
            self._names.pop(content["comm_id"], None)

    def _move(self, comm_id: str) -> None:
        key, choose = MOVES.get(self._names[comm_id].removesuffix("Model"), ("", None))
        if choose is not None:
            self._update(comm_id, {key: choose(self._random)})

    def update(self, comm_id: str, state: dict[str, Any]) -> None:
        """Send an update without buffers; from any thread."""
        data = {"method": "update", "state": state, "buffer_paths": []}
        self.send("comm_msg", {"comm_id": comm_id, "data": data})

    def _update(self, comm_id: str, state: dict[str, Any]) -> None:
        """Send an update as a front end does; buffers of a file upload's content go apart."""
        paths: list[list[Any]] = []
        buffers: list[Any] = []
        for key, value in state.items():
            if isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, dict) and isinstance(item.get("content"), memoryview):
                        paths.append([key, index, "content"])
                        buffers.append(item.pop("content"))
        data = {"method": "update", "state": state, "buffer_paths": paths}
        self._send("comm_msg", {"comm_id": comm_id, "data": data}, {}, buffers)
        self.moved += 1

    def send(self, msg_type: str, content: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Send a comm message on the shell channel; from any thread."""
        self._asked.put((msg_type, content, metadata or {}))

    def _send(
        self,
        msg_type: str,
        content: dict[str, Any],
        metadata: dict[str, Any],
        buffers: list[Any] | None = None,
    ) -> None:
        message = self._session.msg(msg_type, content, metadata=metadata)
        self._session.send(self._shell, message, buffers=buffers or [])
