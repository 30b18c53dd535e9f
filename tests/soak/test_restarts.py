"""Kernels end in the middle of floods, again and again, with windows open: no ghost, no dead control, no growth.

The short form is in `make test`; `make soak` plays 50 restarts and 20 kills, with a Chromium page beside the others;
the table of its last run is in docs/benchmarks/restarts.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.room_page import RoomPage
from tests.conftest import until
from tests.soak.rounds import IN_A_CELL, IN_A_THREAD, Figures, Lives, table, usage

pytestmark = [pytest.mark.kernel, pytest.mark.node, pytest.mark.scenario("S40")]

MOST_MB = 14.0
"""More memory than this the sidecar may not have afterwards: what a batch of the flood takes when it is read."""


@pytest.fixture
def lives() -> Iterator[Lives]:
    with Lives() as lives:
        yield lives


def restarts_and_kills(
    lives: Lives, restarts: int, kills: int, page: RoomPage | None = None
) -> list[tuple[str, Figures]]:
    """Play the rounds; return the figures over them."""
    lives.begin()
    rows = [("the first life", lives.figures())]
    for number in range(restarts + kills):
        lives.rounds += 1
        killed = number >= restarts
        in_a_cell = killed or number % 2 == 0
        lives.flood(IN_A_CELL if in_a_cell else IN_A_THREAD)
        if killed:
            lives.end(lives.kill, lives.check_dead)
            if page is not None:
                page.expect_kernel("dead")
                expect(page.frame.locator("body")).not_to_have_attribute("data-live", "true")
                expect(page.page.locator("#notice")).to_contain_text("kernel is gone")
            lives.restart()
        else:
            lives.end(lives.restart if in_a_cell else lives.ask_to_restart)
        slider = lives.begin()
        if page is not None:
            page.expect_kernel("idle")
            page.expect_readout("slider 0", str(slider["value"]))
            expect(page.frame.locator("body")).to_have_attribute("data-live", "true")
        played = number + 1
        if played == restarts + kills or played % max(1, (restarts + kills) // 10) == 0:
            what = f"{min(played, restarts)} restarts, {max(0, played - restarts)} kills"
            rows.append((what, lives.figures()))
    assert [each.found for each in lives.mixed] == [[], []], "no entry of an older epoch beside a new one"
    return rows


def handles(figures: Figures) -> tuple[int, int, int]:
    return figures.sockets, figures.fds, figures.threads


def back_to_where_it_was(lives: Lives, rows: list[tuple[str, Figures]], early: int) -> None:
    """Compare the last figures with those of the first life, memory with those of an early round."""
    first, last = rows[0][1], rows[-1][1]
    assert (last.comms, last.named) == (first.comms, first.named)
    assert last.document <= first.document + 200, "the document has what is alive"
    # A connection that has just ended may not be cleared away yet.
    until(
        lambda: all(now <= then for now, then in zip(handles(lives.figures()), handles(first), strict=True)),
        what=f"{handles(first)} are open as at first",
    )
    assert last.files == first.files
    until(
        lambda: lives.figures().sidecar_MB < rows[early][1].sidecar_MB + MOST_MB,
        timeout=90,
        what="the sidecar's memory is back",
    )


def test_kernels_end_in_the_middle_of_floods(lives: Lives) -> None:
    rows = restarts_and_kills(lives, restarts=2, kills=2)
    table(rows)
    back_to_where_it_was(lives, rows, early=1)


@pytest.mark.soak
@pytest.mark.browser
@pytest.mark.timeout(1800)
def test_50_restarts_and_20_kills_in_the_middle_of_floods(lives: Lives, chromium: Browser) -> None:
    page = RoomPage(chromium, lives.notebook.link)
    try:
        page.expect_state("live")
        lives.extra_windows = 1
        rows = restarts_and_kills(lives, restarts=50, kills=20, page=page)
        wait_for_blobs(lives)
        rows.append(("the grace time of blobs", lives.figures()))
        waited = sorted(lives.waited)
        table(rows)
        print(f"requests under way: {len(waited)} ended at most {waited[-1]:.1f} s after their kernel")
        back_to_where_it_was(lives, rows, early=2)
        assert rows[-1][1].blobs == rows[0][1].blobs
    finally:
        page.close()


def wait_for_blobs(lives: Lives) -> None:
    """Wait until the blobs that nobody names have gone."""

    def gone() -> Any:
        used = usage(lives.room)["blobs"]
        return used["count"] == used["named"]

    until(gone, timeout=100, what="unnamed blobs go after their grace time")
