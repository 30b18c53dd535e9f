"""anywidgets in a page: their own front end, binary values, text of any language."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

BINARY = """
import anywidget, traitlets, ipywidgets as w
class Bytes(anywidget.AnyWidget):
    _esm = '''
    const kind = (v) => v instanceof DataView ? `DataView(${v.byteLength})` : typeof v;
    const sum = (v) => {
      let all = 0;
      for (let i = 0; i < v.byteLength; i++) all += v.getUint8(i);
      return all;
    };
    export default { render({ model, el }) {
      const show = () => {
        const raw = model.get("raw"), tree = model.get("tree");
        el.textContent = [
          `raw ${kind(raw)} sum ${sum(raw)}`,
          `list ${tree.list.map(kind).join(" ")}`,
          `deep ${kind(tree.deep["a.b"][0].x)} of ${sum(tree.deep["a.b"][0].x)}`,
          `empty ${kind(tree.empty)}`,
          `number ${tree.nan} ${tree.inf} ${typeof tree.big}`,
        ].join("; ");
      };
      model.on("change", show);
      show();
      el.addEventListener("click", () => {
        const bytes = new Uint8Array(2000).map((_, i) => i % 251);
        model.set("back", { bytes: new DataView(bytes.buffer), list: [1, new Uint8Array([9, 8]).buffer, "x"] });
        model.save_changes();
      });
    } };
    '''
    _css = ".bytes { color: rgb(1, 2, 3) }"
    raw = traitlets.Bytes(b"").tag(sync=True)
    tree = traitlets.Dict().tag(sync=True)
    back = traitlets.Dict().tag(sync=True)
b = Bytes(
    raw=bytes(range(256)) * 20,
    tree={
        "list": [b"12", 3, memoryview(b"abc")],
        "deep": {"a.b": [{"x": b"\\x01\\x02"}]},
        "empty": b"",
        "nan": float("nan"),
        "inf": -float("inf"),
        "big": 2**70,
    },
)
b.add_class("bytes")
display(b)
"""


@pytest.mark.acceptance("A3")
@pytest.mark.scenario("S18")
def test_binary_values_are_data_views_in_their_places_and_come_back_as_bytes(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(BINARY)
    with notebook.busy():
        page = open_page()
        page.expect_text(f"raw DataView(5120) sum {20 * 255 * 128}")
        page.expect_text("list DataView(2) number DataView(3)")
        page.expect_text("deep DataView(2) of 3")
        page.expect_text("empty DataView(0)")
        page.expect_text("number nan -inf number")
    expect(page.frame.locator(".bytes")).to_have_css("color", "rgb(1, 2, 3)")
    notebook.run("b.raw = b'\\x05\\x06'")
    page.expect_text("raw DataView(2) sum 11")
    page.frame.locator(".bytes").click()
    until(lambda: notebook.value("bool(b.back)"), what="the kernel has it")
    assert notebook.value("bytes(b.back['bytes'])") == bytes(i % 251 for i in range(2000))
    assert notebook.value("[x if isinstance(x, (int, str)) else bytes(x) for x in b.back['list']]") == [
        1,
        b"\x09\x08",
        "x",
    ]
    page.expect_clean()


@pytest.mark.scenario("S02")
def test_text_of_any_language_is_the_same_in_kernel_and_pages(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        "import ipywidgets as w\n"
        "text = w.Textarea(description='text', value='📊 один 二 três')\n"
        "label = w.HTML('👩‍👩‍👧‍👦 ﷽ ½'); display(w.VBox([text, label]))"
    )
    first, second = open_page(), open_page()
    boxes = [page.labelled("text").locator("textarea") for page in (first, second)]
    for page, box in zip((first, second), boxes, strict=True):
        expect(box).to_have_value("📊 один 二 três")
        page.expect_text("👩‍👩‍👧‍👦 ﷽ ½")
    boxes[0].focus()
    boxes[0].press("Control+End")
    for piece in ("🙂", "漢字", "Я", "e\u0301", "🏳️‍🌈"):
        first.page.keyboard.insert_text(piece)
    whole = "📊 один 二 três🙂漢字Яe\u0301🏳️‍🌈"
    expect(boxes[1]).to_have_value(whole)
    until(lambda: notebook.value("text.value") == whole, what="the kernel has it")
    notebook.run(
        "for n in range(50): text.value = '🙂' * n + '二' + '\\U0001f469\\u200d\\U0001f4bb' * (50 - n)"
    )
    last = "🙂" * 49 + "二" + "\U0001f469\u200d\U0001f4bb"
    for box in boxes:
        expect(box).to_have_value(last)
    open_page().expect_text("👩‍👩‍👧‍👦 ﷽ ½")
    first.expect_clean()
    second.expect_clean()


def test_a_hot_update_of_a_module_is_taken(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        "import anywidget\n"
        "class Hot(anywidget.AnyWidget):\n"
        "    _esm = 'export default { render({ el }) { el.textContent = \"cold\"; } }'\n"
        "hot = Hot(); display(hot)"
    )
    page = open_page()
    page.expect_text("cold")
    notebook.run("hot._esm = 'export default { render({ el }) { el.textContent = \"warm\"; } }'")
    page.expect_text("warm")
    page.expect_clean()


@pytest.mark.scenario("S28")
def test_an_author_invokes_the_kernel_and_gets_its_answer(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        """
import anywidget
from anywidget.experimental import command
class Asks(anywidget.AnyWidget):
    _esm = '''export default { render({ el, experimental }) {
      el.textContent = "ask";
      el.addEventListener("click", async () => {
        try {
          const [answer, buffers] = await experimental.invoke("double", 21);
          el.textContent = `answer ${answer}, ${buffers[0].byteLength} bytes`;
        } catch (error) {
          el.textContent = `no answer: ${error.name}`;
        }
      });
    } };'''
    @command
    def double(self, message, buffers):
        return message * 2, [b"abc"]
display(Asks())
        """
    )
    page = open_page()
    page.frame.get_by_text("ask").click()
    page.expect_text("answer 42, 3 bytes")
    with notebook.busy():
        page.frame.get_by_text("answer 42").click()
        page.expect_text("no answer: TimeoutError", seconds=8)


@pytest.mark.acceptance("A2")
def test_a_widget_that_a_page_opens_is_there_in_the_kernel_and_in_other_pages(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        """
import anywidget, ipywidgets as w
class Opener(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      el.textContent = "open";
      el.addEventListener("click", async () => {
        const made = await model.widget_manager.new_widget({
          model_name: "LayoutModel", model_module: "@jupyter-widgets/base", model_module_version: "2.0.0",
          view_name: "LayoutView", view_module: "@jupyter-widgets/base", view_module_version: "2.0.0",
        }, { width: "123px" });
        made.set("height", "45px");
        made.save_changes();
        el.textContent = `opened ${made.model_id}`;
      });
    } };'''
display(Opener())
before = set(w.Widget.widgets)
def made():
    return [each for key, each in w.Widget.widgets.items() if key not in before]
        """
    )
    page, other = open_page(), open_page()
    page.frame.get_by_text("open").click()
    page.expect_text("opened")
    until(lambda: notebook.value("len(made())") == 1, what="the kernel has it")
    until(
        lambda: notebook.value("(made()[0].width, made()[0].height)") == ("123px", "45px"), what="its state"
    )
    notebook.run("box = w.Box([], layout=made()[0]); box.add_class('made'); display(box)")
    for each in (page, other):
        expect(each.frame.locator(".made")).to_have_css("width", "123px")
        expect(each.frame.locator(".made")).to_have_css("height", "45px")
    page.expect_clean()


@pytest.mark.acceptance("A2")
def test_a_descriptor_on_a_dataclass_is_drawn_and_live(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        """
import dataclasses
import psygnal
from anywidget.experimental import MimeBundleDescriptor
@psygnal.evented
@dataclasses.dataclass
class Counter:
    count: int = 0
    _repr_mimebundle_ = MimeBundleDescriptor(_esm='''export default { render({ model, el }) {
      const show = () => { el.textContent = `count ${model.get("count")}`; };
      model.on("change:count", show);
      show();
      el.addEventListener("click", () => {
        model.set("count", model.get("count") + 1);
        model.save_changes();
      });
    } };''')
counter = Counter(3)
counter
        """
    )
    page, other = open_page(), open_page()
    page.expect_text("count 3")
    page.frame.get_by_text("count 3").click()
    other.expect_text("count 4")
    until(lambda: notebook.value("counter.count") == 4, what="the kernel has it")
    notebook.run("counter.count = 40")
    for each in (page, other):
        each.expect_text("count 40")
        each.expect_clean()


@pytest.mark.scenario("S21")
def test_a_widget_that_is_closed_leaves_the_pages(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        "import ipywidgets as w; a, b = w.IntSlider(description='a'), w.IntSlider(description='b')\n"
        "box = w.VBox([a, b]); display(box); c = w.IntSlider(description='c'); display(c)"
    )
    page = open_page()
    page.expect_readout("c", "0")
    notebook.run("c.value = 5; c.close(); c.close(); a.value = 1; a.close()")
    expect(page.labelled("c")).to_have_count(0)
    expect(page.labelled("a")).to_have_count(0)
    page.press("b", "ArrowRight")
    until(lambda: notebook.value("b.value") == 1, what="the kernel has it")
    late = open_page()
    late.expect_readout("b", "1")
    expect(late.frame.locator(".widget-hslider")).to_have_count(1)
    page.expect_clean()
    late.expect_clean()


@pytest.mark.scenario("S24")
def test_a_trait_that_is_set_and_taken_back_at_once_is_a_command_to_the_windows_that_are_there(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        """
import anywidget, traitlets
class Does(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      el.append("does");
      model.on("change:do", () => {
        const it = model.get("do");
        if (it !== null) el.append(` ${it.what}${it.raw.getUint8(0)}`);
      });
    } };'''
    do = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
def tell(*whats):
    for what in whats:
        does.do = {"what": what, "raw": b"\\x07"}
        does.do = None
does = Does(); display(does)
        """
    )
    pages = open_page(), open_page()
    for page in pages:
        page.expect_text("does")
    notebook.run("tell('a', 'b', 'c')")
    for page in pages:
        page.expect_text("does a7 b7 c7")
    late = open_page()
    late.expect_text("does")
    notebook.run("tell('d')")
    late.expect_text("does d7")
    for page in (*pages, late):
        page.expect_clean()
