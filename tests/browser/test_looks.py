"""The page in light and dark, wide and narrow: pictures to look at, and what can be checked without eyes."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser import tour
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

LOOKS: list[tuple[Literal["light", "dark"], int]] = [
    ("light", 1280),
    ("dark", 1280),
    ("light", 480),
    ("dark", 480),
]

MORE = """
out = widgets.Output(outputs=(
    {"output_type": "stream", "name": "stdout", "text": "printed\\n"},
    {"output_type": "stream", "name": "stderr", "text": "a warning\\n"},
    {"output_type": "display_data", "metadata": {}, "data": {
        "text/html": "<table><thead><tr><th>n</th><th>word</th></tr></thead>"
                     "<tbody><tr><td>1</td><td>one</td></tr><tr><td>2</td><td>two</td></tr></tbody></table>"
                     "<script>document.body.dataset.ran = 'yes'</script>"}},
    {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["\\x1b[31mValueError\\x1b[0m: no"]},
))
button = widgets.Button(description="Run", icon="play", button_style="primary")
button.on_click(lambda _b: print("button pressed"))
display(widgets.VBox([
    button,
    widgets.ToggleButtons(options=["a", "b", "c"], description="pick"),
    widgets.SelectMultiple(options=["x", "y", "z"], value=["x"], description="some"),
    widgets.DatePicker(description="day"), widgets.IntRangeSlider(description="range"),
    widgets.RadioButtons(options=["one", "two"], description="radio"),
    widgets.TagsInput(value=["first", "second"]), widgets.Play(), widgets.FileUpload(), out,
]))
"""


@pytest.mark.acceptance("A3")
def test_pictures_of_the_tour(notebook: Notebook, open_page: OpenPage) -> None:
    for number, source in enumerate(tour.cells()[:-1]):
        if tour.BUSY not in source:
            notebook.run(source, cell_id=f"tour-{number}")
    notebook.run(MORE, cell_id="more")
    for scheme, width in LOOKS:
        page = open_page(scheme=scheme, size=(width, 1900))
        expect(page.frame.locator(".view > [data-comm-id]")).to_have_count(6, timeout=15_000)
        page.frame.get_by_role("button", name="Run").click()
        page.expect_text("button pressed")
        page.frame.locator("#log summary").click()
        frame = page.page.frames[1]
        for document in (page.page, frame):
            assert document.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        ground = frame.evaluate("getComputedStyle(document.body).backgroundColor")
        red = int(ground.removeprefix("rgb(").split(",")[0])
        assert (red > 200) == (scheme == "light")
        # A script in an output runs, as in JupyterLab: in the frame, where it has what a widget's module has.
        expect(page.frame.locator("body")).to_have_attribute("data-ran", "yes")
        assert frame.evaluate("window.origin") == "null"
        page.picture(f"tour-{scheme}-{width}")
        page.expect_clean()


def test_states_are_said_in_words_and_to_screen_readers(notebook: Notebook, open_page: OpenPage) -> None:
    page = open_page()
    expect(page.page.locator("#kernel .words")).to_have_text("Kernel idle")
    expect(page.page.locator("#connection .words")).to_have_text("Live")
    expect(page.page.locator("#notice")).to_have_attribute("aria-live", "polite")
    expect(page.page.locator("iframe")).to_have_attribute("title", "The room's widgets")
    with notebook.busy():
        expect(page.page.locator("#kernel .words")).to_have_text("Kernel busy")
    page.page.locator("#people summary").click()
    people = page.page.locator("#people li")
    expect(people.filter(has_text="(you)")).to_have_count(1)
    expect(people.filter(has_text="kernel")).to_have_count(1)
    page.picture("people")
