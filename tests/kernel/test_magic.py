"""The magic `%commdoc`: what it shows and how it explains itself."""

from __future__ import annotations

import pytest

from tests.kernel.conftest import Loaded
from tests.kernel.room import recording_room

pytestmark = pytest.mark.kernel


def test_it_shows_comms_windows_lag_and_the_link(loaded: Loaded) -> None:
    kernel, room = loaded
    kernel.run("s = w.IntSlider()")
    room.send({"type": "peers", "windows": 1})
    text = room.wait_for(lambda: (t := kernel.text("%commdoc")) and "1 window," in t and t)
    assert "3 comms" in text
    assert "up to date" in text
    assert f"open in a browser:  {room.url}  (`commdoc rooms --link`" in text, "this one gives no links"


@pytest.mark.parametrize(
    "line",
    ["nonsense", "join", "join a b", "join not-a-link", 'join "half a quote', "join http://x/y", "status 'x"],
)
def test_what_it_does_not_understand_gets_the_usage_without_a_traceback(loaded: Loaded, line: str) -> None:
    reply = loaded.kernel.wait(loaded.kernel.start(f"%commdoc {line}"))
    assert reply["content"]["ename"] == "UsageError"
    assert "%commdoc join URL" in reply["content"]["evalue"]


def test_joining_another_room_moves_the_whole_mirror_there(loaded: Loaded) -> None:
    kernel, first = loaded
    kernel.run("s = w.IntSlider(value=3)")
    model = kernel.value("s.model_id")
    with recording_room() as second:
        kernel.run(f"%commdoc join {second.url}#token=another")
        second.wait_for(lambda: second.of("adopted"))
        assert second.state(model)["value"] == 3
        assert second.authorizations == ["Bearer another"]
        kernel.run("s.value = 4")
        second.wait_for(lambda: second.state(model)["value"] == 4)
        assert first.state(model)["value"] == 3
