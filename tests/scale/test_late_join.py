"""A window comes late, and nothing that the kernel does matters to it; what many models weigh, nobody else feels."""

from __future__ import annotations

import pytest

import commdoc
from tests.browser.notebook import Notebook
from tests.conftest import until
from tests.scale.beside import Beside

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(120)]

SLIDERS = """
import ipywidgets
sliders = [ipywidgets.IntSlider(n % 100, description=f"slider {{n}}") for n in range({sliders})]
"""


def moved_on(window: commdoc.Window, other: commdoc.Window, comm_id: str, value: int) -> None:
    """Move a slider in one window and wait until the other has it."""
    window.comms[comm_id].set(value=value, wait=False)
    other.wait_until(lambda: other.comms[comm_id]["value"] == value)


def shown_as_busy(window: commdoc.Window) -> None:
    window.wait_until(lambda: window.kernel.status == "busy")


@pytest.mark.scenario("S07")
@pytest.mark.parametrize("holding", [False, True], ids=["in a loop", "in C calls that hold the GIL"])
def test_a_window_joins_while_a_cell_runs(
    notebook: Notebook, window: commdoc.Window, *, holding: bool
) -> None:
    notebook.run(SLIDERS.format(sliders=100))
    comm_id = notebook.value("sliders[7].model_id")
    window.wait_until(lambda: len(window.comms) == 300)
    with notebook.busy(then="print(sliders[7].value)", holding=holding) as printed:
        shown_as_busy(window)
        for value in (40, 50, 60):
            with commdoc.join(url=notebook.link) as late:
                assert len(late.comms) == 300
                moved_on(window, late, comm_id, value)
                moved_on(late, window, comm_id, value + 1)
                shown_as_busy(late)
    assert printed == ["7\n"]
    until(lambda: notebook.value("sliders[7].value") == 61)


@pytest.mark.scenario("S07")
def test_a_window_joins_after_the_kernel_was_killed(notebook: Notebook, window: commdoc.Window) -> None:
    notebook.run(SLIDERS.format(sliders=100))
    notebook.run("for n, slider in enumerate(sliders): slider.value = n % 10")
    window.wait_until(lambda: len(window.comms) == 300)
    window.wait_until(lambda: window.find("IntSliderModel")[99]["value"] == 9)
    notebook.kill()
    window.wait_until(lambda: not window.kernel.live)
    with commdoc.join(url=notebook.link) as late:
        assert (late.kernel.status, late.kernel.live) == ("dead", False)
        assert [slider["value"] for slider in late.find("IntSliderModel")] == [n % 10 for n in range(100)]
        with pytest.raises(commdoc.RequestError) as refused:
            late.find("IntSliderModel")[0].set(value=5)
        assert refused.value.code == "kernel_gone"


@pytest.mark.scenario("S08")
def test_5_000_models_and_50_mb_come_complete_and_nobody_waits_for_them(
    notebook: Notebook, window: commdoc.Window
) -> None:
    notebook.run(SLIDERS.format(sliders=1_400))
    notebook.run(
        "import os\nimages = [ipywidgets.Image(value=os.urandom(125_000), format='png') for _ in range(400)]"
    )
    comm_id = notebook.value("sliders[7].model_id")
    window.wait_until(lambda: len(window.comms) == 5_000, timeout=60)
    with commdoc.join(url=notebook.link) as hand, Beside(notebook.link) as late:
        moved_on(hand, window, comm_id, 1)
        assert late.do("join") == {"comms": 5_000, "blobs": 0, "live": True}

        late.begin("fetch", comm_id=comm_id)
        moves = 0
        for moves in range(1, 1_000):
            moved_on(hand, window, comm_id, moves % 100)
            if late.has_answered():
                break
        fetched = late.result()
        late.do("wait", comm_id=comm_id, key="value", value=moves % 100)

    assert (fetched["blobs"], fetched["bytes"]) == (400, 50_000_000)
    assert moves > 3, "a window that was there sees moves all the time"
    assert fetched["moves"] > 2, "and the late one between its blobs"
