"""Small virtual environments that are made at once: they find the packages of the one in which the tests run.

What a wheel puts beside packages (server configuration, JupyterLab plugin) they have of their own, or don't have.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path
from typing import Any

from hatch_build import LAB, LAB_PLACE, SERVER_CONFIG, SERVER_CONFIG_PLACE
from tests.conftest import ROOT

WIDGETS_PLACE = "share/jupyter/labextensions/@jupyter-widgets"


def environment(folder: Path, *, commdoc: bool = True) -> str:
    """Make one and return its interpreter; without commdoc it has all the rest."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    packages = sysconfig.get_path("purelib")
    own = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    lines = [packages, *([str(ROOT)] if commdoc else [])]
    Path(own, "packages.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(folder / "bin" / "python")


def as_from_the_wheel(folder: Path) -> None:
    """Put beside the packages what wheels put there."""
    config = folder / SERVER_CONFIG_PLACE
    config.parent.mkdir(parents=True)
    shutil.copy(SERVER_CONFIG, config)
    shutil.copytree(LAB, folder / LAB_PLACE)
    Path(folder, WIDGETS_PLACE).symlink_to(Path(sysconfig.get_path("data"), WIDGETS_PLACE))


def distribution(folder: Path, name: str, version: str) -> None:
    """Write into a folder of the import path that a package has a version, whatever is really there."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
    )


class Doctor:
    """A running ``commdoc doctor`` of an environment."""

    def __init__(self, python: str, *arguments: str, env: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [python, "-m", "commdoc.cli.main", "doctor", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            text=True,
        )

    def report(self) -> Report:
        """Wait for its end."""
        output, errors = self._process.communicate(timeout=100)
        assert self._process.returncode in (0, 1), errors
        return Report(self._process.returncode, json.loads(output))


class Report:
    """What it says."""

    def __init__(self, code: int, content: dict[str, Any]) -> None:
        self.code = code
        self.findings: list[dict[str, Any]] = content["findings"]

    def of(self, check: str, about: str | None = None) -> dict[str, Any]:
        """Return the one finding of a check."""
        [found] = [
            each for each in self.findings if each["check"] == check and about in (None, each["about"])
        ]
        return found

    def but_ok(self) -> list[tuple[str, str]]:
        return [(each["state"], each["about"]) for each in self.findings if each["state"] != "ok"]
