"""A player and a stream of pictures that run for a minute in two windows, one of them late; an upload that is replaced.

The short forms are in tests/browser/test_media.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Frame, Page
from playwright.sync_api import Error as PlaywrightError

import commdoc
from commdoc.rooms.limits import RoomLimits
from commdoc.rooms.room import SWEEP_SECONDS
from commdoc.window.address import find
from tests.browser.media import MB, STREAM, UPLOAD, choose, expect_count, make_file, shown_picture
from tests.browser.notebook import Notebook
from tests.browser.player import Player
from tests.browser.room_page import RoomPage
from tests.conftest import until
from tests.soak.rounds import sidecar_memory, usage

pytestmark = [
    pytest.mark.soak,
    pytest.mark.kernel,
    pytest.mark.browser,
    pytest.mark.acceptance("B6"),
    pytest.mark.timeout(600),
]

OpenPage = Callable[[], RoomPage]

SECONDS = 60

MOST_HEAP_MB = 25.0
"""A page's JavaScript may not have more than this above what it had when the stream began."""

MOST_SIDECAR_MB = 30.0
"""Nor the sidecar when the pictures have gone again."""


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    it = Notebook()
    try:
        yield it.load()
    finally:
        it.close()


@pytest.fixture
def open_page(chromium: Browser, notebook: Notebook) -> Iterator[OpenPage]:
    pages: list[RoomPage] = []

    def opened() -> RoomPage:
        pages.append(RoomPage(chromium, notebook.link))
        return pages[-1]

    yield opened
    for page in pages:
        page.close()


def blobs(notebook: Notebook) -> dict[str, int]:
    """How many blobs the room has, their bytes, and how many are named."""
    return dict(usage(find(kernel_id=notebook.kernel_id))["blobs"])


def wait_for_blobs(notebook: Notebook) -> dict[str, int]:
    """Wait until the blobs that nobody names have gone; return what is left."""
    grace = RoomLimits().blob_grace_seconds + SWEEP_SECONDS

    def gone() -> bool:
        used = blobs(notebook)
        return used["count"] == used["named"]

    until(gone, timeout=2 * grace, what="unnamed blobs go after their grace time")
    return blobs(notebook)


def heap_mb(page: RoomPage) -> float:
    """The JavaScript of a page and of its frame, garbage taken away, with the bytes that it holds."""
    total = 0.0
    targets: list[Page | Frame] = [page.page, *page.page.frames[1:]]
    for target in targets:
        try:
            session = page.context.new_cdp_session(target)
        except PlaywrightError:
            continue  # a frame that has no process of its own is in its page's figures
        session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")
        total += sum(used.get(name, 0) for name in ("usedSize", "backingStorageSize", "embedderHeapUsedSize"))
        session.detach()
    return total / 1e6


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print figures."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=None, pad_edge=False)
    for title in titles:
        grid.add_column(title, justify="right")
    for row in rows:
        grid.add_row(*(f"{each:.1f}" if isinstance(each, float) else str(each) for each in row))
    Console(width=140).print(grid)


def test_a_player_runs_for_a_minute(notebook: Notebook, open_page: OpenPage) -> None:
    player = Player(notebook, steps=10 * SECONDS, interval=100)
    one, two = open_page(), open_page()
    two.expect_readout("s", "0")
    began = time.monotonic()
    player.press_play(one)
    until(lambda: player.value() >= 2 * SECONDS, timeout=SECONDS, what="it runs")
    late = open_page()
    player.expect_running(late)
    player.expect_end([one, two, late])
    took = time.monotonic() - began
    told, seen, followed = notebook.value("(told, seen, s.value)")
    steps = 10 * SECONDS
    titles = ("steps", "seconds", "kernel heard", "changes", "slider", "frames of one", "of two", "of late")
    sent = (one.frames_sent, two.frames_sent, late.frames_sent)
    table(titles, [(steps, took, len(told), len(seen), followed, *sent)])
    assert followed == steps
    # No window runs a clock beside the first one's; those that watch say next to nothing.
    assert steps / 2 < len(seen) <= steps
    assert max(two.frames_sent, late.frames_sent) < steps / 10


def test_an_image_changes_30_times_a_second_for_a_minute(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(STREAM)
    early = open_page()
    notebook.run("image.value = pictures[0]")
    until(lambda: shown_picture(early.frame.locator("img")) != "", what="the first picture")
    began, before = heap_mb(early), sidecar_memory(notebook)
    titles = ("seconds", "blobs", "of MB", "sidecar MB", "early page MB", "late page MB")
    used = blobs(notebook)
    rows: list[tuple[object, ...]] = [(0, used["count"], used["bytes"] / MB, before, began, "")]
    code = f"target=lambda: counts.append(show({SECONDS}))"
    notebook.run(f"counts = []; thread = threading.Thread({code}); thread.start()")
    start = time.monotonic()
    late: RoomPage | None = None
    peak = 0
    while (passed := time.monotonic() - start) < SECONDS:
        used = blobs(notebook)
        peak = max(peak, used["bytes"])
        if late is None and passed > SECONDS / 3:
            late = open_page()
        if passed > len(rows) * SECONDS / 6:
            heaps = heap_mb(early), "" if late is None else heap_mb(late)
            memory = sidecar_memory(notebook)
            rows.append((round(passed), used["count"], used["bytes"] / MB, memory, *heaps))
        time.sleep(0.5)
    assert late is not None
    shown = notebook.value("thread.join() or counts[0]")
    last = notebook.value("bytes(image.value[-4:])")
    with commdoc.join(url=notebook.link) as window:
        until(lambda: window.wait_for("ImageModel")["value"][-4:] == last, what="the document has the last")
        assert len(window.doc.get_update()) < 4000
    images = [page.frame.locator("img") for page in (early, late)]
    until(lambda: shown_picture(images[0]) == shown_picture(images[1]) != "", what="both show one picture")
    used = wait_for_blobs(notebook)
    after = sidecar_memory(notebook)
    rows.append(("after", used["count"], used["bytes"] / MB, after, heap_mb(early), heap_mb(late)))
    table(titles, rows)
    print(
        f"{shown} pictures of {notebook.value('len(pictures[0])')} bytes; at most {peak / MB:.1f} MB of blobs"
    )
    assert shown > 15 * SECONDS
    # What came between two sweeps is on top of what may wait.
    between = SWEEP_SECONDS * 30 * notebook.value("len(pictures[0])")
    assert peak < RoomLimits().unnamed_bytes + between
    # The empty value with which the widget was made is a blob, too.
    assert (used["count"], used["bytes"]) == (2, notebook.value("len(image.value)"))
    assert heap_mb(early) < began + MOST_HEAP_MB
    assert heap_mb(late) < began + MOST_HEAP_MB
    assert after < before + MOST_SIDECAR_MB
    early.expect_clean()
    late.expect_clean()


def test_an_upload_that_was_replaced_is_freed(
    notebook: Notebook, open_page: OpenPage, tmp_path: Path
) -> None:
    notebook.run(UPLOAD)
    one, two = open_page(), open_page()
    rows = [("before", *blobs(notebook).values())]
    for name, size in (("large", 20 * MB), ("small", 5 * MB)):
        path, known = make_file(tmp_path, f"{name}.bin", size)
        choose(one, path)
        until(lambda known=known: notebook.value("files()") == [known], timeout=30, what="the kernel has it")  # type: ignore[misc]
        expect_count(two, 1)
        rows.append((name, *blobs(notebook).values()))
    used = wait_for_blobs(notebook)
    rows.append(("the grace time", *used.values()))
    table(("after", "blobs", "bytes", "named"), rows)
    assert (used["count"], used["bytes"]) == (1, 5 * MB)
    assert notebook.value("len(u.value[0].content)") == 5 * MB
    notebook.run("u.close()")
    until(lambda: blobs(notebook)["named"] == 0, what="nobody names it")
    assert wait_for_blobs(notebook) == {"count": 0, "bytes": 0, "named": 0}
