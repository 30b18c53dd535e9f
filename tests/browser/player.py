"""A `Play` widget in the kernel, linked to a slider in the pages, that notes what it is told."""

from __future__ import annotations

import time

from playwright.sync_api import Locator, expect

from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

PLAYER = """
import ipywidgets as w
play = w.Play(interval={interval}, min=0, max={steps}, value=0)
s = w.IntSlider(max={steps}, description='s')
link = w.jslink((play, 'value'), (s, 'value'))
told, seen = [], []
take = play.set_state
play.set_state = lambda state: (told.append(state['value']) if 'value' in state else None, take(state))
play.observe(lambda change: seen.append(change.new), 'value')
display(w.VBox([play, s]))
"""


class Player:
    """Starts as paused at 0."""

    def __init__(self, notebook: Notebook, *, steps: int, interval: int) -> None:
        self.notebook = notebook
        self.steps = steps
        self.interval = interval
        notebook.run(PLAYER.format(steps=steps, interval=interval))

    def button(self, page: RoomPage) -> Locator:
        """The button that starts and pauses."""
        return page.frame.locator(".widget-play button").first

    def press_play(self, page: RoomPage) -> None:
        """Start it, or pause it."""
        self.button(page).click()

    def value(self) -> int:
        """Where the kernel is."""
        return int(self.notebook.value("play.value"))

    def resting_place(self) -> int:
        """Wait until the value has not moved for three intervals, and for longer than a network takes; return it."""

        def rests() -> bool:
            before = self.value()
            time.sleep(max(0.5, 3 * self.interval / 1000))
            return self.value() == before

        until(rests, timeout=20, what="the player rests")
        return self.value()

    def expect_running(self, page: RoomPage) -> None:
        """The page shows that it plays, and where."""
        expect(self.button(page).locator("i.fa-pause")).to_be_visible()
        before = int(page.readout("s"))
        until(lambda: int(page.readout("s")) > before, timeout=20, what="the slider moves in the page")

    def expect_paused(self, page: RoomPage) -> None:
        """The page shows that it doesn't play."""
        expect(self.button(page).locator("i.fa-play")).to_be_visible()

    def expect_no_step_twice(self) -> None:
        """The kernel was told each value once, in order."""
        told, seen = self.notebook.value("(told, seen)")
        assert told == sorted(set(told)), told
        assert seen == told

    def expect_end(self, pages: list[RoomPage]) -> None:
        """It comes to its end; windows and kernel agree, and no step was told twice."""
        seconds = self.steps * self.interval / 1000 + 30
        until(lambda: self.value() == self.steps, timeout=seconds, what="it is at its end")
        until(lambda: not self.notebook.value("play.playing"), what="it has stopped")
        for page in pages:
            page.expect_readout("s", str(self.steps))
            self.expect_paused(page)
            page.expect_clean()
        until(lambda: self.notebook.value("s.value") == self.steps, what="the slider follows in the kernel")
        self.expect_no_step_twice()
        # On a machine that is busy a step may be left out for the next one; most are told.
        assert len(self.notebook.value("told")) > self.steps / 2
