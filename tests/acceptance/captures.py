"""What Output widgets hold after the same cells, as four say it: nbclient and JupyterLab, both without commdoc, the
document, and JupyterLab beside it.

Lists are told apart by the order in which their widgets were opened, and widgets that are named in them by the order in
which all were, since ids differ from run to run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import commdoc
from commdoc.protocol.streams import StreamText
from commdoc.window.verify import verify
from tests.browser.lab import LabPage
from tests.browser.notebook import CellError, Notebook
from tests.conftest import ROOT

Output = dict[str, Any]

Views = list[list[tuple[str | None, str]]]
"""Of each view of a widget that is in the page: mime type and text of the outputs."""

OUTPUT_MODELS = (
    "[id for id, comm in get_ipython().kernel.comm_manager.comms.items()"
    " if type(getattr(comm._msg_callback, '__self__', None)).__name__ in ('Output', 'interactive_output')]"
)
LOAD = "get_ipython().run_line_magic('load_ext', 'commdoc')"
COMMS = "list(get_ipython().kernel.comm_manager.comms)"

VIEW_MIME = "application/vnd.jupyter.widget-view+json"
DIFFERS = re.compile(r"0x[0-9a-f]{6,}|/ipykernel_\d+/\d+|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}")
"""Addresses, files of cells, times of a log."""


class Ran(NamedTuple):
    """What a run left.

    Attributes
    ----------
    outputs : list of list of dict
        Of each Output widget its outputs.
    views : list
        Of each, what its views show; of a run in a page.
    """

    outputs: list[list[Output]]
    views: list[Views] = []  # noqa: RUF012 - nobody appends to it


def by_nbclient(sources: Sequence[str]) -> Ran:
    """Run the cells as nbclient does, which is a front end for Output widgets, too."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.acceptance.nbclient_side"],
        cwd=ROOT,
        input=json.dumps(list(sources)),
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
        check=True,
    )
    states: dict[str, dict[str, Any]] = json.loads(ran.stdout)
    return Ran(
        [
            comparable(state["outputs"], states)
            for state in states.values()
            if state.get("_model_name") == "OutputModel"
        ]
    )


def by_script(sources: Sequence[str]) -> Ran:
    """Run the cells with commdoc, and no front end that would capture; return what the document has."""
    notebook = Notebook()
    try:
        # No cell that counts: tracebacks have the number of theirs.
        notebook.client.execute(LOAD, silent=True, reply=True, timeout=60)
        for source in sources:
            try:
                notebook.run(source)
            except CellError:
                continue
        return document(notebook.kernel_id)
    finally:
        notebook.close()


def document(kernel_id: str) -> Ran:
    """Return what a late window has, which must be what the kernel has."""
    compared = verify(kernel_id=kernel_id, timeout=20)
    assert compared.equal, compared.to_dict()
    with commdoc.join(kernel_id=kernel_id) as window:
        comms = {comm_id: comm for comm_id, comm in window.comms.items() if comm.has_state}
        outputs = [
            comparable(comm["outputs"], comms) for comm in comms.values() if comm.model_name == "OutputModel"
        ]
    return Ran(outputs)


def by_page(page: LabPage, *, loaded: bool) -> tuple[Ran, Ran | None]:
    """Run the cells of an open notebook in JupyterLab; return what it shows, and what the document has."""
    if loaded:
        page.kernel_run(LOAD)
    page.run_all()
    page.kernel_run("")  # when that is done, the page has handled every message that was before it
    comms, order = page.value(COMMS), page.value(OUTPUT_MODELS)
    models, views = page.output_models(), page.output_views()
    ran = Ran(
        [comparable(models[comm_id], comms) for comm_id in order],
        [[_cleaned(view) for view in views[comm_id]] for comm_id in order],
    )
    return ran, document(page.kernel_id) if loaded else None


def comparable(outputs: Iterable[Mapping[str, Any]], comms: Iterable[str]) -> list[Output]:
    """Return outputs without what differs from run to run, and streams as they are to be seen."""
    numbers = {comm_id: f"model {number}" for number, comm_id in enumerate(comms)}
    text = json.dumps([dict(output) for output in outputs])
    for comm_id, name in numbers.items():
        text = text.replace(comm_id, name)
    found: list[Output] = json.loads(DIFFERS.sub("(differs)", text))
    for output in found:
        if output["output_type"] == "stream":
            output["text"] = StreamText(_text(output["text"])).text()
        elif VIEW_MIME in output.get("data", {}):
            # Its text is what the kernel knew of an Output then: in plain Jupyter, what had come from the page.
            output["data"]["text/plain"] = output["data"]["text/plain"].split("(")[0]
    return found


def joined(outputs: Sequence[Output]) -> list[Output]:
    """Return outputs with neighbouring streams of one name as one, which is how JupyterLab keeps them."""
    out: list[Output] = []
    for output in outputs:
        if output["output_type"] == "stream" and out and out[-1].get("name") == output["name"]:
            out[-1] = {**out[-1], "text": StreamText(out[-1]["text"] + output["text"]).text()}
        else:
            out.append(output)
    return out


def _text(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _cleaned(view: list[tuple[str | None, str]]) -> list[tuple[str | None, str]]:
    return [(mime, DIFFERS.sub("(differs)", text)) for mime, text in view]
