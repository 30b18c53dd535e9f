"""A window in Node, a sidecar and a real, busy kernel."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.browser.notebook import Notebook
from tests.conftest import until
from tests.interop.node import NodeError, NodePipe, from_browser

pytestmark = [pytest.mark.node, pytest.mark.kernel]

MESSAGES = 1_000


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    try:
        yield notebook.load()
    finally:
        notebook.close()


@pytest.fixture
def node() -> Iterator[NodePipe]:
    with NodePipe() as pipe:
        yield pipe


def a_slider(notebook: Notebook, options: str = "value=5") -> str:
    """Make a slider `s` in the kernel; return its comm id."""
    notebook.run(f"import ipywidgets as w; s = w.IntSlider({options})")
    return str(notebook.value("s.comm.comm_id"))


@pytest.mark.scenario("S07")
def test_a_window_joins_a_busy_kernel_and_asks_it(notebook: Notebook, node: NodePipe) -> None:
    comm_id = a_slider(notebook)
    with notebook.busy():
        began = time.monotonic()
        node.do("join", url=notebook.link)
        node.do("wait", comm_id=comm_id, key="value", encoded=5)
        assert time.monotonic() - began < 2
        request_id = node.do("request", comm_id=comm_id, state={"dict": {"value": {"number": "42"}}})
        node.do("wait_request", request_id=request_id, **{"for": "accepted"})
        assert node.do("encoded", comm_id=comm_id, keys=["value"]) == {"value": 42}
    node.do("wait_request", request_id=request_id)
    assert notebook.value("s.value") == 42


@pytest.mark.scenario("S12")
def test_a_value_that_the_kernel_clamps_ends_clamped(notebook: Notebook, node: NodePipe) -> None:
    comm_id = a_slider(notebook, "value=100, max=100")
    node.do("join", url=notebook.link)
    node.do("wait", comm_id=comm_id)
    request_id = node.do("request", comm_id=comm_id, state={"dict": {"value": {"number": "700"}}})
    settled = node.do("wait_request", request_id=request_id)
    assert settled["state"] == {"value": 100}
    assert node.do("encoded", comm_id=comm_id, keys=["value"]) == {"value": 100}
    told = [change for change in node.do("events", event="change")["events"] if change["keys"] == ["value"]]
    assert told, "the window was told to show the document again"


@pytest.mark.acceptance("A4")
@pytest.mark.scenario("S24", "S25")
def test_the_kernel_sets_a_value_then_sends_a_message_a_thousand_times(
    notebook: Notebook, node: NodePipe
) -> None:
    comm_id = a_slider(notebook, "max=10_000")
    node.do("join", url=notebook.link, watch=["value"])
    node.do("wait", comm_id=comm_id)
    notebook.run(f"for n in range({MESSAGES}):\n    s.value = n\n    s.send({{'n': n}}, [bytes([n % 256])])")
    node.do("wait", events="message", count=MESSAGES, timeout=30)
    events = node.do("events", event="message")["events"]
    assert [from_browser(event["data"])["content"]["n"] for event in events] == list(range(MESSAGES))
    assert [event["seen"]["value"] for event in events] == list(range(MESSAGES))
    assert {len(event["buffers"]) for event in events} == {1}


@pytest.mark.acceptance("A4")
@pytest.mark.scenario("S24", "S25")
def test_a_window_sets_a_value_then_sends_a_message_a_thousand_times(
    notebook: Notebook, node: NodePipe
) -> None:
    comm_id = a_slider(notebook, "max=10_000")
    notebook.run(
        "heard = []\ns.on_msg(lambda _, content, buffers: heard.append((content, s.value, bytes(buffers[0]))))"
    )
    node.do("join", url=notebook.link)
    node.do("wait", comm_id=comm_id)
    for n in range(MESSAGES):
        node.do("request", comm_id=comm_id, state={"dict": {"value": {"number": str(n)}}})
        data = {"dict": {"method": "custom", "content": {"number": str(n)}}}
        node.do("send", comm_id=comm_id, data=data, buffers=["AAE="])
    heard = until(
        lambda: len(found) == MESSAGES and found if (found := notebook.value("heard")) else None, timeout=30
    )
    assert heard == [(n, n, b"\x00\x01") for n in range(MESSAGES)]


@pytest.mark.scenario("S07", "S28", "S40")
def test_a_window_of_a_killed_kernel_shows_its_last_state_and_what_it_asks_fails_soon(
    notebook: Notebook, node: NodePipe
) -> None:
    comm_id = a_slider(notebook)
    first = NodePipe()
    with first:
        first.do("join", url=notebook.link)
        first.do("wait", comm_id=comm_id)
        notebook.manager.shutdown_kernel(now=True)
        first.do("wait", kernel="dead")
        node.do("join", url=notebook.link)
        assert node.do("status")["kernel"]["live"] is False
        assert node.do("encoded", comm_id=comm_id, keys=["value"]) == {"value": 5}
        request_id = node.do("request", comm_id=comm_id, state={"dict": {"value": {"number": "6"}}})
        with pytest.raises(NodeError) as failure:
            node.do("wait_request", request_id=request_id)
        assert failure.value.code == "kernel_gone"
        assert node.do("encoded", comm_id=comm_id, keys=["value"]) == {"value": 5}
