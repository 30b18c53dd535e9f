"""B1: the document has of Output widgets what nbclient computes for the same cells, and what JupyterLab shows that has
no commdoc; beside commdoc JupyterLab shows the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.acceptance import notebooks
from tests.acceptance.capture_cells import DISPLAY_IDS, NOTEBOOKS, SLOW, cells
from tests.acceptance.captures import LOAD, Output, Ran, by_nbclient, by_page, by_script, document, joined
from tests.browser.conftest import chromium
from tests.browser.lab import LabPage, LabServer, lab_server
from tests.conftest import until

__all__ = ["chromium"]

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.browser,
    pytest.mark.acceptance("B1"),
    pytest.mark.timeout(120),
]

GIVEN = ("nbclient-output", "ipywidgets-output-widget")


@cache
def sources(name: str) -> tuple[str, ...]:
    own = {**NOTEBOOKS, "display ids": cells(DISPLAY_IDS)}
    return tuple(own[name] if name in own else notebooks.cells(name))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with lab_server(tmp_path_factory.mktemp("lab")) as server:
        yield server


class Runs:
    """Runs each notebook once in each way, when a test asks for it."""

    def __init__(self, browser: Browser, server: LabServer) -> None:
        self._browser = browser
        self._server = server
        self._ran: dict[tuple[str, str], Ran] = {}

    def nbclient(self, name: str) -> Ran:
        return self._once(name, "nbclient", lambda: by_nbclient(sources(name)))

    def script(self, name: str) -> Ran:
        return self._once(name, "script", lambda: by_script(sources(name)))

    def lab(self, name: str, *, loaded: bool) -> Ran:
        return self._once(name, f"lab {loaded}", lambda: self._in_lab(name, loaded))

    def document(self, name: str) -> Ran:
        """Of the run in JupyterLab."""
        self.lab(name, loaded=True)
        return self._ran[name, "document"]

    def _once(self, name: str, way: str, run: Any) -> Ran:
        if (name, way) not in self._ran:
            self._ran[name, way] = run()
        return self._ran[name, way]

    def _in_lab(self, name: str, loaded: bool) -> Ran:
        notebook = self._server.add(f"{name}-{loaded}.ipynb", sources(name))
        page = LabPage(self._browser, notebook)
        try:
            ran, document = by_page(page, loaded=loaded)
            page.command("kernelmenu:shutdown")
        finally:
            page.close()
        if document is not None:
            self._ran[name, "document"] = document
        return ran


@pytest.fixture(scope="module")
def runs(chromium: Browser, server: LabServer) -> Runs:
    return Runs(chromium, server)


def same(ours: list[list[Output]], theirs: list[list[Output]], *, join: bool = False) -> None:
    assert len(ours) == len(theirs) > 0
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert (joined(mine) if join else mine) == (joined(other) if join else other), f"Output {number}"


NAMES = (*GIVEN, *NOTEBOOKS)

MIXED = "by hand and captured"


@pytest.mark.parametrize("name", [name for name in NAMES if name != MIXED])
def test_the_document_has_what_nbclient_computes(runs: Runs, name: str) -> None:
    same(runs.script(name).outputs, runs.nbclient(name).outputs)


def test_nbclient_alone_forgets_what_was_set_by_hand(runs: Runs) -> None:
    # The evidence for its absence above: `append_stdout("one")`, and no clear; JupyterLab shows it, too.
    lists = [runs.nbclient(MIXED), runs.script(MIXED), runs.lab(MIXED, loaded=False)]
    assert ["one" in str(ran.outputs[0]) for ran in lists] == [False, True, True]


@pytest.mark.parametrize("name", NAMES)
def test_the_document_has_what_jupyterlab_shows_without_commdoc(runs: Runs, name: str) -> None:
    same(runs.script(name).outputs, runs.lab(name, loaded=False).outputs, join=True)


@pytest.mark.parametrize("name", NAMES)
def test_jupyterlab_beside_commdoc_shows_the_same_once(runs: Runs, name: str) -> None:
    beside, without = runs.lab(name, loaded=True), runs.lab(name, loaded=False)
    same(beside.outputs, without.outputs)
    assert beside.views == without.views
    same(runs.document(name).outputs, runs.script(name).outputs)


@pytest.mark.scenario("S33")
def test_only_commdoc_updates_a_display_in_an_output(runs: Runs) -> None:
    name = "display ids"
    ways = [runs.nbclient(name), runs.lab(name, loaded=False), runs.lab(name, loaded=True), runs.script(name)]
    shown = [[ran.outputs[index][0]["data"]["text/plain"] for index in (0, 1)] for ran in ways]
    assert shown == [["'old'"] * 2, ["'old'"] * 2, ["'new'"] * 2, ["'new'"] * 2]


@pytest.mark.scenario("S36")
@pytest.mark.acceptance("B2")
def test_the_page_that_runs_the_cell_closes_in_the_middle(chromium: Browser, server: LabServer) -> None:
    page = LabPage(chromium, server.add("closed.ipynb", cells(SLOW)))
    try:
        page.kernel_run(LOAD)
        page.run(0)
        kernel_id = page.kernel_id
        page.page.evaluate("() => { lab.run(1); }")
        page.wait_for("async () => JSON.stringify(await lab.outputModels()).includes('line 20')")
    finally:
        page.close()
    lines = "".join(f"line {n}\n" for n in range(200))
    expected = [{"output_type": "stream", "name": "stdout", "text": lines}]
    until(
        lambda: document(kernel_id).outputs[0] == expected, timeout=30, what="all lines are in the document"
    )
