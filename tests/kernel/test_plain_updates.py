"""What front ends without the shim are told of a list that grows: at once what is new, the whole not too often; and
what a thread reads of it.
"""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from commdoc.kernel import capture
from commdoc.kernel.capture import PLAIN_AGAIN_BYTES, Captures, PlainUpdates
from commdoc.kernel.output_watch import OutputWatch
from commdoc.kernel.outputs import Captured, OutputList, weight
from commdoc.kernel.records import Kind


class Story:
    """An Output widget that captures, on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(capture, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.widget: Any = SimpleNamespace(_trait_values={"outputs": ()})
        self.captures = Captures(lambda _: self.widget)
        self.captures.opened("c", "")
        self.told: list[int] = []
        self.plain = PlainUpdates(self.captures, lambda _, outputs: self.told.append(weight(outputs)))

    def capture(self, kind: str, content: dict[str, Any], seconds: float) -> None:
        """Capture once; then time goes by, and the flush thread looks whenever it was told to."""
        self.captures.holders["c"].take(Captured(kind, content))
        end = self.now + seconds
        while (wait := self.plain.tell_due()) is not None and self.now + wait < end:
            self.now += wait
        self.now = end


@pytest.mark.acceptance("B3")
def test_a_long_log_is_not_told_again_for_each_of_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(monkeypatch)
    story.capture("stream", {"name": "stdout", "text": "x" * 2_000_000}, 0.1)
    story.told.clear()
    for _ in range(600):  # ten a second, for a minute
        story.capture("stream", {"name": "stdout", "text": "x" * 99 + "\n"}, 0.1)
    assert 5 <= len(story.told) <= 60 * PLAIN_AGAIN_BYTES / 2_000_000 + 1
    assert story.plain.tell_due(all_of_them=True) is None
    assert story.told[-1] > 2_060_000


def test_frames_of_an_animation_are_all_new(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(monkeypatch)
    for _ in range(20):
        story.capture("clear_output", {"wait": True}, 0)
        story.capture("display_data", {"data": {"image/png": "x" * 2_000_000}, "metadata": {}}, 0.2)
    assert len(story.told) == 20


def test_what_changes_nothing_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(monkeypatch)
    story.capture("stream", {"name": "stdout", "text": "x"}, 1)
    story.capture("update_display_data", {"data": {}, "metadata": {}}, 1)
    story.capture("clear_output", {"wait": True}, 1)
    assert len(story.told) == 1
    story.capture("clear_output", {"wait": False}, 1)
    story.capture("clear_output", {"wait": False}, 1)
    assert story.told[1:] == [weight(())]


def test_who_reads_while_another_thread_settles_gets_all(monkeypatch: pytest.MonkeyPatch) -> None:
    story, settling, go_on = Story(monkeypatch), threading.Event(), threading.Event()
    holder, seen = story.captures.holders["c"], []
    apply = OutputList.apply

    def slowly(self: OutputList, message: Captured) -> bool:
        settling.set()
        assert go_on.wait(10)
        return apply(self, message)

    def read() -> None:
        holder.settle()
        seen.extend(story.widget._trait_values["outputs"])

    monkeypatch.setattr(OutputList, "apply", slowly)
    holder.take(Captured("stream", {"name": "stdout", "text": "x"}))
    threads = [threading.Thread(target=holder.settle), threading.Thread(target=read)]
    threads[0].start()
    assert settling.wait(10)
    threads[1].start()
    threads[1].join(0.2)  # it has to wait; one that didn't would be done by then
    go_on.set()
    for thread in threads:
        thread.join()
    assert [output["text"] for output in seen] == ["x"]


def test_a_reader_that_is_interrupted_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(monkeypatch)
    holder = story.captures.holders["c"]
    for n in range(3):
        holder.take(Captured("stream", {"name": "stdout", "text": f"{n}\n"}))
    with monkeypatch.context() as patch:
        apply, left = OutputList.apply, iter([False, True])

        def interrupted(self: OutputList, message: Captured) -> bool:
            if next(left):
                raise KeyboardInterrupt
            return apply(self, message)

        patch.setattr(OutputList, "apply", interrupted)
        with pytest.raises(KeyboardInterrupt):
            holder.settle()
    holder.settle()
    assert [output["text"] for output in story.widget._trait_values["outputs"]] == ["0\n1\n2\n"]


def test_a_list_that_jupyter_refuses_is_told_without_what_it_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story(monkeypatch)
    told: list[list[str]] = []

    def tell(_: str, outputs: tuple[dict[str, Any], ...]) -> None:
        json.dumps(outputs)
        told.append([output["text"] for output in outputs])

    story.plain = PlainUpdates(story.captures, tell)
    story.widget._trait_values["outputs"] = (
        {"output_type": "display_data", "data": {"a/b": object()}, "metadata": {}},
    )
    story.capture("stream", {"name": "stdout", "text": "more\n"}, 0)
    assert [texts[1] for texts in told] == ["more\n"]
    assert told[0][0].startswith("[output left out:")


def test_an_update_of_a_display_costs_no_output_that_does_not_show_it() -> None:
    captures = Captures(lambda _: None)
    told: list[Any] = []
    watch = OutputWatch(captures, told.append, lambda _: None, lambda: None)
    parent = {"header": {"msg_id": "m", "msg_type": "execute_request"}}
    shown = {"data": {"text/plain": "x"}, "metadata": {}, "transient": {"display_id": "d"}}
    for n in range(20):
        captures.opened(f"c{n}", "")

    def taken(comm_id: str, act: str, content: dict[str, Any]) -> list[str]:
        captures.aim(comm_id, "m")
        watch.watchers[act](content, None, parent, None)
        captures.aim(comm_id, "")
        told.clear()
        watch.watchers["update_display_data"](shown, None, None, None)
        return [record[1] for record in told if record[0] == Kind.CAPTURED]

    assert taken("c3", "display_data", shown) == ["c3"]
    assert taken("c7", "display_data", shown) == ["c3", "c7"]
    assert taken("c3", "clear_output", {"wait": True}) == ["c3", "c7"]
    assert taken("c3", "stream", {"name": "stdout", "text": "x"}) == ["c7"]
