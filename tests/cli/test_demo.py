"""`commdoc demo` as a person runs it: a process of its own, a real kernel, real windows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.browser, pytest.mark.timeout(120)]

COMMDOC = [str(Path(sys.executable).with_name("commdoc"))]

WIDGETS = """\
import ipywidgets as widgets
slider = widgets.IntSlider(description="n", value=7)
widgets.VBox([slider, widgets.Text("Grüße, 你好, 👋")])
"""

BUSY = """\
import time
progress = widgets.IntProgress(max=40)
display(progress)
for step in range(40):
    time.sleep(0.1)
    progress.value = step + 1
"""


def write_notebook(path: Path, *sources: str, tags: tuple[str, ...] = ("late",)) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[-1].metadata["tags"] = list(tags)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMDOC, "demo", *arguments], capture_output=True, text=True, check=False, timeout=90
    )


def report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.scenario("S07")
def test_windows_that_join_while_the_kernel_is_busy_have_everything(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "short.ipynb", "%load_ext commdoc", WIDGETS, BUSY)
    done = run("--once", "--json", "--notebook", str(notebook))
    assert done.returncode == 0, done.stdout + done.stderr
    found = report(done)
    assert [(row["window"], row["kernel"]) for row in found["windows"]] == [
        ("Python", "busy"),
        ("Chromium B", "busy"),
    ]
    assert all(row["seconds"] < 2 for row in found["windows"]), found["windows"]
    assert [row["views"] for row in found["windows"]] == [2, 2]
    assert found["seen_after_ms"] < 1000
    assert found["compared"] == found["windows"][0]["models"]
    assert found["differences"] == found["problems"] == []


def test_a_cell_that_fails_is_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "failing.ipynb", "%load_ext commdoc", "1 / 0")
    done = run("--once", "--json", "--no-browser", "--notebook", str(notebook))
    assert done.returncode == 1
    assert "cell 2 failed: ZeroDivisionError" in report(done)["problems"][0]


def test_without_once_it_serves_until_ctrl_c(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "short.ipynb", "%load_ext commdoc", WIDGETS, tags=())
    command = [*COMMDOC, "demo", "--no-browser", "--notebook", str(notebook)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        lines: list[str] = []

        def serving() -> bool:
            lines.append(demo.stdout.readline() if demo.stdout else "")
            return "Serving until Ctrl-C" in lines[-1] or lines[-1] == ""

        until(serving, timeout=60)
        assert "Serving" in lines[-1], "".join(lines)
        os.kill(demo.pid, signal.SIGINT)
        rest = demo.stdout.read()
        assert demo.wait(30) == 0, rest
        assert "Traceback" not in rest


def test_a_notebook_that_is_not_there_is_wrong_usage() -> None:
    done = run("--notebook", "nowhere.ipynb")
    assert done.returncode == 2
    assert "nowhere.ipynb" in done.stderr
