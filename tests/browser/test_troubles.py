"""What goes wrong for one widget or one page stays there, and is said."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, WebSocketRoute, expect

from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]


@pytest.mark.scenario("S27")
def test_a_listener_that_throws_is_logged_with_its_comm_and_the_rest_goes_on(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        """
import anywidget, traitlets, ipywidgets as w
class Thrower(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      model.on("msg:custom", (content) => {
        el.textContent = `got ${content}`;
        if (content === 1) throw new Error("the author's mistake");
      });
      model.on("change:n", () => { throw new Error("another mistake"); });
    } };'''
    n = traitlets.Int(0).tag(sync=True)
thrower, s = Thrower(), w.IntSlider(description="s")
display(w.VBox([thrower, s]))
        """
    )
    page = open_page()
    page.expect_readout("s", "0")
    notebook.run("thrower.send(1); thrower.n = 1; thrower.send(2); s.value = 5")
    page.expect_text("got 2")
    page.expect_readout("s", "5")
    comm_id = notebook.value("thrower.model_id")
    expect(page.frame.locator("#log")).to_contain_text(f"comm {comm_id}")
    expect(page.frame.locator("#log")).to_contain_text("the author's mistake")
    expect(page.frame.locator("#log")).to_contain_text("another mistake")
    page.picture("log-error")


BROKEN = """
import anywidget, traitlets, ipywidgets as w
class Broken(anywidget.AnyWidget):
    _esm = traitlets.Unicode().tag(sync=True)
mend = "export default { render({ el }) { el.textContent = 'mended'; } }"
broken, s = Broken(_esm=esm), w.IntSlider(description="s")
display(w.VBox([broken, s]))
"""

MISTAKES = {
    "render throws": (
        "export default { render({ el }) { throw new Error('no such thing'); } }",
        "its render failed: no such thing",
    ),
    "render rejects": (
        "export default { async render({ el }) { el.textContent = 'begun'; await 0; throw new Error('later'); } }",
        "its render failed: later",
    ),
    "initialize throws": (
        "export default { initialize() { throw new Error('not ready'); }, render() {} }",
        "its module failed: not ready",
    ),
    "no JavaScript": (
        "export default { render({ el }) { const = 1; } }",
        "its module failed: Unexpected token",
    ),
    "nothing exported": (
        "export const nothing = 1;",
        "its module failed: [anywidget] module must export",
    ),
}


@pytest.mark.scenario("S27")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_fails_in_an_anywidget_is_said_in_its_place_until_it_is_mended(
    notebook: Notebook, open_page: OpenPage, mistake: str
) -> None:
    esm, said = MISTAKES[mistake]
    early = open_page()
    notebook.run(f"esm = {esm!r}\n{BROKEN}")
    late = open_page()
    comm_id = notebook.value("broken.model_id")
    for page in (early, late):
        box = page.frame.locator(f'[data-commdoc-failed="{comm_id}"]')
        expect(box).to_have_count(1)
        expect(box).to_contain_text(said.partition(" failed: ")[2])
        page.expect_readout("s", "0")
        expect(page.frame.locator("#log")).to_contain_text(f"comm {comm_id}: {said}")
        lines = page.frame.locator("#log pre", has_text=comm_id)
        expect(lines).to_have_count(1)
    notebook.run("s.value = 5; broken._esm = mend")
    for page in (early, late):
        page.expect_text("mended")
        page.expect_readout("s", "5")
        expect(page.frame.locator("[data-commdoc-failed]")).to_have_count(0)


@pytest.mark.scenario("S27")
def test_a_blob_that_does_not_come_leaves_the_other_widgets_alone(
    notebook: Notebook, chromium: Browser
) -> None:
    notebook.run(
        "import ipywidgets as w; image = w.Image(value=bytes(5000), description='i')\n"
        "s = w.IntSlider(description='s'); display(w.VBox([image, s]))"
    )

    def no_blobs(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def from_server(frame: str | bytes) -> None:
            if isinstance(frame, str) or b'"type":"blobs"' not in frame[:4096]:
                socket.send(frame)

        server.on_message(from_server)

    page = RoomPage(chromium, notebook.link, route=no_blobs)
    try:
        page.expect_readout("s", "0")
        page.press("s", "ArrowRight")
        until(lambda: notebook.value("s.value") == 1, what="the kernel has it")
        expect(page.view(notebook.value("image.model_id"))).to_have_count(0)
    finally:
        page.close()


def test_a_widget_without_its_module_says_what_is_missing(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        """
import ipywidgets as w, traitlets
class Foreign(w.DOMWidget):
    _model_name = traitlets.Unicode("ForeignModel").tag(sync=True)
    _view_name = traitlets.Unicode("ForeignView").tag(sync=True)
    _model_module = traitlets.Unicode("some-package").tag(sync=True)
    _view_module = traitlets.Unicode("some-package").tag(sync=True)
    _model_module_version = traitlets.Unicode("^3.1.0").tag(sync=True)
    _view_module_version = traitlets.Unicode("^3.1.0").tag(sync=True)
class Broken(__import__("anywidget").AnyWidget):
    _esm = "export default { render() { nonsense( } }"
s = w.IntSlider(description="s")
display(w.VBox([Foreign(), Broken(), s]))
        """
    )
    page = open_page()
    page.expect_readout("s", "0")
    page.expect_text("ForeignModel can't be drawn here")
    page.expect_text("some-package ^3.1.0")
    page.press("s", "ArrowRight")
    until(lambda: notebook.value("s.value") == 1, what="the kernel has it")


@pytest.mark.scenario("S29")
def test_a_callback_that_raises_is_shown_in_the_log(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        "import ipywidgets as w; b = w.Button(description='press', icon='bolt'); display(b)\n"
        "def pressed(_button):\n    print('pressed')\n    raise ValueError('not today')\n"
        "b.on_click(pressed)"
    )
    page = open_page()
    page.frame.get_by_role("button", name="press").click()
    log = page.frame.locator("#log")
    expect(log).to_contain_text("pressed")
    expect(log).to_contain_text("ValueError: not today")
    page.picture("log")


@pytest.mark.scenario("S47")
def test_a_wrong_token_is_refused_in_words(notebook: Notebook, chromium: Browser) -> None:
    for link in (re.sub("#token=.*", "#token=wrong", notebook.link), notebook.link.split("#")[0]):
        page = RoomPage(chromium, link, wait=False)
        try:
            page.expect_state("refused")
            expect(page.page.locator("#notice")).to_contain_text("newest link")
            expect(page.frame.locator("[data-comm-id]")).to_have_count(0)
            # It doesn't knock again and again.
            page.page.wait_for_timeout(1500)
            assert page.sockets <= 1
        finally:
            page.close()


@pytest.mark.scenario("S47")
def test_a_reader_sees_everything_and_changes_nothing(notebook: Notebook, chromium: Browser) -> None:
    notebook.run("import ipywidgets as w; s = w.IntSlider(description='s'); display(s)")
    page = RoomPage(chromium, notebook.reading_link())
    try:
        page.expect_readout("s", "0")
        expect(page.page.locator("#role")).to_have_text("Read only")
        expect(page.page.locator("#people summary")).to_have_text("1 reader")
        page.expect_still()
        page.expect_text("for reading")
        notebook.run("s.value = 9")
        page.expect_readout("s", "9")
        page.drag("s", 0.5)
        page.expect_readout("s", "9")
        assert notebook.value("s.value") == 9
        page.picture("reader")
        page.expect_clean()
    finally:
        page.close()


def test_the_token_is_neither_in_the_address_nor_in_the_frame(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run("import ipywidgets as w; display(w.IntSlider(description='s'))")
    page = open_page()
    page.expect_readout("s", "0")
    token = notebook.link.split("#token=")[1]
    assert token not in page.page.url
    assert token not in page.page.content()
    frame = page.page.frames[1]
    assert frame.evaluate("window.origin") == "null"
    assert token not in frame.content()
    with pytest.raises(Exception, match=r"sandboxed|SecurityError|denied"):
        frame.evaluate("parent.document.title")
    # A reload keeps it, for this tab.
    page.page.reload()
    page.expect_readout("s", "0", seconds=15)


def test_a_link_in_a_widget_opens_beside_the_page(notebook: Notebook, open_page: OpenPage) -> None:
    page = open_page()
    host = page.page.url.split("/commdoc")[0]
    notebook.run(
        f"import ipywidgets as w\n"
        f"display(w.IntSlider(description='s'), w.HTML('<a href=\"{host}/elsewhere\">to the manual</a>'))"
    )
    with page.context.expect_page() as opened:
        page.frame.get_by_text("to the manual").click()
    opened.value.wait_for_url(f"{host}/elsewhere")
    page.expect_readout("s", "0")


@pytest.mark.scenario("S09")
def test_a_page_resumes_after_the_network_was_away(notebook: Notebook, chromium: Browser) -> None:
    notebook.run("import ipywidgets as w; s = w.IntSlider(description='s'); display(s)")
    sockets: list[WebSocketRoute] = []
    away = False

    def cut(socket: WebSocketRoute) -> None:
        if away:
            socket.close(code=4000, reason="the network is away")
            return
        socket.connect_to_server()
        sockets.append(socket)

    page = RoomPage(chromium, notebook.link, route=cut)
    try:
        page.expect_readout("s", "0")
        away = True
        sockets[0].close(code=4000, reason="the network is away")
        page.expect_state("disconnected")
        page.expect_still()
        # A lost socket is not a dead kernel, and the page says only what it knows.
        expect(page.page.locator("#notice")).to_contain_text("connection to the room is lost")
        expect(page.page.locator("#notice")).not_to_contain_text("kernel")
        expect(page.page.locator("#kernel .words")).to_have_text("Kernel not known")
        notebook.run("s.value = 44; t = w.IntSlider(description='t', value=3); display(t)")
        page.picture("reconnecting")
        away = False
        page.expect_state("live", seconds=20)
        expect(page.page.locator("#notice")).to_be_hidden()
        page.expect_readout("s", "44")
        page.expect_readout("t", "3")
        page.press("s", "ArrowRight")
        until(lambda: notebook.value("s.value") == 45, what="the kernel has it")
    finally:
        page.close()
