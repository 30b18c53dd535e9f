"""Whatever the kernel makes of what windows ask, all of them show it at rest (C6)."""

from __future__ import annotations

import pytest

from tests.browser.lab import LabServer
from tests.conftest import until
from tests.lab.conftest import OpenWindow
from tests.lab.windows import LabWindow

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

WIDGETS = """
import ipywidgets as w, traitlets, threading, time

class Clamped(w.IntSlider):
    @traitlets.validate("value")
    def _validate_value(self, proposal):
        return min(proposal["value"], 80)

class Even(w.IntSlider):
    @traitlets.validate("value")
    def _validate_value(self, proposal):
        if proposal["value"] % 2:
            raise traitlets.TraitError("odd")
        return proposal["value"]

clamped = Clamped(value=78, description="clamped")
even = Even(value=10, description="even")
halved = w.IntSlider(value=40, description="halved")
half = w.IntSlider(value=20, description="half")
halved.observe(lambda change: half.set_trait("value", change["new"] // 2), "value")
half.observe(lambda change: halved.set_trait("value", 2 * change["new"]), "value")
stream = w.IntSlider(value=0, max=20_000, description="stream")
display(w.VBox([clamped, even, halved, half, stream]))
"""

LABELS = ("clamped", "even", "halved", "half", "stream")


def shown(window: LabWindow) -> list[int]:
    """Return what the sliders show."""
    return [int(window.widget(label).locator(".widget-readout").inner_text()) for label in LABELS]


def kernel_has(window: LabWindow) -> list[int]:
    values: list[int] = window.value(f"[{', '.join(f'{label}.value' for label in LABELS)}]")
    return values


def two_windows(server: LabServer, open_window: OpenWindow, name: str, *, load: bool) -> list[LabWindow]:
    notebook = server.add(name, [WIDGETS])
    first = open_window(notebook)
    if load:
        first.kernel_run("%load_ext commdoc")
    first.run(0)
    first.slider("stream").wait_for()
    first.save()
    second = open_window(notebook)
    second.slider("stream").wait_for()
    return [first, second]


def test_windows_show_what_the_kernel_made_of_their_moves(server: LabServer, open_window: OpenWindow) -> None:
    first, second = two_windows(server, open_window, "clamped.ipynb", load=True)
    for _ in range(3):
        first.press("clamped", "ArrowRight", 2)
        second.press("clamped", "ArrowRight", 3)
        second.press("even", "ArrowRight", 3)
        first.press("even", "ArrowLeft")
        first.press("halved", "ArrowRight", 3)
        second.press("half", "ArrowLeft", 2)
    until(
        lambda: shown(first) == shown(second) == kernel_has(first),
        timeout=20,
        what="windows and kernel agree",
    )
    assert kernel_has(first)[0] == 80
    first.expect_same(second)


def test_without_commdoc_windows_keep_what_the_kernel_refused(
    plain_server: LabServer, open_window: OpenWindow
) -> None:
    first, second = two_windows(plain_server, open_window, "clamped.ipynb", load=False)
    first.press("even", "ArrowRight")
    first.expect_value("even", 11)
    second.expect_value("even", 11)
    assert kernel_has(first)[1] == 10


def test_a_window_that_stood_still_under_many_updates_is_right_afterwards(
    server: LabServer, open_window: OpenWindow
) -> None:
    first, second = two_windows(server, open_window, "stalled.ipynb", load=True)
    second.page.evaluate(
        """() => {
            const stand = () => {
                const end = Date.now() + 5000;
                while (Date.now() < end);
                window.stood = true;
            };
            setTimeout(stand);
        }"""
    )
    # Not waited for: under so many messages JupyterLab may miss that the kernel is done.
    first.page.evaluate("code => { lab.silently(code); }", "for n in range(20_000): stream.value = n + 1")
    second.page.wait_for_function("window.stood === true")
    for window in (first, second):
        window.expect_value("stream", 20_000, seconds=30)
    second.press("stream", "ArrowLeft")
    first.expect_value("stream", 19_999)
    until(lambda: kernel_has(first)[-1] == 19_999, what="the kernel has the last move")
    first.expect_same(second)
