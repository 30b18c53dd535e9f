"""The inspector drawer: what is in the document, how often it changes, and who changed it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import OpenPage
from tests.browser.drawer import Drawer
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import ROOT, until

pytestmark = [pytest.mark.browser, pytest.mark.acceptance("D6"), pytest.mark.timeout(180)]

SLIDER = "import ipywidgets as w; s = w.IntSlider(7, description='speed'); s"


def comm_id(notebook: Notebook, name: str) -> str:
    return str(notebook.value(f"{name}.comm.comm_id"))


def test_another_windows_drawer_says_which_window_changed_a_value(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(SLIDER)
    one, two = open_page(), open_page()
    one.expect_readout("speed", "7")
    theirs, own = Drawer(two), Drawer(one)
    slider = comm_id(notebook, "s")
    for drawer in (theirs, own):
        drawer.choose(slider)
        drawer.go_to("value")
        expect(drawer.cell("value", "by")).to_have_text("kernel")
    one.drag("speed", 0.8)
    until(lambda: notebook.value("s.value") > 50)
    expect(own.cell("value", "by")).to_have_text("this page")
    expect(theirs.cell("value", "by")).to_have_text(re.compile(r"^Chrome page \w{4}$"))
    expect(theirs.row(slider).locator(".by")).to_have_text(re.compile("^Chrome page"))
    expect(theirs.cell("value", "when")).to_have_text(re.compile("now|s ago"))
    expect(theirs.cell("step", "by")).to_have_text("kernel")
    moved = notebook.value("s.value")
    expect(theirs.cell("value", "value")).to_have_text(re.compile(rf"^value: {moved}$"))
    notebook.run("s.value = 1")
    expect(theirs.cell("value", "by")).to_have_text("kernel")
    expect(theirs.cell("value", "value")).to_have_text("value: 1")
    one.expect_clean()
    two.expect_clean()


def test_what_a_window_changed_before_the_drawer_was_opened_is_known(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(SLIDER)
    one, two = open_page(), open_page()
    one.press("speed", "ArrowRight", 3)
    until(lambda: notebook.value("s.value") == 10)
    one.close()
    drawer = Drawer(two)
    drawer.choose(comm_id(notebook, "s"))
    drawer.go_to("value")
    expect(drawer.cell("value", "by")).to_have_text(re.compile("^Chrome page"))


def test_who_may_only_read_sees_it_too(chromium: Browser, notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(SLIDER)
    one, reader = open_page(), RoomPage(chromium, notebook.reading_link())
    try:
        drawer = Drawer(reader)
        drawer.choose(comm_id(notebook, "s"))
        drawer.go_to("value")
        one.press("speed", "ArrowRight")
        expect(drawer.cell("value", "value")).to_have_text("value: 8")
        expect(drawer.cell("value", "by")).to_have_text(re.compile("^Chrome page"))
        reader.expect_clean()
    finally:
        reader.close()


def test_a_loop_of_the_kernel_shows_as_updates_per_second(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(SLIDER)
    page = open_page()
    drawer = Drawer(page)
    slider = comm_id(notebook, "s")
    expect(drawer.box.locator(".totals")).to_contain_text("0 updates/s")
    loop = notebook.start("import time\nfor n in range(600):\n    s.value = n % 100; time.sleep(0.02)")
    expect(drawer.row(slider).locator(".rate")).to_have_text(re.compile(r"^[2-6]\d$"))
    expect(drawer.box.locator(".totals")).to_contain_text(re.compile(r" [2-6]\d updates/s"))
    notebook.finish(loop)
    expect(drawer.row(slider).locator(".rate")).to_have_text("")
    expect(drawer.box.locator(".totals")).to_contain_text("0 updates/s")


def test_state_is_shown_as_the_document_has_it(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        """
import ipywidgets as w, traitlets as t
from ipykernel.comm import Comm
class Odd(w.DOMWidget):
    nan = t.Any(float("nan")).tag(sync=True)
    big = t.Any(2**70).tag(sync=True)
    dollar = t.Any({"$blob": 1}).tag(sync=True)
    items = t.Any(list(range(250))).tag(sync=True)
odd = Odd(); out = w.Output(); box = w.VBox([odd, out])
with out:
    print("hello")
    display({"text/plain": "p", "text/html": "<b>h</b>"}, raw=True)
plain = Comm(target_name="my.target", data={"a": 1}, metadata={"m": 2})
"""
    )
    drawer = Drawer(open_page())
    drawer.choose(comm_id(notebook, "odd"))
    drawer.go_to("nan")
    expect(drawer.cell("nan", "value")).to_have_text('nan: {"$num":"nan"}')
    drawer.go_to("big")
    expect(drawer.cell("big", "value")).to_have_text(f'big: {{"$num":"{2**70}"}}')
    drawer.go_to("dollar")
    expect(drawer.cell("dollar", "value")).to_contain_text("{ } 1 key")
    drawer.go_to("items")
    drawer.tree.press("ArrowRight")
    expect(drawer.key("items")).to_have_attribute("aria-expanded", "true")
    expect(drawer.tree).to_have_attribute("aria-rowcount", re.compile(r"^2\d\d$"))
    drawer.tree.press("ArrowLeft")
    expect(drawer.key("items")).to_have_attribute("aria-expanded", "false")

    drawer.choose(comm_id(notebook, "out"))
    drawer.go_to("outputs")
    drawer.tree.press("PageDown")
    expect(drawer.tree).to_contain_text(re.compile(r"stream stdout, \d+ B"))
    expect(drawer.tree).to_contain_text(re.compile(r"display_data text/plain, text/html, \d+ B"))

    drawer.choose(str(notebook.value("plain.comm_id")))
    expect(drawer.box.locator(".of-comm")).to_contain_text("target my.target")
    expect(drawer.box.locator(".of-comm")).to_contain_text("epoch")
    expect(drawer.tree.locator(".rows .row")).to_have_count(2)
    expect(drawer.cell("data", "value")).to_contain_text("{ } 1 key")


def test_a_reference_leads_to_its_comm_also_one_that_the_filter_hides(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(SLIDER)
    drawer = Drawer(open_page())
    drawer.choose(comm_id(notebook, "s"))
    drawer.go_to("layout")
    layout = comm_id(notebook, "s.layout")
    drawer.cell("layout", "value").locator(".link").click()
    expect(drawer.box.locator(".of-comm")).to_contain_text("LayoutModel")
    expect(drawer.filter).to_have_value("")
    expect(drawer.row(layout)).to_have_attribute("aria-selected", "true")
    drawer.choose(comm_id(notebook, "s"))
    drawer.go_to("style")
    drawer.tree.press("Enter")
    expect(drawer.box.locator(".of-comm")).to_contain_text("SliderStyleModel")


def test_blobs_are_named_with_who_names_them_and_whether_this_window_has_them(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        "import ipywidgets as w\n"
        "a = w.Image(value=b'\\x89PNG' + bytes(1996), layout={'width': '20px'})\n"
        "b = w.Image(value=a.value); long = w.HTML('y' * 1_000_000); a"
    )
    page = open_page()
    drawer = Drawer(page)
    drawer.choose(comm_id(notebook, "a"))
    drawer.go_to("value")
    expect(drawer.cell("value", "value")).to_have_text(
        re.compile(r"^value: blob bytes, 2\.0 kB, \w{12}, here$")
    )
    drawer.choose(comm_id(notebook, "long"))
    drawer.go_to("value")
    expect(drawer.cell("value", "value")).to_contain_text("blob text, 1.0 MB")
    drawer.filter.fill("")
    drawer.box.get_by_role("button", name="Blobs").click()
    images = drawer.blobs.locator(".rows .row", has_text="ImageModel.value · ImageModel.value")
    expect(images.locator(".size")).to_have_text("2.0 kB")
    images.locator(".names").click()
    expect(drawer.box.locator(".of-comm")).to_contain_text("ImageModel")
    expect(drawer.row(comm_id(notebook, "a"))).to_have_attribute("aria-selected", "true")


def test_a_blob_that_the_room_has_not_is_said_to_be_missing(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run("import ipywidgets as w; a = w.Image(value=b'\\x89PNG' + bytes(1996)); a")

    def without_blobs(route: Any) -> None:
        server = route.connect_to_server()

        def from_server(frame: str | bytes) -> None:
            if isinstance(frame, bytes) and b'"type":"blobs"' in frame.replace(b" ", b""):
                found = re.findall(rb"[0-9a-f]{64}", frame)
                missing = {"type": "blobs", "hashes": [], "sizes": [], "missing": [h.decode() for h in found]}
                text = json.dumps(missing).encode()
                frame = bytes([100, len(text) % 128 | 128, len(text) // 128]) + text + bytes([0])
            route.send(frame)

        server.on_message(from_server)

    drawer = Drawer(open_page(route=without_blobs))
    drawer.choose(comm_id(notebook, "a"))
    drawer.go_to("value")
    expect(drawer.cell("value", "value")).to_have_text(re.compile(", missing$"))
    drawer.box.get_by_role("button", name="Blobs").click()
    expect(drawer.blobs.locator(".rows .presence").first).to_have_text("missing")


def test_it_is_worked_with_keys_alone(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(SLIDER)
    page = open_page()
    page.expect_readout("speed", "7")
    keys = page.page.keyboard
    button = page.page.locator("#inspect")
    button.focus()
    keys.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    comms = page.page.locator("#inspector-comms")
    expect(comms).to_be_focused()
    expect(comms).to_have_attribute("aria-rowcount", "4")
    keys.press("End")
    active = page.page.locator(f"#{comms.get_attribute('aria-activedescendant')}")
    expect(active).to_have_attribute("data-comm", comm_id(notebook, "s"))
    expect(page.page.locator("#inspector .of-comm")).to_contain_text("IntSliderModel")
    keys.press("c")
    expect(page.page.locator("#inspector .said")).to_have_text(
        re.compile(f"Comm id copied|{comm_id(notebook, 's')}")
    )
    edge = page.page.get_by_role("separator", name="Height of the inspector")
    edge.focus()
    before = edge.get_attribute("aria-valuenow")
    keys.press("ArrowUp")
    assert int(edge.get_attribute("aria-valuenow") or 0) == int(before or 0) + 5
    page.page.locator("#inspector input").focus()
    keys.type("layout")
    expect(comms).to_have_attribute("aria-rowcount", "3")  # the slider has such a key, the layout such a name
    keys.press("Escape")
    expect(page.page.locator("#inspector input")).to_have_value("")
    keys.press("Escape")
    expect(page.page.locator("#inspector")).to_be_hidden()
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")


def test_its_height_is_moved_with_the_pointer_and_remembered_for_the_tab(
    notebook: Notebook, open_page: OpenPage
) -> None:
    page = open_page()
    drawer = Drawer(page)
    edge = page.page.get_by_role("separator", name="Height of the inspector")
    box = edge.bounding_box()
    assert box is not None
    page.page.mouse.move(600, box["y"] + 4)
    page.page.mouse.down()
    expect(page.page.locator("iframe#frame")).to_have_css("pointer-events", "none")
    page.page.mouse.move(600, 300, steps=5)  # over the frame
    page.page.mouse.up()
    expect(edge).to_have_attribute("aria-valuenow", "67")
    page.page.reload()
    page.expect_state("live")
    drawer = Drawer(page)
    expect(edge).to_have_attribute("aria-valuenow", "67")
    height = drawer.box.bounding_box()
    assert height is not None
    assert abs(height["height"] - 603) < 5


def test_hostile_names_and_values_are_text(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        """
import ipywidgets as w, traitlets as t
class Evil(w.DOMWidget):
    _model_name = t.Unicode("<img src=x onerror=alert(1)>\\u202eledom").tag(sync=True)
    html = t.Any("<script>alert(1)</script>\\u202egnp.exe\\u0000").tag(sync=True)
    long = t.Any("z" * 900).tag(sync=True)
    names = t.Any({"<b>k</b>": 1, "\\u202e": 2, "__proto__": 3, "toString": 4, "": 5}).tag(sync=True)
    many = t.Any({f"k{n}": n for n in range(10_000)}).tag(sync=True)
    def get_state(self, *args, **kwargs):
        return {**super().get_state(*args, **kwargs), **{f"key{n}": n for n in range(10_000)}, "<i>": "x"}
deep = 1
for _ in range(190):
    deep = [deep]
evil = Evil(); nested = w.DOMWidget(); nested.add_traits(deep=t.Any(deep).tag(sync=True)); nested.send_state("deep")
"""
    )
    page = open_page()
    drawer = Drawer(page)
    drawer.choose(comm_id(notebook, "evil"))
    drawer.go_to("html")
    assert drawer.box.locator("img, script, b, i").count() == 0
    expect(drawer.row(comm_id(notebook, "evil")).locator(".name")).to_contain_text("<img src=x")
    expect(drawer.row(comm_id(notebook, "evil")).locator(".name")).to_contain_text("\\u202e")
    expect(drawer.cell("html", "value")).to_contain_text("<script>alert(1)</script>\\u202egnp.exe")
    expect(drawer.row(comm_id(notebook, "evil")).locator(".keys")).to_have_text(re.compile(r"^100\d\d$"))
    assert drawer.tree.locator(".rows .row").count() < 60
    drawer.tree.focus()
    drawer.tree.press("End")
    expect(drawer.tree).to_contain_text("<i>")
    drawer.tree.press("Home")
    drawer.go_to("names")
    drawer.tree.press("ArrowRight")
    expect(drawer.tree).to_contain_text("__proto__: 3")
    expect(drawer.tree).to_contain_text("<b>k</b>: 1")
    drawer.go_to("long")
    drawer.tree.press("Enter")
    whole = drawer.box.locator(".whole-text pre")
    expect(whole).to_have_text("z" * 900)
    expect(whole).to_be_focused()
    page.page.keyboard.press("Escape")
    expect(drawer.tree).to_be_focused()
    expect(drawer.box).to_be_visible()
    assert page.console == [] or all("img" not in line for line in page.console)


def test_a_widget_that_keeps_the_frame_busy_does_not_stop_it(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        "import anywidget, ipywidgets as w\n"
        "class Busy(anywidget.AnyWidget):\n"
        "    _esm = 'export default { render({ el }) { el.innerHTML = `<button>hang</button>`;"
        " el.firstChild.onclick = () => { const end = Date.now() + 20000; while (Date.now() < end); }; } }'\n"
        "s = w.IntSlider(7, description='speed'); display(Busy(), s)"
    )
    page = open_page()
    page.expect_readout("speed", "7")
    drawer = Drawer(page)
    drawer.choose(comm_id(notebook, "s"))
    drawer.go_to("value")
    page.frame.locator("button", has_text="hang").click(no_wait_after=True)
    notebook.run("s.value = 55")
    expect(drawer.cell("value", "value")).to_have_text("value: 55", timeout=5_000)


def test_a_flood_of_updates_is_few_writes_to_the_page(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run("import ipywidgets as w; many = [w.IntSlider() for _ in range(100)]; s = many[0]; s")
    page = open_page()
    drawer = Drawer(page)
    drawer.choose(comm_id(notebook, "s"))
    drawer.filter.fill("IntSlider")
    flood = notebook.start(
        "import time\nend = time.time() + 8\nn = 0\n"
        "while time.time() < end:\n    n += 1\n    for s in many: s.value = n % 100\n    time.sleep(1 / 60)"
    )
    expect(drawer.box.locator(".totals")).to_contain_text(re.compile(r"\d{3,} updates/s"))
    rows = drawer.list.locator(".rows .row").count() + drawer.tree.locator(".rows .row").count()
    seconds = 2
    assert drawer.writes(seconds * 1000) <= seconds * 5 * 4 * rows
    notebook.finish(flood)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 900), (480, 800)])
def test_axe_finds_nothing_wrong_with_it(
    notebook: Notebook, open_page: OpenPage, scheme: str, size: tuple[int, int]
) -> None:
    notebook.run(
        f"{SLIDER}; display(s); img = w.Image(value=b'\\x89PNG' + bytes(1996)); long = w.Text('z' * 900)"
    )
    page = open_page(scheme=scheme, size=size)
    page.expect_readout("speed", "7")
    drawer = Drawer(page)
    drawer.choose(comm_id(notebook, "s"))
    drawer.go_to("layout")
    assert wrong(page) == []
    page.picture(f"inspector-{scheme}-{size[0]}")
    drawer.choose(comm_id(notebook, "long"))
    drawer.go_to("value")
    drawer.tree.press("Enter")
    assert wrong(page) == []
    drawer.box.get_by_role("button", name="Blobs").click()
    drawer.filter.fill("")
    expect(drawer.blobs.locator(".rows .row").first).to_be_visible()
    assert wrong(page) == []
    page.picture(f"inspector-{scheme}-{size[0]}-blobs")
    page.expect_clean()


def wrong(page: Any) -> list[str]:
    """What axe finds in the page, without the frame."""
    source = Path(ROOT, "js-shim/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    page.page.evaluate(f"{source}; null")
    found = page.page.evaluate(
        "axe.run('#inspector', { iframes: false }).then(({ violations }) => violations.flatMap(({ id, nodes }) =>"
        " nodes.map(({ target, failureSummary }) => `${id}: ${target}: ${failureSummary}`)))"
    )
    return [str(line) for line in found]
