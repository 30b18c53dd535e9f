"""The commands that look into a room, as a person or a script runs them, on a real kernel."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import commdoc
from commdoc.cli.main import COMMANDS, main
from commdoc.window.address import announcements
from tests.browser.notebook import Notebook

COMMDOC = Path(sys.executable).with_name("commdoc")

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    notebook.load()
    notebook.run("import ipywidgets as w; slider = w.IntSlider(description='n', value=7); slider")
    notebook.run("image = w.Image(value=bytes(3000)); nan = w.FloatText(float('nan'))")
    with commdoc.join(kernel_id=notebook.kernel_id) as window:
        window.wait_for("FloatTextModel")
    yield notebook
    notebook.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def run_json(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def read_all(terminal: int) -> str:
    """Return what comes from a terminal until its other end is closed, which Linux tells as an error."""
    got = b""
    with contextlib.suppress(OSError):
        while some := os.read(terminal, 65_536):
            got += some
    os.close(terminal)
    return got.decode()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"commdoc {name}" in result.output
    assert "--json" in result.output


@pytest.mark.parametrize("arguments", [["nonsense"], ["show", "--nonsense"], ["verify", "--timeout", "soon"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.kernel
def test_rooms(notebook: Notebook) -> None:
    [room] = run_json("rooms")
    assert room["kernel_id"] == notebook.kernel_id
    assert room["status"] in ("idle", "busy")
    assert room["comms"] >= 8
    assert "token" not in json.dumps(room)
    [room] = run_json("rooms", "--link")
    assert room["link"] == notebook.link
    [room] = run_json("rooms", "--link=viewer")
    assert room["link"] == notebook.reading_link()
    table = run("rooms")
    assert table.exit_code == 0
    assert room["room_id"][:8] in table.output
    assert all(len(line) <= 80 for line in table.output.splitlines())


@pytest.mark.kernel
def test_show(notebook: Notebook) -> None:
    listed = run_json("show", notebook.kernel_id[:6])
    names = [comm["model_name"] for comm in listed["comms"].values()]
    assert {"IntSliderModel", "ImageModel", "FloatTextModel"} <= set(names)
    by_name = {comm["model_name"]: comm for comm in listed["comms"].values()}
    assert by_name["IntSliderModel"]["state"]["value"] == 7
    assert by_name["ImageModel"]["state"]["value"]["size"] == 3000
    assert by_name["FloatTextModel"]["state"]["value"] == {"$num": "nan"}
    one = run("show", notebook.link, "IntSliderModel")
    assert one.exit_code == 0
    assert "IntSliderModel" in one.output
    assert "value" in one.output
    everything = run("show")
    assert "<3000 bytes>" in everything.output
    assert run("show", notebook.kernel_id, "NoSuchModel").exit_code == 1


@pytest.mark.kernel
def test_a_room_that_is_not_there_is_one_line_and_exit_code_1(notebook: Notebook) -> None:
    result = run("show", "no-such-room")
    assert result.exit_code == 1
    assert "no room for room no-such-room" in result.output
    assert len(result.output.splitlines()) == 1
    wrong = notebook.link.split("#")[0] + "#token=wrong"
    refused = run("show", wrong)
    assert refused.exit_code == 1
    assert "refuses this token" in refused.output


@pytest.mark.kernel
def test_a_beginning_that_two_rooms_have_is_refused_and_both_are_named(notebook: Notebook) -> None:
    own = next(room for room in announcements() if room.kernel_id == notebook.kernel_id)
    path = Path(os.environ["JUPYTER_RUNTIME_DIR"], "commdoc-twin.json")
    twin = own.room_id[:-1] + ("0" if own.room_id[-1] != "0" else "1")
    content = {"url": own.url, "room_id": twin, "kernel_id": "twin", "pid": own.pid, "tokens": own.tokens}
    path.write_text(json.dumps(content), encoding="utf-8")
    try:
        result = run("show", own.room_id[:8])
        assert result.exit_code == 1
        assert own.room_id in result.output
        assert twin in result.output
        listed = run("rooms").output
        assert own.room_id in listed  # it takes all of the id to tell them apart
        assert "no such room on this host" in run("rooms", "--json").output
        assert run("show", own.room_id).exit_code == 0
    finally:
        path.unlink()


@pytest.mark.kernel
def test_a_shell_completes_rooms_and_comms(notebook: Notebook) -> None:
    own = next(room for room in announcements() if room.kernel_id == notebook.kernel_id)

    def completed(words: str, at: int) -> list[str]:
        asked = {"_COMMDOC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
        ended = subprocess.run(
            [str(COMMDOC)], env={**os.environ, **asked}, capture_output=True, text=True, check=True
        )
        return [line.partition(",")[2] for line in ended.stdout.splitlines()]

    assert completed(f"commdoc show {own.room_id[:4]}", 2) == [own.room_id]
    assert completed(f"commdoc show {own.room_id} IntSl", 3) == ["IntSliderModel"]
    with commdoc.join(own.room_id, role="viewer") as window:
        comm_id = window.find("IntSliderModel")[0].comm_id
    assert completed(f"commdoc show {own.room_id} {comm_id[:6]}", 3) == [comm_id]


@pytest.mark.kernel
@pytest.mark.parametrize(
    "command", [["rooms"], ["show"], ["show", "", "IntSliderModel"], ["verify"], ["--help"]]
)
def test_a_terminal_of_80_columns_shows_whole_words(notebook: Notebook, command: list[str]) -> None:
    words = [word or notebook.kernel_id for word in command]
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "NO_COLOR": "1"}
    ours, theirs = pty.openpty()
    with subprocess.Popen([str(COMMDOC), *words], env=env, stdin=theirs, stdout=theirs, stderr=theirs) as ran:
        os.close(theirs)
        printed = re.sub(r"\x1b\[[0-9;]*m", "", read_all(ours))
    assert ran.returncode == 0, printed
    assert max(map(len, printed.splitlines())) <= 80
    essential = {
        "rooms": [notebook.kernel_id[:8], "idle", "comms", "windows"],
        "show": ["IntSliderModel", "SliderStyleModel"]
        if len(words) == 1
        else ["description_allow_html", "7"],
        "verify": ["the same"],
        "--help": ["completion", "verify"],
    }
    assert [text for text in essential[words[0]] if text not in printed] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    printed = run("completion", shell)
    assert printed.exit_code == 0
    assert "_COMMDOC_COMPLETE" in printed.output


@pytest.mark.kernel
def test_verify(notebook: Notebook) -> None:
    report = run_json("verify", notebook.kernel_id)
    assert report["equal"]
    assert report["sides"] == ["kernel", "document", "window"]
    assert report["comms"] >= 8
    fine = subprocess.run(
        [str(COMMDOC), "verify"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert fine.returncode == 0, fine.stderr
    assert "kernel, document, window: the same" in fine.stdout


@pytest.mark.kernel
def test_verify_tells_a_difference(notebook: Notebook) -> None:
    # Behind everybody's back: the trait has another value and nobody was told.
    notebook.run("slider._trait_values['value'] = 8")
    try:
        result = run("verify", "--timeout", "0.5")
        assert result.exit_code == 1
        lines = [line.split(None, 1) for line in result.output.splitlines()]
        assert ["kernel", '["int", "8"]'] in lines
        assert ["document", '["int", "7"]'] in lines
        assert "1 difference between" in result.output
        assert json.loads(run("verify", "--timeout", "0.5", "--json").output)["equal"] is False
    finally:
        notebook.run("slider._trait_values['value'] = 7")


@pytest.mark.kernel
def test_verify_of_a_busy_kernel_says_so(notebook: Notebook) -> None:
    busy = notebook.start("import time; time.sleep(1.5)")
    result = run("verify", "--timeout", "0.6")
    notebook.finish(busy)
    assert result.exit_code == 1
    assert "busy" in result.output
    assert "document, window: the same, but not compared with the kernel" in result.output


@pytest.mark.kernel
def test_watch(notebook: Notebook) -> None:
    command = [str(COMMDOC), "watch", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [json.loads(process.stdout.readline())]
        notebook.run("slider.value = 9; slider.send({'hello': 1})")
        while lines[-1]["event"] != "cell_end":
            lines.append(json.loads(process.stdout.readline()))
        notebook.run("slider.value = 7")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert process.returncode == 0
    assert lines[0]["event"] == "joined"
    events = {line["event"]: line for line in lines}
    assert events["updated"]["values"] == {"value": "9"}
    assert "{hello: 1}" in events["message"]["data"]
    assert events["message"]["what"] == "IntSliderModel"
