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

from tests.conftest import ROOT

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
