"""The layers import one way; the contracts stand in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def test_imports_keep_the_contracts_of_the_layers() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    linted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("commdoc", ["pycrdt", "tornado.web", "jupyter_server", "websockets", "click", "rich"]),
        ("commdoc.kernel", ["pycrdt", "tornado.web", "jupyter_server"]),
        ("commdoc.rooms", ["tornado", "zmq", "jupyter_server", "ipykernel"]),
        ("commdoc.document", ["tornado", "zmq", "websockets"]),
        ("commdoc.window", ["tornado", "zmq", "ipykernel", "jupyter_server"]),
    ],
)
def test_a_layer_loads_without_what_it_must_not_need(module: str, unwanted: list[str]) -> None:
    code = f"import sys, {module}; print(*sorted(set({unwanted!r}) & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
