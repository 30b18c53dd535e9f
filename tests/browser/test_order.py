"""Order, as a page sees it: references that come late, modules that load slowly, values before messages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

WITNESS = """
import anywidget, traitlets, ipywidgets as w, time
class Witness(anywidget.AnyWidget):
    # Writes down every value and every message as the page gets them.
    _esm = '''
    %(delay)s
    export default {
      initialize({ model }) {
        const seen = [];
        model.on("change:n", () => seen.push(["n", model.get("n")]));
        model.on("msg:custom", (content, buffers) => {
          const bytes = buffers.map((b) => [...new Uint8Array(b.buffer, b.byteOffset, b.byteLength)]);
          seen.push(["custom", content.i, model.get("n"), bytes.flat()]);
          if (content.done) {
            model.set("seen", seen);
            model.save_changes();
          }
        });
      },
      render({ model, el }) {
        const show = () => { el.textContent = "seen " + model.get("seen").length; };
        model.on("change:seen", show);
        show();
        el.addEventListener("click", () => {
          for (let i = 0; i < 1000; i++) {
            model.set("n", i);
            model.save_changes();
            model.send({ i }, undefined, [new Uint8Array([i %% 256, 7])]);
          }
        });
      },
    };
    '''
    n = traitlets.Int(-1).tag(sync=True)
    seen = traitlets.List().tag(sync=True)
    def __init__(self):
        super().__init__()
        self.heard = []
        self.on_msg(lambda _w, content, buffers: self.heard.append((content["i"], self.n, bytes(buffers[0]))))
witness = Witness()
"""

SEND = """
for i in range({count}):
    witness.n = i
    witness.send({{"i": i, "done": i == {count} - 1}}, buffers=[bytes([i % 256]), b"x"])
"""


@pytest.mark.acceptance("A4")
@pytest.mark.scenario("S24", "S25")
def test_a_value_is_there_before_the_message_that_followed_it(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(WITNESS % {"delay": ""} + "display(witness)")
    page = open_page()
    page.expect_text("seen 0")
    notebook.run(SEND.format(count=1000))
    until(lambda: notebook.value("len(witness.seen)"), what="the page saw all messages")
    seen = notebook.value("witness.seen")
    messages = [event for event in seen if event[0] == "custom"]
    assert [number for _, number, _, _ in messages] == list(range(1000))
    assert all(value >= number for _, number, value, _ in messages)
    assert all(raw == [number % 256, ord("x")] for _, number, _, raw in messages)
    page.expect_clean()


@pytest.mark.acceptance("A4")
@pytest.mark.scenario("S24", "S25")
def test_the_kernel_has_the_value_before_the_message_that_the_page_sent_after_it(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(WITNESS % {"delay": ""} + "display(witness)")
    page = open_page()
    page.frame.get_by_text("seen 0").click()
    until(
        lambda: notebook.value("len(witness.heard)") == 1000, timeout=40, what="the kernel heard all messages"
    )
    heard = notebook.value("witness.heard")
    assert [number for number, _, _ in heard] == list(range(1000))
    assert all(value >= number for number, value, _ in heard)
    assert all(raw == bytes([number % 256, 7]) for number, _, raw in heard)
    assert notebook.value("witness.n") == 999
    page.expect_clean()


@pytest.mark.scenario("S03", "S26")
def test_what_came_while_a_module_was_loading_is_there_in_order_when_it_has(
    notebook: Notebook, open_page: OpenPage
) -> None:
    # Longer than the two seconds after which anywidget gives its model up.
    slow = "await new Promise((resolve) => setTimeout(resolve, 3000));"
    page = open_page()
    notebook.run(WITNESS % {"delay": slow} + "display(witness)")
    notebook.run(SEND.format(count=20))
    until(lambda: notebook.value("len(witness.seen)"), timeout=20, what="the page saw all messages")
    messages = [event for event in notebook.value("witness.seen") if event[0] == "custom"]
    assert [number for _, number, _, _ in messages] == list(range(20))
    page.expect_text("seen")
    late = open_page()
    late.expect_text(f"seen {len(notebook.value('witness.seen'))}", seconds=10)
    page.expect_clean()
    late.expect_clean()


@pytest.mark.scenario("S04")
def test_containers_before_their_children_and_circles_are_drawn_in_both_pages(
    notebook: Notebook, open_page: OpenPage
) -> None:
    early = open_page()
    notebook.run(
        """
        import ipywidgets as w
        # The box's comm is opened first, its children later; and two refer to each other.
        box = w.VBox()
        display(box)
        leaves = [w.IntSlider(description=f"leaf {n}", value=n) for n in range(5)]
        inner = w.HBox(leaves[3:])
        box.children = [*leaves[:3], inner]
        first, second = w.Accordion(titles=["one"]), w.Tab(titles=["two"])
        first.children, second.children = [w.HTML("in one")], [w.HTML("in two")]
        import anywidget, traitlets
        class Mutual(anywidget.AnyWidget):
            _esm = '''export default { async render({ model, el }) {
              const other = await model.widget_manager.get_model(model.get("other").slice("IPY_MODEL_".length));
              el.textContent = `${model.get("name")} knows ${other.get("name")}`;
            } };'''
            name = traitlets.Unicode().tag(sync=True)
            other = traitlets.Unicode().tag(sync=True)
        a, b = Mutual(name="a"), Mutual(name="b")
        a.other, b.other = "IPY_MODEL_" + b.model_id, "IPY_MODEL_" + a.model_id
        display(w.VBox([first, second, a, b]))
        """.replace("\n        ", "\n")
    )
    late = open_page()
    for page in (early, late):
        for number in range(5):
            page.expect_readout(f"leaf {number}", str(number))
        page.expect_text("a knows b")
        page.expect_text("b knows a")
        page.expect_clean()


@pytest.mark.scenario("S04")
@pytest.mark.acceptance("A4")
def test_a_page_that_joins_amid_a_loop_of_new_containers_ends_with_all_of_them(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run("import ipywidgets as w, time; box = w.VBox(); display(box)")
    loop = notebook.start(
        "for n in range(150):\n"
        "    children = [w.IntSlider(description=f'{n}-{m}', value=m) for m in range(2)]\n"
        "    box.children = [*box.children, w.HBox(children)]\n"
        "    time.sleep(0.01)\n"
    )
    pages = [open_page() for _ in range(2)]
    notebook.finish(loop)
    for page in pages:
        expect(page.frame.locator(".widget-hslider")).to_have_count(300, timeout=15_000)
        page.expect_readout("149-1", "1")
        page.expect_clean()
