"""Other people's tests pass with commdoc loaded as without: ipywidgets' and anywidget's own, inside a real kernel.

They mock the comm, so what they can notice is a kernel that is changed around them. What goes over the wire is
compared in `test_same_wire`.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.kernel.process import KernelProcess, kernel_process, load, unload
from tests.kernel.room import RecordingRoom

pytestmark = [pytest.mark.kernel, pytest.mark.acceptance("A6")]


NEEDED = ["pytz", "watchfiles"]
"""What the suites import and we don't need ourselves."""


def pip(*arguments: str) -> None:
    """Fetch something from the package index, or skip."""
    got = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )
    if got.returncode:
        pytest.skip(f"the package index is not there: {got.stderr[-200:]}")


@pytest.fixture(scope="module")
def needed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the packages that the suites need."""
    folder = str(tmp_path_factory.mktemp("needed"))
    pip("install", "--quiet", "--target", folder, "--only-binary", ":all:", *NEEDED)
    return folder


def suite_of_ipywidgets(folder: Path) -> str:
    """Return the folder of the installed package's tests."""
    import ipywidgets

    return str(Path(ipywidgets.__file__).parent)


def suite_of_anywidget(folder: Path) -> str:
    """Return the tests of the source distribution of the installed version; wheels have none."""
    wanted = f"anywidget=={version('anywidget')}"
    pip("download", wanted, "--no-deps", "--no-binary", "anywidget", "-d", str(folder))
    (archive,) = folder.glob("anywidget-*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return str(next(folder.glob("anywidget-*/tests")))


def outcomes(kernel: KernelProcess, suite: str, report: Path, needed: str) -> dict[str, str]:
    """Run a suite inside the kernel; returns test to outcome."""
    arguments = [suite, "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--continue-on-collection-errors"]
    arguments += [f"--rootdir={report.parent}", f"--junitxml={report}"]
    kernel.run(
        f"import pytest, os, sys; sys.path.append({needed!r}); os.chdir({str(report.parent)!r})\n"
        f"pytest.main({arguments!r})",
        timeout=300,
    )
    found = {}
    for case in ET.parse(report).iter("testcase"):
        result = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
        found[f"{case.get('classname')}.{case.get('name')}"] = result
    return found


@pytest.mark.timeout(400)
@pytest.mark.parametrize("suite", [suite_of_ipywidgets, suite_of_anywidget])
def test_their_suite_passes_as_without_us(
    suite: Callable[[Path], str], room: RecordingRoom, tmp_path: Path, needed: str
) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    run = functools.partial(outcomes, suite=suite(folder), needed=needed)
    with kernel_process() as kernel:
        plain = run(kernel, report=tmp_path / "plain.xml")
    with kernel_process() as kernel:
        load(kernel, room.url)
        room.wait_for(lambda: room.of("adopted"))
        loaded = run(kernel, report=tmp_path / "loaded.xml")
        assert kernel.value("'send' in vars(get_ipython().kernel.session)") is True
        unload(kernel)
    assert sum(outcome == "passed" for outcome in plain.values()) >= 79
    assert loaded == plain
