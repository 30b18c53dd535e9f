"""anywidget's `experimental.invoke` in pages, with a real `@command` in the kernel as responder (S28)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.notebook import Notebook
from tests.browser.room_page import RoomPage
from tests.conftest import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.kernel,
    pytest.mark.scenario("S28"),
    pytest.mark.acceptance("B4"),
]

ASKS = """
import os, signal, time
import anywidget
from anywidget.experimental import command
class Asks(anywidget.AnyWidget):
    _esm = '''export default { render({ el, experimental }) {
      globalThis.invoke = experimental.invoke;
      // What came of a call, in words, and how long it took: a promise that is never rejected.
      globalThis.call = async (name, message, options) => {
        const begun = performance.now();
        const bytes = (b) => [...new Uint8Array(b.buffer, b.byteOffset, b.byteLength)];
        const [what, value] = await experimental.invoke(name, message, options).then(
          ([answer, buffers]) => ["answer", [answer, buffers.map(bytes)]],
          (error) => ["error", `${error?.name ?? typeof error}: ${error?.message ?? error}`],
        );
        return [what, value, performance.now() - begun];
      };
      el.textContent = "ready NAME";
    } };'''
    @command
    def reverse(self, message, buffers):
        return {"of": message, "sum": sum(map(sum, buffers))}, [bytes(reversed(buffer)) for buffer in buffers]
    @command
    def bad(self, message, buffers):
        raise ValueError(f"no {message} here")
    @command
    def die(self, message, buffers):
        os.kill(os.getpid(), signal.SIGKILL)
    @command
    def pid(self, message, buffers):
        return os.getpid(), []
asks = Asks()
display(asks)
"""


def ready(page: RoomPage, name: str = "NAME") -> None:
    page.expect_text(f"ready {name}", seconds=15)


def inside(page: RoomPage, script: str, argument: Any = None) -> Any:
    """Run a script in the sandboxed frame, as the author's module could."""
    return page.page.frames[1].evaluate(script, argument)


def test_two_pages_call_at_once_with_buffers_and_each_gets_its_own_answers(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(ASKS)
    pages = [open_page(), open_page()]
    for page in pages:
        ready(page)
    with notebook.busy():  # so that the calls of both are there before the first is answered
        for name, page in zip("ab", pages, strict=True):
            inside(
                page,
                """(name) => { globalThis.answers = Promise.all([...Array(40).keys()].map((i) =>
                  call("reverse", name + i, { buffers: [new Uint8Array([i, 1, 2]), new Uint8Array(5000).fill(1)],
                                              signal: AbortSignal.timeout(30000) }))); }""",
                name,
            )
    for name, page in zip("ab", pages, strict=True):
        for i, (what, value, _) in enumerate(inside(page, "() => answers")):
            assert what == "answer", value
            assert value == [{"of": f"{name}{i}", "sum": i + 3 + 5000}, [[2, 1, i], [1] * 5000]]
        page.expect_clean()


def test_a_command_that_raises_rejects_the_call_with_what_it_raised(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(ASKS)
    page = open_page()
    ready(page)
    what, text, _ = inside(page, "() => call('bad', 'tea', { signal: AbortSignal.timeout(60000) })")
    assert (what, text) == ("error", "Error: ValueError: no tea here")
    what, text, _ = inside(page, "() => call('unknown', 1, { signal: AbortSignal.timeout(60000) })")
    assert (what, text) == ("error", "Error: KeyError: 'unknown'")
    what, value, _ = inside(page, "() => call('reverse', 1, { signal: AbortSignal.timeout(60000) })")
    assert (what, value) == ("answer", [{"of": 1, "sum": 0}, []]), "and the next one is answered"
    page.expect_text("no tea here")  # the traceback is in the log, as JupyterLab has it in its console
    page.expect_clean()


def test_when_the_kernel_dies_during_a_call_it_is_rejected_in_words_and_works_after_a_rerun(
    notebook: Notebook, open_page: OpenPage
) -> None:
    notebook.run(ASKS)
    page = open_page()
    ready(page)
    first = inside(page, "() => call('pid', null, { signal: AbortSignal.timeout(60000) })")[1][0]
    inside(page, "() => { globalThis.dying = call('die', null, { signal: AbortSignal.timeout(600000) }); }")
    what, text, _ = inside(page, "() => dying")
    assert what == "error"
    assert text.startswith("RequestError")
    assert "the kernel's process has ended" in text
    what, text, _ = inside(page, "() => call('pid', null, { signal: AbortSignal.timeout(600000) })")
    assert (what, text.startswith("RequestError")) == ("error", True), text
    assert "kernel is gone" in text
    notebook.restart()
    notebook.load()
    notebook.run(ASKS.replace("NAME", "again"))
    ready(page, "again")
    what, value, _ = inside(page, "() => call('pid', null, { signal: AbortSignal.timeout(60000) })")
    assert what == "answer", value
    assert value[0] not in (None, first)


def test_signals_and_the_time_limit_are_anywidgets(notebook: Notebook, open_page: OpenPage) -> None:
    notebook.run(ASKS)
    page = open_page()
    ready(page)
    with notebook.busy():
        inside(
            page,
            """() => {
              const stop = new AbortController();
              globalThis.limited = call("reverse", 1);
              globalThis.stopped = call("reverse", 2, { signal: stop.signal });
              stop.abort(new RangeError("enough"));
            }""",
        )
        assert inside(page, "() => stopped")[:2] == ["error", "RangeError: enough"]
        assert inside(page, "() => limited")[1].startswith("TimeoutError")
    until(lambda: inside(page, "() => call('reverse', 3)")[0] == "answer", what="the kernel is there again")
    page.expect_clean()
