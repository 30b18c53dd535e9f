"""What goes on for long, or all at once: nothing piles up, in the room, in the kernel or in a window."""

from __future__ import annotations

import pytest

import commdoc
from commdoc.window import events
from tests.browser.notebook import Notebook
from tests.conftest import until
from tests.scale.beside import Beside
from tests.scale.conftest import sidecar_memory

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(120)]

WIDE = """
import asyncio, base64, ipywidgets, os, traitlets
def text():
    return base64.b85encode(os.urandom(800)).decode()
keys = [f"key{n}" for n in range(20)]
Wide = type("Wide", (ipywidgets.Widget,), {
    key: traitlets.Any("").tag(sync=True) for key in ["value", *keys]
})
wides = [Wide() for _ in range(50)]
slider = ipywidgets.IntSlider(max=10**9)
for wide in wides:
    for key in keys:
        setattr(wide, key, text())
"""
"""Comms of which an update in the document has 20 kB that can't be deflated, whatever changes: it overlays all keys."""

UPDATES = """
for n in range({rounds}):
    for wide in wides:
        wide.value = n
    for _ in range(50):
        slider.value += 1
    await asyncio.sleep(0.02)
"""


MOST_MB = 14.0
"""More memory than this the sidecar may not have afterwards: a stalled window's queue and the diff that replaces it."""


def updates_with_one_stalled_window(notebook: Notebook, window: commdoc.Window, rounds: int) -> None:
    notebook.run(WIDE)
    last_id, slider_id = notebook.value("(wides[-1].model_id, slider.model_id)")
    window.wait_until(lambda: len(window.comms) == 53)
    heard: list[object] = []
    with Beside(notebook.link) as stalled, Beside(notebook.link) as beside:
        stalled.do("join")
        beside.do("join")
        window.comms[last_id].observe(heard.append, "value")
        notebook.run(UPDATES.format(rounds=20))
        before = sidecar_memory(notebook)

        stalled.stall()
        notebook.run(UPDATES.format(rounds=rounds), timeout=500)
        last = {last_id: rounds - 1, slider_id: notebook.value("slider.value")}
        window.wait_until(lambda: {each: window.comms[each]["value"] for each in last} == last, timeout=30)
        for comm_id, value in last.items():
            assert beside.do("wait", comm_id=comm_id, key="value", value=value)
        more = sidecar_memory(notebook) - before

        stalled.go_on()
        for comm_id, value in last.items():
            assert stalled.do("wait", comm_id=comm_id, key="value", value=value)
    assert len(heard) > rounds / 20, "the windows that keep up see it move"
    assert more < MOST_MB


@pytest.mark.scenario("S10")
def test_20_000_updates_and_one_stalled_window(notebook: Notebook, window: commdoc.Window) -> None:
    updates_with_one_stalled_window(notebook, window, rounds=200)


@pytest.mark.soak
@pytest.mark.scenario("S10")
@pytest.mark.timeout(600)
def test_200_000_updates_and_one_stalled_window(notebook: Notebook, window: commdoc.Window) -> None:
    updates_with_one_stalled_window(notebook, window, rounds=2_000)


COUNT_MESSAGES = """
import ipywidgets, time
handled = []
_kernel = get_ipython().kernel
_original = _kernel.shell_handlers["comm_msg"]
def _counted(stream, ident, message):
    handled.append(message["content"]["data"].get("state"))
    return _original(stream, ident, message)
_kernel.shell_handlers["comm_msg"] = _counted
slider = ipywidgets.IntSlider()
"""


@pytest.mark.scenario("S11")
def test_200_alternating_values_do_not_stand_before_the_next_cell(
    notebook: Notebook, window: commdoc.Window
) -> None:
    notebook.run(COUNT_MESSAGES)
    slider = window.wait_for(notebook.value("slider.model_id"))
    with notebook.busy(), commdoc.join(url=notebook.link) as other:
        for n in range(200):
            slider.set(value=99 if n == 199 else 40 + n % 2, wait=False)
        other.wait_until(lambda: other.comms[slider.comm_id]["value"] == 99)  # the room has them all
        cell = notebook.start("print(len(handled))")
    before = int(notebook.finish(cell))
    assert before <= 2, "messages that the kernel handled before the cell"
    until(lambda: notebook.value("slider.value") == 99)
    window.wait_until(lambda: slider["value"] == 99)
    assert notebook.value("len(handled)") <= 4, "what a later value replaces is not done"


CHURN = """
import asyncio, ipywidgets
for _ in range({rounds}):
    layouts = [ipywidgets.Layout(width="1px") for _ in range(100)]
    await asyncio.sleep(0.04)
    for layout in layouts:
        layout.width = "2px"
    await asyncio.sleep(0.04)
    for layout in layouts:
        layout.close()
"""


IMAGES = """
import asyncio, ipywidgets, os
for _ in range({rounds}):
    images = [ipywidgets.Image(value=os.urandom(10_000)) for _ in range(100)]
    await asyncio.sleep(0.5)
    for image in images:
        image.layout.close()
        image.close()
"""


def fresh_size(notebook: Notebook) -> int:
    """Return the bytes of the document as a late window has it."""
    with commdoc.join(url=notebook.link) as late:
        return len(late.doc.get_update())


def opened_and_closed(notebook: Notebook, window: commdoc.Window, rounds: int, code: str = CHURN) -> None:
    notebook.run(code.format(rounds=max(5, rounds // 10)), timeout=100)  # what it takes once
    window.wait_until(lambda: not window.comms, timeout=30)
    size, memory = fresh_size(notebook), sidecar_memory(notebook)
    seen: list[object] = []
    window.on_event(
        lambda event: seen.append(event.comm_id) if isinstance(event, events.CommOpened) else None
    )

    notebook.run(code.format(rounds=rounds), timeout=400)
    window.wait_until(lambda: not window.comms, timeout=30)
    assert len(seen) > 10 * rounds, "many were in the document for a while"
    assert fresh_size(notebook) <= size + 100
    until(
        lambda: sidecar_memory(notebook) < memory + MOST_MB, timeout=100, what="the sidecar's memory is back"
    )


@pytest.mark.scenario("S22")
def test_10_000_comms_opened_and_closed_leave_nothing(notebook: Notebook, window: commdoc.Window) -> None:
    opened_and_closed(notebook, window, rounds=100)


@pytest.mark.soak
@pytest.mark.scenario("S22")
@pytest.mark.timeout(600)
def test_100_000_comms_opened_and_closed_leave_nothing(notebook: Notebook, window: commdoc.Window) -> None:
    opened_and_closed(notebook, window, rounds=1_000)


@pytest.mark.soak
@pytest.mark.scenario("S22")
@pytest.mark.timeout(600)
def test_the_blobs_of_closed_comms_go_after_their_grace_time(
    notebook: Notebook, window: commdoc.Window
) -> None:
    opened_and_closed(notebook, window, rounds=30, code=IMAGES)
