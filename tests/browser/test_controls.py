"""Notebooks full of widgets that open late, floods of updates, restarts, math; class by class: `test_classes.py`."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.acceptance import notebooks
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
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
    page.expect_still()
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
