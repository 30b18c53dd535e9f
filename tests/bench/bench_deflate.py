"""What deflating a WebSocket's messages costs and saves: `python -m tests.bench.bench_deflate`.

Each message as permessage-deflate sends it: raw deflate, flushed at its end, the window kept from message to message.
Times are CPU, the least of several runs.
"""

from __future__ import annotations

import array
import math
import os
import random
import time
import uuid
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pycrdt
from rich.console import Console
from rich.table import Table

from commdoc.document import CommsLog
from commdoc.server import deflate

MBIT_100 = 100e6 / 8


def document(models: int) -> tuple[bytes, list[bytes]]:
    """Return a document of sliders, layouts and styles as one update, and the updates of 200 moves."""
    import ipywidgets

    slider = ipywidgets.IntSlider(description="slider")
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    log = CommsLog(doc)
    ids = [uuid.uuid4().hex for _ in range(models)]
    with log.batch():
        for n, comm_id in enumerate(ids):
            owner = (slider, slider.layout, slider.style)[n % 3]
            state = {
                key: f"IPY_MODEL_{random.choice(ids)}" if isinstance(value, ipywidgets.Widget) else value
                for key, value in owner.get_state().items()
            }
            log.open(comm_id, epoch="e", target_name="jupyter.widget", state=state)
    whole = doc.get_update()
    moves: list[bytes] = []
    subscription = doc.observe(lambda event: moves.append(event.update))
    for n in range(200):
        with log.batch():
            log.update(ids[0], {"value": n})
    doc.unobserve(subscription)
    slider.close()
    return whole, moves


def samples() -> dict[str, list[bytes]]:
    """Return name to the messages of one stream."""
    whole, moves = document(5_000)
    picture = bytearray()
    for n in range(512 * 512):
        x, y = n % 512, n // 512
        picture += bytes((x // 2, y // 2, (x * y) >> 10, 255))
    signal = array.array("f", (math.sin(n / 50) + random.gauss(0, 0.01) for n in range(262_144)))
    return {
        "document of 5,000 models": [whole],
        "200 moves of one slider": moves,
        "PNG or JPEG, 1 MB": [os.urandom(1_048_576)],
        "raw RGBA picture, 1 MB": [bytes(picture)],
        "float32 signal with noise, 1 MB": [signal.tobytes()],
    }


def deflated(messages: Sequence[bytes], level: int) -> list[bytes]:
    stream = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, deflate.OPTIONS["mem_level"])
    return [stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH) for message in messages]


def inflated(messages: Sequence[bytes]) -> list[bytes]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    return [stream.decompress(message) for message in messages]


def least(run: Callable[[], object], times: int = 5) -> float:
    took = []
    for _ in range(times):
        began = time.process_time()
        run()
        took.append(time.process_time() - began)
    return min(took)


def main() -> None:
    shown = Table(title="permessage-deflate: per stream")
    for n, heading in enumerate(
        (
            "",
            "level",
            "kB",
            "deflated kB",
            "deflate ms",
            "inflate ms",
            "saved at 100 Mbit/s, ms",
            "sent deflated",
        )
    ):
        shown.add_column(heading, justify="right" if n else "left")
    for name, messages in samples().items():
        whole = sum(map(len, messages))
        for level in (1, 6):
            small = deflated(messages, level)
            left = sum(map(len, small))
            # The sync frame that carries it begins with 0.
            frame = b"\x00" + messages[0] if "document" in name or "moves" in name else b"\x64" + messages[0]
            shown.add_row(
                name,
                str(level),
                f"{whole / 1000:,.1f}",
                f"{left / 1000:,.1f}",
                f"{least(lambda m=messages, v=level: deflated(m, v)) * 1000:.2f}",  # type: ignore[misc]
                f"{least(lambda m=small: inflated(m)) * 1000:.2f}",  # type: ignore[misc]
                f"{(whole - left) / MBIT_100 * 1000:,.1f}",
                "yes" if deflate.is_worth_it(frame) else "no",
            )
    Console(width=150).print(shown)


if __name__ == "__main__":
    main()
