"""What the tests of uploads and of streams of pictures share."""

from __future__ import annotations

import base64
import hashlib
import io
import math
import os
import struct
import wave
from pathlib import Path

from playwright.sync_api import Browser, Locator, expect

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


# --- sound and film ---------------------------------------------------------------------------------------------------

RECORD = """async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  const ink = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm;codecs=vp8" });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((done) => { recorder.onstop = done; });
  recorder.start();
  for (let n = 0; n < 12; n++) {
    ink.fillStyle = n % 2 ? "red" : "blue";
    ink.fillRect(0, 0, 64, 48);
    await new Promise((done) => setTimeout(done, 40));
  }
  recorder.stop();
  await stopped;
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}"""


def wav(seconds: float) -> bytes:
    """A tone."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        tone = (int(9000 * math.sin(n * 440 * 2 * math.pi / 8000)) for n in range(int(8000 * seconds)))
        sound.writeframes(b"".join(struct.pack("<h", value) for value in tone))
    return file.getvalue()


def make_media(browser: Browser, folder: Path) -> None:
    """Write ``tone.wav`` (1.5 s), ``longer.wav`` (3 s) and ``film.webm`` (64 x 48)."""
    studio = browser.new_page()
    film = base64.b64decode(studio.evaluate(RECORD))
    studio.close()
    for name, content in (("tone.wav", wav(1.5)), ("longer.wav", wav(3.0)), ("film.webm", film)):
        (folder / name).write_bytes(content)
