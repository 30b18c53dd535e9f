"""Every control of ipywidgets in a page: drawn late, and moved by a person."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.acceptance import notebooks
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]


@pytest.mark.acceptance("A1", "A3")
@pytest.mark.parametrize(
    ("name", "embedded"), [("ipywidgets-widget-list", []), ("ipywidgets-output-widget", ["www.youtube.com"])]
)
def test_every_widget_of_a_notebook_is_drawn_late(
    notebook: Notebook, open_page: OpenPage, name: str, embedded: list[str]
) -> None:
    notebooks.run(notebook, name)
    page = open_page(size=(1280, 4000))
    views = page.frame.locator(".view")
    expect(views.first).to_be_visible()
    count = views.count()
    assert count >= 4
    expect(page.frame.locator(".view > [data-comm-id]")).to_have_count(count, timeout=15_000)
    expect(page.frame.locator(".jupyter-widgets-error-widget, [data-commdoc-fallback]")).to_have_count(0)
    page.picture(name)
    page.expect_clean(*embedded)


def _input(page: RoomPage, name: str) -> Locator:
    return page.labelled(name).locator("input, textarea, select").first


Act = Callable[[RoomPage, str], object]

CONTROLS: dict[str, tuple[str, Act, object]] = {
    "checkbox": ("Checkbox(description='{}')", lambda p, n: _checkbox(p).check(), True),
    "dropdown": (
        "Dropdown(description='{}', options=['one', 'two'])",
        lambda p, n: _input(p, n).select_option("two"),
        "two",
    ),
    "text": ("Text(description='{}')", lambda p, n: _input(p, n).fill("Ünïcode 🎉"), "Ünïcode 🎉"),
    "textarea": ("Textarea(description='{}')", lambda p, n: _input(p, n).fill("a\nb"), "a\nb"),
    "int": ("BoundedIntText(description='{}', max=50)", lambda p, n: _enter(_input(p, n), "999"), 50),
    "float": ("FloatText(description='{}')", lambda p, n: _enter(_input(p, n), "2.5"), 2.5),
    "date": (
        "DatePicker(description='{}')",
        lambda p, n: _enter(_input(p, n), "2024-02-29"),
        "datetime.date(2024, 2, 29)",
    ),
    "colour": ("ColorPicker(description='{}')", lambda p, n: _enter(_input(p, n), "#ff0000"), "#ff0000"),
    "several": (
        "SelectMultiple(description='{}', options=['a', 'b', 'c'])",
        lambda p, n: _input(p, n).select_option(["a", "c"]),
        ("a", "c"),
    ),
    "radio": (
        "RadioButtons(description='{}', options=['x', 'y'])",
        lambda p, n: p.frame.get_by_role("radio", name="y").check(),
        "y",
    ),
    "toggle": (
        "ToggleButtons(description='{}', options=['p', 'q'])",
        lambda p, n: p.frame.get_by_role("button", name="q").click(),
        "q",
    ),
    "range": (
        "IntRangeSlider(description='{}', value=(20, 80))",
        lambda p, n: p.press(n, "ArrowRight", 3),
        (23, 80),
    ),
    "log": (
        "FloatLogSlider(description='{}', value=10, min=0, max=3, step=1)",
        lambda p, n: p.press(n, "ArrowRight"),
        100.0,
    ),
    "upload": (
        "FileUpload(description='{}')",
        lambda p, n: _upload(p, bytes(range(256)) * 9),
        bytes(range(256)) * 9,
    ),
}


def _enter(box: Locator, text: str) -> None:
    box.fill(text)
    box.press("Enter")
    box.blur()


def _upload(page: RoomPage, content: bytes) -> None:
    with page.page.expect_file_chooser() as chooser:
        page.frame.get_by_role("button", name="upload").click()
    chooser.value.set_files({"name": "f.bin", "mimeType": "application/octet-stream", "buffer": content})


def _checkbox(page: RoomPage) -> Locator:
    return page.frame.get_by_role("checkbox")


def test_each_control_that_a_person_changes_reaches_kernel_and_other_page(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run("import ipywidgets as w, datetime; all_of = {}")
    for name, (made, _, _) in CONTROLS.items():
        notebook.run(f"all_of[{name!r}] = w.{made.format(name)}")
    notebook.run("display(w.VBox(list(all_of.values())))")
    page, other = open_page(size=(1280, 1600)), open_page(size=(1280, 1600))
    other.expect_readout("log", "10.0")
    for name, (_, act, _) in CONTROLS.items():
        act(page, name)
    for name, (_, _, expected) in CONTROLS.items():
        value = f"all_of[{name!r}].value"
        if name == "upload":
            value = f"bytes({value}[0].content) if {value} else None"
        elif name == "date":
            value = f"repr({value})"
        until(lambda it=value, want=expected: notebook.value(it) == want, what=f"the kernel has {name}")  # type: ignore[misc]
    expect(_input(other, "text")).to_have_value("Ünïcode 🎉")
    expect(_input(other, "textarea")).to_have_value("a\nb")
    expect(_input(other, "dropdown")).to_have_value("two")
    for each in (page, other):
        expect(_input(each, "int")).to_have_value("50")
        expect(_checkbox(each)).to_be_checked()
        expect(each.frame.get_by_role("radio", name="y")).to_be_checked()
        each.expect_readout("range", "23 – 80")
        each.expect_readout("log", "100")
        each.expect_text("(1)")
        each.expect_clean()


@pytest.mark.scenario("S10")
def test_a_page_keeps_up_with_a_loop_of_updates(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run("import ipywidgets as w; s = w.IntSlider(description='s', max=20000); display(s)")
    page = open_page()
    page.expect_readout("s", "0")
    readout = page.labelled("s").locator(".widget-readout")
    readout.evaluate(
        """(it) => {
          it.drawn = 0;
          new MutationObserver(() => { it.drawn += 1; }).observe(it, { childList: true, subtree: true });
        }"""
    )
    notebook.run("for n in range(20000): s.value = n\ns.value = 12345")
    page.expect_readout("s", "12345", seconds=15)
    drawn = readout.evaluate("it => it.drawn")
    print(f"drawn {drawn} times")
    # A page that drew each of them would be behind for as long as that takes.
    assert 0 < drawn < 2000
    page.expect_clean()


@pytest.mark.scenario("S40")
def test_after_a_restart_of_the_kernel_the_page_shows_the_new_life(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run("import ipywidgets as w; s = w.IntSlider(description='old'); display(s)")
    page = open_page()
    page.expect_readout("old", "0")
    notebook.restart()
    expect(page.header).to_have_attribute("data-kernel-live", "false", timeout=15_000)
    expect(page.frame.locator("#stage")).to_have_js_property("inert", True)
    notebook.load()
    expect(page.header).to_have_attribute("data-kernel-live", "true", timeout=15_000)
    expect(page.frame.locator("#state")).to_contain_text("last state")
    notebook.run("import ipywidgets as w; s = w.IntSlider(description='new', value=3); display(s)")
    page.expect_readout("new", "3")
    expect(page.labelled("old")).to_have_count(0)
    page.press("new", "ArrowRight")
    until(lambda: notebook.value("s.value") == 4, what="the kernel has it")
    page.expect_clean()


def test_math_is_typeset_in_labels_and_outputs(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        "import ipywidgets as w\n"
        "display(w.VBox([w.Label('The $m$ in $E=mc^2$'), w.HTMLMath(r'\\(x^2\\) and $$\\frac{x+1}{x-1}$$'),\n"
        "  w.IntSlider(description='$\\\\alpha$'), w.HTML('costs $5, not $6'),\n"
        "  w.Output(outputs=({'output_type': 'display_data', 'metadata': {},\n"
        "    'data': {'text/latex': '$$\\\\sum_{i=0}^n i$$'}},))]))"
    )
    page = open_page()
    expect(page.frame.locator(".katex").first).to_be_visible()
    expect(page.frame.locator(".katex .mfrac").first).to_be_visible()
    expect(page.frame.locator(".widget-output .katex").first).to_be_visible()
    expect(page.frame.locator(".widget-label .katex").first).to_be_visible()
    page.expect_text("costs $5, not $6")
    page.picture("math")
    page.expect_clean()
