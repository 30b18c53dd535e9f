"""Windows come and go for minutes while the kernel opens, moves and closes widgets: what is bounded stays bounded.

``COMMDOC_SOAK_SECONDS`` says how long; `make soak` runs it for three minutes.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import psutil
import pytest

import commdoc
from commdoc.window.address import find
from commdoc.window.verify import verify
from tests.browser.notebook import Notebook

pytestmark = [pytest.mark.soak, pytest.mark.kernel, pytest.mark.timeout(3600)]

SECONDS = float(os.environ.get("COMMDOC_SOAK_SECONDS", "180"))

WORKING_KERNEL = """\
import threading, time
import ipywidgets as widgets

stay = [widgets.IntSlider(max=1_000_000, description=str(n)) for n in range(10)]
enough = threading.Event()
opened = 0

def work():
    global opened
    step = 0
    while not enough.wait(0.002):
        step += 1
        stay[step % 5].value = step
        if step % 5 == 0:
            text = widgets.Text("Grüße, 你好, 👋" * 100)
            box = widgets.VBox([text])
            text.value = str(step)
            for widget in (text.layout, text.style, text, box.layout, box):
                widget.close()
            opened += 1

thread = threading.Thread(target=work)
thread.start()
"""


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    it = Notebook()
    try:
        yield it.load()
    finally:
        it.close()


@pytest.mark.scenario("S05", "S10", "S22")
@pytest.mark.acceptance("A8")
def test_windows_come_and_go_while_the_kernel_works(notebook: Notebook) -> None:
    notebook.run(WORKING_KERNEL)
    sidecar = psutil.Process(find(kernel_id=notebook.kernel_id).pid)
    chance = random.Random(7)
    sizes: list[tuple[int, int]] = []  # bytes of the document, resident bytes of the sidecar
    windows: list[commdoc.Window] = []
    joins = asked = 0
    end = time.monotonic() + SECONDS
    try:
        while time.monotonic() < end:
            if len(windows) < 6 and chance.random() < 0.6:
                windows.append(commdoc.join(kernel_id=notebook.kernel_id))
                joins += 1
            elif windows:
                windows.pop(chance.randrange(len(windows))).close()
            for window in windows:
                slider = chance.choice(
                    [m for m in window.find("IntSliderModel") if int(m["description"]) >= 5]
                )
                wanted = chance.randrange(1000)
                assert slider.set(value=wanted, timeout=30) is not None
                asked += 1
            if windows:
                sizes.append((len(windows[-1].doc.get_update()), sidecar.memory_info().rss))
    finally:
        for window in windows:
            window.close()
        notebook.value(
            "(enough.set(), thread.join())"
        )  # by the shell channel: nobody drains the other one here
    compared = verify(kernel_id=notebook.kernel_id)
    opened = notebook.value("opened")
    print(f"\n{SECONDS:.0f} s: {joins} joins, {asked} requests, {opened} pairs opened and closed")
    print(f"document {sizes[0][0]} to {sizes[-1][0]} bytes, at most {max(size for size, _ in sizes)}")
    early, late = sizes[len(sizes) // 4][1], sizes[-1][1]
    print(f"sidecar {sizes[0][1] / 1e6:.0f}, {early / 1e6:.0f}, {late / 1e6:.0f} MB")
    assert compared.equal, compared
    assert max(size for size, _ in sizes[len(sizes) // 2 :]) <= 1.5 * max(size for size, _ in sizes[:20])
    assert late - early < 32e6
