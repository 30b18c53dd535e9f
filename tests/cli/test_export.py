"""``commdoc export``: what it takes, what it refuses, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import nbformat
import pytest
from click.testing import CliRunner, Result

import commdoc
from commdoc.cli.main import main
from tests.browser.notebook import Notebook
from tests.conftest import ROOT

SCHEMA = json.loads((ROOT / "docs/schemas/export.schema.json").read_text(encoding="utf-8"))
TEXT = 'print("</script><b>&amp;")'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(TEXT)])
    path = tmp_path / "source.ipynb"
    nbformat.write(content, path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["export", *map(str, arguments)])


def exported(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    done: dict[str, Any] = json.loads(result.output)
    jsonschema.validate(done, SCHEMA)
    return done


def test_a_file_needs_no_room(source: Path, tmp_path: Path) -> None:
    done = exported(source, "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert done["cells"] == 1
    assert done["bytes"] == len(page.encode())
    assert TEXT not in page  # nothing of a notebook can end the script that it stands in
    assert TEXT.replace("<", "\\u003c").replace('"', '\\"') in page


def test_a_file_that_is_there_stays(source: Path, tmp_path: Path) -> None:
    there = tmp_path / "page.html"
    there.write_text("mine")
    refused = run(source, "-o", there)
    assert refused.exit_code == 1
    assert "--force" in refused.output
    assert there.read_text() == "mine"
    assert exported(source, "-o", there, "--force")["format"] == "html"
    assert there.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("name", ["page.pdf", "page"])
def test_another_suffix_is_wrong_usage_and_what_is_possible_is_said(
    source: Path, tmp_path: Path, name: str
) -> None:
    refused = run(source, "-o", tmp_path / name)
    assert refused.exit_code == 2
    assert ".html" in refused.output
    assert ".ipynb" in refused.output


def test_what_is_no_notebook_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "no.ipynb").write_text("{}")
    refused = run(tmp_path / "no.ipynb", "-o", tmp_path / "page.html")
    assert refused.exit_code == 1
    assert "no notebook of nbformat 4" in refused.output
    assert [path.name for path in tmp_path.iterdir()] == ["no.ipynb"]


def test_a_notebook_that_is_nowhere_is_said(tmp_path: Path) -> None:
    refused = run(tmp_path / "nowhere.ipynb", "-o", tmp_path / "page.html")
    assert refused.exit_code == 1
    assert "there is no file" in refused.output
    assert "nowhere.ipynb" in refused.output


def test_a_folder_that_is_not_there_is_said(source: Path, tmp_path: Path) -> None:
    refused = run(source, "-o", tmp_path / "no" / "page.html")
    assert refused.exit_code == 1
    assert "can't be written" in refused.output


@pytest.mark.kernel
@pytest.mark.timeout(60)
def test_a_room_by_its_link_its_id_and_in_python(tmp_path: Path) -> None:
    notebook = Notebook()
    try:
        notebook.load()
        notebook.run("import ipywidgets as w; display(w.Image(value=bytes(3000))); w.IntSlider(7)")
        notebook.wait_until_the_room_has_it()
        done = exported(notebook.link, "-o", tmp_path / "a.ipynb")
        assert done["warnings"] == []
        exported(notebook.kernel_id[:8], "-o", tmp_path / "b.ipynb")
        with commdoc.join(url=notebook.link) as window:
            commdoc.export(window, tmp_path / "c.ipynb")
            commdoc.export(window, tmp_path / "bare.ipynb", widgets=False)
    finally:
        notebook.close()
    a, b, c, bare = (
        nbformat.read(tmp_path / f"{name}.ipynb", as_version=4) for name in ("a", "b", "c", "bare")
    )
    nbformat.validate(a)
    assert a == b == c
    [cell] = a.cells
    assert [output.data["text/plain"] for output in cell.outputs] == ["Image()", "IntSlider()"]
    assert "widgets" in a.metadata
    assert bare.cells == a.cells
    assert "widgets" not in bare.metadata
