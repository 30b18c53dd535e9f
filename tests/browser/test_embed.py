"""Live widgets in somebody else's page, on another origin: the package from its tarball, real kernels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.consumer import WAIT_MS, Consumer, Embedding, Quiet, served
from tests.browser.notebook import Notebook
from tests.conftest import until
from tests.server.jupyter.serving import ENABLED, TOKEN, jupyter_server

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.acceptance("D6"), pytest.mark.timeout(400)]

WIDGET = """
import ipywidgets as w, traitlets as t
def foreign(module, label='', version='^1.0.0'):
    names = dict(_model_name='M', _view_name='V', _model_module=module, _view_module=module,
                 _model_module_version=version, _view_module_version=version, label=label)
    return type('Foreign', (w.DOMWidget,), {k: t.Unicode(v).tag(sync=True) for k, v in names.items()})()
"""

AMD = """define(["@jupyter-widgets/base", "./part"], (base, part) => {
  class M extends base.DOMWidgetModel {}
  class V extends base.DOMWidgetView { render() { this.el.textContent = `SAID ${part} ${this.model.get("label")}`; } }
  return { M, V };
});"""

Open = Callable[..., Embedding]


@pytest.fixture(scope="module")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    return Consumer(tmp_path_factory.mktemp("consumer"))


@pytest.fixture(scope="module")
def example(consumer: Consumer) -> Iterator[str]:
    with served(consumer.build_example()) as origin:
        yield origin


@pytest.fixture(scope="module")
def site(consumer: Consumer) -> Iterator[str]:
    with served(consumer.build_test_page()) as origin:
        yield origin


@pytest.fixture
def embed(chromium: Browser) -> Iterator[Open]:
    opened: list[Embedding] = []

    def opens(address: str) -> Embedding:
        opened.append(Embedding(chromium, address))
        return opened[-1]

    yield opens
    for each in opened:
        each.context.close()


@pytest.fixture(autouse=True)
def allowed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Kernels that start now let the two pages embed their rooms, and have an empty place for packages."""
    (tmp_path / "jupyter" / "nbextensions").mkdir(parents=True)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    origins = [request.getfixturevalue(name) for name in ("example", "site")]
    if "forbidden" not in request.fixturenames:
        monkeypatch.setenv("COMMDOC_EMBED_ORIGINS", " ".join(origins))


@pytest.fixture
def forbidden() -> None:
    """Nobody has said who may embed the room."""


def install(tmp_path: Path, name: str, said: str) -> None:
    folder = tmp_path / "jupyter" / "nbextensions" / name
    folder.mkdir()
    (folder / "index.js").write_text(AMD.replace("SAID", said))
    (folder / "part.js").write_text('define(() => "part")')


@contextmanager
def cdn(folder: Path, packages: dict[str, str]) -> Iterator[str]:
    """Serve packages, ``name@range`` to what they say, as a CDN does; yields the template."""
    for name, said in packages.items():
        dist = folder / "cdn" / name / "dist"
        dist.mkdir(parents=True)
        (dist / "index.js").write_text(AMD.replace("SAID", said))
        (dist / "part.js").write_text('define(() => "part")')
    with served(folder / "cdn", _Cors) as origin:
        yield f"{origin}/{{module}}@{{version}}/{{file}}"


class _Cors(Quiet):
    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()


# --- the package ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "resolution"), [("esnext", "bundler"), ("node16", "node16"), ("nodenext", "nodenext")]
)
def test_every_project_reads_the_types(consumer: Consumer, module: str, resolution: str) -> None:
    assert consumer.typecheck(module, resolution) == ""


def test_the_tarball_has_what_is_used_and_nothing_else(consumer: Consumer) -> None:
    assert {"LICENSE", "README.md", "package.json", "dist/style.css"} <= set(consumer.files)
    folders = {"LICENSE", "README", "package", "dist", "conformance"}
    assert {re.split("[/.]", path)[0] for path in consumer.files} == folders
    assert [path for path in consumer.files if path.startswith("conformance/")] == ["conformance/kernel.py"]
    assert [path for path in consumer.files if "interop" in path] == []


# --- the example ------------------------------------------------------------------------------------------------------


def test_the_example_shows_a_busy_kernel_s_widgets_and_moves_go_to_it(
    notebook: Notebook, example: str, embed: Open
) -> None:
    notebook.run("import ipywidgets as w; s = w.IntSlider(value=3, description='s'); display(s)")
    with notebook.busy():
        page = embed(f"{example}/#{notebook.link}")
        page.expect_readout("3")
        page.press()
        page.expect_readout("4")
    until(lambda: notebook.value("s.value") == 4, what="the kernel has it")
    notebook.run("s.value = 50")
    page.expect_readout("50")
    assert page.page.url == f"{example}/"
    assert page.console == []
    assert page.hosts == {urlsplit(example).netloc, urlsplit(notebook.link).netloc}


def test_the_example_shows_the_rooms_of_two_kernels(notebook: Notebook, example: str, embed: Open) -> None:
    other = Notebook()
    try:
        other.load()
        for each, value in ((notebook, 3), (other, 60)):
            each.run(f"import ipywidgets as w; s = w.IntSlider(value={value}); display(s)")
        page = embed(f"{example}/#{quote(notebook.link + ' ' + other.link)}")
        first, second = "section:nth-of-type(1)", "section:nth-of-type(2)"
        page.expect_readout("3", first)
        page.expect_readout("60", second)
        page.press(first)
        page.press(second, times=2)
        until(lambda: (notebook.value("s.value"), other.value("s.value")) == (4, 62), what="each has its own")
        page.expect_readout("4", first)
        page.expect_readout("62", second)
        assert page.console == []
    finally:
        other.close()


@pytest.mark.scenario("S47")
@pytest.mark.usefixtures("forbidden")
def test_a_page_elsewhere_is_refused_unless_somebody_says_so(
    notebook: Notebook, example: str, embed: Open
) -> None:
    page = embed(f"{example}/#{notebook.link}")
    expect(page.page.locator("section")).to_contain_text("This room can't be joined", timeout=WAIT_MS)
    page.page.set_content(f'<iframe src="{notebook.link}"></iframe>')
    until(lambda: any("frame-ancestors" in line for line in page.console), what="no frame either")


def test_the_room_s_own_page_shows_in_a_frame(notebook: Notebook, site: str, embed: Open) -> None:
    notebook.run("import ipywidgets as w; s = w.IntSlider(value=3); display(s)")
    page = embed(site)
    page.page.evaluate(
        "(src) => document.body.append(Object.assign(document.createElement('iframe'), "
        "{ src, id: 'room', width: 900, height: 500 }))",
        notebook.link,
    )
    readout = page.page.frame_locator("#room").frame_locator("#frame").locator(".widget-readout")
    expect(readout).to_have_text("3", timeout=WAIT_MS)
    assert page.console == []


def test_a_page_of_the_jupyter_server_itself_needs_no_leave(
    consumer: Consumer, example: str, embed: Open, tmp_path: Path
) -> None:
    assert example
    options = [ENABLED, f"--ServerApp.extra_static_paths={consumer.folder / 'public'}"]
    with jupyter_server(tmp_path, options) as server:
        kernel = server.start("a.ipynb")
        kernel.run("%load_ext commdoc")
        kernel.run("import ipywidgets as w; s = w.IntSlider(value=3); display(s)")
        link = server.link(str(server.room(path="a.ipynb")["room_id"]), "window")
        page = embed(f"{server.url}lab/api/nothing?token={TOKEN}")
        page.console.clear()
        page.page.goto(f"{server.url}static/index.html#{link}")
        page.expect_readout("3")
        page.press()
        until(lambda: "4" in kernel.run("print(s.value)"), what="the kernel has it")
        assert page.console == []


# --- a room in a page -------------------------------------------------------------------------------------------------


def test_one_room_in_two_places_and_twice_in_one_page(notebook: Notebook, site: str, embed: Open) -> None:
    notebook.run("import ipywidgets as w; s = w.IntSlider(value=3); display(s)")
    page = embed(site)
    page.mount(notebook.link, "one", name="a")
    page.page.evaluate("async () => { globalThis.b = await page.mountRoom(at('two'), a.room); }")
    page.mount(notebook.link, "two", name="c")
    again = "#two .commdoc:nth-of-type(2)"
    for place in ("#one", "#two .commdoc:nth-of-type(1)", again):
        page.expect_readout("3", place)
    assert page.page.evaluate(
        "a.models === b.models && a.models !== c.models && page.modelsOf(a.room) === a.models"
    )
    page.press(again)
    for place in ("#one", "#two .commdoc:nth-of-type(1)"):
        page.expect_readout("4", place)
    page.press("#one")
    page.expect_readout("5", again)
    until(lambda: notebook.value("s.value") == 5, what="the kernel has it")
    page.page.evaluate("b.remove(); a.remove(); c.remove()")
    expect(page.page.locator(".commdoc")).to_have_count(0)
    assert page.page.evaluate("[a.room.status, c.room.status]") == ["closed", "closed"]
    assert page.console == []


def test_nothing_is_global_and_the_page_around_keeps_its_looks(
    notebook: Notebook, site: str, embed: Open, tmp_path: Path
) -> None:
    install(tmp_path, "installed", "nbextension")
    notebook.run(
        WIDGET + "display(w.VBox([w.HTMLMath('$x^2$'), w.Button(description='b'), foreign('installed')]))"
    )
    page = embed(site)
    looks = """() => {
      const style = getComputedStyle(document.querySelector("h1"));
      return JSON.stringify([...style].map((name) => style[name]));
    }"""
    before = page.page.evaluate(looks)
    page.mount(notebook.link)
    expect(page.page.locator(".katex-html")).to_be_visible(timeout=WAIT_MS)
    expect(page.page.locator("#one")).to_contain_text("nbextension part", timeout=WAIT_MS)
    assert page.page.evaluate(looks) == before
    assert (
        page.page.evaluate(
            "getComputedStyle(document.documentElement).getPropertyValue('--jp-ui-font-size1')"
        )
        == ""
    )
    # What yjs itself puts there, to warn of a second yjs; the rest is the test's.
    assert sorted(page.globals()) == ["__ $YJS$ __", "at", "it", "page"]
    assert page.console == []


def test_a_page_shows_some_of_the_widgets_and_says_when_the_kernel_is_gone(
    notebook: Notebook, site: str, embed: Open
) -> None:
    notebook.run("import ipywidgets as w; display(w.IntSlider(value=3)); display(w.Text('hidden'))")
    page = embed(site)
    page.mount(notebook.link, options="{ only: (comm) => comm.modelName === 'IntSliderModel' }")
    page.expect_readout("3")
    assert page.page.locator(".widget-text").count() == 0
    expect(page.page.locator(".commdoc")).to_have_attribute("data-state", "live")
    notebook.kill()
    expect(page.page.locator(".commdoc-state")).to_contain_text("The kernel is gone", timeout=WAIT_MS)
    expect(page.page.locator(".commdoc")).to_have_attribute("data-state", "last")
    page.expect_readout("3")


def test_whoever_may_only_look_reads_everything_and_changes_nothing(
    notebook: Notebook, site: str, embed: Open
) -> None:
    notebook.run(
        "import ipywidgets as w; s = w.IntSlider(value=3, description='speed'); t = w.Text('to be read')\n"
        "b = w.Button(description='Press'); b.on_click(lambda _: setattr(t, 'value', 'pressed'))\n"
        "display(w.VBox([s, t, b]))"
    )
    page = embed(site)
    page.mount(notebook.reading_link())
    page.expect_readout("3")
    box = page.page.locator(".commdoc")
    expect(box).to_have_attribute("data-state", "reading")
    expect(page.page.locator(".commdoc-state")).to_contain_text("for reading")
    assert page.page.locator("[inert]").count() == 0
    speed = box.get_by_role("slider", name="speed", disabled=True)
    text = box.locator(".widget-text input")
    for each in (speed, text, box.get_by_role("button", name="Press")):
        expect(each).to_be_visible()
        each.focus()
        expect(each).to_be_focused()
    speed.press("ArrowRight")
    text.press("x")
    box.get_by_role("button", name="Press").dispatch_event("click")
    notebook.run("s.value = 8")
    page.expect_readout("8")
    expect(text).to_have_value("to be read")
    assert notebook.value("(s.value, t.value)") == (8, "to be read")


def test_what_the_last_life_displayed_stays_until_the_next_one_displays_something(
    notebook: Notebook, site: str, embed: Open
) -> None:
    notebook.run("import ipywidgets as w; display(w.IntSlider(value=3))")
    page = embed(site)
    page.mount(notebook.link)
    page.expect_readout("3")
    notebook.restart()
    notebook.load()
    state = page.page.locator(".commdoc-state")
    expect(state).to_contain_text("last state", timeout=WAIT_MS)
    page.expect_readout("3")
    expect(page.page.locator(".commdoc")).to_have_attribute("data-state", "last")
    notebook.run("import ipywidgets as w; display(w.IntSlider(value=5))")
    page.expect_readout("5")
    expect(page.page.locator(".widget-slider")).to_have_count(1)
    expect(page.page.locator(".commdoc")).to_have_attribute("data-state", "live")
    assert page.console == []


# --- where modules come from ------------------------------------------------------------------------------------------


@pytest.mark.acceptance("D3")
def test_a_module_comes_from_the_page_then_from_the_host_then_from_the_cdn(
    notebook: Notebook, site: str, embed: Open, tmp_path: Path
) -> None:
    install(tmp_path, "both", "nbextension")
    install(tmp_path, "installed", "nbextension")
    names = ["brought", "both", "installed", "elsewhere", "nowhere"]
    notebook.run(
        WIDGET + f"display(w.VBox([foreign(name, name) for name in {names}] + [w.IntSlider(value=3)]))"
    )
    page = embed(site)
    with cdn(tmp_path, {f"{name}@^1.0.0": "cdn" for name in ("brought", "both", "elsewhere")}) as template:
        modules = "{ brought: page.classes('own'), both: { version: '2.0.0', load: page.classes('wrong') } }"
        page.mount(notebook.link, options=f"{{ modules: {modules}, cdn: {template!r} }}")
        one = page.page.locator("#one")
        for text in (
            "own brought",
            "nbextension part both",
            "nbextension part installed",
            "cdn part elsewhere",
        ):
            expect(one).to_contain_text(text, timeout=WAIT_MS)
        place = page.fallback("nowhere")
        expect(place).to_contain_text("V of the module nowhere ^1.0.0", timeout=WAIT_MS)
        expect(place).to_contain_text("the room's host: it is not installed")
        expect(place).to_contain_text("Install or upgrade the Python package that brings nowhere")
        expect(place).to_contain_text(f"the CDN {urlsplit(template).netloc}: http")
        page.expect_readout("3")
    page.press()
    page.expect_readout("4")


@pytest.mark.acceptance("D3")
def test_two_versions_of_a_package_are_each_what_a_widget_asks_for(
    notebook: Notebook, site: str, embed: Open, tmp_path: Path
) -> None:
    versions = ["^1.0.0", "^2.0.0", "~3.1"]
    notebook.run(WIDGET + f"display(w.VBox([foreign('pkg', v, v) for v in {versions}]))")
    page = embed(site)
    with cdn(tmp_path, {"pkg@^2.0.0": "second", "pkg@~3.1": "third"}) as template:
        modules = "{ pkg: [{ version: '1.4.0', load: page.classes('own') }] }"
        page.mount(notebook.link, options=f"{{ modules: {modules}, cdn: {template!r} }}")
        for text in ("own ^1.0.0", "second part ^2.0.0", "third part ~3.1"):
            expect(page.page.locator("#one")).to_contain_text(text, timeout=WAIT_MS)


@pytest.mark.scenario("S27")
@pytest.mark.acceptance("D3")
def test_a_source_that_fails_does_not_end_the_chain(
    notebook: Notebook, site: str, embed: Open, tmp_path: Path
) -> None:
    notebook.run(WIDGET + "display(w.VBox([foreign('pkg', 'here'), foreign('gone'), w.IntSlider(value=3)]))")
    page = embed(site)
    with cdn(tmp_path, {"pkg@^1.0.0": "cdn"}) as template:
        host = "async () => { throw new Error('the host did not answer (down)'); }"
        modules = "{ pkg: async () => { throw new Error('its own mistake'); } }"
        page.mount(
            notebook.link, options=f"{{ modules: {modules}, nbextensions: {host}, cdn: {template!r} }}"
        )
        expect(page.page.locator("#one")).to_contain_text("cdn part here", timeout=WAIT_MS)
        expect(page.fallback("gone")).to_contain_text("did not answer (down)", timeout=WAIT_MS)
    later = embed(site)
    later.mount(notebook.link, options=f"{{ modules: {modules}, cdn: {template!r} }}")
    place = later.fallback("pkg")
    expect(place).to_contain_text("the page's own modules: its own mistake", timeout=WAIT_MS)
    expect(place).to_contain_text("could not be had")
    later.expect_readout("3")


@pytest.mark.scenario("S27")
def test_where_nothing_is_set_nobody_is_asked(
    notebook: Notebook, site: str, embed: Open, tmp_path: Path
) -> None:
    install(tmp_path, "installed", "nbextension")
    notebook.run(WIDGET + "display(w.VBox([foreign('installed'), w.IntSlider(value=3)]))")
    page = embed(site)
    requests: list[str] = []
    page.page.on("request", lambda it: requests.append(it.url))
    page.mount(notebook.link, options="{ nbextensions: undefined }")
    expect(page.fallback("installed")).to_contain_text('modules: { "installed": … }', timeout=WAIT_MS)
    page.expect_readout("3")
    assert requests == []
    assert page.console == []
