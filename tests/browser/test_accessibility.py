"""The page for those who don't see it, or use no mouse: axe-core finds nothing, keys reach everything, and what
may only be looked at can be read (D6).

What axe finds in what an author displays (a picture without words, a table without heads) is the author's; the widgets
here are all of ipywidgets' own. Nothing of them is left out.
"""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.axe import violations
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel, pytest.mark.timeout(300)]

LOOKS: list[tuple[Literal["light", "dark"], int]] = [
    ("light", 1280),
    ("dark", 1280),
    ("light", 480),
    ("dark", 480),
]

EVERY_CONTROL = """
import base64, ipywidgets as w
from IPython.display import display
named = "IntSlider FloatSlider FloatLogSlider IntRangeSlider FloatRangeSlider IntProgress FloatProgress IntText"
named += " BoundedIntText BoundedFloatText FloatText ToggleButton Checkbox Valid Text Textarea Password HTML HTMLMath"
named += " DatePicker TimePicker DatetimePicker NaiveDatetimePicker ColorPicker Play FileUpload Combobox"
chosen = "Dropdown RadioButtons Select SelectMultiple SelectionSlider SelectionRangeSlider ToggleButtons"
all = [getattr(w, name)(description=name) for name in named.split()]
all += [getattr(w, name)(options=["a", "b", "c"], description=name) for name in chosen.split()]
all += [w.IntSlider(), w.IntRangeSlider(), w.Text(), w.Dropdown(options=["a"]), w.Textarea(), w.Play(), w.ColorPicker()]
all += [w.TagsInput(value=["a"]), w.ColorsInput(value=["red"]), w.FloatsInput(value=[1.5]), w.IntsInput(value=[1])]
dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
all += [w.Image(value=base64.b64decode(dot)), w.Controller(index=0), w.Label("a label"), w.Button(icon="check")]
press = w.Button(description="press")
press.on_click(lambda button: print("pressed"))
all += [press, w.Tab([w.IntSlider(), w.Text()], titles=["one", "two"]), w.Stack([w.Label("s")], selected_index=0)]
all += [w.Accordion([w.IntSlider(), w.Text()], titles=["one", "two"], selected_index=0)]
all += [w.GridBox([w.Button(icon="play")])]
out = w.Output()
with out:
    print("captured")
    display({"application/json": {"a": [1, 2]}}, raw=True)
    display(w.HTML("<table><tr><th>head</th></tr><tr><td>cell</td></tr></table>"), w.IntSlider())
display(w.VBox([*all, out]))
"""


@pytest.mark.acceptance("D6")
def test_axe_finds_nothing_with_every_control_in_any_look_and_state(
    notebook: Notebook, open_page: OpenPage, chromium: Browser
) -> None:
    notebook.run(EVERY_CONTROL)
    pages = [open_page(scheme=scheme, size=(width, 3200)) for scheme, width in LOOKS]
    pages += [
        RoomPage(chromium, notebook.reading_link(), scheme=scheme, size=(480, 3200))
        for scheme in ("light", "dark")
    ]
    for page in pages:
        page.expect_text("captured")
        expect(page.frame.locator("#stage [role=slider]:not([aria-label])")).to_have_count(0)
    found = {
        "live": [violations(page) for page in pages[:4]],
        "reading": [violations(page) for page in pages[4:]],
    }
    pages[0].frame.get_by_role("button", name="press").click()
    for page in pages[:4]:
        page.frame.locator("#log summary").click()
        page.page.locator("#people summary").click()
        page.expect_text("pressed")
    found["open"] = [violations(page) for page in pages[:4]]
    notebook.manager.shutdown_kernel(now=True)
    for page in pages:
        expect(page.header).to_have_attribute("data-kernel-live", "false", timeout=15_000)
        page.expect_still()
    found["last"] = [violations(page) for page in pages]
    for number, page in enumerate(pages):
        page.picture(f"every-control-last-{number}")
    for page in pages[4:]:
        page.close()
    assert not any(any(lists) for lists in found.values()), found


@pytest.mark.acceptance("D6")
def test_axe_finds_nothing_in_an_empty_a_refused_and_a_waiting_page(
    notebook: Notebook, open_page: OpenPage
) -> None:
    for scheme in ("light", "dark"):
        empty = open_page(scheme=scheme, size=(480, 900))
        empty.expect_text("No widgets to show yet")
        assert violations(empty) == []
        empty.picture(f"empty-{scheme}-480")
        refused = open_page(scheme=scheme, wait=False)
        refused.page.goto(notebook.link.partition("#")[0] + "#token=wrong")
        refused.page.reload()
        refused.expect_state("refused")
        assert violations(refused) == []
        refused.picture(f"refused-{scheme}")


def accessible(page: RoomPage) -> list[dict[str, Any]]:
    """What Chromium tells a screen reader of the frame, in order: role, name and properties."""
    session = page.context.new_cdp_session(page.page.frames[1])
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        {
            "role": node["role"]["value"],
            "name": node.get("name", {}).get("value", ""),
            "value": node.get("value", {}).get("value"),
            **{each["name"]: each["value"].get("value") for each in node.get("properties", [])},
        }
        for node in nodes
        if not node["ignored"]
    ]


SOME = """
import ipywidgets as w
s = w.IntSlider(description="speed", value=7)
t = w.Text(description="name", value="typed")
c = w.Checkbox(description="yes")
d = w.Dropdown(options=["one", "two"], description="pick")
clicks = []
b = w.Button(description="go")
b.on_click(lambda button: clicks.append(1))
link = w.HTML("<a href='#there'>a link</a> <p id=words>words to select</p>")
display(w.VBox([s, t, c, d, b, link]))
"""


@pytest.mark.scenario("S40")
def test_what_may_only_be_looked_at_is_read_selected_and_tabbed_through_and_answers_to_nothing(
    notebook: Notebook, open_page: OpenPage, chromium: Browser
) -> None:
    notebook.run(SOME)
    other = open_page()
    other.expect_readout("speed", "7")
    page = RoomPage(chromium, notebook.reading_link())
    try:
        page.expect_readout("speed", "7")
        page.expect_still()
        expect(page.frame.locator("select[aria-disabled=true]")).to_have_count(1)
        read_only(notebook, page)
        other.press("speed", "ArrowRight")
        page.expect_readout("speed", "8")  # it follows
    finally:
        page.close()
    notebook.run("s.value = 7")
    other.expect_readout("speed", "7")
    assert notebook.value("(s.value, t.value, c.value, d.value, len(clicks))") == (
        7,
        "typed",
        False,
        "one",
        0,
    )
    notebook.manager.shutdown_kernel(now=True)
    expect(other.header).to_have_attribute("data-kernel-live", "false", timeout=15_000)
    other.expect_still()
    read_only(None, other)


def read_only(notebook: Notebook | None, page: RoomPage) -> None:
    told = accessible(page)
    controls = {
        (node["role"], node["name"]): node
        for node in told
        if node["role"] in ("slider", "textbox", "checkbox", "combobox", "button")
    }
    for key in [
        ("slider", "speed"),
        ("textbox", "name"),
        ("checkbox", "yes"),
        ("combobox", "pick"),
        ("button", "go"),
    ]:
        assert controls[key].get("disabled") is True, (key, controls)
    assert controls["textbox", "name"]["value"] == "typed"
    assert any("words to select" in node["name"] for node in told)
    assert any(node["role"] == "link" and node["name"] == "a link" for node in told)
    sent = page.frames_sent
    # With the pointer.
    page.drag("speed", 0.9)
    page.frame.get_by_role("button", name="go").click(force=True)
    page.frame.get_by_role("checkbox", name="yes").click(force=True)
    page.frame.locator("#words").select_text()
    assert page.page.frames[1].evaluate("getSelection().toString()").strip() == "words to select"
    page.frame.locator("#words").dblclick(position={"x": 12, "y": 8})
    assert page.page.frames[1].evaluate("getSelection().toString()").strip() != ""
    # With keys: Tab comes to each, and goes on from it.
    page.page.frames[1].evaluate("document.activeElement?.blur(); getSelection().removeAllRanges()")
    page.handle("speed").focus()
    been = []
    for _ in range(12):
        been.append(page.page.frames[1].evaluate("document.activeElement.tagName"))
        for pressed in ("ArrowRight", "x", " ", "Enter", "Delete"):
            page.page.keyboard.press(pressed)
        page.page.keyboard.press("Tab")
    assert {"INPUT", "SELECT", "BUTTON", "A"} <= set(been), been
    assert page.page.evaluate("document.activeElement.tagName") != "IFRAME", "Tab leads out at the end"
    page.expect_readout("speed", "7")
    expect(page.labelled("name").locator("input")).to_have_value("typed")
    expect(page.frame.get_by_role("checkbox", name="yes")).not_to_be_checked()
    expect(page.frame.locator("select")).to_have_value("one")
    assert page.frames_sent == sent
    if notebook is not None:
        assert notebook.value("(s.value, t.value, c.value, d.value, len(clicks))") == (
            7,
            "typed",
            False,
            "one",
            0,
        )


def test_a_control_s_name_follows_its_description_and_it_can_be_used_again(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        "import ipywidgets as w; s = w.IntRangeSlider(description='speed'); b = w.Button(icon='check')"
    )
    notebook.run("display(w.VBox([s, b]))")
    page = open_page()
    expect(page.frame.get_by_role("slider", name="speed from")).to_have_count(1)
    expect(page.frame.get_by_role("slider", name="speed to")).to_have_count(1)
    expect(page.frame.get_by_role("button", name="check")).to_have_count(1)
    notebook.run("s.description = 'pace'; b.description = 'go'")
    expect(page.frame.get_by_role("slider", name="pace from")).to_have_count(1)
    expect(page.frame.get_by_role("button", name="go", exact=True)).to_have_count(1)
    notebook.restart()
    page.expect_still()
    notebook.load()
    notebook.run("import ipywidgets as w; t = w.IntSlider(description='new'); display(t)")
    slider = page.frame.get_by_role("slider", name="new")
    expect(slider).to_have_count(1)
    expect(slider).not_to_have_attribute("aria-disabled", "true")
    slider.press("ArrowRight")
    until(lambda: notebook.value("t.value") == 1, what="the kernel has it")


LISTEN = """() => {
  window.told = 0;
  const it = new MutationObserver((records) => { window.told += records.length; });
  const live = "[aria-live=polite], [aria-live=assertive], [role=status], [role=alert]";
  for (const each of document.querySelectorAll(live))
    it.observe(each, { childList: true, subtree: true, characterData: true, attributes: true });
}"""


def test_a_kernel_that_is_busy_and_idle_again_and_again_is_not_read_aloud(
    notebook: Notebook, open_page: OpenPage, chromium: Browser
) -> None:
    notebook.run("import ipywidgets as w; b = w.Button(description='go'); display(b)")
    notebook.run("b.on_click(lambda _: print('pressed'))")
    page, reader = open_page(), RoomPage(chromium, notebook.reading_link())
    try:
        reader.expect_text("for reading")  # what is said already isn't said again
        button = page.frame.get_by_role("button", name="go")
        expect(button).to_be_visible()
        documents = [frame for each in (page, reader) for frame in each.page.frames[:2]]
        for document in documents:
            document.evaluate(LISTEN)
        for _ in range(20):
            notebook.run("pass")
            button.click()
        expect(page.frame.locator("#log summary")).to_have_text("Log (20)")
        with notebook.busy():
            reader.expect_kernel("busy")
        reader.expect_kernel("idle")
        assert [document.evaluate("window.told") for document in documents] == [0, 0, 0, 0]
    finally:
        reader.close()
