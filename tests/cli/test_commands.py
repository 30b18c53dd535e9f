"""The commands that look into a room, as a person or a script runs them, on a real kernel."""

from __future__ import annotations

import json
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
    assert room["room_id"][:12] in table.output


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
        assert '\'value\': kernel has ["int", "8"], document has ["int", "7"]' in result.output
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
