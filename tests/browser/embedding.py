"""A page of somebody's own that embeds widgets: the published entry points, bundled as its author would."""

from __future__ import annotations

import json
import subprocess
from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.conftest import ROOT

SHIM = ROOT / "js-shim"


def bundle(module: str) -> str:
    """Return a module of the page, with all that it imports, as one script."""
    command = ["node_modules/.bin/esbuild", "--bundle", "--format=esm", "--log-level=error"]
    done = subprocess.run(
        command, input=module, capture_output=True, cwd=SHIM, check=True, text=True, timeout=60
    )
    return done.stdout


def open_embedding(page: Page, link: str, module: str) -> None:
    """Let an empty page of the room's origin, from where it may join, run `module`, in which `link` is the room's."""
    parts = urlsplit(link)
    page.goto(
        f"{parts.scheme}://{parts.netloc}/embedding"
    )  # nothing is there, and that is what the page shows
    page.evaluate("document.body.replaceChildren()")
    page.add_script_tag(type="module", content=f"const link = {json.dumps(link)};\n{bundle(module)}")
