"""JupyterLab with commdoc's server extension and plugin, freshly built; and one without them, for the control runs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import chromium
from tests.browser.lab import LabNotebook, LabServer, for_each_app, lab_server
from tests.conftest import ROOT
from tests.lab.windows import LabWindow
from tests.server.jupyter.environments import python_of

__all__ = ["chromium"]  # a fixture

OpenWindow = Callable[..., LabWindow]


@pytest.fixture(scope="session")
def labextensions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin, as the wheel puts it into ``share/jupyter/labextensions``."""
    folder = tmp_path_factory.mktemp("labextensions")
    command = ["node", "build.mjs", "lab", str(folder / "@commdoc" / "lab")]
    subprocess.run(command, cwd=ROOT / "js-shim", check=True, timeout=60)
    return folder


def with_commdoc(labextensions: Path) -> list[str]:
    """Return the options of a server that has what the wheel brings."""
    return [
        "--ServerApp.jpserver_extensions=commdoc=True",
        *for_each_app("extra_labextensions_path", labextensions),
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, labextensions: Path) -> Iterator[LabServer]:
    """A JupyterLab with commdoc."""
    with lab_server(tmp_path_factory.mktemp("lab"), options=with_commdoc(labextensions)) as it:
        yield it


@pytest.fixture(scope="module")
def server_without_plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A JupyterLab with commdoc's server extension, whose windows know nothing of it."""
    options = ["--ServerApp.jpserver_extensions=commdoc=True"]
    with lab_server(tmp_path_factory.mktemp("lab-without-plugin"), options=options) as it:
        yield it


@pytest.fixture(scope="module")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A JupyterLab as it is without commdoc."""
    with lab_server(tmp_path_factory.mktemp("plain-lab")) as it:
        yield it


@pytest.fixture(scope="module")
def collaboration(tmp_path_factory: pytest.TempPathFactory, labextensions: Path) -> Iterator[LabServer]:
    """A JupyterLab with jupyter-collaboration and commdoc."""
    folder, python = tmp_path_factory.mktemp("collaboration"), python_of("collaboration")
    with lab_server(folder, options=with_commdoc(labextensions), python=python) as it:
        yield it


@pytest.fixture(scope="module")
def plain_collaboration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A JupyterLab with jupyter-collaboration, without commdoc."""
    folder = tmp_path_factory.mktemp("plain-collaboration")
    with lab_server(folder, python=python_of("collaboration")) as it:
        yield it


@pytest.fixture(scope="module")
def server_documents(tmp_path_factory: pytest.TempPathFactory, labextensions: Path) -> Iterator[LabServer]:
    """A JupyterLab with jupyter-server-documents and commdoc."""
    folder, python = tmp_path_factory.mktemp("documents"), python_of("documents")
    with lab_server(folder, options=with_commdoc(labextensions), python=python) as it:
        yield it


@pytest.fixture(scope="module")
def plain_server_documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A JupyterLab with jupyter-server-documents, without commdoc."""
    folder = tmp_path_factory.mktemp("plain-documents")
    with lab_server(folder, python=python_of("documents")) as it:
        yield it


@pytest.fixture
def open_window(chromium: Browser) -> Iterator[OpenWindow]:
    """Open windows onto notebooks; they are closed at the end."""
    windows: list[LabWindow] = []

    def opened(notebook: LabNotebook, **how: Any) -> LabWindow:
        window = LabWindow(chromium, notebook, **how)
        windows.append(window)
        return window

    yield opened
    for window in windows:
        window.close()
