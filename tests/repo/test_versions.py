"""One version in all the places that have to say it."""

from __future__ import annotations

import importlib.metadata
import json
import re

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import commdoc
from commdoc.protocol import version
from tests.conftest import ROOT


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_python_and_javascript_packages_have_the_same_version() -> None:
    declared = re.search(r'^version = "(.+)"$', read("pyproject.toml"), re.M)
    assert declared is not None
    assert declared[1] == json.loads(read("js-shim/package.json"))["version"]
    assert declared[1] == json.loads(read("js-shim/package-lock.json"))["version"]
    assert declared[1] == importlib.metadata.version("commdoc")
    assert declared[1] == commdoc.__version__


def test_the_changelog_knows_the_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.M)
    assert headings[0] == "Unreleased"
    assert headings[1:2] in ([], [importlib.metadata.version("commdoc")])


def test_typescript_speaks_the_same_protocol_and_schema() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "js-shim/src").rglob("*.ts"))
    for name in ("PROTOCOL_VERSION", "SCHEMA_VERSION"):
        there = re.findall(rf"\b{name}(?:: number)? = (\d+)", source)
        assert there == [str(getattr(version, name))], name


def test_the_schema_page_names_the_version() -> None:
    assert f"Schema version **{version.SCHEMA_VERSION}**" in read("docs/schema.md")


def test_every_pin_is_within_the_bounds_also_that_for_the_oldest_python() -> None:
    asked = [Requirement(text) for text in re.findall(r'"([A-Za-z][\w-]*>=[^"]+)"', read("pyproject.toml"))]
    bounds = {canonicalize_name(requirement.name): requirement.specifier for requirement in asked}
    assert len(bounds) > 20
    pins = [Requirement(line) for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    pinned = [(canonicalize_name(pin.name), next(iter(pin.specifier)).version) for pin in pins]
    assert [pin for pin in pinned if pin[0] in bounds and not bounds[pin[0]].contains(pin[1])] == []
