"""The package as a web developer has it: packed, installed into a fresh folder, built into pages, served."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from tests.conftest import ROOT

WAIT_MS = 20_000

SHIM = ROOT / "js-shim"
EXAMPLE = SHIM / "examples" / "embed"
TEST_PAGE = Path(__file__).parent / "embedded"

NODE16 = """
import {{ {name} }} from "{module}";
export const it: typeof {name} = {name};
"""
"""A module that uses an entry point; TypeScript reads its types with every setting that a project may have."""

ENTRIES = {
    "commdoc": "joinRoom",
    "commdoc/document": "CommsMap",
    "commdoc/window": "joinRoom",
    "commdoc/ports": "portConnect",
    "commdoc/models": "modelsOf",
    "commdoc/afm": "afmOf",
    "commdoc/viewer": "mountRoom",
}


def run(folder: Path, *command: str) -> str:
    """Run a command; its output, or a failure with it."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


class Consumer:
    """A fresh folder with the example and the package installed from its tarball."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        [packed] = json.loads(
            run(SHIM, "npm", "pack", "--json", "--ignore-scripts", "--pack-destination", str(folder))
        )
        self.files = [each["path"] for each in packed["files"]]
        shutil.copyfile(SHIM / ".npmrc", folder / ".npmrc")
        run(folder, "npm", "install", "--prefer-offline", "--no-audit", f"./{packed['filename']}")

    def build_example(self) -> Path:
        """Do what the example's page says; return the folder to be served."""
        run(self.folder, "npm", "run", "check")
        run(self.folder, "npm", "run", "build")
        return self.folder / "public"

    def build_test_page(self) -> Path:
        """Build the page that the tests drive, in the same folder."""
        public = self.folder / "tests"
        public.mkdir()
        shutil.copyfile(TEST_PAGE / "index.html", public / "index.html")
        shutil.copyfile(TEST_PAGE / "page.ts", self.folder / "page.ts")
        script = json.loads((EXAMPLE / "package.json").read_text(encoding="utf-8"))["scripts"]["build"]
        command = script.replace("main.ts", "page.ts").replace("outdir=public", "outdir=tests").split()
        run(self.folder, "npx", *command)
        return public

    def typecheck(self, module: str, resolution: str) -> str:
        """Type-check a use of every entry point, declarations too; return what is said of our own."""
        for number, (name, what) in enumerate(ENTRIES.items()):
            (self.folder / f"use{number}.ts").write_text(NODE16.format(module=name, name=what))
        options = "--ignoreConfig --noEmit --strict --target es2022 --lib es2023,dom,dom.iterable --types"
        files = [f"use{number}.ts" for number in range(len(ENTRIES))]
        command = [
            "npx",
            "tsc",
            *options.split(),
            "",
            "--module",
            module,
            "--moduleResolution",
            resolution,
            *files,
        ]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        own = re.compile(r"^(use\d|node_modules/commdoc/|error )", re.M)
        return "\n".join(line for line in done.stdout.splitlines() if own.match(line))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path, handler: type[SimpleHTTPRequestHandler] = Quiet) -> Iterator[str]:
    """Serve a folder on loopback; yields the origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Embedding:
    """A page of ours, with what it asked for and what it said."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.context = browser.new_context(viewport={"width": 1000, "height": 800})
        self.page: Page = self.context.new_page()
        self.console: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", lambda it: self.console.append(it.text) if it.type == "error" else None)
        self.page.on("pageerror", lambda error: self.console.append(f"pageerror: {error}"))
        self.page.on("request", lambda it: self.hosts.add(urlsplit(it.url).netloc))
        self.page.on("websocket", lambda it: self.hosts.add(urlsplit(it.url).netloc))
        self.page.goto(address)

    def mount(self, link: str, place: str = "one", options: str = "{}", name: str = "it") -> None:
        """Mount a room; ``it`` (or another name) is what it gave."""
        code = f"async ([link]) => {{ globalThis.{name} = await page.mountRoom(at({place!r}), link, {options}); }}"
        self.page.evaluate("globalThis.at = (id) => document.getElementById(id)")
        self.page.evaluate(code, [link])

    def slider(self, place: str = "body") -> Any:
        return self.page.locator(f"{place} .noUi-handle").first

    def press(self, place: str = "body", times: int = 1) -> None:
        self.slider(place).focus()
        for _ in range(times):
            self.slider(place).press("ArrowRight")

    def expect_readout(self, text: str, place: str = "body") -> None:
        expect(self.page.locator(f"{place} .widget-readout").first).to_have_text(text, timeout=WAIT_MS)

    def fallback(self, module: str) -> Any:
        return self.page.locator(f'[data-commdoc-fallback="{module}"]')

    def globals(self) -> list[str]:
        """What the page has globally that an empty one hasn't."""
        return list(
            self.page.evaluate("""() => {
              const frame = document.body.appendChild(document.createElement("iframe"));
              const plain = new Set(Object.getOwnPropertyNames(frame.contentWindow));
              frame.remove();
              return Object.getOwnPropertyNames(window).filter((name) => !plain.has(name) && !/^\\d+$/.test(name));
            }""")
        )
