"""A room that has to be told everything again goes on where it was: the place in a half-written line, too."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

import commdoc
from commdoc.window import Window
from tests.browser.notebook import Notebook
from tests.conftest import processes_of_this_run, until

pytestmark = [pytest.mark.kernel, pytest.mark.scenario("S34"), pytest.mark.timeout(90)]

HALF_WRITTEN = {
    "at the start of the line": (r"12345678\r", "ab", "ab345678"),
    "in the line": (r"12345678\rab", "cd", "abcd5678"),
    "behind a line": (r"first\n12345678\rab", r"c\nlast", "first\nabc45678\nlast"),
    "with a backspace": (r"12345678\rabcd\b\b", "X", "abX8"),
    "at the end": (r"1234\r12\r1234", "5", "12345"),
    "and a display follows": (r"12345678\rab", None, "ab345678"),
    "and the other stream follows": (r"12345678\rab", "stderr", "ab345678"),
}
"""What was written before, after, and what is to be seen then."""


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    try:
        notebook.run("import commdoc.kernel.link as _link; _link.LAST_RETRY_SECONDS = 0.5")
        notebook.run("import sys, ipywidgets as w\nouts = [w.Output() for _ in range(10)]")
        yield notebook.load()
    finally:
        notebook.close()


def outputs_when_equal(notebook: Notebook, window: Window) -> list[list[dict[str, Any]]]:
    """Return the lists of all widgets, once the document has the kernel's."""
    comm_ids = notebook.value("[out.comm.comm_id for out in outs]")
    kernel = notebook.value("[list(out.outputs) for out in outs]")
    until(
        lambda: (
            [window.comms[each]["outputs"] if each in window.comms else None for each in comm_ids] == kernel
        ),
        what=f"the document has {str(kernel)[:800]}",
    )
    return kernel


def write(notebook: Notebook, texts: list[str | None]) -> None:
    for index, text in enumerate(texts):
        act = f"sys.stdout.write('{text}')"
        if text is None:
            act = "display('instead')"
        elif text == "stderr":
            act = "sys.stderr.write('instead')"
        notebook.run(f"with outs[{index}]: {act};")


def sidecars() -> list[int]:
    return [pid for pid, line in processes_of_this_run().items() if "commdoc.server.sidecar" in line]


def has_room(notebook: Notebook) -> bool:
    return bool(notebook.value("get_ipython().kernel._commdoc_bridge.status().trouble is None"))


@pytest.mark.parametrize("how", ["a new sidecar", "the room asks again"])
def test_later_text_goes_where_it_would_have_gone(notebook: Notebook, how: str) -> None:
    notebook.run("for out in outs: out.outputs = ()")
    befores, afters, seen = zip(*HALF_WRITTEN.values(), strict=True)
    write(notebook, list(befores))
    with commdoc.join(kernel_id=notebook.kernel_id) as window:
        window.wait_for("OutputModel")
        outputs_when_equal(notebook, window)
    if how == "a new sidecar":
        (killed,) = sidecars()
        os.kill(killed, signal.SIGKILL)
        until(lambda: set(sidecars()) - {killed} and has_room(notebook), timeout=30, what="a new sidecar")
    else:
        notebook.run(
            "bridge = get_ipython().kernel._commdoc_bridge\n"
            "bridge._message({'type': 'resync', 'comm_ids': [out.comm.comm_id for out in outs]})\n"
            "bridge.settle(10)"
        )
    with commdoc.join(kernel_id=notebook.kernel_id) as window:
        window.wait_for("OutputModel")
        outputs_when_equal(notebook, window)
        write(notebook, list(afters))
        kernel = outputs_when_equal(notebook, window)
        assert [each[0]["text"] for each in kernel[: len(seen)]] == list(seen)
        write(notebook, ["!"] * len(seen))
        outputs_when_equal(notebook, window)
