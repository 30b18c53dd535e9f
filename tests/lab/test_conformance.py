"""The AFM conformance cases in Chromium, with real kernels: our hosts, and anywidget's own front end in JupyterLab."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from playwright.sync_api import Browser

from tests.browser.lab import LabServer
from tests.browser.notebook import Notebook
from tests.browser.own_page import OwnPage
from tests.conftest import ROOT
from tests.lab.windows import LabWindow

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kernel,
    pytest.mark.acceptance("D2"),
    pytest.mark.timeout(600),  # the first test runs all cases on all hosts
]

SHIM: Final = ROOT / "js-shim"

KERNEL: Final = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("conformance", {str(SHIM / "conformance" / "kernel.py")!r})
conformance = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conformance)
"""
"""What a kernel needs to do the cases' steps."""

KINDS: Final = re.compile(r"\b(?:ArrayBuffer|DataView|[A-Z]\w+Array)(?=\[)")
"""How the browser has bytes; a kernel has bytes."""

Trace = list[str]


@dataclass(frozen=True)
class Host:
    """A column of the table."""

    name: str
    differences: tuple[str, ...]
    """Where a case says what this host leaves when that is not what the specification has; the first that is there."""


OURS: Final = Host("commdoc/afm", ())
PAGE: Final = Host("anywidget in commdoc's page", ("anywidget",))
LAB: Final = Host("anywidget in JupyterLab", ("jupyterlab", "anywidget"))
HOSTS: Final = (OURS, PAGE, LAB)
each_host = pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)


def difference(case: dict[str, Any], host: Host) -> dict[str, Any]:
    """Return what a case says of a host that leaves something else than the specification has."""
    return next((case[key] for key in host.differences if key in case), {})


def expected(case: dict[str, Any], host: Host) -> Trace:
    """Return the trace that a host has to leave."""
    return list(difference(case, host).get("trace", case["trace"]))


def heard_of(trace: Trace) -> Trace:
    """Return what a kernel hears of a trace."""
    return [KINDS.sub("", line) for line in trace if line.startswith("kernel ←")]


@dataclass
class Traces:
    """What the hosts have left: host and case to trace; and what the kernels have heard of it."""

    cases: list[dict[str, Any]]
    left: dict[tuple[str, str], Trace] = field(default_factory=dict)
    heard: dict[tuple[str, str], Trace] = field(default_factory=dict)

    def run(self, host: Host, judge: Callable[[str], dict[str, Any]], kernel: Callable[[str], Any]) -> None:
        """Run all cases on a host; `kernel` gives the value of an expression in it."""
        for case in self.cases:
            key = host.name, case["name"]
            self.left[key] = judge(case["name"])["trace"]
            self.heard[key] = kernel("conformance.heard()")

    def table(self) -> str:
        """Return which host leaves what the specification has."""
        rows = [["case", *(host.name for host in HOSTS), "same trace"], ["---"] * (len(HOSTS) + 2)]
        for case in self.cases:
            traces = {host: self.left[host.name, case["name"]] for host in HOSTS}
            verdicts = [
                "as specified"
                if trace == case["trace"]
                else "known"
                if trace == expected(case, host)
                else "?"
                for host, trace in traces.items()
            ]
            same = traces[OURS] == traces[LAB]
            rows.append(
                [case["name"], *verdicts, "yes" if same else difference(case, LAB).get("because", "no")]
            )
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@pytest.fixture(scope="module")
def traces(chromium: Browser, plain_server: LabServer, tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """Of all cases on all hosts."""
    folder = tmp_path_factory.mktemp("conformance")
    command = ["node", "test/conformance/bundle.mjs", str(folder)]
    subprocess.run(command, cwd=SHIM, check=True, timeout=60)
    its = Traces(json.loads((folder / "cases.json").read_text(encoding="utf-8")))
    run_in_a_room(its, chromium, (folder / "room-page.js").read_text(encoding="utf-8"))
    run_in_lab(its, chromium, plain_server, (folder / "lab-page.js").read_text(encoding="utf-8"))
    return its


def run_in_a_room(traces: Traces, chromium: Browser, script: str) -> None:
    """Run the cases in a page of a real room, whose kernel makes the comms."""
    notebook = Notebook()
    try:
        notebook.load().run(KERNEL)

        def tell(step: str) -> None:
            notebook.run(f"conformance.step({step!r})")

        files = {"page.js": script}
        with OwnPage(chromium, notebook.link, files, script="page.js", tellKernel=tell) as own:
            own.page.wait_for_function("window.judgeCase !== undefined")
            for host, name in ((OURS, "afm"), (PAGE, "page")):

                def judge(case: str, name: str = name) -> dict[str, Any]:
                    return dict(own.page.evaluate("names => judgeCase(...names)", [case, name]))

                traces.run(host, judge, notebook.value)
    finally:
        notebook.close()


def run_in_lab(traces: Traces, chromium: Browser, server: LabServer, script: str) -> None:
    """Run the cases in JupyterLab as it is, with the anywidget that is installed."""
    window = LabWindow(chromium, server.add("conformance.ipynb", ["conformance.probe"]))
    client = BlockingKernelClient(connection_file=server.connection_file(window.kernel_id))
    client.load_connection_file()
    client.start_channels()
    try:
        window.kernel_run(KERNEL)

        def tell(step: str) -> None:
            reply = client.execute_interactive(
                f"conformance.step({step!r})", silent=True, output_hook=lambda _: None
            )
            assert reply["content"]["status"] == "ok", reply["content"]

        window.page.expose_function("tellKernel", tell)
        window.page.evaluate(script)
        traces.run(LAB, lambda case: window.page.evaluate("name => judgeCase(name)", case), window.value)
    finally:
        client.stop_channels()
        window.close()


@each_host
def test_every_case_leaves_the_trace_that_is_written(traces: Traces, host: Host) -> None:
    left = {case["name"]: traces.left[host.name, case["name"]] for case in traces.cases}
    assert left == {case["name"]: expected(case, host) for case in traces.cases}


@each_host
def test_the_kernel_has_heard_what_the_trace_says(traces: Traces, host: Host) -> None:
    names = [case["name"] for case in traces.cases]
    heard = {name: traces.heard[host.name, name] for name in names}
    assert heard == {name: heard_of(traces.left[host.name, name]) for name in names}


def test_what_differs_from_anywidget_in_jupyterlab_is_what_is_listed(
    traces: Traces, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\n{traces.table()}")
    different = {
        case["name"]
        for case in traces.cases
        if traces.left[OURS.name, case["name"]] != traces.left[LAB.name, case["name"]]
    }
    assert different == {case["name"] for case in traces.cases if difference(case, LAB)}
