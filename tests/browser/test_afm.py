"""The host of anywidgets in a page of somebody's own: modules and styles as a browser loads them, from a real room."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.notebook import Notebook
from tests.browser.own_page import OwnPage
from tests.conftest import ROOT, until

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("D2")]

SHIM: Final = ROOT / "js-shim"

PAGE: Final = """
import { joinRoom } from "./src/index";
import { afmOf } from "./src/afm";
const host = afmOf(await joinRoom(window.link));
window.show = (commId) => void host.widget(commId).render(document.body);
"""

COUNTER: Final = """
export default {
  initialize({ signal }) {
    signal.addEventListener("abort", () => document.body.append(" ended NAME"));
  },
  render({ model, el }) {
    const button = Object.assign(document.createElement("button"), { className: "NAME" });
    const show = () => { button.textContent = `NAME ${model.get("count")}`; };
    button.addEventListener("click", () => { model.set("count", model.get("count") + 1); model.save_changes(); });
    model.on("change:count", show);
    el.append(button);
    show();
  },
};
"""

WIDGET: Final = """
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = {esm!r}
    _css = {css!r}
    count = traitlets.Int(0).tag(sync=True)
counter = Counter()
"""

RED, GREEN = "rgb(255, 0, 0)", "rgb(0, 128, 0)"


@pytest.fixture(scope="module")
def script() -> str:
    """The page's script, with the host in it."""
    command = ["node_modules/.bin/esbuild", "--bundle", "--format=esm", "--target=es2022", "--loader=ts"]
    done = subprocess.run(
        command, cwd=SHIM, input=PAGE, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


@pytest.fixture
def own(chromium: Browser, notebook: Notebook, script: str) -> Iterator[OwnPage]:
    """A page of the notebook's room with the host, and files beside it."""
    files = {
        "page.js": script,
        "counter.js": COUNTER.replace("NAME", "first"),
        "red.css": ".first, .second { color: red }",
        "green.css": ".first, .second { color: green }",
    }
    with OwnPage(chromium, notebook.link, files, script="page.js") as page:
        yield page


def shown(own: OwnPage, notebook: Notebook, esm: str, css: str) -> None:
    """Have the kernel make a counter, and show it."""
    notebook.run(WIDGET.format(esm=esm, css=css))
    notebook.wait_until_the_room_has_it()
    own.page.wait_for_function("window.show !== undefined")
    own.page.evaluate("commId => show(commId)", notebook.value("counter.model_id"))


def test_a_module_and_a_style_at_an_address_are_loaded_from_there(own: OwnPage, notebook: Notebook) -> None:
    shown(own, notebook, f"{own.base}counter.js", f"{own.base}red.css")
    button = own.page.get_by_role("button")
    expect(button).to_have_text("first 0")
    expect(button).to_have_css("color", RED)
    button.click()
    until(lambda: notebook.value("counter.count") == 1, what="the kernel has it")
    notebook.run(f"counter.count = 7; counter._css = {own.base + 'green.css'!r}")
    expect(button).to_have_text("first 7")
    expect(button).to_have_css("color", GREEN)
    expect(own.page.locator("link[rel=stylesheet]")).to_have_count(1)
    assert own.console == []


def test_a_module_that_its_author_changes_takes_the_place_of_the_old_one(
    own: OwnPage, notebook: Notebook
) -> None:
    shown(own, notebook, COUNTER.replace("NAME", "first"), ".first { color: red }")
    button = own.page.get_by_role("button")
    expect(button).to_have_css("color", RED)
    button.click()
    expect(button).to_have_text("first 1")
    notebook.run(
        f"counter._esm = {COUNTER.replace('NAME', 'second')!r}; counter._css = '.second {{ color: green }}'"
    )
    expect(button).to_have_text("second 1")
    expect(button).to_have_css("color", GREEN)
    expect(own.page.locator("body")).to_contain_text("ended first")
    button.click()
    expect(button).to_have_text("second 2")
    until(lambda: notebook.value("counter.count") == 2, what="the kernel has it")
    expect(own.page.locator("style")).to_have_count(1)
    assert own.console == []


def test_a_module_that_is_not_there_is_said_in_its_place_until_there_is_one(
    own: OwnPage, notebook: Notebook
) -> None:
    shown(own, notebook, f"{own.base}absent.js", "")
    expect(own.page.locator("body")).to_contain_text("Failed to fetch dynamically imported module")
    notebook.run(f"counter._esm = {own.base + 'counter.js'!r}")
    expect(own.page.get_by_role("button")).to_have_text("first 0")
    expect(own.page.locator("body")).not_to_contain_text("Failed")
