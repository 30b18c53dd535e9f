"""`commdoc doctor` in real environments, beside real servers; what it proposes is run where that needs no network."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from commdoc.cli.doctor import jupyter_servers, this_environment
from commdoc.cli.doctor.asking import Seen, look_at
from commdoc.cli.doctor.command import _counted
from commdoc.cli.doctor.finding import About, Finding
from commdoc.cli.main import main
from commdoc.kernel import discovery, sidecar
from commdoc.version import __version__
from hatch_build import LAB_PLACE
from tests.cli.doctor_environments import Doctor, Report, as_from_the_wheel, distribution, environment
from tests.conftest import ROOT, until
from tests.server.jupyter.environments import HERE, python_of
from tests.server.jupyter.serving import DISABLED, TOKEN, Kernel, Server, joined, jupyter_server
from tests.server.sleeper import Sleeper

pytestmark = [pytest.mark.timeout(180), pytest.mark.kernel]

FINE = About("this environment", "server-extension", "server extension").ok("enabled")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment that has all that the wheel brings."""
    folder = tmp_path_factory.mktemp("installed")
    python = environment(folder)
    as_from_the_wheel(folder)
    return python


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    return environment(tmp_path_factory.mktemp("bare"), commdoc=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, installed: str) -> Iterator[Server]:
    """A server whose environment has commdoc; nothing else enables it."""
    with jupyter_server(tmp_path_factory.mktemp("server"), (), python=installed) as server:
        yield server


@pytest.fixture(scope="module")
def loaded(server: Server) -> Kernel:
    kernel = server.start("loaded.ipynb")
    kernel.load()
    joined(server, kernel)
    return kernel


@pytest.fixture(scope="module")
def forgotten(server: Server) -> Kernel:
    """A kernel without commdoc."""
    return server.start("deep/forgotten.ipynb")


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """What is seen of a server of the tests' own environment, which has commdoc switched off."""
    folder = tmp_path_factory.mktemp("without")
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    with jupyter_server(folder, (DISABLED,), env={"JUPYTER_RUNTIME_DIR": str(runtime)}) as server:
        yield look_at(discovery.Server(server.url, TOKEN, server.process.pid))


class Sick:
    """An environment in which much is wrong, before and after what was proposed has been run."""

    def __init__(self, folder: Path) -> None:
        self._python = environment(folder / "environment")
        as_from_the_wheel(folder / "environment")
        package = folder / "environment" / LAB_PLACE / "package.json"
        package.write_text(
            package.read_text(encoding="utf-8").replace(f'"{__version__}"', '"99.1.0"'), encoding="utf-8"
        )
        config = folder / "config"
        self._env = {
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTER_PREFER_ENV_PATH": "0",
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        }
        write(
            config / "jupyter_server_config.d" / "commdoc.json",
            {"ServerApp": {"jpserver_extensions": {"commdoc": False}}},
        )
        write(
            config / "labconfig" / "page_config.json",
            {"disabledExtensions": {this_environment.WIDGETS: True}},
        )
        self._running = Doctor(self._python, env=self._env)

    def mend(self) -> None:
        self.before = self._running.report()
        commands = [
            line for check in ("server-extension", "lab-widgets") for line in self.before.of(check)["run"]
        ]
        env, nothing = {**os.environ, **self._env}, subprocess.DEVNULL
        running = [
            subprocess.Popen(shlex.split(line), env=env, stdout=nothing, stderr=nothing) for line in commands
        ]
        assert [each.wait(60) for each in running] == [0, 0]
        self.after = Doctor(self._python, env=self._env).report()


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Sick:
    sick = Sick(tmp_path_factory.mktemp("sick"))
    sick.mend()
    return sick


@pytest.fixture(scope="module")
def report(server: Server, loaded: Kernel, forgotten: Kernel, installed: str) -> Report:
    return Doctor(installed).report()


# --- where all is as it should be ------------------------------------------------------------------------------------


def test_what_the_wheel_brings_is_all_that_is_needed(report: Report, server: Server) -> None:
    assert report.but_ok() == [("hint", "deep/forgotten.ipynb")]
    assert report.code == 0, "a hint is no more than that"
    assert report.of("server-extension")["found"].startswith("enabled in ")
    assert report.of("lab-plugin")["found"] == f"{__version__}, enabled"
    assert report.of("server", server.url)["found"] == f"commdoc {__version__}, a document of commdoc's own"
    assert report.of("collaboration")["found"].startswith("none")
    assert f"commdoc {__version__}" in report.of("kernel", "python3")["found"]


def test_each_check_is_there(report: Report) -> None:
    checks = {each["check"] for each in report.findings}
    assert checks == {
        *("package", "server-extension", "collaboration", "lab-plugin", "lab-widgets"),
        *("server", "notebook", "kernel", "runtime-folder", "rooms", "loopback"),
    }


def test_nothing_secret_is_in_it(report: Report) -> None:
    assert TOKEN not in json.dumps(report.findings)


# --- the environment -------------------------------------------------------------------------------------------------


def test_an_extension_that_the_user_switched_off_is_switched_on_again(sick: Sick) -> None:
    off = sick.before.of("server-extension")
    assert sick.before.code == 1
    assert off["state"] == "problem"
    assert "switched off in" in off["found"]
    assert off["run"][0].endswith("-m jupyter server extension enable commdoc --user")
    assert sick.after.of("server-extension")["state"] == "ok"


def test_a_plugin_that_is_switched_off_is_switched_on_again(sick: Sick) -> None:
    off = sick.before.of("lab-widgets")
    assert off["state"] == "problem"
    assert off["run"][0].endswith(f"-m jupyter labextension enable {this_environment.WIDGETS} --level=user")
    assert sick.after.of("lab-widgets")["state"] == "ok"


def test_a_plugin_of_another_release(sick: Sick) -> None:
    other = sick.before.of("lab-plugin")
    assert other["state"] == "problem"
    assert other["found"].startswith("99.1.0 in ")
    assert "--force-reinstall" in other["run"][0]


@pytest.mark.parametrize("key", this_environment.PLUGIN_IDS)
def test_our_own_plugin_switched_off(key: str) -> None:
    extension = {"version": __version__, "ext_path": sys.prefix}
    assert this_environment._plugin(extension, []).state == "ok"
    off = this_environment._plugin(extension, [key])
    assert off.state == "problem"
    assert f"labextension enable {key}" in off.run[0]


def test_the_plugin_s_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(tmp_path))
    extension = {"version": __version__, "ext_path": sys.prefix}
    assert "every kernel" not in this_environment._plugin(extension, []).found
    file = tmp_path / "@commdoc" / "lab" / "plugin.jupyterlab-settings"
    file.parent.mkdir(parents=True)
    file.write_text('{\n  // by hand\n  "everyKernel": true,\n}', encoding="utf-8")
    assert "every kernel" in this_environment._plugin(extension, []).found


def test_an_old_plugin_in_another_folder_hides_the_environment_s() -> None:
    extension = {"version": "0.0.1", "ext_path": "/of/the/user/@commdoc/lab"}
    assert this_environment._plugin(extension, []).run == ("rm -r /of/the/user/@commdoc/lab",)


@pytest.mark.parametrize(
    ("name", "kind"), [("collaboration", "jupyter-collaboration"), ("documents", "jupyter-server-documents")]
)
def test_an_environment_with_real_time_collaboration(name: Any, kind: str, tmp_path: Path) -> None:
    report = Doctor(python_of(name), env={"JUPYTER_RUNTIME_DIR": str(tmp_path)}).report()
    pins = (HERE / f"{name}.txt").read_text(encoding="utf-8").replace("_", "-").split()
    assert report.of("collaboration")["found"].replace(" ", "==") in pins
    assert report.of("collaboration")["found"].startswith(f"{kind} ")
    # It has commdoc in its import path, and nothing that enables it.
    assert report.of("server-extension")["found"] == "not enabled: no configuration names it"
    assert report.of("server-extension")["run"][0].endswith("extension enable commdoc --sys-prefix")
    assert report.of("lab-plugin")["found"] == "not installed"
    assert report.of("lab-plugin")["run"][0].endswith(f" {shlex.quote(f'{ROOT}[server]')}")
    assert report.code == 1


def test_the_server_s_own_configuration_comes_before_that_of_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "jupyter_server_config.py"
    file.write_text(
        "c.ServerApp.jpserver_extensions = {'commdoc': False}\nprint('noise')\n", encoding="utf-8"
    )
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    found = this_environment._server_side(*this_environment._server_config())
    assert found.state == "problem"
    assert found.run == (), "what enables it would be passed over"
    assert str(file) in found.then


def test_an_extension_that_can_t_be_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(
        tmp_path / "jupyter_server_config.d" / "commdoc.json",
        {"ServerApp": {"jpserver_extensions": {"commdoc": True}}},
    )
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    assert this_environment._server_side(*this_environment._server_config()).state == "ok"
    monkeypatch.setitem(sys.modules, "commdoc.server.jupyter.app", None)
    found = this_environment._server_side(*this_environment._server_config())
    assert found.state == "problem"
    assert "can't be imported" in found.found


@pytest.mark.parametrize(
    ("name", "version", "about", "wanted"),
    [
        ("jupyter_server", "2.10.0", "server extension", "jupyter-server>=2.14"),
        ("jupyterlab", "4.1.8", "JupyterLab plugin", "jupyterlab>=4.2"),
        ("websockets", "13.0", "commdoc", "websockets>=15"),
    ],
)
def test_what_is_too_old_is_named(
    name: str, version: str, about: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path, name, version)
    monkeypatch.syspath_prepend(str(tmp_path))
    [found] = [each for each in this_environment.look() if each.about == about]
    assert found.state == "problem"
    assert version in found.found
    assert "pip install" in found.run[0]
    assert wanted in found.run[0]


# --- servers ---------------------------------------------------------------------------------------------------------


def of_server(seen: Seen, extension: Finding = FINE) -> Finding:
    [found] = jupyter_servers.look([seen], extension)
    return found


def test_a_server_of_this_environment_that_has_no_commdoc(without: Seen) -> None:
    found = of_server(without)
    assert found.state == "problem"
    assert found.found.startswith("has no commdoc: started before")
    assert found.then == "restart the server"
    off = replace(FINE, state="problem", run=("mend",))
    assert of_server(without, off).run == ("mend",)


def test_a_server_of_another_environment_that_has_no_commdoc(
    without: Seen, bare: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = of_server(replace(without, python=bare))
    assert found.run[0].startswith(f"{bare} -m pip install ")
    assert found.run[0].endswith("[server]'")
    monkeypatch.setattr(sys, "prefix", "/another")
    assert of_server(without).run == (f"{Path(sys.executable).with_name('commdoc')} doctor",)


def test_a_server_that_was_not_restarted_after_an_upgrade(server: Server) -> None:
    seen = look_at(discovery.Server(server.url, TOKEN, server.process.pid))
    assert of_server(seen).state == "ok"
    found = of_server(replace(seen, version="0.0.9"))
    assert (found.state, found.then) == ("hint", "restart the server")


def test_a_server_that_does_not_let_us_in(server: Server) -> None:
    found = of_server(look_at(discovery.Server(server.url, "wrong", server.process.pid)))
    assert found.state == "hint"
    assert "without its token" in found.found


def test_a_server_that_does_not_answer_and_one_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    write(tmp_path / "jpserver-1.json", {"url": "http://127.0.0.1:9/", "token": "t", "pid": os.getpid()})
    write(tmp_path / "jpserver-2.json", {"url": "", "sock": "/a/socket", "pid": os.getpid()})
    write(tmp_path / "jpserver-3.json", {"url": "http://127.0.0.1:9/", "token": "t", "pid": process.pid})
    found = {
        each.about: each for each in jupyter_servers.look([look_at(s) for s in discovery.servers(0)], FINE)
    }
    assert set(found) == {"http://127.0.0.1:9/", "/a/socket"}
    assert {each.state for each in found.values()} == {"problem"}
    assert found["http://127.0.0.1:9/"].run == ("curl -v http://127.0.0.1:9/commdoc/api/status",)
    assert (tmp_path / "jpserver-3.json").exists(), "the doctor changes nothing"


# --- notebooks, and the command's own words --------------------------------------------------------------------------


def ask(*arguments: str) -> Report:
    result = CliRunner().invoke(main, ["doctor", "--json", *arguments])
    return Report(result.exit_code, json.loads(result.stdout))


def test_a_notebook_whose_kernel_has_no_commdoc(report: Report, server: Server, forgotten: Kernel) -> None:
    found = report.of("notebook", "deep/forgotten.ipynb")
    assert (found["state"], found["run"]) == ("hint", ["%load_ext commdoc"])
    asked = ask(str(server.root / "deep" / "forgotten.ipynb"))
    assert asked.of("notebook")["state"] == "problem", "it was asked for"


def test_a_notebook_that_is_fine_and_one_that_nobody_has_open(
    report: Report, server: Server, tmp_path: Path
) -> None:
    assert "comms" in report.of("notebook", "loaded.ipynb")["found"]
    assert ask(str(server.root / "loaded.ipynb")).of("notebook")["state"] == "ok"
    write(tmp_path / "alone.ipynb", {"metadata": {"kernelspec": {"name": "python3"}}, "cells": []})
    alone = ask(str(tmp_path / "alone.ipynb")).of("notebook")
    assert (alone["state"], alone["found"]) == (
        "problem",
        "no running server with commdoc has a kernel for it",
    )


def test_a_kernel_that_is_in_a_room_of_its_own(server: Server, forgotten: Kernel) -> None:
    life = Sleeper()  # ends the sidecar when it ends
    life.kernel_id = forgotten.kernel_id
    endpoint = sidecar.start(life.config(kernel_id=forgotten.kernel_id))
    try:
        seen = look_at(discovery.Server(server.url, TOKEN, server.process.pid))
        found = {each.about: each for each in jupyter_servers.notebooks([seen], None)}["deep/forgotten.ipynb"]
    finally:
        life.kill()
    assert (found.state, found.run) == ("problem", ("%reload_ext commdoc",))
    assert endpoint.url in found.found
    assert endpoint.token not in str(found)
    until(lambda: life.announcement is None, timeout=30)


def test_a_server_by_its_address(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = f"{server.url}lab/tree/a.ipynb?token={TOKEN}"
    asked = ask("--url", link)
    assert asked.of("server", server.url)["state"] == "ok"
    assert asked.of("kernel")["state"] == "ok"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))  # now it might be on another machine
    asked = ask("--url", link)
    assert asked.of("server", server.url)["state"] == "ok"
    assert asked.of("kernel")["found"] == "runs where its server does: not to be looked at from here"
    assert CliRunner().invoke(main, ["doctor", "--url", "localhost:8888"]).exit_code == 2


def test_a_person_sees_problems_with_their_commands_unbroken(server: Server, forgotten: Kernel) -> None:
    result = CliRunner().invoke(main, ["doctor", str(server.root / "deep" / "forgotten.ipynb")])
    assert result.exit_code == 1
    lines = result.output.splitlines()
    todo = lines.index("to do")
    assert any(line.startswith(" problem  deep/forgotten.ipynb") for line in lines[:todo])
    assert "   %load_ext commdoc" in lines[todo:]
    command = f"   {sys.executable} -m jupyter server extension enable commdoc --sys-prefix"
    assert command in lines[todo:]
    assert max(map(len, lines[:todo])) <= 80


def test_a_file_that_is_no_notebook_is_wrong_usage(tmp_path: Path) -> None:
    write(tmp_path / "no.ipynb", [1])
    assert CliRunner().invoke(main, ["doctor", str(tmp_path / "no.ipynb")]).exit_code == 2


def test_what_is_said_last() -> None:
    hint, problem = replace(FINE, state="hint"), replace(FINE, state="problem")
    assert _counted([FINE]) == "all is well"
    assert _counted([FINE, hint]) == "1 hint: nothing has to be done"
    assert _counted([problem, hint, problem]) == "2 problems, 1 hint"
