"""Hands that move at the pace of a screen, and what becomes of the thing under them: every place where it was.

A *grip* is a thumb on a track in some page, of a room, of JupyterLab, or one that embeds a widget. What is recorded is
the thumb's place each time its style changes and each time the browser draws, and whether the pointer was down then.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Locator, Page

HERTZ: Final = 60

RECORDER: Final = """
(track, selector) => {
  const thumb = track.querySelector(selector);
  const places = [];
  let isHeld = false;
  const note = () => {
    if (!thumb.isConnected) return;
    const { left, width } = thumb.getBoundingClientRect();
    const at = track.getBoundingClientRect();
    places.push([(left + width / 2 - at.left) / at.width, isHeld]);
  };
  const frame = () => { note(); requestAnimationFrame(frame); };
  // In the window, before anybody else hears of them: the first place that is held is where the hand came down.
  addEventListener("pointerdown", () => { isHeld = true; }, true);
  addEventListener("pointerup", () => { note(); isHeld = false; }, true);
  // A slider places its thumb by the element around it.
  new MutationObserver(note).observe(track, { subtree: true, attributeFilter: ["style"] });
  frame();
  track.places = places;
}
"""


@dataclass(frozen=True)
class Record:
    """Where a thumb was, as shares of its track (0 to 1), in order; a place that stayed is there once."""

    held: list[float]
    free: list[float]
    """After the hand had let go; all of them, of a thumb that no hand was on."""


class Grip:
    """A thumb on a track, and a hand that may drag it."""

    def __init__(self, page: Page, track: Locator, *, thumb: str) -> None:
        self.page = page
        self._track = track
        self._thumb = track.locator(thumb)
        self._box = (0.0, 0.0, 0.0)
        self._track.scroll_into_view_if_needed()
        self._track.evaluate(RECORDER, thumb)

    def grab(self) -> None:
        """Put the pointer down on the thumb."""
        thumb, track = self._thumb.bounding_box(), self._track.bounding_box()
        assert thumb is not None
        assert track is not None
        self._box = (track["x"], track["width"], thumb["y"] + thumb["height"] / 2)
        self.page.mouse.move(thumb["x"] + thumb["width"] / 2, self._box[2])
        self.page.mouse.down()

    def move(self, share: float) -> None:
        """Move the pointer to a share of the track."""
        left, width, y = self._box
        self.page.mouse.move(left + share * width, y)

    def let_go(self) -> None:
        self.page.mouse.up()

    def record(self) -> Record:
        """Return where the thumb has been since the grip was made."""
        places: list[tuple[float, bool]] = self._track.evaluate("track => track.places")
        last_held = max((n for n, (_, is_held) in enumerate(places) if is_held), default=-1)
        return Record(
            _once(place for place, is_held in places if is_held),
            _once(place for place, _ in places[last_held + 1 :]),
        )


def drag(*ways: tuple[Grip, float, float], seconds: float = 1.5) -> None:
    """Drag thumbs at once, each from one share of its track to another, at the pace of a screen."""
    steps, begun = int(seconds * HERTZ), time.monotonic()
    for step in range(1, steps + 1):
        for grip, start, end in ways:
            grip.move(start + (end - start) * step / steps)
        # The hand doesn't wait for a page that is late, and isn't faster than a screen.
        rest = begun + step / HERTZ - time.monotonic()
        if rest > 0:
            ways[0][0].page.wait_for_timeout(rest * 1000)


def rises(places: list[float]) -> bool:
    """Whether a thumb never went back, by as little as a tenth of the way from one value to the next."""
    return all(one <= two + 1e-3 for one, two in itertools.pairwise(places))


def falls(places: list[float]) -> bool:
    """The same of a thumb that goes down."""
    return rises(places[::-1])


def _once(places: Iterable[float]) -> list[float]:
    found: list[float] = []
    for place in places:
        if not found or abs(place - found[-1]) > 1e-4:
            found.append(place)
    return found
