"""Prints ``constraints.txt``: a pin for each package that this environment has, ``make pins``.

A package whose newest release has left Python 3.10 gets a second pin, with the release that pip picks for it there.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

NOT_PINNED = {"commdoc", "pip", "setuptools", "wheel"}
OLDEST = "3.10"
EXTRAS = ("demo", "test", "dev")
HEADER = """\
# Every package of the development environment, pinned. Written by `make pins`; `make setup` reads it.
"""


def main() -> None:
    """Print the file."""
    here, left = {}, set()
    for dist in importlib.metadata.distributions():
        name = canonicalize_name(dist.metadata["Name"])
        if name in NOT_PINNED:
            continue
        here[name] = dist.version
        supported = str(dist.metadata.json.get("requires_python", ""))
        if not SpecifierSet(supported).contains(f"{OLDEST}.99"):
            left.add(name)
    old = _versions_for_oldest()
    lines = [HEADER]
    for name, version in sorted(here.items()):
        if name not in left:
            lines.append(f"{name}=={version}\n")
            continue
        lines.append(f'{name}=={version} ; python_version > "{OLDEST}"\n')
        if name in old:
            lines.append(f'{name}=={old[name]} ; python_version <= "{OLDEST}"\n')
    sys.stdout.writelines(lines)


def _versions_for_oldest() -> dict[str, str]:
    """Return what pip would install for the oldest Python."""
    requirements = [Requirement(text) for text in importlib.metadata.requires("commdoc") or []]
    names = [
        f"{each.name}{each.specifier}"
        for each in requirements
        if each.name != "commdoc"
        and (each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in EXTRAS))
    ]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        pip += [
            "--python-version",
            OLDEST,
            "--only-binary=:all:",
            "--target",
            folder,
            "--report",
            str(report),
        ]
        # The pins of now would be read for this Python, whose releases the oldest doesn't have.
        free = {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}
        subprocess.run([*pip, *names], check=True, stdout=sys.stderr, env=free)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {canonicalize_name(item["metadata"]["name"]): item["metadata"]["version"] for item in found}


if __name__ == "__main__":
    main()
