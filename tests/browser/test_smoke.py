from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook


def test_a_page_shows_a_slider_and_moves_it(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run("import ipywidgets as w; a = w.IntSlider(description='a'); display(a)")
    page = open_page()
    page.expect_readout("a", "0")
    page.press("a", "ArrowRight", 3)
    page.expect_readout("a", "3")
    notebook.run("a.value = 50")
    page.expect_readout("a", "50")
    other = open_page()
    other.expect_readout("a", "50")
    page.drag("a", 1.0)
    other.expect_readout("a", "100")
    assert notebook.value("a.value") == 100
    page.expect_clean()
