"""Says what `make dist` made, and fails when a part of it is missing: ``python tools/check_dist.py dist``."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

IN_BOTH = (
    "commdoc/__init__.py",
    "commdoc/cli/main.py",
    "commdoc/server/static/saved.js",
    "commdoc/server/static/viewer.js",
    "commdoc/py.typed",
)
IN_WHEEL = (
    "etc/jupyter/jupyter_server_config.d/commdoc.json",
    "share/jupyter/labextensions/@commdoc/lab/package.json",
    "share/jupyter/labextensions/@commdoc/lab/schemas/@commdoc/lab/plugin.json",
)
"""Behind ``commdoc-<version>.data/data/``."""

IN_SDIST = (
    "commdoc/labextension/package.json",
    "js-shim/package-lock.json",
    "js-shim/build.mjs",
    "hatch_build.py",
    "LICENSE",
    "notebooks/tour.ipynb",
)
NOWHERE = ("node_modules/", "__pycache__", ".venv")


def main(folder: Path) -> None:
    """Check the one wheel and the one sdist in `folder`."""
    wheels, sdists = list(folder.glob("*.whl")), list(folder.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        sys.exit(f"{folder}: one wheel and one sdist were due, {len(wheels)} and {len(sdists)} are there")
    with zipfile.ZipFile(wheels[0]) as wheel:
        names = [name.partition(".data/data/")[2] or name for name in wheel.namelist()]
    _check(wheels[0], names, IN_BOTH + IN_WHEEL)
    with tarfile.open(sdists[0]) as sdist:
        names = [name.partition("/")[2] for name in sdist.getnames()]
    _check(sdists[0], names, IN_BOTH + IN_SDIST)


def _check(path: Path, names: list[str], due: tuple[str, ...]) -> None:
    problems = [f"{name} is missing" for name in due if name not in names]
    problems += [f"{name} has no place in it" for name in names if any(part in name for part in NOWHERE)]
    if problems:
        sys.exit(f"{path.name}: " + "; ".join(problems[:10]))
    print(f"{path.name}: {len(names)} files, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
