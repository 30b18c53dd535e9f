"""What is said of one widget class: how it is made, what is done to it, and what the kernel has then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator

Act = Callable[[Locator], object]
"""What a person does to a view, with mouse and keys."""


@dataclass(frozen=True)
class Case:
    """One class of ipywidgets.

    Attributes
    ----------
    name : str
        Of the class; with its module where two have the same one.
    made : str
        Code that makes `it`, a widget of the class, and `shown`, the widget that is displayed, where that is another.
    act : Act or str
        What a person does to the view of `shown`; code for what the kernel does where a person can do nothing.
    kernel : str
        An expression of `it`.
    becomes : object
        What that is afterwards, as JSON has it.
    alike : bool
        Whether a plain JupyterLab can follow.
    """

    name: str
    made: str
    act: Act | str
    kernel: str
    becomes: object
    alike: bool = True

    @property
    def by_hand(self) -> bool:
        """Whether a person does it."""
        return not isinstance(self.act, str)


# --- hands -----------------------------------------------------------------------------------------------------------


def click(selector: str, nth: int = 0) -> Act:
    """Click something in the view."""
    return lambda view: view.locator(selector).nth(nth).click()


def press(key: str, times: int = 1, *, selector: str = ".noUi-handle", nth: int = 0) -> Act:
    """Press a key on something in the view: a slider's handle."""

    def act(view: Locator) -> None:
        handle = view.locator(selector).nth(nth)
        handle.focus()
        for _ in range(times):
            handle.press(key)

    return act


def drag(to: float, nth: int = 0) -> Act:
    """Drag a slider's handle to a share of its track."""

    def act(view: Locator) -> None:
        view.scroll_into_view_if_needed()
        handle, track = (view.locator(each) for each in (".noUi-handle", ".noUi-base"))
        grip, box = handle.nth(nth).bounding_box(), track.bounding_box()
        assert grip is not None
        assert box is not None
        mouse, y = view.page.mouse, grip["y"] + grip["height"] / 2
        mouse.move(grip["x"] + grip["width"] / 2, y)
        mouse.down()
        mouse.move(box["x"] + to * box["width"], y, steps=5)
        mouse.up()

    return act


def enter(text: str, selector: str = "input") -> Act:
    """Write into a box instead of what is there, and leave it."""

    def act(view: Locator) -> None:
        box = view.locator(selector).first
        box.fill(text)
        box.press("Enter")
        box.blur()

    return act


def write(text: str, selector: str = "input") -> Act:
    """Type into a box, behind what is there."""

    def act(view: Locator) -> None:
        box = view.locator(selector).first
        box.click()
        box.press("End")
        box.press_sequentially(text)

    return act


def add_tag(text: str) -> Act:
    """Add a tag behind those that are there."""

    def act(view: Locator) -> None:
        box = view.locator("input")
        view.click(position={"x": 300, "y": 3})
        box.press_sequentially(text)
        box.press("Enter")
        box.blur()

    return act


def choose(*labels: str) -> Act:
    """Choose from a list."""
    return lambda view: view.locator("select").select_option(list(labels))
