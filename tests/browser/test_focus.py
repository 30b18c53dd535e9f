"""Who writes, chooses or reads in a page stays where they are while others change the very widget."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, expect

import commdoc
from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

CARET: Final = "it => [it.selectionStart, it.selectionEnd, document.activeElement === it]"


def box(page: RoomPage, name: str) -> Locator:
    """What one writes into, or chooses from."""
    return page.labelled(name).locator("input, textarea, select").first


def caret(where: Locator) -> list[Any]:
    """Where the selection begins and ends, and whether the box has the focus."""
    found: list[Any] = where.evaluate(CARET)
    return found


def select(where: Locator, start: int, end: int) -> None:
    """Select with the keyboard: characters from `start` to `end`."""
    where.click()
    where.press("Control+Home")
    for _ in range(start):
        where.press("ArrowRight")
    for _ in range(end - start):
        where.press("Shift+ArrowRight")


def focused(where: Locator) -> bool:
    """Whether keys go there."""
    return bool(where.evaluate("it => document.activeElement === it"))


def scroll(where: Locator) -> float:
    """How far something is scrolled."""
    return float(where.evaluate("it => it.scrollTop"))


FRAMES: Final = "async () => { for (let n = 0; n < 5; n++) await new Promise(requestAnimationFrame); }"
"""What a browser does by itself after a change is done."""

TEXTS: Final = ("Text", "Textarea", "Password", "Combobox")

MADE: Final = """
import ipywidgets as w
made = {{kind: getattr(w, kind)(value={value!r}, description=kind, continuous_update={now}) for kind in {kinds}}}
display(w.VBox(list(made.values())))
"""


def test_caret_and_selection_stay_while_the_text_around_them_changes(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(MADE.format(value="one two three", now=True, kinds=TEXTS))
    page = open_page()
    for kind in TEXTS:
        where = box(page, kind)
        select(where, 4, 7)
        for value, expected in (
            ("zero one two three", [9, 12]),
            ("zero one two three four", [9, 12]),
            ("one two three four", [4, 7]),
            ("one", [3, 3]),
        ):
            notebook.run(f"made[{kind!r}].value = {value!r}")
            expect(where).to_have_value(value)
            assert (kind, caret(where)) == (kind, [*expected, True])
    page.expect_clean()


def test_text_that_is_not_told_yet_is_not_overwritten(notebook: Notebook, open_page: OpenPage) -> None:
    kinds = ("Text", "Textarea", "Password", "Combobox")
    notebook.run(MADE.format(value="old", now=False, kinds=kinds))
    notebook.run("n = w.IntText(5, description='IntText'); made['IntText'] = n; display(n)")
    page, other = open_page(), open_page()
    for kind in made_of(notebook):
        where, number = box(page, kind), kind == "IntText"
        where.click()
        where.press("ControlOrMeta+A")
        where.press_sequentially("123")
        where.press("ArrowLeft")
        notebook.run(f"made[{kind!r}].value = {7 if number else 'new'!r}; made[{kind!r}].tooltip = 'a tip'")
        expect(box(other, kind)).to_have_value("7" if number else "new")
        notebook.wait_until_the_room_has_it()
        where.press_sequentially("x" if not number else "4")
        typed = "1243" if number else "12x3"
        assert (kind, where.input_value(), focused(where)) == (kind, typed, True)
        where.press("Tab")
        until(
            lambda kind=kind, typed=typed: str(notebook.value(f"made[{kind!r}].value")) == typed,  # type: ignore[misc]
            what=f"the kernel has what was typed into {kind}",
        )
        expect(box(other, kind)).to_have_value(typed)
    page.expect_clean()


def made_of(notebook: Notebook) -> list[str]:
    names: list[str] = notebook.value("list(made)")
    return names


Number = float | tuple[float, float]

READOUT: Final = """it => {
  const { anchorOffset, focusOffset, focusNode } = document.getSelection();
  return [it.textContent, anchorOffset, focusOffset, document.activeElement === it && it.contains(focusNode)];
}"""

SLIDERS: Final = """
import ipywidgets as w
made = {kind: getattr(w, kind)(description=kind, max=200) for kind in ("IntSlider", "FloatSlider")}
made |= {kind: getattr(w, kind)(description=kind, max=200) for kind in ("IntRangeSlider", "FloatRangeSlider")}
made["FloatLogSlider"] = w.FloatLogSlider(description="FloatLogSlider", value=10)
display(w.VBox(list(made.values())))
"""


NUMBERS: Final[dict[str, tuple[Number, Number, str]]] = {
    "IntRangeSlider": ((20, 90), (30, 80), "40 - 70"),
    "FloatRangeSlider": ((20, 90), (30, 80), "40 - 70"),
    "FloatLogSlider": (1, 100, "10"),
}
"""What a slider's value is and becomes, and what is typed; 20, 30 and 40 elsewhere."""


def test_the_number_beside_a_slider_is_its_writers_until_they_leave_it(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(SLIDERS)
    page, other = open_page(), open_page()
    for kind in made_of(notebook):
        where, seen = (each.labelled(kind).locator(".widget-readout") for each in (page, other))
        old, new, typed = NUMBERS.get(kind, (20, 30, "40"))
        notebook.run(f"made[{kind!r}].value = {old!r}")
        expect(where).to_contain_text(shown(old))
        where.click()
        where.press("Home")
        where.press("Shift+ArrowRight")
        notebook.run(f"made[{kind!r}].value = {new!r}")
        expect(where).to_contain_text(shown(new))
        assert where.evaluate(READOUT)[1:] == [0, 1, True], f"{kind}: one digit is selected"

        where.press("ControlOrMeta+A")
        where.press_sequentially(typed[0])
        notebook.run(f"made[{kind!r}].value = {old!r}")
        expect(seen).to_contain_text(shown(old))
        notebook.wait_until_the_room_has_it()
        where.press_sequentially(typed[1:])
        assert where.evaluate(READOUT)[0] == typed, kind
        where.press("Enter")
        expect(seen).to_contain_text(typed.split()[0])
        number = f"made[{kind!r}].value"
        until(
            lambda number=number, typed=typed: shown(notebook.value(number)) == typed.split()[0],  # type: ignore[misc]
            what=f"the kernel has what was typed beside {kind}",
        )
        # Who takes back what they typed sees what came meanwhile.
        where.press("ControlOrMeta+A")
        where.press_sequentially("nonsense")
        notebook.run(f"made[{kind!r}].value = {new!r}")
        expect(seen).to_contain_text(shown(new))
        notebook.wait_until_the_room_has_it()
        assert where.evaluate(READOUT)[0] == "nonsense"
        where.press("Tab")
        expect(where).to_contain_text(shown(new))
    page.expect_clean()


def shown(value: Number) -> str:
    """How a slider's number begins."""
    return f"{value[0] if isinstance(value, tuple) else value:.0f}"


WRITER: Final = """
import threading, time
seen = []
t.observe(lambda change: seen.append(change.new), 'value')
def write(n=0):
    while writing.is_set():
        t.value, n = f'kernel {n}', n + 1
        time.sleep(0.015)
writing = threading.Event(); writing.set()
writer = threading.Thread(target=write); writer.start()
"""

FOX: Final = "the quick brown fox jumps over the lazy dog"


@contextlib.contextmanager
def written_elsewhere(notebook: Notebook) -> Iterator[None]:
    """Let the kernel and another window write the text `t` as long as the block lasts."""
    going = threading.Event()
    going.set()

    def write() -> None:
        text = window.find("TextModel")[0]
        for n in itertools.count():
            if not going.is_set():
                return
            text.set(value=f"window {n}", wait=False)
            time.sleep(0.02)

    with commdoc.join(url=notebook.link) as window:
        thread = threading.Thread(target=write)
        notebook.run(WRITER)
        thread.start()
        try:
            yield
        finally:
            going.clear()
            thread.join()
            notebook.run("writing.clear(); writer.join()")


@pytest.mark.parametrize("now", [True, False])
def test_no_character_that_is_typed_gets_lost_while_kernel_and_another_window_write(
    notebook: Notebook, open_page: OpenPage, now: bool
) -> None:
    notebook.run(f"import ipywidgets as w; t = w.Text(description='t', continuous_update={now}); display(t)")
    page, other = open_page(), open_page()
    where, elsewhere = box(page, "t"), box(other, "t")
    where.click()
    where.evaluate("it => { it.seen = []; it.addEventListener('input', () => it.seen.push(it.value)); }")
    with written_elsewhere(notebook):
        until(lambda: elsewhere.input_value() != "", what="others write")
        where.press_sequentially(FOX, delay=25)
        where.press("Enter")
        until(
            lambda: any(text.endswith(FOX) for text in notebook.value("seen")),
            what="the kernel has seen it all",
        )
    shown = where.evaluate("it => it.seen")
    assert [text[-n - 1 :] for n, text in enumerate(shown)] == [FOX[: n + 1] for n in range(len(FOX))]
    until(
        lambda: {notebook.value("t.value")} == {each.input_value() for each in (where, elsewhere)},
        what="kernel and pages agree",
    )
    assert focused(where)
    page.expect_clean()


def test_what_came_while_somebody_typed_is_there_when_they_take_it_back(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        "import ipywidgets as w; t = w.Text('old', description='t', continuous_update=False); display(t)"
    )
    page, other = open_page(), open_page()
    where = box(page, "t")
    where.press("End")
    where.press_sequentially("er")
    notebook.run("t.value = 'new'")
    expect(box(other, "t")).to_have_value("new")
    expect(where).to_have_value("older")
    for _ in range(2):
        where.press("Backspace")
    where.press("Tab")
    expect(where).to_have_value("new")
    assert notebook.value("t.value") == "new"
    page.expect_clean()


@pytest.mark.parametrize("kind", ["Select", "SelectMultiple"])
def test_a_list_stays_where_it_was_scrolled_to_and_keeps_the_focus(
    notebook: Notebook, open_page: OpenPage, kind: str
) -> None:
    value = "'n 20'" if kind == "Select" else "['n 20', 'n 22']"
    notebook.run(
        f"import ipywidgets as w; s = w.{kind}(options=[f'n {{n}}' for n in range(60)], value={value},"
        " description='s', rows=5); display(s)"
    )
    page = open_page()
    where = box(page, "s")
    where.focus()
    where.evaluate("it => { it.scrollTop = 600; }")
    until(lambda: scroll(where) == 600, what="it is scrolled")
    for change, shown in (
        ("s.description = 's'; s.rows = 6", "it => it.size === 6"),
        ("s.options, s.value = [f'n {n}' for n in range(61)], " + value, "it => it.options.length === 61"),
        ("s.index = " + ("21" if kind == "Select" else "(20, 21)"), "it => it.selectedOptions[0].index > 19"),
    ):
        notebook.run(change)
        until(lambda shown=shown: where.evaluate(shown), what=change)  # type: ignore[misc]
        where.evaluate(FRAMES)
        assert (change, scroll(where), focused(where)) == (change, 600, True)
    if kind == "Select":
        where.press("ArrowDown")
        until(lambda: notebook.value("s.index") == 22, what="keys go on from where the kernel is")
    page.expect_clean()


def test_what_is_typed_into_tags_stays_while_tags_come(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(
        "import ipywidgets as w; t = w.TagsInput(value=['a', 'b'], layout={'width': '400px'}); display(t)"
    )
    page, other = open_page(), open_page()
    tags = page.frame.locator(".jupyter-widget-tagsinput")
    tags.click(position={"x": 300, "y": 3})
    where = tags.locator("input")
    where.press_sequentially("hal")
    notebook.run("t.value = ['a', 'b', 'c']")
    expect(tags.locator("div.jupyter-widget-tag")).to_have_count(3)
    assert (where.input_value(), focused(where)) == ("hal", True)
    page.page.keyboard.type("lo")
    page.page.keyboard.press("Enter")
    until(lambda: notebook.value("t.value") == ["a", "b", "c", "hallo"], what="the kernel has the tag")
    expect(other.frame.locator("div.jupyter-widget-tag")).to_have_text(["a", "b", "c", "hallo"])
    page.expect_clean()


SCROLLED: Final = """
import ipywidgets as w
low = {'height': '120px', 'overflow': 'auto', 'display': 'block'}
texts = [w.Text(f'{n}', description=f't{n}') for n in range(30)]
box, out = w.VBox(texts, layout=low), w.Output(layout=low)
lines = w.Textarea('\\n'.join(map(str, range(60))), description='lines', rows=5)
choices = w.Select(options=[str(n) for n in range(60)], description='choices', rows=5)
with out:
    for n in range(60): print('line', n)
display(box, out, lines, choices)
"""

MORE: Final = """
texts[20].value = 'changed'
box.children = (*texts, w.Text(description='last'))
with out: print('more')
lines.value += '\\nmore'
choices.options = [*choices.options, 'more']
"""

ABOVE: Final = """
box.children = (w.Text(description='first'), *texts)
out.append_stderr('and more')
lines.value = lines.value.replace('17', '71')
choices.options = [*choices.options, 'and more']
"""


def test_what_was_scrolled_stays_where_it_is(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(SCROLLED)
    page = open_page(size=(1280, 1400))
    areas = [page.frame.locator(each) for each in (".widget-vbox", ".widget-output", "textarea", "select")]
    for area in areas:
        area.hover()
        page.page.mouse.wheel(0, 250)
        until(lambda area=area: scroll(area) > 200, what="it is scrolled")  # type: ignore[misc]
    places = [scroll(area) for area in areas]
    for change, label, text in ((MORE, "last", "more"), (ABOVE, "first", "and more")):
        notebook.run(change)
        expect(page.labelled(label)).to_have_count(1)
        page.expect_text(text)
        expect(page.frame.locator("option").last).to_have_text(text.replace(" ", "\xa0"))
        areas[-1].evaluate(FRAMES)
        assert [scroll(area) for area in areas] == places
    notebook.run("choices.index = 55")
    until(lambda: scroll(areas[-1]) > places[-1], what="the list goes where another one is chosen")
    page.expect_clean()


def test_who_writes_in_a_box_goes_on_when_its_children_are_made_again(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(
        "import ipywidgets as w; t = w.Text(description='t', continuous_update=False)\n"
        "box = w.VBox([w.Label('above'), w.HBox([t])]); display(box)"
    )
    page = open_page()
    box(page, "t").click()
    page.page.keyboard.type("hello")
    notebook.run("box.children = (w.Label('new'), *box.children)")
    page.expect_text("new")
    until(lambda: focused(box(page, "t")), what="the text has the focus again")
    page.page.keyboard.type(" world")
    assert box(page, "t").input_value() == "hello world"
    page.page.keyboard.press("Enter")
    until(lambda: notebook.value("t.value") == "hello world", what="the kernel has it")
    page.expect_clean()
