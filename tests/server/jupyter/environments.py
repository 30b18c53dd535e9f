"""Environments of their own for servers with a collaboration extension (two of these can't be in one environment), with
other releases of JupyterLab and Notebook, and for kernels with published anywidgets and what these need.

Made once, beside the checkout's other made things (``.make``), from the pins of ``collaboration.txt`` and the other
files here; made anew when these change. The checkout itself is in their import path.

    python tests/server/jupyter/environments.py      makes all
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Literal

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent

Name = Literal["anywidgets", "collaboration", "documents", "lab42", "notebook7"]

LAB = ["jupyterlab", "jupyter_server", "ipykernel", "ipywidgets", "anywidget", "pycrdt"]
PACKAGES: dict[Name, list[str]] = {
    "anywidgets": [
        *["anywidget", "ipykernel", "ipywidgets", "pycrdt"],
        *["altair", "vl-convert-python"],  # which has altair's front end for pages without a network
        *["drawdata", "ipyniivue", "itables", "jupyter-rfb", "jupyter-scatter", "mosaic-widget", "plotly"],
        *["quak", "wigglystuff"],
    ],
    "collaboration": ["jupyter_collaboration", "jupyter_server", "ipykernel", "ipywidgets"],
    "documents": ["jupyter_server_documents", "jupyterlab", "jupyter_server", "ipykernel", "ipywidgets"],
    "lab42": LAB,
    "notebook7": ["notebook", *LAB],
}
OURS = ["click", "filelock", "psutil", "rich", "typing_extensions", "websockets"]
"""What commdoc asks for and the extensions don't bring."""


def python_of(name: Name) -> str:
    """Return the interpreter of an environment, which is made if it is not there."""
    pins = HERE / f"{name}.txt"
    digest = hashlib.sha256(pins.read_bytes() + repr((sys.version_info[:3], PACKAGES[name])).encode())
    folder = ROOT / ".make" / "environments" / f"{name}-{digest.hexdigest()[:12]}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            venv.create(folder, clear=True, with_pip=True)
            free = {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*install, "-c", str(pins), *PACKAGES[name], *OURS], check=True, env=free)
            where = "import sysconfig; print(sysconfig.get_path('purelib'))"
            packages = subprocess.run(
                [str(python), "-c", where], check=True, capture_output=True, text=True
            ).stdout
            Path(packages.strip(), "commdoc-checkout.pth").write_text(f"{ROOT}\n", encoding="utf-8")
            (folder / "complete").touch()
    return str(python)


if __name__ == "__main__":
    for each in PACKAGES:
        print(python_of(each))
