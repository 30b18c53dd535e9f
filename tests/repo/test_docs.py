"""What the pages say about the repository is true: their links, the commands, the tables of names."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import click
import pytest

from tests.conftest import ROOT
from tests.repo.test_files import tracked

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def pages() -> list[str]:
    notebooks = tracked("notebooks/*.ipynb")
    return [str(path.relative_to(ROOT)) for path in [*tracked("*.md"), *notebooks]]


def text(page: str) -> str:
    source = (ROOT / page).read_text(encoding="utf-8")
    if not page.endswith(".ipynb"):
        return source
    return "\n".join(
        "".join(c["source"]) for c in json.loads(source)["cells"] if c["cell_type"] == "markdown"
    )


@pytest.mark.parametrize("page", pages())
def test_every_link_into_the_repository_leads_somewhere(page: str) -> None:
    targets = [unquote(link) for link in LINK.findall(text(page)) if "://" not in link]
    assert [link for link in targets if not ((ROOT / page).parent / link).exists()] == []


def test_every_make_target_that_a_page_names_exists() -> None:
    there = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {
        target for page in pages() for target in re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", text(page))
    }
    assert {name for pair in named for name in pair if name} <= there


def test_every_command_that_the_readme_names_exists() -> None:
    from commdoc.cli.main import main

    named = set(re.findall(r"^\| `commdoc ([a-z]+)", text("README.md"), re.M))
    assert named
    assert named <= set(main.list_commands(click.Context(main)))
