"""What `commdoc doctor` says of kernels: real interpreters are asked, some with packages not as they should be."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from commdoc.cli.doctor import asking, kernelspecs
from commdoc.cli.doctor.asking import Seen
from commdoc.cli.doctor.finding import Finding, ourselves
from commdoc.cli.doctor.kernelspecs import Spec, all_specs
from commdoc.kernel.discovery import Server
from commdoc.protocol.version import PROTOCOL_VERSION
from commdoc.version import __version__
from tests.cli.doctor_environments import distribution, environment
from tests.conftest import ROOT

pytestmark = pytest.mark.timeout(120)

ARGV = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment that has all but commdoc."""
    return environment(tmp_path_factory.mktemp("bare"), commdoc=False)


@pytest.fixture(autouse=True)
def _own_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))


def install(folder: Path, name: str, argv: list[str], **more: Any) -> None:
    path = folder / "kernels" / name / "kernel.json"
    path.parent.mkdir(parents=True)
    content = {"argv": argv, "display_name": name, "language": "python", **more}
    path.write_text(json.dumps(content), encoding="utf-8")


def look(asked: str | None = None, *servers: Seen) -> dict[str, Finding]:
    return {each.about: each for each in kernelspecs.look(all_specs([]), servers, asked)}


def test_a_kernel_without_commdoc_is_a_hint_beside_one_that_has_it(bare: str, tmp_path: Path) -> None:
    install(tmp_path, "bare", [bare, *ARGV])
    found = look()
    assert found["python3"].state == "ok"
    assert found["python3"].found.startswith(f"commdoc {__version__}, ipykernel ")
    assert found["bare"].state == "hint"
    assert found["bare"].found == f"no commdoc in {Path(bare).parents[1]}"
    assert found["bare"].run == (f"{bare} -m pip install {ourselves()}",)


def test_a_kernel_without_commdoc_is_a_problem_when_it_is_asked_for_or_none_has_it(
    bare: str, tmp_path: Path
) -> None:
    install(tmp_path, "bare", [bare, *ARGV])
    assert look("bare")["bare"].state == "problem"
    assert list(look("bare")) == ["bare"]
    [alone] = kernelspecs.look([Spec("bare", [bare, *ARGV])], [], None)
    assert alone.state == "problem"


def test_a_configuration_that_loads_commdoc(
    bare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "bare", [bare, *ARGV])
    install(tmp_path, "by-its-command", [sys.executable, *ARGV, "--IPKernelApp.extensions=commdoc"])
    found = look()
    assert found["python3"].found.endswith("; loaded by %load_ext commdoc")
    assert found["by-its-command"].found.endswith("; loads by itself")
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    lines = "print('noise')\nc.IPKernelApp.extensions = ['commdoc']\n"
    (profile / "ipython_kernel_config.py").write_text(lines, encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(profile.parent))
    asking._probe.cache_clear()
    found = look()
    assert found["python3"].found.endswith("; loads by itself")
    assert found["bare"].state == "problem", "each start of it says that the extension is not there"
    assert "though its configuration loads it" in found["bare"].found


def test_asking_an_interpreter_makes_no_profile(tmp_path: Path) -> None:
    assert asking.probe(sys.executable, {"IPYTHONDIR": str(tmp_path / "none")}).extensions == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("name", "version", "state", "wanted"),
    [
        ("ipykernel", "6.29.5", "problem", "ipykernel>=7.0"),
        ("ipywidgets", "7.8.5", "hint", "ipywidgets>=8.1"),
    ],
)
def test_packages_that_are_too_old(name: str, version: str, state: str, wanted: str, tmp_path: Path) -> None:
    distribution(tmp_path / "path", name, version)
    install(tmp_path, "old", [sys.executable, *ARGV], env={"PYTHONPATH": str(tmp_path / "path")})
    found = look()["old"]
    assert found.state == state
    assert f"{name} {version} (needs" in found.found
    assert found.run == (f"{sys.executable} -m pip install --upgrade '{wanted}'",)


def test_a_commdoc_that_can_t_be_imported(tmp_path: Path) -> None:
    package = tmp_path / "path" / "commdoc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('half of it is missing')\n", encoding="utf-8")
    install(tmp_path, "broken", [sys.executable, *ARGV], env={"PYTHONPATH": str(package.parent)})
    found = look()["broken"]
    assert found.state == "problem"
    assert "half of it is missing" in found.found
    assert "--force-reinstall" in found.run[0]


@pytest.mark.parametrize(
    ("server", "where"),
    [((9, 9), "kernel"), ((PROTOCOL_VERSION, PROTOCOL_VERSION), None), ((0, 0), "server")],
)
def test_kernel_and_server_of_different_releases(
    server: tuple[int, int], where: str | None, bare: str
) -> None:
    seen = Seen(
        Server("http://h/", "t", 1), "http://h/", version="9.0", span=server, loaded=True, python=bare
    )
    found = look(None, seen)["python3"]
    assert found.state == ("ok" if where is None else "problem")
    if where is not None:
        python = {"kernel": sys.executable, "server": bare}[where]
        assert found.run[0].startswith(f"{python} -m pip install --upgrade ")
        assert found.then.endswith({"kernel": "restart the kernels", "server": "restart the server"}[where])


def test_a_kernel_s_newer_release_is_read_from_its_own_environment(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "commdoc",
        tmp_path / "path" / "commdoc",
        ignore=shutil.ignore_patterns("static", "lab*", "__p*"),
    )
    version = tmp_path / "path" / "commdoc" / "protocol" / "version.py"
    version.write_text(
        version.read_text(encoding="utf-8").replace("VERSION: Final = 1", "VERSION: Final = 7"),
        encoding="utf-8",
    )
    install(tmp_path, "newer", [sys.executable, *ARGV], env={"PYTHONPATH": str(tmp_path / "path")})
    seen = Seen(Server("http://h/", "t", 1), "http://h/", version="0.1.0", span=(1, 2), loaded=True)
    found = look(None, seen)
    assert found["python3"].state == "ok"
    assert found["newer"].state == "problem"
    assert "(protocol 7 to 7)" in found["newer"].found


def test_kernels_that_can_t_be_looked_at(tmp_path: Path) -> None:
    install(tmp_path, "conda", ["conda", "run", "python", *ARGV])
    install(tmp_path, "gone", ["/no/such/python", *ARGV])
    install(tmp_path, "r", ["R"], language="R")
    found = look()
    assert "r" not in found
    assert {found[name].state for name in ("conda", "gone")} == {"hint"}
    assert found["conda"].found.startswith("started by conda")
    assert found["gone"].run == ("jupyter kernelspec remove gone",)
    assert look("r")["r"].state == "problem"
    assert "there are: " in look("nonsense")["nonsense"].found


def test_an_interpreter_that_fails_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\necho 'no library' >&2\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    install(tmp_path, "broken", [str(broken), *ARGV])
    found = look()["broken"]
    assert (found.state, found.found) == ("problem", f"{broken} ended with 3: no library")


def test_a_gateway_s_kernels_are_not_looked_at_and_named() -> None:
    specs = {"far": {"spec": {"argv": ["/no/such/python", *ARGV], "language": "python"}}}
    seen = Seen(Server("http://h/", "t", 1), "http://h/", gateway=True, kernelspecs=specs)
    [found] = kernelspecs.look(all_specs([seen]), [seen], None)
    assert found.state == "hint"
    assert "gateway" in found.found


def test_a_kernel_that_something_else_starts_is_not_looked_at() -> None:
    metadata = {"kernel_provisioner": {"provisioner_name": "pods"}}
    specs = {
        "pod": {"spec": {"argv": ["/no/such/python", *ARGV], "language": "python", "metadata": metadata}}
    }
    seen = Seen(Server("http://h/", "t", 1), "http://h/", kernelspecs=specs)
    [found] = kernelspecs.look(all_specs([seen]), [seen], None)
    assert (found.state, found.found) == ("hint", "started by pods: not to be looked at")


def test_what_a_server_offers_is_started_by_its_own_python(bare: str) -> None:
    specs = {"python3": {"spec": {"argv": ["python", *ARGV], "language": "python"}}}
    seen = Seen(Server("http://h/", "t", 1), "http://h/", python=bare, kernelspecs=specs)
    [found] = kernelspecs.look(all_specs([seen]), [seen], None)
    assert found.found.startswith(f"no commdoc in {Path(bare).parents[1]}")
