"""The same story on real parts: a real ipykernel, a sidecar, two windows, a plain front end, user threads and cells."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import commdoc
from commdoc.errors import RequestError
from commdoc.window import Window
from commdoc.window.verify import verify
from tests.acceptance.plain import PlainFrontEnd
from tests.browser.notebook import Notebook
from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.acceptance("A7"), pytest.mark.timeout(180)]

WIDGETS = """
import ipywidgets, threading, traitlets

class Rounding(ipywidgets.IntSlider):
    @traitlets.observe("value")
    def _round(self, change):
        self.value = round(change["new"] / 10) * 10

class Rejecting(ipywidgets.IntSlider):
    @traitlets.validate("value")
    def _validate_value(self, proposal):
        if proposal["value"] % 2:
            raise traitlets.TraitError("odd")
        return proposal["value"]

widgets = [ipywidgets.IntSlider(), Rounding(), Rejecting(), ipywidgets.FloatSlider()]
def on_thread(place, value):
    thread = threading.Thread(target=lambda: setattr(widgets[place], "value", value))
    thread.start()
"""

KINDS = 4
ROUNDS = 60


class Play:
    """Random moves of everybody, each from a thread of its own."""

    def __init__(self, notebook: Notebook, windows: list[Window], plain: PlainFrontEnd, seed: int) -> None:
        self.notebook = notebook
        self.windows = windows
        self.plain = plain
        self.seed = seed
        self.comm_ids: list[str] = notebook.value("[widget.comm.comm_id for widget in widgets]")

    def move_window(self, window: Window, chance: random.Random) -> None:
        """Set a value, perhaps one that is clamped or refused."""
        model = window.comms[self.comm_ids[chance.randrange(KINDS)]]
        with contextlib.suppress(RequestError):
            model.set(value=chance.randint(-50, 300), wait=chance.random() < 0.2)

    def move_plain(self, chance: random.Random) -> None:
        """Send an update as a front end without the shim does."""
        self.plain.update(self.comm_ids[chance.randrange(KINDS)], {"value": chance.randint(-50, 300)})

    def run_cell(self, chance: random.Random) -> None:
        """Run user code that writes, on the main thread, on another, held together, or taking long."""
        place, value = chance.randrange(KINDS), chance.randint(0, 50) * 2
        self.notebook.run(
            chance.choice(
                [
                    f"widgets[{place}].value = {value}",
                    f"on_thread({place}, {value})",
                    f"for n in range({value}): widgets[{place}].value = n * 2",
                    f"with widgets[{place}].hold_sync():\n    widgets[{place}].value = {value}",
                    f"import time; time.sleep(0.1); widgets[{place}].max = {100 + value}",
                ]
            )
        )

    def run(self) -> None:
        """Play all at once."""
        players: list[Callable[[random.Random], None]] = [
            lambda chance: self.move_window(self.windows[0], chance),
            lambda chance: self.move_window(self.windows[1], chance),
            self.move_plain,
        ]
        with ThreadPoolExecutor(len(players)) as pool:
            others = [pool.submit(self._repeat, n, player) for n, player in enumerate(players)]
            self._repeat(len(players), self.run_cell)
            for done in others:
                done.result()

    def _repeat(self, number: int, player: Callable[[random.Random], None]) -> None:
        chance = random.Random(self.seed * 10 + number)
        for _ in range(ROUNDS):
            player(chance)


def heard_last(plain: PlainFrontEnd, comm_ids: set[str]) -> dict[str, float]:
    """Return the values that a plain front end shows: those it heard last, from updates or echoes of its own."""
    shown = {}
    for _, content, _ in list(plain.heard):
        state = content.get("data", {}).get("state", {})
        if content["comm_id"] in comm_ids and "value" in state:
            shown[content["comm_id"]] = state["value"]
    return shown


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    try:
        yield notebook.load()
    finally:
        notebook.close()


@pytest.mark.scenario("S12", "S13")
@pytest.mark.parametrize("seed", [1, 2])
def test_at_rest_everybody_has_the_kernels_values(notebook: Notebook, seed: int) -> None:
    notebook.run(WIDGETS)
    with commdoc.join(url=notebook.link) as first, commdoc.join(url=notebook.link) as second:
        for window in (first, second):
            window.wait_until(lambda: len(window.find("IntSliderModel")) >= 3)  # noqa: B023
        plain = PlainFrontEnd(notebook.manager.connection_file, moving=False)
        try:
            Play(notebook, [first, second], plain, seed).run()
            report = verify(url=notebook.link)
            assert report.equal, report.to_dict()
            kernel = notebook.value("{w.comm.comm_id: w.value for w in widgets}")
            for window in (first, second):
                window.wait_until(lambda: {each: window.comms[each]["value"] for each in kernel} == kernel)  # noqa: B023
            until(lambda: heard_last(plain, set(kernel)) == kernel, what="the plain front end agrees")
        finally:
            plain.close()
