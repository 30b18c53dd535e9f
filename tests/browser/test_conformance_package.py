"""The conformance suite as it is published: the packed package in a folder of its own, and the README's driver."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser

from tests.browser.own_page import OwnPage
from tests.conftest import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.acceptance("D2")]

SHIM: Final = ROOT / "js-shim"
BIN: Final = SHIM / "node_modules" / ".bin"

CONFIG: Final[dict[str, Any]] = {
    "compilerOptions": {
        "module": "ESNext",
        "moduleResolution": "bundler",
        "target": "ES2022",
        "lib": ["ES2022", "DOM"],
        "types": [],
        "strict": True,
        "noEmit": True,
    },
    "files": ["driver.ts"],
}

PAGE: Final = """
import { all, judgeAll, modules, table, values } from "commdoc/conformance";
import { driver } from "./driver";
const verdicts = await judgeAll(driver, [...modules, ...values], { patience: 1000 });
Object.assign(window, { judged: { count: all.length, verdicts, table: table(driver.name, verdicts) } });
"""
"""What a small host lacks is waited for: not all cases here."""

LACKS: Final = {
    "a default object: initialize once, then render for each view",
    "an export named render, as before anywidget 0.9, comes before a default",
    "set is there at once; save_changes sends what was changed, and no more",
    "several keys set at once: all are there when the first is told, change comes once",
    "what was set and not saved is shown until the kernel says otherwise, and is the module's again when it is saved",
    "off ends what this object was told: of an event, of a callback, all",
    "off of one view leaves the other's listeners alone",
    "several events in one name",
}
"""Where it leaves another trace, as its code says."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the package as npm would install it, and the README's driver of a small host."""
    said = subprocess.run(
        ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", str(tmp_path)],
        cwd=SHIM,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    [packed] = json.loads(said)
    modules = tmp_path / "node_modules"
    with tarfile.open(tmp_path / packed["filename"]) as archive:
        archive.extractall(modules, filter="data")
    (modules / "package").rename(modules / "commdoc")
    [driver] = re.findall(
        r"```ts\n(import type \{ Driver.*?)```", (SHIM / "README.md").read_text(encoding="utf-8"), re.S
    )
    (tmp_path / "driver.ts").write_text(driver, encoding="utf-8")
    small = SHIM / "test" / "conformance" / "small-host.ts"
    (tmp_path / small.name).write_text(small.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "tsconfig.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return tmp_path


def run(folder: Path, *command: str) -> None:
    """Run a command of Node in the folder."""
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_driver_has_its_types(folder: Path) -> None:
    run(folder, str(BIN / "tsc"), "-p", ".")


def test_what_a_kernel_needs_is_in_the_package(folder: Path) -> None:
    kernel = folder / "node_modules" / "commdoc" / "conformance" / "kernel.py"
    assert kernel.read_bytes() == (SHIM / "conformance" / "kernel.py").read_bytes()


def test_a_small_host_is_told_case_by_case_what_it_lacks(folder: Path, chromium: Browser) -> None:
    entry = folder / "page.ts"
    entry.write_text(PAGE, encoding="utf-8")
    options = ["--bundle", "--format=esm", "--target=es2022", "--outfile=page.js", "--log-level=warning"]
    run(folder, str(BIN / "esbuild"), entry.name, *options)
    script = (folder / "page.js").read_text(encoding="utf-8")
    with OwnPage(chromium, "http://own.test/", {"page.js": script}, script="page.js") as own:
        own.page.wait_for_function("window.judged !== undefined", timeout=60_000)
        judged: dict[str, Any] = own.page.evaluate("judged")
    print(judged["table"])
    assert {each["name"] for each in judged["verdicts"] if not each["same"]} == LACKS
    assert judged["count"] == 41
