"""Every widget class of ipywidgets, class by class: drawn late, as JupyterLab draws it, and used from two pages.

One kernel, of a JupyterLab whose windows know nothing of commdoc; its notebook shows one widget of each class. Two
pages of its room open when all are there. What is drawn is compared with the stock JupyterLab's, before and after
something was done to the widget in one of the pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import ipywidgets
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.classes import CASES, GROUPS, NOT_DRAWN, Case
from tests.browser.classes.parts import GAMEPAD
from tests.browser.drawn import difference, read
from tests.browser.lab import LabPage, lab_server
from tests.browser.media import make_media
from tests.browser.room_page import RoomPage
from tests.conftest import until

# The first of them waits for a server, JupyterLab and two pages.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.kernel,
    pytest.mark.acceptance("D1"),
    pytest.mark.timeout(300),
]

BEGIN: Final = """
%load_ext commdoc
import datetime, io, ipywidgets as w
from ipywidgets.widgets import widget_controller as controller
from pathlib import Path
from PIL import Image as Picture
def picture(colour, size):
    file = io.BytesIO(); Picture.new('RGB', size, colour).save(file, 'png'); return file.getvalue()
folder, made, displayed = Path({folder!r}), {{}}, {{}}
"""

SHOW: Final = """
import traceback
for name, code in {made!r}.items():
    try:
        shown = None
        exec(code)
        made[name], displayed[name] = it, it if shown is None else shown
        display(displayed[name])
    except Exception:
        traceback.print_exc()
"""
"""One that can't be made leaves the others alone; its own test misses it."""

PAGE: Final = (974, 1400)
"""With this a view has as much room as in a window of JupyterLab."""

COLUMNS: Final = ("drawn", "as JupyterLab", "by", "kernel", "other page", "JupyterLab after")


@dataclass
class House:
    """A notebook of JupyterLab with one widget of each class, and two pages of its room.

    Attributes
    ----------
    table : dict
        Class name to what was seen of it, a word for each of `COLUMNS`.
    """

    lab: LabPage
    page: RoomPage
    other: RoomPage
    ids: dict[str, str]
    table: dict[str, dict[str, str]] = field(default_factory=dict)

    def drawn(self, name: str) -> list[str]:
        """What the page shows."""
        return read(self.page.view(self.ids[name]))

    def drawn_elsewhere(self, name: str) -> list[str]:
        """What the other page shows."""
        return read(self.other.view(self.ids[name]))

    def drawn_by_jupyterlab(self, name: str) -> list[str]:
        """What JupyterLab shows."""
        return read(self.lab.view(self.ids[name]))

    def expect_kernel(self, case: Case) -> None:
        """Wait until the kernel has what it should have."""
        seen: list[object] = []

        def has_it() -> bool:
            seen[:] = [self.lab.value(f"(lambda it: {case.kernel})(made[{case.name!r}])")]
            return seen == [case.becomes]

        try:
            until(has_it, what=f"the kernel has {case.becomes}")
        except BaseException:
            print(f"the kernel has {seen}, the page shows", *self.drawn(case.name), sep="\n")
            raise


@pytest.fixture(scope="module")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("classes")
    make_media(chromium, folder)
    cells = [SHOW.format(made={case.name: case.made for case in cases}) for cases in GROUPS]
    options = ["--ServerApp.jpserver_extensions=commdoc=True"]
    with lab_server(folder, options=options) as server:
        notebook = server.add("classes.ipynb", [BEGIN.format(folder=str(folder)), *cells])
        lab = LabPage(chromium, notebook)
        lab.run_all()
        ids = lab.value("{name: shown.model_id for name, shown in displayed.items()}")
        link = server.room_link(lab.kernel_id)
        page, other = (RoomPage(chromium, link, size=PAGE, script=GAMEPAD) for _ in range(2))
        for each in (page, other):
            expect(each.frame.locator(".view > [data-comm-id]")).to_have_count(len(ids), timeout=30_000)
        yield House(lab, page, other, ids)
        for window in (page, other, lab):
            window.close()


def test_no_class_is_left_out() -> None:
    registered = {
        f"controller.{kind.__name__}" if kind.__module__.endswith("_controller") else kind.__name__
        for (module, *_), kind in ipywidgets.widgets.widget._registry.items()
        if module.startswith("@jupyter-widgets/")
    }
    exported = {
        name
        for name, kind in vars(ipywidgets).items()
        if isinstance(kind, type) and issubclass(kind, ipywidgets.Widget)
    }
    wanted = {"Controller" if name == "controller.Controller" else name for name in registered} | exported
    assert wanted - NOT_DRAWN.keys() == CASES.keys()
    assert len(CASES) > 60


@pytest.mark.parametrize("name", CASES)
def test_a_class_is_drawn_as_in_jupyterlab_and_used_from_two_pages(house: House, name: str) -> None:
    case, row = CASES[name], house.table.setdefault(name, {})
    view = house.page.view(house.ids[name])
    expect(view).to_be_visible()
    row["drawn"] = "yes"
    same(lambda: house.drawn(name), lambda: house.drawn_by_jupyterlab(name))
    same(lambda: house.drawn(name), lambda: house.drawn_elsewhere(name))
    row["as JupyterLab"] = "same"

    before = house.drawn(name)
    if isinstance(case.act, str):
        house.lab.kernel_run(f"it = made[{name!r}]\n{case.act}")
        row["by"] = "kernel"
    else:
        case.act(view)
        row["by"] = "hand"
    house.expect_kernel(case)
    row["kernel"] = "has it"
    view.evaluate("() => document.activeElement?.blur()")
    until(lambda: house.drawn(name) != before, what="the page shows it")
    same(lambda: house.drawn(name), lambda: house.drawn_elsewhere(name))
    row["other page"] = "same"
    if case.alike:
        same(lambda: house.drawn(name), lambda: house.drawn_by_jupyterlab(name))
    row["JupyterLab after"] = "same" if case.alike else "can't"


def test_the_table(house: House) -> None:
    lines = [f"{'class':22}" + "".join(f"{column:18}" for column in COLUMNS)]
    for name in CASES:
        row = house.table.get(name, {})
        lines.append(f"{name:22}" + "".join(f"{row.get(column, '-'):18}" for column in COLUMNS))
    print("\n" + "\n".join(lines))
    for page in (house.page, house.other):
        page.expect_clean()
    # Buttons and axes that another window opens are unknown to a plain JupyterLab.
    assert [error for error in house.lab.console if house.ids["Controller"] not in error] == []


def same(one: Callable[[], list[str]], other: Callable[[], list[str]]) -> None:
    """Wait until two windows show the same."""
    seen: list[list[str]] = []

    def equal() -> bool:
        seen[:] = [one(), other()]
        return seen[0] == seen[1]

    try:
        until(equal, what="two windows show the same")
    except BaseException:
        print(difference(seen[0], seen[1], ("this", "that")))
        raise
