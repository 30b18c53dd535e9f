"""Modules of widget packages, however they are written, wherever they are installed, and those that are broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("D3")]

WAIT_MS = 20_000


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place where packages may be installed, known to the kernel that is started next; before `notebook`."""
    base = tmp_path / "jupyter" / "nbextensions"
    base.mkdir(parents=True)
    monkeypatch.setenv("JUPYTER_PATH", str(base.parent))
    return base


def install(base: Path, name: str, **files: str) -> None:
    (base / name).mkdir()
    for file, text in files.items():
        (base / name / f"{file}.js").write_text(text)


WIDGET = """
import ipywidgets as w, traitlets as t
def foreign(module, label=''):
    names = dict(_model_name='M', _view_name='V', _model_module=module, _view_module=module,
                 _model_module_version='^1.0', _view_module_version='^1.0', label=label)
    return type('Foreign', (w.DOMWidget,), {k: t.Unicode(v).tag(sync=True) for k, v in names.items()})()
"""

CLASSES = """
class M extends base.DOMWidgetModel {}
class V extends base.DOMWidgetView { render() { this.el.textContent = `${said} ${this.model.get("label")}`; } }
"""

FORMS = {
    "named": """define("named", ["@jupyter-widgets/base"], (base) => {
        const said = "named"; CLASSES return { M, V }; });""",
    "common": """define((require, exports, module) => {
        const base = require("@jupyter-widgets/base"), said = module.id; CLASSES module.exports = { M, V }; });""",
    "exporting": """define(["exports", "@jupyter-widgets/base"], (exports, base) => {
        const said = "exporting"; CLASSES Object.assign(exports, { M, V }); });""",
    "several": """define("several/part", [], () => "parts");
        define("several", ["several/part", "@jupyter-widgets/base"], (said, base) => { CLASSES return { M, V }; });""",
    "controls": """define(["@jupyter-widgets/controls", "@jupyter-widgets/base"], (controls, base) => {
        const said = controls.IntSliderModel.prototype instanceof base.WidgetModel; CLASSES return { M, V }; });""",
    "beside": """define(["./part", "module", "@jupyter-widgets/base"], (part, module, base) => {
        const said = part.said + new URL(module.uri).pathname.endsWith("/index.js"); CLASSES return { M, V }; });""",
}
FORMS = {name: text.replace("CLASSES", CLASSES) for name, text in FORMS.items()}


def test_modules_are_written_in_many_ways(installed: Path, notebook: Notebook, open_page: OpenPage) -> None:
    for name, text in FORMS.items():
        install(installed, name, index=text)
    (installed / "beside" / "part.js").write_text('define({ said: "beside " })')
    notebook.run(WIDGET + f"display(w.VBox([foreign(name, '(drawn)') for name in {list(FORMS)}]))")
    page = open_page()
    for said in ("named", "common", "exporting", "parts", "true", "beside true"):
        page.expect_text(f"{said} (drawn)", seconds=15)
    assert page.page.frames[1].evaluate("typeof define") == "undefined"
    page.expect_clean()


BROKEN = {
    "throws": ('define(() => { throw new Error("its own mistake"); });', "its own mistake"),
    "nonsense": ("this is no JavaScript", "is no AMD module"),
    "other-style": ("window.something = 1;", "is no AMD module"),
    "needs": ('define(["never-installed"], () => ({}));', "nbextensions/never-installed"),
    "classless": ("define(() => ({}));", "no class of that name"),
}


@pytest.mark.scenario("S27")
def test_a_module_that_is_missing_or_broken_says_so_and_the_others_go_on(
    installed: Path, notebook: Notebook, open_page: OpenPage
) -> None:
    for name, (text, _) in BROKEN.items():
        install(installed, name, index=text)
    notebook.run(
        WIDGET + f"s = w.IntSlider(description='s')\n"
        f"display(w.VBox([foreign(name) for name in {[*BROKEN, 'jupyter-vue']}] + [s]))"
    )
    page = open_page()
    for name, (_, reason) in BROKEN.items():
        place = page.frame.locator(f'[data-commdoc-fallback="{name}"]')
        expect(place).to_contain_text(f"V of the module {name} ^1.0", timeout=WAIT_MS)
        expect(place).to_contain_text(reason)
    expect(page.frame.locator('[data-commdoc-fallback="jupyter-vue"]')).to_contain_text(
        "Python package ipyvue"
    )
    page.press("s", "ArrowRight")
    until(lambda: notebook.value("s.value") == 1, what="the kernel has it")


@pytest.mark.scenario("S27")
def test_a_package_that_is_installed_later_is_there_for_the_next_widget(
    installed: Path, notebook: Notebook, open_page: OpenPage
) -> None:
    page = open_page()
    notebook.run(WIDGET + "display(foreign('named', 'early'))")
    expect(page.frame.locator('[data-commdoc-fallback="named"]')).to_contain_text("Install", timeout=WAIT_MS)
    install(installed, "named", index=FORMS["named"])
    notebook.run("display(foreign('named', 'late'))")
    page.expect_text("named late", seconds=15)


@pytest.mark.scenario("S47")
def test_the_frame_loads_nothing_of_the_host_but_what_it_was_told(
    installed: Path, notebook: Notebook, open_page: OpenPage
) -> None:
    install(installed, "named", index=FORMS["named"])
    install(installed, "secret", index="define(() => ({}))")
    notebook.run(WIDGET + "display(foreign('named', 'here'))")
    page = open_page()
    page.expect_text("named here", seconds=15)
    tried = page.page.frames[1].evaluate(
        """async () => {
          const blocked = [];
          addEventListener("securitypolicyviolation", ({ blockedURI }) => blocked.push(blockedURI));
          const found = performance.getEntriesByType("resource").map(({ name }) => name);
          const told = found.find((name) => name.endsWith("/index.js"));
          const load = (tag, url) => new Promise((done) => {
            const at = tag === "script" || tag === "img" ? "src" : "href";
            document.head.append(Object.assign(document.createElement(tag), {
              [at]: url, rel: "stylesheet", onload: () => done(true), onerror: () => done(false) }));
          });
          const room = told.split("/")[5];
          const loaded = {
            told: await load("script", told),
            "its text": await fetch(told).then(() => true, () => false),
            guessed: await load("script", new URL(`/commdoc/nbextensions/${room}/guess/index.js`, told).href),
            above: await load("script", new URL("../secret/index.js", told).href),
            page: await load("script", new URL("/commdoc/rooms/" + room + "/", told).href),
            asks: await load("script", new URL(`/commdoc/rooms/${room}/nbextensions?module=named`, told).href),
            style: await load("link", new URL("/commdoc/rooms/" + room + "/", told).href),
            image: await load("img", new URL("/commdoc/api/rooms", told).href),
          };
          return { loaded, blocked: blocked.map((url) => new URL(url).pathname.replace(room, "ROOM")) };
        }"""
    )
    assert {what for what, loaded in tried["loaded"].items() if loaded} == {"told"}
    # Not only that nobody answers: the frame may not ask.
    place = "/commdoc/rooms/ROOM/"
    assert tried["blocked"][1:] == [place, f"{place}nbextensions", place, "/commdoc/api/rooms"]
    assert tried["blocked"][0].startswith("/commdoc/nbextensions/ROOM/"), (
        "a module is run, its text isn't read"
    )
    answers = page.page.frames[1].evaluate(
        """async () => {
          const got = [];
          addEventListener("message", ({ data }) => data?.commdoc === "module" && got.push(data));
          for (const name of ["secret", "../named", {}, "x"])
            parent.postMessage({ commdoc: "module", id: got.length, name }, "*");
          while (got.length < 4) await new Promise((done) => setTimeout(done, 20));
          return got.map((answer) => answer.place ?? null);
        }"""
    )
    assert answers == [None, None, None, None]
