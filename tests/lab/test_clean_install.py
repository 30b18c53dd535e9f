"""The built wheel in an environment of its own, with nothing configured: widgets of a late window are live (C11)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.browser.lab import LabServer, lab_server
from tests.conftest import ROOT
from tests.lab import test_late_window
from tests.lab.conftest import OpenWindow

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kernel,
    pytest.mark.timeout(900),  # the first run makes the environment
]

JUPYTER = ("jupyterlab", "ipywidgets", "anywidget")
"""What somebody has who then installs commdoc."""


def run(*command: str | Path) -> str:
    """Run a command outside of the checkout."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=ROOT.anchor,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` builds."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel: Path) -> Iterator[str]:
    """The interpreter of an environment in which the wheel was installed, with what it asks for and nothing else.

    Jupyter itself, and what the wheel asked for last time, are kept between runs as long as no pin changes.
    """
    pins = ROOT / "constraints.txt"
    asked = (
        pins.read_bytes()
        + (ROOT / "pyproject.toml").read_bytes()
        + repr((sys.version_info[:3], JUPYTER)).encode()
    )
    folder = ROOT / ".make" / "environments" / f"clean-{hashlib.sha256(asked).hexdigest()[:12]}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = (python, "-m", "pip", "install", "--quiet", "-c", pins)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):  # until the end: another run would install its own
        if not (folder / "complete").exists():
            venv.create(folder, clear=True, with_pip=True)
            run(*install, *JUPYTER)
            (folder / "complete").touch()
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "commdoc")
        run(*install, f"commdoc[server] @ {wheel.as_uri()}")
        yield str(python)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, python: str) -> Iterator[LabServer]:
    """A JupyterLab that is told nothing of commdoc."""
    where = Path(run(python, "-c", "import commdoc; print(commdoc.__file__)"))
    assert where.is_relative_to(Path(python).parents[1]), "it is the wheel's, not the checkout's"
    with lab_server(tmp_path_factory.mktemp("clean"), python=python) as it:
        yield it


def test_a_window_that_opens_while_a_cell_runs_is_live(
    server: LabServer, python: str, open_window: OpenWindow, tmp_path: Path
) -> None:
    test_late_window.test_widgets_are_live_in_a_window_that_opens_while_a_cell_runs(
        server, open_window, tmp_path
    )
    kernel = open_window(server.at("late.ipynb"))
    assert kernel.value("__import__('sys').prefix") == str(Path(python).parents[1])
