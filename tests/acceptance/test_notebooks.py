"""A1: notebooks written by others run as they are; at rest kernel, document and late windows have the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from commdoc.window.verify import Report, verify
from tests.acceptance import node_side, notebooks
from tests.acceptance.plain import PlainFrontEnd
from tests.browser.notebook import Notebook

pytestmark = [pytest.mark.kernel, pytest.mark.node, pytest.mark.acceptance("A1"), pytest.mark.timeout(90)]

FAILS_IN_PLAIN_JUPYTER = {
    "ipywidgets-widget-list": ["FileNotFoundError"],
    "ipywidgets-output-widget": ["Exception"],
    "nbclient-output": ["ValueError"],
}
"""Errors of the cells that fail without commdoc, too; an exception inside of `with out:` ends there in a front end."""

LEAST_COMMS = {
    "ipywidgets-widget-list": 250,
    "ipywidgets-output-widget": 25,
    "nbclient-output": 12,
    "nbclient-other-comms": 1,
}


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    with closing(Notebook()) as notebook:
        yield notebook


def compared(notebook: Notebook) -> Report:
    report = verify(url=notebook.link, timeout=20, others={"node": lambda: node_side.dump(notebook.link)})
    assert not report.notes
    assert report.sides == ("kernel", "document", "window", "node")
    assert not report.differences, "\n".join(map(str, report.differences[:20]))
    return report


def run_as_in_plain_jupyter(notebook: Notebook, name: str) -> None:
    errors = [error.split(":")[0] for error in notebooks.run(notebook, name)]
    assert set(errors) <= set(FAILS_IN_PLAIN_JUPYTER.get(name, [])), errors


@pytest.mark.parametrize("name", notebooks.NAMES)
def test_loaded_first(notebook: Notebook, name: str) -> None:
    notebook.load()
    run_as_in_plain_jupyter(notebook, name)
    assert compared(notebook).comms >= LEAST_COMMS[name]


@pytest.mark.parametrize("name", notebooks.NAMES)
def test_loaded_after(notebook: Notebook, name: str) -> None:
    run_as_in_plain_jupyter(notebook, name)
    notebook.load()
    assert compared(notebook).comms >= LEAST_COMMS[name]


@pytest.mark.parametrize("name", ["ipywidgets-widget-list", "ipywidgets-output-widget"])
@pytest.mark.parametrize("loaded", ["first", "after"])
def test_with_a_plain_front_end_that_moves_things(notebook: Notebook, name: str, loaded: str) -> None:
    plain = PlainFrontEnd(notebook.manager.connection_file)
    try:
        if loaded == "first":
            notebook.load()
        run_as_in_plain_jupyter(notebook, name)
        if loaded == "after":
            notebook.load()
        notebook.run("import asyncio; await asyncio.sleep(1)")
    finally:
        plain.close()
    assert plain.moved > 50
    assert compared(notebook).comms >= LEAST_COMMS[name]
