"""The build hook: what it builds again, and Node where the system has none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import hatch_build
from tests.conftest import ROOT


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the JavaScript's sources, said to be built."""
    copy = tmp_path / "js-shim"
    shutil.copytree(ROOT / "js-shim", copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    digest = tmp_path / "sources.sha256"
    monkeypatch.setattr(hatch_build, "SOURCES", copy)
    monkeypatch.setattr(hatch_build, "DIGEST", digest)
    digest.write_text(hatch_build.sources_digest(), encoding="ascii")
    return copy


def test_the_same_sources_are_not_built_twice(sources: Path) -> None:
    assert hatch_build.is_built()
    (sources / "node_modules").mkdir()
    (sources / "node_modules" / "left-over.js").touch()
    (sources / "test" / "more.test.ts").touch()
    assert hatch_build.is_built(), "modules and tests are no part of what is built"


@pytest.mark.parametrize("name", ["package-lock.json", "build.mjs", "src/index.ts"])
def test_a_change_of_the_sources_is_seen(sources: Path, name: str) -> None:
    (sources / name).write_bytes((sources / name).read_bytes() + b"\n")
    assert not hatch_build.is_built()
    (sources / name).unlink()
    assert not hatch_build.is_built()


def test_the_node_of_the_wheel_has_a_working_npm(tmp_path: Path) -> None:
    hatch_build.write_commands(tmp_path)
    for name in ("node", "npm", "npx"):
        said = subprocess.run([tmp_path / name, "--version"], capture_output=True, text=True, check=True)
        assert int(said.stdout.lstrip("v").split(".")[0]) >= 10


def test_after_a_build_that_failed_half_way_all_is_built_again(sources: Path) -> None:
    (sources / "package.json").write_text('{"scripts": {"build": "false"}}', encoding="utf-8")
    with pytest.raises(SystemExit, match="failed in js-shim"):
        hatch_build.build_static()
    assert not hatch_build.DIGEST.exists()
