"""What an Output widget captured, in a late page: each kind as JupyterLab shows it, and nothing drawn twice."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from playwright.sync_api import Locator, expect

import commdoc
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

EVERY_KIND = r"""
import base64, struct, sys, zlib
import ipywidgets as w
from IPython.display import HTML, JSON, SVG, Image, Javascript, Latex, Markdown, Math, display

def png(width, height, colour):
    def chunk(kind, data):
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))
    rows = b"".join(b"\0" + bytes(colour) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

out, inner, s = w.Output(), w.Output(), w.IntSlider(description="inside", value=4)
with out:
    print("plain, \x1b[31mred\x1b[0m, \x1b[1;34mbold blue\x1b[0m, see https://example.org/a?b=c .")
    print("a warning", file=sys.stderr)
    display(HTML("<table><tr><th>n</th></tr><tr><td>1</td></tr></table>"
                 "<script>document.body.dataset.ran = 'yes'</script>"))
    display(Image(png(120, 40, (37, 96, 200)), width=240))
    display(SVG("<svg width='60' height='30'><rect width='60' height='30' fill='teal'/></svg>"))
    display(Markdown("# A title\n\nSome *words*, `code`, $x^2$:\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |"))
    display(Math(r"\frac{a}{b}"))
    display(Latex(r"\begin{align} c &= d \end{align}"))
    display(HTML("<style>td { color: red }</style><b>alone</b>"), metadata={"isolated": True})
    display(JSON({"name": "Ada", "list": [1, 2.5, None, True], "deep": {"er": {"est": "x"}}}))
    display(Javascript("element.textContent = 'a script wrote this'"))
    display({"application/x-unknown": "?", "text/plain": "only its text is known"}, raw=True)
    sys.displayhook(6 * 7)
    display(s)
    display(inner)
with inner:
    print("in the inner one")
    display(Image(png(3, 3, (200, 0, 0)), width=30))
with out:
    1 / 0
display(out)
"""

LOOKS: list[Literal["light", "dark"]] = ["light", "dark"]


def outputs_of(page: RoomPage) -> Locator:
    """The outputs of the first Output widget of the page, one after the other."""
    return page.frame.locator(".view > .widget-output").first.locator(
        "> .jp-OutputArea > .jp-OutputArea-child"
    )


def of_type(page: RoomPage, mime_type: str) -> Locator:
    """The outputs that are rendered from this mime type."""
    return outputs_of(page).locator(f'> [data-mime-type="{mime_type}"]')


@pytest.mark.scenario("S30", "S37")
@pytest.mark.parametrize("scheme", LOOKS)
def test_every_kind_of_output_is_rendered_in_a_late_page(
    notebook: Notebook, open_page: OpenPage, scheme: Literal["light", "dark"]
) -> None:
    notebook.run(EVERY_KIND)
    with notebook.busy():
        page = open_page(scheme=scheme, size=(1280, 1500))
        page.expect_readout("inside", "4", seconds=15)
        expect(outputs_of(page)).to_have_count(16)

        text = of_type(page, "application/vnd.jupyter.stdout").first
        expect(text.locator(".ansi-red-fg")).to_have_text("red")
        expect(text.locator(".ansi-blue-intense-fg.ansi-bold")).to_have_text("bold blue")
        link = text.locator("a")
        expect(link).to_have_attribute("href", "https://example.org/a?b=c")
        expect(link).to_have_attribute("target", "_blank")

        errors = of_type(page, "application/vnd.jupyter.stderr")
        expect(errors).to_have_count(2)
        expect(errors.first).to_have_text("a warning\n")
        expect(errors.last).to_contain_text("ZeroDivisionError: division by zero")
        assert errors.last.locator("[class*=ansi-]").count() > 3
        assert errors.last.locator("a:not([href])").count() == 0

        expect(of_type(page, "text/html").locator("td").first).to_have_text("1")
        expect(of_type(page, "text/html").locator("td").first).not_to_have_css("color", "rgb(255, 0, 0)")
        expect(outputs_of(page).locator(".jp-mod-isolated b")).to_have_text("alone")
        image = of_type(page, "image/png").locator("img")
        expect(image).to_have_js_property("naturalWidth", 120)
        expect(image).to_have_js_property("clientWidth", 240)
        expect(of_type(page, "image/svg+xml").locator("img")).to_have_js_property("naturalWidth", 60)

        markdown = of_type(page, "text/markdown")
        expect(markdown.locator("h1")).to_contain_text("A title")
        expect(markdown.locator("em")).to_have_text("words")
        expect(markdown.locator("li")).to_have_text(["one", "two"])
        expect(markdown.locator("td")).to_have_text(["1", "2"])
        expect(markdown.locator(".katex")).to_have_count(1)
        expect(of_type(page, "text/latex").locator(".katex-mathml mfrac")).to_have_count(1)
        expect(of_type(page, "text/latex").locator(".katex-display")).to_have_count(1)

        tree = of_type(page, "application/json")
        expect(tree.locator("> details > div").first).to_have_text('name: "Ada"')
        deep = tree.locator("summary", has_text="deep")
        expect(tree.get_by_text("er:")).to_have_count(0)
        deep.click()
        expect(tree.get_by_text("er:")).to_be_visible()

        expect(of_type(page, "application/javascript")).to_have_text("a script wrote this")
        assert page.page.frames[1].evaluate("document.body.dataset.ran") == "yes"
        expect(of_type(page, "text/plain")).to_have_text(["only its text is known", "42"])

        nested = outputs_of(page).locator(".widget-output")
        expect(nested).to_contain_text("in the inner one")
        expect(nested.locator("img")).to_have_js_property("naturalWidth", 3)
        page.press("inside", "ArrowRight")
        page.expect_readout("inside", "5")

        frame = page.page.frames[1]
        assert frame.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.page.mouse.click(2, 800)
        page.picture(f"outputs-{scheme}")
        page.expect_clean()
    until(lambda: notebook.value("s.value") == 5, what="the kernel has it")


MANY_LINES = """
import time
with out:
    for n in range(10_000):
        print(f"line {n}")
        if n % 50 == 0:
            time.sleep(0.01)
"""


@pytest.mark.scenario("S34")
def test_ten_thousand_lines_leave_what_is_on_screen_as_it_is(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        "import ipywidgets as w\nout = w.Output(layout=dict(height='200px', overflow='auto'))\ndisplay(out)\n"
        "with out:\n    for n in range(100): print('before', n)"
    )
    page = open_page()
    page.expect_text("before 99")
    frame = page.page.frames[1]
    frame.evaluate(
        """() => {
            const out = document.querySelector(".widget-output");
            const text = out.querySelector("pre").firstChild;
            const range = document.createRange();
            range.setStart(text, text.data.indexOf("before 20"));
            range.setEnd(text, text.data.indexOf("before 22"));
            document.getSelection().addRange(range);
            out.scrollTop = 300;
            window.seen = { added: 0, removed: 0, times: 0 };
            new MutationObserver((records) => {
                for (const record of records) {
                    window.seen.added += record.addedNodes.length;
                    window.seen.removed += record.removedNodes.length;
                    window.seen.times += 1;
                }
            }).observe(out, { childList: true, subtree: true, characterData: true });
        }"""
    )
    notebook.run(MANY_LINES)
    page.expect_text("line 9999", seconds=15)
    seen: dict[str, int] = frame.evaluate("window.seen")
    print(seen)
    # A block of text for some hundred lines; of what stood there, nothing was drawn again.
    assert seen["removed"] == 0
    assert seen["added"] < 300
    assert frame.evaluate("document.getSelection().toString()") == "before 20\nbefore 21\n"
    assert frame.evaluate("document.querySelector('.widget-output').scrollTop") == 300
    whole = "".join([*(f"before {n}\n" for n in range(100)), *(f"line {n}\n" for n in range(10_000))])
    assert frame.evaluate("document.querySelector('.widget-output').textContent") == whole
    # It is copied as one text, too.
    copied = frame.evaluate(
        """() => {
            document.getSelection().selectAllChildren(document.querySelector(".widget-output .jp-RenderedText"));
            return document.getSelection().toString();
        }"""
    )
    assert copied.rstrip("\n") == whole.rstrip("\n")
    page.expect_clean()


@pytest.mark.scenario("S37")
def test_a_slider_in_an_output_is_dragged_while_lines_come_behind_it(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        "import ipywidgets as w, time\nout, s = w.Output(), w.IntSlider(description='s')\n"
        "with out:\n    print('first'); display(s); print('behind it')\ndisplay(out)"
    )
    page = open_page()
    page.expect_readout("s", "0")
    page.labelled("s").evaluate("view => { view.isTheFirst = true; }")
    left, right, y = page.grab("s")
    running = notebook.start("with out:\n    for n in range(100): print('more', n); time.sleep(0.02)")
    for step in range(1, 21):
        page.page.mouse.move(left + step / 20 * (right - left), y)
        page.page.wait_for_timeout(60)
    page.expect_text("more 20")
    page.expect_readout("s", "100", seconds=1)
    page.page.mouse.up()
    notebook.finish(running)
    page.expect_text("more 99")
    page.expect_readout("s", "100")
    expect(page.labelled("s")).to_have_js_property("isTheFirst", True)
    until(lambda: notebook.value("s.value") == 100, what="the kernel has it")
    page.expect_clean()


def texts(outputs: Any) -> str:
    """The text of an Output's streams."""
    return "".join(output["text"] for output in outputs)


LINES = "".join(f"line {n}\n" for n in range(10))

CAPTURE = """
with out:
    for n in range(10):
        print("line", n)
        time.sleep(0.1)
"""


def expect_all_lines(notebook: Notebook, open_page: OpenPage) -> None:
    """All ten lines are in the kernel, in the document and in a late page, once."""
    until(lambda: texts(notebook.value("out.outputs")) == LINES, what="all lines are in the kernel's list")
    with commdoc.join(url=notebook.link) as window:
        captured = window.wait_for("OutputModel", timeout=10)
        until(lambda: texts(captured.outputs) == LINES, what="all lines are in the document")
    late = open_page()
    expect(outputs_of(late)).to_have_text([LINES])
    late.expect_clean()


@pytest.mark.scenario("S36")
def test_the_window_that_ran_the_cell_closes_while_it_captures(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run("import ipywidgets as w, time\nout = w.Output()\ndisplay(out)")
    page = open_page()
    client = BlockingKernelClient()  # the manager's clients share an identity at the kernel
    client.load_connection_info(notebook.manager.get_connection_info())
    client.start_channels()
    client.wait_for_ready(timeout=30)
    client.execute(CAPTURE)
    page.expect_text("line 2")
    client.stop_channels()
    page.close()
    expect_all_lines(notebook, open_page)


@pytest.mark.scenario("S36")
def test_a_script_without_a_window_runs_the_cell(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run("import ipywidgets as w, time\nout = w.Output()\ndisplay(out)")
    assert notebook.run(CAPTURE) == ""
    expect_all_lines(notebook, open_page)


@pytest.mark.scenario("S30", "S33", "S34", "S35")
def test_outputs_are_cleared_replaced_and_redrawn_where_they_are_on_screen(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        "import ipywidgets as w, sys\nfrom IPython.display import HTML, clear_output\nout = w.Output()\n"
        "display(out)\nwith out:\n    print('one')\n    shown = display(HTML('<b>two</b>'), display_id=True)"
    )
    page = open_page()
    outputs = outputs_of(page)
    expect(outputs).to_have_text(["one\n", "two"])
    page.page.frames[1].evaluate("document.querySelector('.jp-OutputArea-child').isTheFirst = true")
    notebook.run("shown.update(HTML('<i>three</i>'))")
    expect(outputs).to_have_text(["one\n", "three"])
    expect(outputs.first).to_have_js_property("isTheFirst", True)

    notebook.run("with out:\n    clear_output(wait=True)")
    notebook.run("s = w.IntSlider(description='s'); display(s)")
    page.expect_readout("s", "0")
    expect(outputs).to_have_text(["one\n", "three"])
    notebook.run("with out:\n    print('new'); print('warned', file=sys.stderr)")
    expect(outputs).to_have_text(["new\n", "warned\n"])
    notebook.run("out.clear_output()")
    expect(outputs).to_have_count(0)

    notebook.run(
        "from tqdm import tqdm\nimport time\nwith out:\n    for n in tqdm(range(300)): time.sleep(0.005)"
    )
    expect(outputs).to_have_count(1)
    expect(outputs).to_contain_text("300/300")
    assert outputs.inner_text().strip().count("\n") == 0
    page.expect_clean()
