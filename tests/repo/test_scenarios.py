"""The ids that tests claim to prove are those of docs/scenarios.md."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tests.repo.test_files import tracked

MARK = re.compile(r"mark\.scenario\(([^)]*)\)")
TYPESCRIPT_NAME = re.compile(r"(?:test|it|describe)(?:\.\w+)*\(\s*[\"'`](S\d\d\b(?:[, ]+S\d\d\b)*)")


def known() -> set[str]:
    return set(re.findall(r"^\| (S\d\d) \|", (ROOT / "docs/scenarios.md").read_text(encoding="utf-8"), re.M))


def claimed() -> dict[str, list[str]]:
    """Return scenario id to the files whose tests name it."""
    found: dict[str, list[str]] = {}
    for pattern, files in (
        (MARK, tracked("tests/*.py")),
        (TYPESCRIPT_NAME, tracked("js-shim/*.test.ts", "js-shim/test/*.ts")),
    ):
        for path in files:
            for names in pattern.findall(path.read_text(encoding="utf-8")):
                for scenario in re.findall(r"S\d\d", names):
                    found.setdefault(scenario, []).append(str(path.relative_to(ROOT)))
    return found


def test_every_scenario_that_a_test_names_is_known() -> None:
    assert len(known()) > 40
    assert {name: files for name, files in claimed().items() if name not in known()} == {}


LATER = {"S50"}
"""Notebooks with comms in them: not in this version."""


def test_every_scenario_of_this_version_has_a_test() -> None:
    assert sorted(known() - LATER - claimed().keys()) == []
