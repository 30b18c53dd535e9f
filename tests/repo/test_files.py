"""House rules about the files that git tracks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

MAX_LINES = 450
REGISTRY = re.compile(r"https?://[^\s\"']*(/simple/|/-/[^\s\"']*\.tgz|\.whl)")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home/\w+|Users/\w+|root)/")


def tracked(*patterns: str) -> list[Path]:
    """Return the tracked files that are there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    for path in tracked():
        try:
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture


def test_no_file_names_a_download_address_of_a_package_registry() -> None:
    assert [name for name, text in texts() if REGISTRY.search(text)] == []


def test_no_file_names_a_path_of_a_machine() -> None:
    here = {str(ROOT), str(Path.home())} - {"/"}
    found = {
        name: match
        for name, text in texts()
        for match in [*(f"{path}/" for path in here if f"{path}/" in text), *MACHINE_PATH.findall(text)]
    }
    assert found == {}


def test_files_are_short_enough_to_be_about_one_thing() -> None:
    lines = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
        for path in tracked("*.py", "*.ts", "*.tsx", "*.mjs")
    }
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_no_built_file_is_tracked() -> None:
    built = tracked(
        "commdoc/server/static",
        "commdoc/labextension",
        "js-shim/dist",
        "js-shim/node_modules",
        "dist",
        "*.pyc",
    )
    assert built == []
