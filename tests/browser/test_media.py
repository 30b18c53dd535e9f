"""Widgets that carry much, or move by themselves: storms of clicks, uploads, sound and pictures, a player."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

import commdoc
from tests.browser.conftest import OpenPage
from tests.browser.media import (
    MB,
    STREAM,
    UPLOAD,
    choose,
    expect_count,
    make_file,
    make_media,
    shown_picture,
)
from tests.browser.notebook import Notebook
from tests.browser.player import Player
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("B6")]

# --- clicks ----------------------------------------------------------------------------------------------------------

BUTTONS = """
import ipywidgets as w
clicks, label = [], w.Label('none')
def clicked(button):
    clicks.append(button.description)
    label.value = f'{len(clicks)} clicks'
shared = w.Button(description='shared')
own = [w.Button(description=f'{page}{n}') for page in 'AB' for n in range(5)]
for button in [shared, *own]:
    button.on_click(clicked)
display(w.VBox([label, shared, w.HBox(own)]))
"""

PRESS = """(names) => {
  const found = new Map([...document.querySelectorAll("button")].map((it) => [it.textContent, it]));
  setTimeout(() => { for (const name of names) found.get(name).click(); });
}"""


@pytest.mark.parametrize("what", ["one button", "many buttons"])
def test_every_click_of_a_storm_from_two_pages_counts_once_and_in_order(
    notebook: Notebook, open_page: OpenPage, what: str
) -> None:
    notebook.run(BUTTONS)
    pages = {"A": open_page(), "B": open_page()}
    chance = random.Random(5)
    pressed = {}
    for name, page in pages.items():
        page.expect_text("none")
        expect(page.labelled(f"{name}4")).to_be_visible()
        names = ["shared"] if what == "one button" else [f"{name}{n}" for n in range(5)]
        pressed[name] = [chance.choice(names) for _ in range(500)]
    for name, page in pages.items():
        page.page.frames[1].evaluate(PRESS, pressed[name])
    until(lambda: notebook.value("len(clicks)") >= 1000, timeout=60, what="all clicks are in the kernel")
    for page in [*pages.values(), open_page()]:
        page.expect_text("1000 clicks", seconds=15)
        page.expect_clean()
    clicks = notebook.value("clicks")
    assert len(clicks) == 1000
    if what == "many buttons":
        for name in pages:
            assert [click for click in clicks if click[0] == name] == pressed[name]


# --- uploads ---------------------------------------------------------------------------------------------------------


def test_an_upload_of_20_mb_is_exact_everywhere_and_holds_nothing_up(
    notebook: Notebook, open_page: OpenPage, tmp_path: Path
) -> None:
    notebook.run(UPLOAD)
    one, two = open_page(), open_page()
    path, expected = make_file(tmp_path, "größe 20.bin", 20 * MB)
    choose(one, path)
    # Nobody waits for it: not this page, not the other one.
    one.press("s", "ArrowRight", 3)
    two.expect_readout("s", "3")
    two.press("s", "ArrowRight", 2)
    until(lambda: notebook.value("files()") == [expected], timeout=30, what="the kernel has the file")
    assert notebook.value("s.value") == 5
    assert notebook.value("told") == [1]
    with notebook.busy():
        for page in (one, two, open_page()):
            expect_count(page, 1)
            page.expect_readout("s", "5")
        with commdoc.join(url=notebook.link) as window:
            [file] = window.wait_for("FileUploadModel")["value"]
            assert hashlib.sha256(file["content"]).hexdigest() == expected[2]
            assert (file["name"], file["size"]) == expected[:2]
    both = [make_file(tmp_path, f"{n}.bin", 10 * MB + n) for n in range(2)]
    choose(two, *[path for path, _ in both])
    until(
        lambda: notebook.value("files()") == [known for _, known in both],
        timeout=30,
        what="the kernel has both",
    )
    for page in (one, two, open_page()):
        expect_count(page, 2)
        page.expect_clean()
    assert notebook.value("told") == [1, 2]


def test_an_upload_that_is_too_large_is_refused_in_words_and_breaks_nothing(
    notebook: Notebook, open_page: OpenPage, tmp_path: Path
) -> None:
    notebook.run(UPLOAD)
    one, two = open_page(), open_page()
    small, known = make_file(tmp_path, "small.bin", 1000)
    large, _ = make_file(tmp_path, "large.bin", 65 * MB)
    choose(one, small)
    expect_count(two, 1)
    choose(one, large, small)
    log = one.frame.locator("#log")
    expect(log).to_contain_text("65.0 MB are too much: at most 64 MB at once", timeout=30_000)
    one.picture("upload-refused")
    for page in (one, two):
        expect_count(page, 1)
    assert notebook.value("(files(), told)") == ([known], [1])
    one.press("s", "ArrowRight")
    two.expect_readout("s", "1")
    again, known = make_file(tmp_path, "again.bin", 5000)
    choose(one, again)
    until(lambda: notebook.value("files()") == [known], timeout=20, what="the next one is taken")
    one.expect_state("live")
    assert one.sockets == 1


def test_a_reader_can_not_upload(notebook: Notebook, chromium: Browser) -> None:
    notebook.run(UPLOAD)
    page = RoomPage(chromium, notebook.reading_link())
    try:
        expect_count(page, 0)
        choosers: list[object] = []
        page.page.on("filechooser", lambda chooser: choosers.append(chooser))  # noqa: PLW0108 - it wants a function
        box = page.frame.locator(".widget-upload").bounding_box()
        assert box is not None
        page.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.page.keyboard.press("Tab")
        page.page.keyboard.press("Enter")
        notebook.run("s.value = 3")
        page.expect_readout("s", "3")
        assert choosers == []
    finally:
        page.close()


# --- sound and pictures ----------------------------------------------------------------------------------------------

PLAYED = """video => new Promise((done) => {
  video.onended = () => done(video.currentTime);
  video.muted = true;
  video.play();
})"""


def test_sound_film_and_picture_are_in_both_windows(
    notebook: Notebook, open_page: OpenPage, chromium: Browser, tmp_path: Path
) -> None:
    make_media(chromium, tmp_path)
    early = open_page()
    notebook.run(
        f"""
import io, ipywidgets as w
from pathlib import Path
from PIL import Image as Picture
def png(colour, size=(30, 20)):
    file = io.BytesIO(); Picture.new('RGB', size, colour).save(file, 'png'); return file.getvalue()
folder = Path({str(tmp_path)!r})
sound = w.Audio(value=(folder / 'tone.wav').read_bytes(), format='wav', autoplay=False)
film = w.Video(value=(folder / 'film.webm').read_bytes(), format='webm', autoplay=False, loop=False)
image = w.Image(value=png('red'), format='png')
display(w.VBox([sound, film, image]))
        """
    )
    with notebook.busy():
        late = open_page()
        expect_media(late, 1.5, (30, 20))
    expect_media(early, 1.5, (30, 20))
    for page in (early, late):
        played = page.frame.locator("video").evaluate(PLAYED)
        assert played > 0.2
    notebook.run("image.value = png('blue', (7, 5)); sound.value = (folder / 'longer.wav').read_bytes()")
    for page in (early, late):
        expect_media(page, 3.0, (7, 5))
        page.expect_clean()


def expect_media(page: RoomPage, seconds: float, size: tuple[int, int]) -> None:
    """The sound has its length, the film its frames, the picture its size."""
    read = {
        "audio": "audio => audio.readyState >= 1 && audio.duration",
        "video": "video => video.readyState >= 2 && [video.videoWidth, video.videoHeight]",
        "img": "img => img.complete && [img.naturalWidth, img.naturalHeight]",
    }
    wanted = {"audio": seconds, "video": [64, 48], "img": list(size)}

    def found() -> bool:
        return all(page.frame.locator(tag).evaluate(code) == wanted[tag] for tag, code in read.items())

    until(found, timeout=20, what=f"{wanted} in the page")


def test_an_image_that_changes_30_times_a_second_ends_the_same_in_both_windows(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(STREAM)
    early = open_page()
    thread = (
        "thread = threading.Thread(target=lambda: counts.append(show(4, 60))); counts = []; thread.start()"
    )
    notebook.run(thread)
    late = open_page()
    assert notebook.value("thread.join() or counts[0]") >= 60
    last = notebook.value("bytes(image.value[-4:])")
    with commdoc.join(url=notebook.link) as window:
        until(
            lambda: window.wait_for("ImageModel")["value"][-4:] == last, what="the document has the last one"
        )
        size = len(window.doc.get_update())
    # The pictures are beside the document, and what was is gone.
    assert size < 4000
    images = [page.frame.locator("img") for page in (early, late)]
    until(lambda: shown_picture(images[0]) == shown_picture(images[1]) != "", what="both show one picture")
    notebook.run("image.value = pictures[3]")
    before = shown_picture(images[0])
    notebook.run("image.value = pictures[4]")
    until(
        lambda: before != shown_picture(images[0]) == shown_picture(images[1]),
        what="both show the next picture",
    )
    early.expect_clean()
    late.expect_clean()


# --- a player --------------------------------------------------------------------------------------------------------


def test_a_player_steps_once_whatever_the_number_of_windows(notebook: Notebook, open_page: OpenPage) -> None:
    player = Player(notebook, steps=40, interval=100)
    one, two = open_page(), open_page()
    two.expect_readout("s", "0")
    before = two.frames_sent
    player.press_play(one)
    until(lambda: player.value() >= 8, timeout=20, what="it runs")
    late = open_page()
    player.expect_running(late)
    joined = late.frames_sent
    player.expect_end([one, two, late])
    # Those that only watch have next to nothing to say; two clocks would run twice as fast.
    assert max(two.frames_sent - before, late.frames_sent - joined) < 8


def test_a_player_goes_on_in_another_window_when_its_own_is_closed(
    notebook: Notebook, open_page: OpenPage
) -> None:
    player = Player(notebook, steps=40, interval=100)
    one, two = open_page(), open_page()
    player.press_play(one)
    until(lambda: player.value() >= 8, timeout=20, what="it runs")
    one.close()
    player.expect_end([two, open_page()])


def test_a_player_without_a_window_rests_until_one_comes(notebook: Notebook, open_page: OpenPage) -> None:
    player = Player(notebook, steps=30, interval=100)
    one = open_page()
    player.press_play(one)
    until(lambda: player.value() >= 5, timeout=20, what="it runs")
    one.close()
    rested = player.resting_place()
    assert rested < 30
    assert notebook.value("play.playing")
    player.expect_end([open_page()])


def test_a_player_is_paused_by_a_late_window_and_a_later_one_shows_it(
    notebook: Notebook, open_page: OpenPage
) -> None:
    player = Player(notebook, steps=1000, interval=100)
    one = open_page()
    player.press_play(one)
    until(lambda: player.value() >= 5, timeout=20, what="it runs")
    late = open_page()
    player.expect_running(late)
    player.press_play(late)
    until(lambda: not notebook.value("play.playing"), what="it is paused in the kernel")
    rested = player.resting_place()
    later = open_page()
    for page in (one, late, later):
        player.expect_paused(page)
        page.expect_readout("s", str(rested))
    player.press_play(later)
    until(lambda: player.value() > rested + 3, timeout=20, what="it goes on")
    player.expect_no_step_twice()


def test_a_player_that_the_kernel_starts_is_stepped_by_one_window(
    notebook: Notebook, open_page: OpenPage
) -> None:
    player = Player(notebook, steps=20, interval=100)
    pages = [open_page(), open_page()]
    for page in pages:
        page.expect_readout("s", "0")
    notebook.run("play.playing = True")
    until(lambda: player.value() >= 3, timeout=20, what="it runs")
    notebook.run("play.playing = False")
    rested = player.resting_place()
    notebook.run("play.playing = True")
    until(lambda: player.value() > rested, timeout=20, what="it goes on")
    player.expect_end(pages)


def test_a_player_that_another_window_paused_starts_again_where_it_began(
    notebook: Notebook, open_page: OpenPage
) -> None:
    player = Player(notebook, steps=1000, interval=50)
    one, two = open_page(), open_page()
    for _ in range(2):
        player.press_play(one)
        player.expect_running(one)
        player.expect_running(two)
        player.press_play(two)
        until(lambda: not notebook.value("play.playing"), what="it is paused")
        rested = player.resting_place()
        for page in (one, two):
            page.expect_readout("s", str(rested))
    player.press_play(one)
    until(lambda: player.value() > rested, timeout=20, what="it goes on")
    player.expect_no_step_twice()
