"""What Output widgets capture, in a real kernel behind a real sidecar: once, in the document, and in the
kernel's trait.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

import commdoc
from commdoc.window import Window
from commdoc.window.verify import verify
from tests.browser.notebook import Notebook
from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(90)]

START = r"""
import ipywidgets as w, logging, sys, threading, time, asyncio
from IPython.display import HTML, clear_output, display, update_display
out = w.Output()
def texts(output):
    return [(o["output_type"], o.get("text") or o.get("data", {}).get("text/plain")) for o in output.outputs]
"""


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    try:
        yield notebook.load()
    finally:
        notebook.close()


@pytest.fixture
def window(notebook: Notebook) -> Iterator[Window]:
    notebook.run("import ipywidgets; ipywidgets.Widget.close_all()")
    notebook.run(START)
    with commdoc.join(url=notebook.link) as window:
        window.wait_for("OutputModel")
        yield window


def captured(notebook: Notebook, window: Window, name: str = "out") -> list[tuple[str, Any]]:
    """Return type and text of the outputs of one widget, when kernel and document agree."""
    comm_id = notebook.value(f"{name}.comm.comm_id")
    kernel = notebook.value(f"list({name}.outputs)")
    until(
        lambda: comm_id in window.comms and window.comms[comm_id]["outputs"] == kernel,
        what=f"the document has {str(kernel)[:500]}",
    )
    return [(each["output_type"], each.get("text") or _plain(each)) for each in kernel]


def _plain(output: dict[str, Any]) -> Any:
    return output.get("data", {}).get("text/plain")


@pytest.mark.scenario("S30")
def test_every_kind_of_output_goes_into_the_widget_and_not_into_the_cell(
    notebook: Notebook, window: Window
) -> None:
    printed = notebook.run(
        "with out:\n"
        "    print('one'); print('two', file=sys.stderr); display(3)\n"
        "    get_ipython().run_cell('40 + 2', silent=False) and None\n"
        "    1 / 0\n"
        "print('cell')"
    )
    assert printed == "cell\n"
    kinds = captured(notebook, window)
    assert kinds[:3] == [("stream", "one\n"), ("stream", "two\n"), ("display_data", "3")]
    assert [kind for kind, _ in kinds[3:]] == ["execute_result", "error"]


@pytest.mark.scenario("S31")
def test_an_inner_output_gives_the_capture_back(notebook: Notebook, window: Window) -> None:
    notebook.run(
        "inner, closed = w.Output(), w.Output()\n"
        "with out:\n"
        "    print('before')\n"
        "    with inner:\n        print('inner')\n        1 / 0\n"
        "    print('between')\n"
        "    with closed:\n        print('closed', flush=True); closed.close(); print('after its close')\n"
        "    print('after')\n"
    )
    assert captured(notebook, window) == [("stream", "before\nbetween\nafter its close\nafter\n")]
    assert [kind for kind, _ in captured(notebook, window, "inner")] == ["stream", "error"]


@pytest.mark.scenario("S32")
def test_it_is_captured_where_the_user_put_it(notebook: Notebook, window: Window) -> None:
    printed = notebook.run(
        "@out.capture()\ndef called(change): print('callback', change['new'])\n"
        "s = w.IntSlider(); s.observe(called, 'value')\n"
        "def thread():\n    out.append_stdout('thread\\n')\n"
        "t = threading.Thread(target=thread); t.start(); t.join()\n"
        "with out:\n    print('block')\n"
        "class Handler(logging.Handler):\n"
        "    def emit(self, record): out.append_stderr(self.format(record))\n"
        "log = logging.getLogger('mine'); log.addHandler(Handler()); log.propagate = False; log.error('logged')\n"
        "async def late():\n    with out:\n        await asyncio.sleep(0.05)\n        print('async')\n"
        "await late()\n"
    )
    assert printed == ""
    slider = window.wait_for("IntSliderModel")
    slider.set(value=7)
    until(lambda: "callback 7" in str(notebook.value("texts(out)[-1]")) or None, what="the callback printed")
    assert captured(notebook, window) == [
        ("stream", "thread\nblock\n"),
        ("stream", "logged"),
        ("stream", "async\ncallback 7\n"),
    ]


@pytest.mark.scenario("S33")
def test_an_updated_display_changes_everywhere(notebook: Notebook, window: Window) -> None:
    notebook.run(
        "other = w.Output()\n"
        "for each in (out, other):\n"
        "    with each:\n        display('old', display_id='shown'); print('beside')\n"
        "display('old', display_id='shown')"
    )
    notebook.run("update_display('x' * 3_000, display_id='shown')")
    expected = [("display_data", repr("x" * 3_000)), ("stream", "beside\n")]
    assert captured(notebook, window) == expected
    assert captured(notebook, window, "other") == expected


@pytest.mark.scenario("S34")
def test_a_bar_that_is_redrawn_is_one_line(notebook: Notebook, window: Window) -> None:
    notebook.run("with out:\n    for n in range(10_000): print(f'\\r{n / 100:6.2f} %', end='')")
    assert captured(notebook, window) == [("stream", " 99.99 %")]


@pytest.mark.scenario("S35")
def test_a_waiting_clear_waits_for_the_next_output(notebook: Notebook, window: Window) -> None:
    notebook.run("with out: print('old')")
    notebook.run("out.clear_output(wait=True)")
    assert captured(notebook, window) == [("stream", "old\n")]
    notebook.run("with out: print('new')")
    assert captured(notebook, window) == [("stream", "new\n")]
    notebook.run("out.clear_output()")
    assert captured(notebook, window) == []


@pytest.mark.scenario("S36")
def test_a_client_without_a_window_captures_all(notebook: Notebook, window: Window) -> None:
    window.close()
    notebook.run("with out:\n    for n in range(1_000): print('line', n)")
    with commdoc.join(url=notebook.link) as late:
        late.wait_for("OutputModel")
        assert captured(notebook, late) == [("stream", "".join(f"line {n}\n" for n in range(1_000)))]


@pytest.mark.scenario("S38")
def test_plain_front_ends_are_told_the_list_and_never_to_capture(notebook: Notebook, window: Window) -> None:
    msg_id = notebook.start("with out:\n    print('one')\n    display(2)")
    told = []
    while True:
        message = notebook.client.get_iopub_msg(timeout=20)
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        assert message["msg_type"] not in ("stream", "display_data")
        if message["msg_type"] == "comm_msg":
            told.append(message["content"]["data"]["state"])
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            break
    assert [set(state) for state in told] == [{"outputs"}] * len(told)
    assert [each["output_type"] for each in told[-1]["outputs"]] == ["stream", "display_data"]


def test_outputs_that_a_user_sets_are_the_list(notebook: Notebook, window: Window) -> None:
    notebook.run("with out: print('gone')")
    notebook.run("out.outputs = ({'output_type': 'stream', 'name': 'stdout', 'text': 'set\\n'},)")
    notebook.run("with out: print('more')")
    notebook.run("out.append_display_data(HTML('<b>x</b>'))")
    assert [kind for kind, _ in captured(notebook, window)] == ["stream", "display_data"]
    assert notebook.value("out.outputs[0]['text']") == "set\nmore\n"


def test_a_list_that_is_set_right_after_a_capture_stays_as_it_was_set(
    notebook: Notebook, window: Window
) -> None:
    notebook.run(
        "for _ in range(20):\n    with out: print('gone')\n    out.outputs = ()\n    assert out.outputs == ()"
    )
    assert captured(notebook, window) == []


@pytest.mark.acceptance("A1")
def test_kernel_document_and_window_are_the_same(notebook: Notebook, window: Window) -> None:
    notebook.run(
        "with out:\n    print('x' * 5_000); display(w.IntSlider()); display({'k': float('nan')})\nlen(out.outputs)"
    )
    report = verify(url=notebook.link)
    assert report.equal, report.to_dict()


@pytest.mark.scenario("S41")
def test_unloading_leaves_the_trait_as_it_was(notebook: Notebook, window: Window) -> None:
    notebook.run("with out: print('kept')")
    notebook.run("%unload_ext commdoc")
    try:
        assert notebook.value("[o['text'] for o in out.outputs]") == ["kept\n"]
        assert notebook.value("'get' in vars(type(out).outputs) or 'set' in vars(type(out).outputs)") is False
    finally:
        notebook.load()


def test_bytes_that_a_display_shows_are_text_as_jupyter_sends_them(
    notebook: Notebook, window: Window
) -> None:
    notebook.run(
        "class Figure:\n"
        "    def _repr_png_(self): return b'\\x89PNG' + bytes(3_000)\n"
        "with out:\n    display(Figure()); display({'x/y+json': [{'a': b'1'}]}, raw=True)\n"
    )
    captured(notebook, window)
    shown = notebook.value("[o['data'] for o in out.outputs]")
    assert base64.b64decode(shown[0]["image/png"]) == b"\x89PNG" + bytes(3_000)
    assert shown[1] == {"x/y+json": [{"a": "MQ=="}]}


def test_what_jupyter_refuses_is_refused_in_the_cell_and_costs_no_other_output(
    notebook: Notebook, window: Window
) -> None:
    notebook.run(
        "other = w.Output()\n"
        "def refused(data):\n"
        "    try: display(data, raw=True)\n"
        "    except Exception as error: return type(error).__name__\n"
        "with out:\n"
        "    errors = [refused({'x/y+json': {1, object()}}), refused({'text/plain': '\\ud800'})]\n"
        "    print('a\\ud800b')\n"
        "with other: print('other')\n"
    )
    assert notebook.value("errors") == ["ValueError", "UnicodeEncodeError"]
    assert captured(notebook, window) == [("stream", "a?b\n")]
    assert captured(notebook, window, "other") == [("stream", "other\n")]
    until(lambda: window.kernel.status == "idle")


def test_a_list_that_jupyter_refuses_costs_no_other_comm(notebook: Notebook, window: Window) -> None:
    notebook.run(
        "def bad(): return {'output_type': 'display_data', 'data': {'text/plain': object()}, 'metadata': {}}\n"
        "try: out.outputs = (bad(),)\n"
        "except ValueError as error: print(error)\n"
        "with out: print('more')\n"
        "slider = w.IntSlider(value=41)"
    )
    until(lambda: window.kernel.status == "idle")
    notebook.run("%unload_ext commdoc")
    notebook.load()
    comm_id, other = notebook.value("out.comm.comm_id"), notebook.value("slider.comm.comm_id")
    with commdoc.join(url=notebook.link) as late:
        until(lambda: other in late.comms and comm_id in late.comms, what="all comms are in the room")
        texts = [output["text"] for output in late.comms[comm_id]["outputs"]]
    assert len(texts) == 2
    assert texts[0].startswith("[output left out:")
    assert texts[1] == "more\n"
