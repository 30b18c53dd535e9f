"""`commdoc settings`, without a host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commdoc.cli.main import main
from commdoc.protocol.settings import SETTINGS


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["settings", *arguments])


def test_looking_writes_nothing(tmp_path: Path) -> None:
    listed = run()
    assert listed.exit_code == 0
    assert all(key in listed.output for key in SETTINGS)
    assert run("get", "page.theme").output == "auto\n"
    assert list(tmp_path.iterdir()) == []


def test_set_get_unset(tmp_path: Path) -> None:
    assert run("set", "page.theme", "dark").output == "page.theme = dark\n"
    assert run("get", "page.theme").output == "dark\n"
    assert "* page.theme" in run().output
    file = Path(run("path").output.strip())
    assert json.loads(file.read_text(encoding="utf-8"))["page"]["theme"] == "dark"
    assert run("unset", "page.theme").output == "page.theme = auto\n"
    assert "*" not in run().output


def test_json() -> None:
    assert json.loads(run("set", "kernel.window_ms", "33", "--json").output)["value"] == 33
    about = json.loads(run("get", "kernel.window_ms", "--json").output)
    assert (about["value"], about["default"], about["unit"]) == (33, 16, "ms")
    assert (about["least"], about["most"], about["type"]) == (1, 1000, "integer")
    everything = json.loads(run("--json").output)
    assert set(everything) == set(SETTINGS)
    assert everything == json.loads(run("get", "--json").output)
    assert Path(json.loads(run("path", "--json").output)["path"]).name == "settings.json"


@pytest.mark.parametrize(
    "arguments",
    [
        ["get", "nope"],
        ["set", "page.theme", "purple"],
        ["set", "kernel.window_ms", "0"],
        ["set", "page.theme"],
        ["unset"],
        ["nonsense"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("command", ["get", "set", "unset", "path"])
def test_each_has_an_example(command: str) -> None:
    helped = run(command, "--help")
    assert helped.exit_code == 0
    assert "commdoc settings" in helped.output.partition("Example")[2]
    assert "--json" in helped.output


def test_what_can_not_be_written_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "commdoc").write_text("a file where the folder should be", encoding="utf-8")
    failed = run("set", "page.theme", "dark")
    assert failed.exit_code == 1
    assert "can't be read or written" in failed.output
    assert len(failed.output.splitlines()) == 1


def test_an_old_name_is_understood() -> None:
    assert run("set", "theme", "light").output == "page.theme = light\n"


def test_a_broken_file_is_said(tmp_path: Path) -> None:
    run("set", "page.theme", "dark")
    file = tmp_path / "commdoc" / "settings.json"
    file.write_text('{"page": ', encoding="utf-8")
    said = CliRunner().invoke(main, ["settings", "get", "page.theme"])
    while "corrupt" not in said.stderr:  # it is let be for half a second: somebody may be writing it
        assert said.stdout == "dark\n"
        said = CliRunner().invoke(main, ["settings", "get", "page.theme"])
    assert said.stdout == "dark\n"
    assert file.with_name("settings.json.corrupt").exists()
