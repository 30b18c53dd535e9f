"""What the tests of uploads and of streams of pictures share."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.room_page import RoomPage

MB = 1024 * 1024

UPLOAD = """
import hashlib, ipywidgets as w
u, s = w.FileUpload(multiple=True), w.IntSlider(description='s')
told = []
u.observe(lambda change: told.append(len(change.new)), 'value')
def files():
    return [(v.name, v.size, hashlib.sha256(v.content).hexdigest()) for v in u.value]
display(w.VBox([u, s]))
"""


def choose(page: RoomPage, *paths: Path) -> None:
    """Choose files for the upload, as a person does."""
    with page.page.expect_file_chooser() as chooser:
        page.frame.locator(".widget-upload").click()
    chooser.value.set_files([str(path) for path in paths])


def make_file(folder: Path, name: str, size: int) -> tuple[Path, tuple[str, int, str]]:
    """Write a file; return its path, and what the kernel says when it has it."""
    content = os.urandom(size)
    (folder / name).write_bytes(content)
    return folder / name, (name, size, hashlib.sha256(content).hexdigest())


def expect_count(page: RoomPage, count: int) -> None:
    expect(page.frame.locator(".widget-upload")).to_have_text(f"Upload ({count})", timeout=20_000)


STREAM = """
import ipywidgets as w, numpy, threading, time, io
from PIL import Image as Picture
image = w.Image(format='png')
display(image)
def noise(n):
    rows = numpy.random.default_rng(n).integers(0, 256, (160, 160, 3), dtype=numpy.uint8)
    file = io.BytesIO(); Picture.fromarray(rows).save(file, 'png'); return file.getvalue()
pictures = [noise(n) for n in range(16)]
def show(seconds, at_least=0):
    end = time.monotonic() + seconds
    shown = 0
    while time.monotonic() < end or shown < at_least:
        # No two are the same bytes.
        image.value = pictures[shown % 16] + shown.to_bytes(4, 'big')
        shown += 1
        time.sleep(1 / 30)
    return shown
"""


def shown_picture(image: Locator) -> str:
    """The pixels of a picture."""
    return str(
        image.evaluate(
            """async (img) => {
              if (!img.complete || !img.naturalWidth) return "";
              const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 160 });
              canvas.getContext("2d").drawImage(img, 0, 0);
              return canvas.toDataURL();
            }"""
        )
    )
