"""A2: every kind of comm, in a real kernel behind a real sidecar."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

import commdoc
from commdoc.window import Window
from commdoc.window.verify import verify
from tests.acceptance import node_side
from tests.acceptance.plain import PlainFrontEnd
from tests.browser.notebook import Notebook

pytestmark = [pytest.mark.kernel, pytest.mark.acceptance("A2"), pytest.mark.timeout(60)]

SUBCLASS = """
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = "export default {render({model, el}) { el.innerText = model.get('value') }}" + " " * 2000
    value = traitlets.Int(0).tag(sync=True)
    data = traitlets.Bytes(b"").tag(sync=True)
    def __init__(self, **options):
        super().__init__(**options)
        self.on_msg(self._answer)
    def _answer(self, widget, content, buffers):
        self.send({"echo": content, "value": self.value}, [bytes(b)[::-1] for b in buffers])
it = Counter(value=3, data=b"\\x00\\xff" * 600)
"""

DATACLASS = """
import dataclasses, psygnal
from anywidget.experimental import widget
@widget(esm="export default {}")
@psygnal.evented
@dataclasses.dataclass
class Counter:
    value: int = 3
    name: str = "a"
it = Counter()
it._repr_mimebundle_()
"""

PSYGNAL = """
import dataclasses, psygnal
from anywidget._descriptor import MimeBundleDescriptor
@dataclasses.dataclass
class Counter:
    events = psygnal.SignalGroupDescriptor()
    _repr_mimebundle_ = MimeBundleDescriptor(_esm="export default {}")
    value: int = 3
    name: str = "a"
it = Counter()
it._repr_mimebundle_()
"""

PYDANTIC = """
import pydantic, psygnal
from typing import ClassVar
from anywidget._descriptor import MimeBundleDescriptor
class Counter(psygnal.EventedModel):
    value: int = 3
    name: str = "a"
    _repr_mimebundle_: ClassVar = MimeBundleDescriptor(_esm="export default {}")
it = Counter()
it._repr_mimebundle_()
"""

MSGSPEC = """
import msgspec, psygnal
from anywidget._descriptor import MimeBundleDescriptor
class Counter(msgspec.Struct, weakref=True):
    value: int = 3
    name: str = "a"
Counter.events = psygnal.SignalGroupDescriptor()
Counter.events.__set_name__(Counter, "events")
Counter._repr_mimebundle_ = MimeBundleDescriptor(_esm="export default {}")
Counter._repr_mimebundle_.__set_name__(Counter, "_repr_mimebundle_")
it = Counter()
it._repr_mimebundle_()
"""

KINDS = {
    "subclass": SUBCLASS,
    "dataclass": DATACLASS,
    "psygnal": PSYGNAL,
    "pydantic": PYDANTIC,
    "msgspec": MSGSPEC,
}


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    with closing(Notebook()) as notebook:
        yield notebook


def controls(name: str) -> dict[str, str]:
    """Return what a front end says of a model of the core widgets."""
    module = {"_model_module": "@jupyter-widgets/controls", "_model_module_version": "2.0.0"}
    view = {"_view_module": "@jupyter-widgets/controls", "_view_module_version": "2.0.0"}
    return {**module, **view, "_model_name": f"{name}Model", "_view_name": f"{name}View"}


def assert_mirrored(notebook: Notebook) -> None:
    report = verify(url=notebook.link, timeout=10, others={"node": lambda: node_side.dump(notebook.link)})
    assert report.equal, "\n".join([*map(str, report.differences[:20]), *report.notes])


@pytest.mark.node
@pytest.mark.parametrize("when", ["first", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_anywidget(notebook: Notebook, kind: str, when: str) -> None:
    if when == "first":
        notebook.load()
    notebook.run(KINDS[kind])
    if when == "after":
        notebook.load()
    with commdoc.join(url=notebook.link) as window:
        model = window.wait_for("AnyModel")
        assert model.model_module == "anywidget"
        assert model["value"] == 3
        assert_mirrored(notebook)
        assert model.set(value=8) == {"value": 8}
        assert notebook.value("it.value") == 8
        notebook.run("it.value = 9")
        window.wait_until(lambda: model["value"] == 9)
        assert_mirrored(notebook)


def test_messages_of_an_anywidget_pass_raw_and_in_order(notebook: Notebook) -> None:
    notebook.load()
    notebook.run(SUBCLASS)
    with commdoc.join(url=notebook.link) as window, commdoc.join(url=notebook.link) as other:
        model = window.wait_for("AnyModel")
        heard: list[Any] = []
        also: list[Any] = []
        model.on_custom(lambda content, buffers: heard.append((content, buffers)))
        other.wait_for("AnyModel").on_custom(lambda content, buffers: also.append((content, buffers)))
        for n in range(100):
            model.set(value=n, wait=False)
            model.send({"n": n, "é": None}, [b"", bytes([n, 0, 255])])
        window.wait_until(lambda: len(heard) == 100, timeout=20)
        other.wait_until(lambda: len(also) == 100)
        expected = [
            ({"echo": {"n": n, "é": None}, "value": n}, [b"", bytes([255, 0, n])]) for n in range(100)
        ]
        assert heard == expected
        assert also == expected


def test_a_comm_that_a_plain_front_end_opens(notebook: Notebook) -> None:
    notebook.load()
    notebook.run("import ipywidgets")
    plain = PlainFrontEnd(notebook.manager.connection_file, moving=False)
    try:
        with commdoc.join(url=notebook.link) as window:
            data = {"state": {**controls("IntSlider"), "value": 4}, "buffer_paths": []}
            content = {"comm_id": "from-front-end", "target_name": "jupyter.widget", "data": data}
            plain.send("comm_open", content, metadata={"version": "2.1.0"})
            slider = window.wait_for("from-front-end")
            window.wait_until(lambda: slider["value"] == 4)
            assert slider.model_name == "IntSliderModel"
            assert_mirrored(notebook)
            plain.update("from-front-end", {"value": 700})
            window.wait_until(lambda: slider["value"] == 100)
            assert slider.set(value=5) == {"value": 5}
            assert_mirrored(notebook)
    finally:
        plain.close()


def test_a_comm_that_a_window_opens(notebook: Notebook) -> None:
    notebook.load()
    notebook.run("import ipywidgets")
    with commdoc.join(url=notebook.link) as window, commdoc.join(url=notebook.link) as other:
        state = {**controls("Image"), "value": b"\x89PNG"}
        image = window.open("jupyter.widget", {"state": state}, {"version": "2.1.0"})
        window.wait_until(lambda: image["value"] == b"\x89PNG")
        assert other.wait_for("ImageModel")["value"] == b"\x89PNG"
        assert_mirrored(notebook)
        image.close()
        other.wait_until(lambda: not other.find("ImageModel"))
        assert_mirrored(notebook)


DIRECT = """
from comm import get_comm_manager
from ipykernel.comm import Comm
def opened(comm, message):
    comm.on_msg(lambda message: answer(comm, message))
def answer(comm, message):
    comm.send({"got": message["content"]["data"]}, buffers=[bytes(b)[::-1] for b in message["buffers"]])
get_comm_manager().register_target("mine", opened)
"""


def direct(window: Window) -> list[Any]:
    heard: list[Any] = []
    mine = window.wait_for("mine")
    assert not mine.has_state
    mine.on_custom(lambda data, buffers: heard.append((data, buffers)))
    for n in range(100):
        mine.send({"n": n, "nan": "x"}, [bytes([n, 1])])
    window.wait_until(lambda: len(heard) == 100, timeout=20)
    return heard


ANSWERS = [({"got": {"n": n, "nan": "x"}}, [bytes([1, n])]) for n in range(100)]


@pytest.mark.parametrize("when", ["first", "after"])
def test_a_direct_comm_with_a_target_of_its_own(notebook: Notebook, when: str) -> None:
    if when == "first":
        notebook.load()
    notebook.run(DIRECT)
    notebook.run("it = Comm(target_name='mine', data={'id': 'foo'}, metadata={'m': 1})")
    notebook.run("it.on_msg(lambda message: answer(it, message))")
    if when == "after":
        notebook.load()
    with commdoc.join(url=notebook.link) as window:
        mine = window.wait_for("mine")
        assert (mine.target_name, mine.model_name) == ("mine", None)
        if when == "first":
            assert mine.data == {"id": "foo"}
        assert direct(window) == ANSWERS
        assert_mirrored(notebook)


def test_a_direct_comm_that_a_window_opens(notebook: Notebook) -> None:
    notebook.load()
    notebook.run(DIRECT)
    with commdoc.join(url=notebook.link) as window:
        mine = window.open("mine", {"id": 1})
        assert mine.data == {"id": 1}
        assert direct(window) == ANSWERS
        with pytest.raises(commdoc.RequestError, match="target"):
            window.open("nobody", {"id": 1})
        assert_mirrored(notebook)


def test_ipycanvas_draws_in_order(notebook: Notebook) -> None:
    notebook.load()
    notebook.run("import ipycanvas, numpy; canvas = ipycanvas.Canvas(width=50, height=40); canvas")
    with commdoc.join(url=notebook.link) as window:
        managers = window.wait_for("CanvasManagerModel")
        canvas = window.wait_for("CanvasModel")
        assert (canvas["width"], canvas["height"]) == (50, 40)
        heard: list[list[bytes]] = []
        managers.on_custom(lambda content, buffers: heard.append(buffers))
        plain = PlainFrontEnd(notebook.manager.connection_file, moving=False)
        try:
            done = threading.Event()
            _until_heard(plain, notebook)
            plain.heard.clear()
            heard_before = len(heard)
            notebook.run(
                "for n in range(50): canvas.fill_rect(n, 0, 5, 5)\ncanvas.put_image_data(numpy.zeros((4, 4, 3)), 0, 0)"
            )
            notebook.run("canvas.width = 60")
            window.wait_until(lambda: canvas["width"] == 60)
            while not any("width" in str(content["data"].get("state")) for _, content, _ in plain.heard):
                done.wait(0.01)
            wire = [
                buffers
                for kind, content, buffers in plain.heard
                if kind == "comm_msg" and content["data"].get("method") == "custom"
            ]
        finally:
            plain.close()
        assert len(wire) >= 51
        window.wait_until(lambda: len(heard) - heard_before >= len(wire))
        assert heard[heard_before:] == wire
        assert_mirrored(notebook)


def _until_heard(plain: PlainFrontEnd, notebook: Notebook) -> None:
    pause = threading.Event()
    while not plain.heard:
        notebook.run("canvas.height = canvas.height % 40 + 1")
        pause.wait(0.05)
