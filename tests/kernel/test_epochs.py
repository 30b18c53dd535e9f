"""Lives of kernels, and who sees what: consoles, second kernels, a notebook that switches, crashes, interrupts."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

import commdoc
from commdoc.window import Model, Window
from commdoc.window.address import announcements, find
from commdoc.window.verify import verify
from tests.browser.notebook import CellError, Notebook
from tests.conftest import until

pytestmark = [pytest.mark.kernel, pytest.mark.scenario("S40"), pytest.mark.timeout(120)]

SLIDER = "import ipywidgets as w, os, signal, time\nslider = w.IntSlider(max=10**9)"


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    with running() as it:
        it.load()
        it.run(SLIDER)
        yield it


@pytest.fixture
def window(notebook: Notebook) -> Iterator[Window]:
    with commdoc.join(url=notebook.link) as it:
        it.wait_for("IntSliderModel")
        yield it


@contextmanager
def running(path: Path | None = None) -> Iterator[Notebook]:
    it = Notebook(path)
    try:
        yield it
    finally:
        it.close()


def pid_of(notebook: Notebook) -> int:
    pid: int = notebook.manager.provisioner.pid  # type: ignore[union-attr]
    return pid


def assert_mirrored(notebook: Notebook) -> None:
    report = verify(kernel_id=notebook.kernel_id, timeout=15)
    assert report.equal, report


def sliders(window: Window) -> list[Model]:
    return window.find("IntSliderModel")


def epochs(window: Window) -> set[str]:
    return {model.epoch for model in window.comms.values()}


def bridge_says(notebook: Notebook) -> str:
    return notebook.run("%commdoc")


# --- which room ------------------------------------------------------------------------------------------


def test_a_console_on_the_kernel_is_in_its_room_and_its_epoch(notebook: Notebook, window: Window) -> None:
    """A person sees the console's widgets beside the notebook's; loading there is loading a second time: nothing."""
    console: BlockingKernelClient = notebook.manager.client()
    console.start_channels()
    try:
        console.wait_for_ready(timeout=60)
        reply = console.execute("%load_ext commdoc\nmore = w.Text('console')", reply=True, timeout=60)
        assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        console.stop_channels()
    text = window.wait_for("TextModel")
    assert text["value"] == "console"
    assert text.epoch == sliders(window)[0].epoch == window.kernel.epoch
    assert [room.kernel_id for room in announcements()] == [notebook.kernel_id]
    assert sliders(window)[0].set(value=4) == {"value": 4}
    assert_mirrored(notebook)


def test_a_second_kernel_of_the_notebook_has_its_own_room_while_the_first_lives(tmp_path: Path) -> None:
    """Two servers with the same file: each shows the widgets of its own kernel; none takes the other's away."""
    path = tmp_path / "a.ipynb"
    with running(path) as first, running(path) as second:
        for number, each in enumerate((first, second), 1):
            each.load()
            each.run(SLIDER + f"; slider.value = {number}")
        assert first.link != second.link
        with commdoc.join(url=first.link) as one, commdoc.join(url=second.link) as two:
            for number, window in enumerate((one, two), 1):
                slider = window.wait_for("IntSliderModel")
                window.wait_until(partial(at, window, number))
                assert slider.set(value=10 * number) == {"value": 10 * number}
                assert len(epochs(window)) == 1
            assert find(notebook="a.ipynb").kernel_id == second.kernel_id, (
                "by its name the newest one is found"
            )
            second.kill()
            two.wait_until(lambda: two.kernel.status == "dead")
            assert sliders(one)[0].set(value=5) == {"value": 5}, "the first one has not noticed"


def test_a_notebook_that_changes_its_kernel_keeps_its_room(tmp_path: Path) -> None:
    """Change kernel: A, then B, then A's kind again. The same windows, at the same link, go on with each one's widgets;
    what the one before left is gone before the first new entry, and nothing of it can be moved meanwhile."""
    path = tmp_path / "a.ipynb"
    link, window, old = "", None, None
    mixed: list[set[str]] = []
    seen = []
    try:
        for number in range(1, 4):
            with running(path) as kernel:
                kernel.load()
                assert link in ("", kernel.link), "the same room, at the same address"
                link = kernel.link
                kernel.run(SLIDER + f"; slider.value = {number}")
                if window is None:
                    window = commdoc.join(url=link)
                    window.on_event(partial(note, window, mixed))
                window.wait_until(partial(is_of, window, kernel), 20)
                window.wait_until(partial(at, window, number))
                [slider] = sliders(window)
                assert slider.set(value=100 + number) == {"value": 100 + number}, "the new kernel answers"
                assert kernel.value("slider.value") == 100 + number
                assert epochs(window) == {window.kernel.epoch}
                assert old is None or old.closed
                seen.append(window.kernel.epoch)
                until(partial(found_under, kernel), what="it is found under its kernel's name")
                assert_mirrored(kernel)
                old = slider
            window.wait_until(partial(is_dead, window))
            with pytest.raises(commdoc.RequestError) as refused:
                slider.set(value=1, timeout=600)
            assert refused.value.code == "kernel_gone"
        assert len(set(seen)) == 3
        assert {len(each) for each in mixed} <= {0, 1}, "never two lives beside each other"
    finally:
        if window is not None:
            window.close()
    until(lambda: not announcements(), what="the sidecar ends with kernel and windows")


def is_of(window: Window, kernel: Notebook) -> bool:
    return window.kernel.kernel_id == kernel.kernel_id


def is_dead(window: Window) -> bool:
    return window.kernel.status == "dead"


def differs(slider: Model, value: int) -> bool:
    return bool(slider["value"] != value)


def note(window: Window, seen: list[set[str]], _event: object) -> None:
    seen.append(epochs(window))


def at(window: Window, value: int) -> bool:
    return [slider["value"] for slider in sliders(window)] == [value]


def found_under(kernel: Notebook) -> bool:
    return [room.kernel_id for room in announcements()] == [kernel.kernel_id]


def test_a_kernel_that_stays_alive_keeps_its_room_when_the_notebook_goes_to_another_one(
    tmp_path: Path,
) -> None:
    """The notebook is connected to kernel B while A goes on running: A's windows stay with A, alive; B has its room.
    Back at A, `%load_ext` says nothing new and the windows of A never noticed."""
    path = tmp_path / "a.ipynb"
    with running(path) as a:
        a.load()
        a.run(SLIDER)
        with commdoc.join(url=a.link) as window:
            slider = window.wait_for("IntSliderModel")
            with running(path) as b:
                b.load()
                assert b.link != a.link
                assert slider.set(value=1) == {"value": 1}
            a.run("%load_ext commdoc\nslider.value = 2")
            window.wait_until(lambda: slider["value"] == 2)
            assert slider.set(value=3) == {"value": 3}
            assert "1 window" in bridge_says(a)


# --- interrupts ------------------------------------------------------------------------------------------


@pytest.mark.scenario("S16")
def test_an_interrupt_in_the_middle_of_a_flood_loses_nothing(notebook: Notebook, window: Window) -> None:
    slider = sliders(window)[0]
    for _ in range(5):
        cell = notebook.start("n = 0\nwhile True:\n    n += 1; slider.value = n; slider.send({'n': n})")
        start = slider["value"]
        window.wait_until(partial(differs, slider, start))
        notebook.manager.interrupt_kernel()
        with contextlib.suppress(CellError):
            notebook.finish(cell)  # of a flood that fast a plain client may miss the traceback, as ever
        value = notebook.value("slider.value")
        # The interrupt may come behind `n += 1` and before the value is set: then the cell has set it once less.
        assert notebook.value("n") - value in (0, 1)
        window.wait_until(partial(at, window, value))
    assert slider.set(value=5) == {"value": 5}
    assert "up to date" in bridge_says(notebook)
    assert_mirrored(notebook)


@pytest.mark.scenario("S16")
def test_an_interrupt_between_a_value_and_its_message_loses_neither(
    notebook: Notebook, window: Window
) -> None:
    slider = sliders(window)[0]
    with pytest.raises(CellError):
        notebook.run(
            "def interrupted(*_, **__):\n    raise KeyboardInterrupt\n"
            "slider.send_state = interrupted\ntry:\n    slider.value = 77\nfinally:\n    del slider.send_state"
        )
    assert notebook.value("slider.value") == 77
    window.wait_until(partial(at, window, 77))
    assert slider.set(value=5) == {"value": 5}
    assert_mirrored(notebook)


@pytest.mark.scenario("S31")
def test_an_interrupt_inside_an_output_gives_the_capture_back(notebook: Notebook, window: Window) -> None:
    notebook.run("out = w.Output()")
    out = window.wait_for("OutputModel")
    cell = notebook.start(
        "with out:\n    n = 0\n    while True:\n        n += 1; print(f'line {n}\\n', end='', flush=True)"
    )
    window.wait_until(lambda: out.outputs and "line 20\n" in out.outputs[0]["text"])
    notebook.manager.interrupt_kernel()
    printed = ""
    try:
        printed = notebook.finish(cell)
    except CellError as error:  # `with out:` shows the error in itself; an older one lets it pass
        printed = str(error)
    assert "line" not in printed, "none of it is in the cell"
    assert notebook.run("print('to the cell')") == "to the cell\n"
    texts = notebook.value("''.join(each.get('text', '') for each in out.outputs)")
    lines = texts.splitlines()
    assert lines == [f"line {n}" for n in range(1, len(lines) + 1)]
    assert len(lines) >= notebook.value("n") - 1, "no line is lost"
    window.wait_until(lambda: "".join(each.get("text", "") for each in out.outputs) == texts)
    assert notebook.value("out.msg_id") == ""
    assert_mirrored(notebook)


# --- crashes ---------------------------------------------------------------------------------------------

CRASHES = {
    "os._exit": "os._exit(1)",
    "a segfault": "import ctypes, faulthandler; faulthandler.disable(); ctypes.string_at(0)",
    "an abort": "os.abort()",
    "out of memory": "os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.mark.parametrize("how", CRASHES)
@pytest.mark.scenario("S07", "S28")
def test_a_crash_is_shown_and_ends_what_was_asked(notebook: Notebook, window: Window, how: str) -> None:
    """The last state stays to be read, the page says that the kernel is gone, what was asked ends with that reason."""
    slider = sliders(window)[0]
    notebook.start("slider.value = 7; time.sleep(0.3)\n" + CRASHES[how])
    window.wait_until(lambda: slider["value"] == 7)
    errors = [ended(partial(slider.set, value=n, timeout=600)) for n in range(3)]
    window.wait_until(lambda: window.kernel.status == "dead")
    assert not window.kernel.live
    for waiting in errors:
        error = waiting()
        assert error.code in ("kernel_gone", "superseded"), error
    assert slider["value"] == 7, "what was asked and never handled is not shown"
    with pytest.raises(commdoc.RequestError, match="kernel") as refused:
        slider.set(value=1, timeout=600)
    assert refused.value.code == "kernel_gone", "at once, and not when something has expired"
    with commdoc.join(url=notebook.link) as late:
        assert sliders(late)[0]["value"] == 7
        assert not late.kernel.live


def ended(ask: Callable[[], object]) -> Callable[[], commdoc.RequestError]:
    """Ask on a thread; what is returned waits for the error that it ends with."""
    errors: list[commdoc.RequestError] = []

    def run() -> None:
        try:
            ask()
        except commdoc.RequestError as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="asking")
    thread.start()

    def wait() -> commdoc.RequestError:
        thread.join(20)
        assert not thread.is_alive(), "it outlives its kernel"
        assert errors, "a kernel that crashed has answered"
        return errors[0]

    return wait


@pytest.mark.scenario("S28")
def test_messages_under_way_when_the_kernel_dies_end_with_a_reason(
    notebook: Notebook, window: Window
) -> None:
    slider = sliders(window)[0]
    notebook.start("time.sleep(60)")
    window.wait_until(lambda: window.kernel.status == "busy")
    opening = ended(lambda: window.open("jupyter.widget", {"state": {}}, timeout=600))
    moving = ended(lambda: slider.set(value=3, timeout=600))
    window.wait_until(lambda: window.open_requests == 2)
    os.kill(pid_of(notebook), signal.SIGKILL)
    for waiting in (opening, moving):
        assert waiting().code == "kernel_gone"
    assert slider["value"] == 0


def test_a_kernel_that_is_stopped_for_a_while_is_not_dead(notebook: Notebook, window: Window) -> None:
    """SIGSTOP, a debugger, a laptop that sleeps: what is asked waits, and is done when the kernel goes on."""
    slider = sliders(window)[0]
    os.kill(pid_of(notebook), signal.SIGSTOP)
    try:
        done: list[object] = []
        thread = threading.Thread(target=lambda: done.append(slider.set(value=9, timeout=60)))
        thread.start()
        with commdoc.join(url=notebook.link) as other:
            other.wait_until(
                lambda: sliders(other)[0]["value"] == 9
            )  # seen by others while the kernel is stopped
            begun = time.monotonic()
            while time.monotonic() - begun < 1.5:  # the sidecar looks for the process every half second
                assert other.kernel.live
                assert other.kernel.status not in ("dead", "disconnected")
                time.sleep(0.05)
        assert not done
    finally:
        os.kill(pid_of(notebook), signal.SIGCONT)
    thread.join(20)
    assert done == [{"value": 9}]
    assert notebook.value("slider.value") == 9
    assert_mirrored(notebook)
