"""The settings on disk: exchanges of several processes, edits, and what is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from commdoc.protocol.settings import Value, defaults
from commdoc.rooms.settings import files as module
from commdoc.rooms.settings.document import SettingsDocument
from commdoc.rooms.settings.files import COMPACT_BYTES, Replica, SettingsFolder


@pytest.fixture
def folder(tmp_path: Path) -> SettingsFolder:
    return SettingsFolder(tmp_path / "commdoc")


def read(folder: SettingsFolder) -> Any:
    return json.loads(folder.mirror.read_text(encoding="utf-8"))


def edit(folder: SettingsFolder, **sections: dict[str, Any]) -> None:
    content = read(folder)
    for section, keys in sections.items():
        content.setdefault(section, {}).update(keys)
    folder.mirror.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on disk has been there for a while."""
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.0)


def left(folder: SettingsFolder) -> list[str]:
    return sorted(path.name for path in folder.folder.iterdir())


def test_the_mirror_has_all_settings_and_is_for_this_user_alone(folder: SettingsFolder) -> None:
    folder.exchange(changes={"page.theme": "dark"})
    assert read(folder)["page"] == {"theme": "dark", "motion": "auto"}
    assert sum(len(section) for section in read(folder).values()) == len(defaults())
    assert folder.mirror.stat().st_mode & 0o777 == 0o600
    assert folder.state.stat().st_mode & 0o777 == 0o600


def test_who_comes_next_writes_nothing(folder: SettingsFolder) -> None:
    first = folder.exchange(changes={"page.theme": "dark"})
    assert folder.writes == 1
    again = SettingsFolder(folder.folder)
    for _ in range(3):
        assert again.exchange().signature == first.signature
    assert again.writes == 0


def test_an_edit_is_taken_over_once_and_the_file_stays_as_the_person_wrote_it(folder: SettingsFolder) -> None:
    folder.exchange()
    content = read(folder)
    content["page"]["theme"] = "light"
    folder.mirror.write_text(json.dumps(content, indent=8), encoding="utf-8")
    text = folder.mirror.read_text(encoding="utf-8")
    assert folder.exchange().values["page.theme"] == "light"
    assert folder.mirror.read_text(encoding="utf-8") == text
    # The edit is in the document now: another change is not undone by it.
    assert folder.exchange(changes={"page.theme": "dark"}).values["page.theme"] == "dark"
    assert folder.exchange().values["page.theme"] == "dark"


def test_what_is_missing_in_an_edited_file_is_as_it_was(folder: SettingsFolder) -> None:
    folder.exchange(changes={"page.theme": "dark", "kernel.window_ms": 30})
    folder.mirror.write_text('{"kernel": {"window_ms": 40}}', encoding="utf-8")
    values = folder.exchange().values
    assert values["page.theme"] == "dark"
    assert values["kernel.window_ms"] == 40
    assert read(folder)["page"]["theme"] == "dark"


def test_null_puts_a_setting_back(folder: SettingsFolder) -> None:
    folder.exchange(changes={"page.theme": "dark"})
    edit(folder, page={"theme": None})
    assert folder.exchange().values["page.theme"] == "auto"
    assert read(folder)["page"]["theme"] == "auto"


def test_what_commdoc_does_not_know_stays(folder: SettingsFolder) -> None:
    folder.exchange()
    edit(folder, mine={"a": [1]}, page={"of_a_newer_version": 3, "theme": "dark"})
    folder.exchange(changes={"kernel.window_ms": 30})
    assert read(folder)["mine"] == {"a": [1]}
    assert read(folder)["page"]["of_a_newer_version"] == 3


def test_a_value_that_can_not_be_is_said_and_put_right(folder: SettingsFolder) -> None:
    folder.exchange(changes={"kernel.window_ms": 30})
    edit(folder, kernel={"window_ms": -1})
    exchanged = folder.exchange()
    assert exchanged.values["kernel.window_ms"] == 30
    assert "kernel.window_ms is an integer from 1 to 1000, not -1" in exchanged.notes[0]
    assert read(folder)["kernel"]["window_ms"] == 30
    assert folder.exchange().notes == []


def test_an_old_flat_file_is_migrated(folder: SettingsFolder) -> None:
    folder.folder.mkdir()
    folder.mirror.write_text('{"theme": "dark", "max_windows": 7, "window_ms": 16}', encoding="utf-8")
    values = folder.exchange().values
    assert values["page.theme"] == "dark"
    assert values["rooms.windows"] == 7
    assert "theme" not in read(folder)
    assert read(folder)["rooms"]["windows"] == 7
    # What was as the default is, is no choice of anybody.
    assert folder.exchange(changes={"page.theme": None}).values["page.theme"] == "auto"


@pytest.mark.parametrize("broken", ["", '{"page": {"the', "[]", "\x00\xff"])
@pytest.mark.usefixtures("settled")
def test_a_corrupt_mirror_is_kept_and_said_once(folder: SettingsFolder, broken: str) -> None:
    folder.exchange(changes={"page.theme": "dark"})
    folder.mirror.write_bytes(broken.encode("latin-1"))
    exchanged = folder.exchange()
    assert exchanged.values["page.theme"] == "dark"
    assert len(exchanged.notes) == 1
    assert "settings.json.corrupt" in exchanged.notes[0]
    assert folder.mirror.with_name("settings.json.corrupt").read_bytes() == broken.encode("latin-1")
    assert read(folder)["page"]["theme"] == "dark"
    assert folder.exchange().notes == []


@pytest.mark.usefixtures("settled")
def test_a_mirror_that_somebody_begins_to_write_is_not_corrupt(
    folder: SettingsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.exchange(changes={"page.theme": "dark"})
    read_text = Path.read_text

    def emptied_before(path: Path, **options: Any) -> str:
        if path == folder.mirror:
            path.write_text("", encoding="utf-8")
        return read_text(path, **options)

    monkeypatch.setattr(Path, "read_text", emptied_before)
    assert not folder.exchange().settled
    assert "settings.json.corrupt" not in left(folder)


def test_a_copy_that_keeps_its_time_is_an_edit(folder: SettingsFolder) -> None:
    folder.exchange(changes={"page.theme": "dark"})
    edit(folder, page={"theme": "light"})
    os.utime(folder.mirror, (1_000_000_000, 1_000_000_000))
    assert folder.exchange().values["page.theme"] == "light"


def test_a_mirror_that_is_being_written_is_let_be(folder: SettingsFolder) -> None:
    folder.exchange(changes={"page.theme": "dark"})
    folder.mirror.write_text('{"page": {"the', encoding="utf-8")
    exchanged = folder.exchange(changes={"kernel.window_ms": 30})
    assert not exchanged.settled
    assert exchanged.values["kernel.window_ms"] == 30
    assert folder.mirror.read_text(encoding="utf-8") == '{"page": {"the'
    folder.mirror.write_text('{"page": {"theme": "light"}}', encoding="utf-8")
    assert folder.exchange().values == {**defaults(), "page.theme": "light", "kernel.window_ms": 30}
    assert read(folder)["kernel"]["window_ms"] == 30


def test_an_edit_between_the_look_and_the_write_is_not_lost(
    folder: SettingsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.exchange()
    sync = os.fsync

    def edited_meanwhile(handle: int) -> None:
        edit(folder, page={"motion": "reduced"})
        sync(handle)
        monkeypatch.undo()  # the document is written behind it

    monkeypatch.setattr(os, "fsync", edited_meanwhile)
    assert not folder.exchange(changes={"page.theme": "dark"}).settled
    values = folder.exchange().values
    assert (values["page.theme"], values["page.motion"]) == ("dark", "reduced")
    assert read(folder)["page"] == {"theme": "dark", "motion": "reduced"}


def test_an_edit_that_begins_in_the_moment_of_the_write_is_not_lost(
    folder: SettingsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.exchange()
    rename = Path.replace
    editor: list[Any] = []

    def opened_before(path: Path, target: Any) -> Any:
        if path.suffix == ".new" and target.name == folder.mirror.name:
            editor.append(folder.mirror.open("w", encoding="utf-8"))
            monkeypatch.undo()
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", opened_before)
    assert not folder.exchange(changes={"page.theme": "dark"}).settled
    with editor[0] as file:
        file.write('{"page": {"motion": "reduced"}}')
    values = folder.exchange().values
    assert (values["page.theme"], values["page.motion"]) == ("dark", "reduced")
    assert left(folder) == ["settings.json", "settings.lock", "settings.ydoc"]


def test_a_removed_mirror_is_written_anew(folder: SettingsFolder) -> None:
    folder.exchange(changes={"page.theme": "dark"})
    folder.mirror.unlink()
    exchanged = folder.exchange()
    assert exchanged.values["page.theme"] == "dark"
    assert exchanged.notes == []
    assert read(folder)["page"]["theme"] == "dark"


def test_without_its_document_the_mirror_holds(folder: SettingsFolder) -> None:
    folder.exchange(changes={"page.theme": "dark"})
    folder.state.unlink()
    assert folder.exchange().values["page.theme"] == "dark"


@pytest.mark.parametrize("broken", ["", "{}", '{"document_id": "x", "update": "AAEC", "versions": []}', "[]"])
def test_a_corrupt_document_is_kept_and_the_mirror_holds(folder: SettingsFolder, broken: str) -> None:
    folder.exchange(changes={"page.theme": "dark"})
    folder.state.write_text(broken, encoding="utf-8")
    exchanged = folder.exchange()
    assert exchanged.values["page.theme"] == "dark"
    assert len(exchanged.notes) == 1
    assert left(folder) == ["settings.json", "settings.lock", "settings.ydoc", "settings.ydoc.corrupt"]
    assert folder.exchange().notes == []


def test_a_linked_mirror_stays_a_link(folder: SettingsFolder, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.json"
    kept.write_text('{"theme": "dark"}', encoding="utf-8")
    folder.folder.mkdir()
    folder.mirror.symlink_to(kept)
    folder.exchange()
    assert folder.mirror.is_symlink()
    assert json.loads(kept.read_text(encoding="utf-8"))["page"]["theme"] == "dark"
    assert left(folder) == ["settings.json", "settings.lock", "settings.ydoc"]


# --- several processes -----------------------------------------------------------------------------------------------


def replica(document: SettingsDocument, changes: dict[str, Value | None]) -> Replica:
    document.change(changes)
    timed = {key: (value, time.time()) for key, value in changes.items()}
    return Replica(document.document_id, document.update(), timed)


def test_two_hosts_and_a_person_change_at_once_and_all_of_it_is_there(folder: SettingsFolder) -> None:
    begun = folder.exchange()
    one, two = SettingsDocument(begun.document_id), SettingsDocument(begun.document_id)
    for each in (one, two):
        each.apply(begun.update)
    edit(folder, kernel={"window_ms": 40})
    first = folder.exchange(replica(one, {"page.theme": "dark"}))
    second = folder.exchange(replica(two, {"page.motion": "reduced"}))
    one.apply(second.update)
    two.apply(second.update)
    wanted = {**defaults(), "kernel.window_ms": 40, "page.theme": "dark", "page.motion": "reduced"}
    assert first.values["page.theme"] == "dark"
    assert one.values() == two.values() == wanted
    assert read(folder)["page"] == {"theme": "dark", "motion": "reduced"}


@pytest.mark.parametrize("client", [1, 2**50])
def test_of_two_changes_the_later_one_holds(folder: SettingsFolder, client: int) -> None:
    begun = folder.exchange()
    host = SettingsDocument(begun.document_id)
    host.doc = pycrdt.Doc(client_id=client)
    host._map = host.doc.get("settings", type=pycrdt.Map)
    host.apply(begun.update)
    earlier = replica(host, {"page.theme": "dark"})
    folder.exchange(changes={"page.theme": "light", "kernel.window_ms": 20})
    later = replica(host, {"kernel.window_ms": 30})
    exchanged = folder.exchange(
        Replica(later.document_id, later.update, {**earlier.changes, **later.changes})
    )
    assert exchanged.values["page.theme"] == "light"
    assert exchanged.values["kernel.window_ms"] == 30
    assert folder.exchange().values == exchanged.values


def test_a_replica_of_another_life_gives_its_changes(folder: SettingsFolder) -> None:
    folder.exchange(changes={"page.theme": "dark"})
    stranger = SettingsDocument()
    exchanged = folder.exchange(replica(stranger, {"page.motion": "reduced"}))
    assert exchanged.document_id != stranger.document_id
    assert (exchanged.values["page.theme"], exchanged.values["page.motion"]) == ("dark", "reduced")


def test_the_document_does_not_grow_without_bound(
    folder: SettingsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert COMPACT_BYTES == 65_536
    monkeypatch.setattr(module, "COMPACT_BYTES", 500)
    ids = set()
    for n in range(60):
        exchanged = folder.exchange(changes={"kernel.window_ms": 100 + n, "page.theme": "dark"})
        assert exchanged.values["kernel.window_ms"] == 100 + n
        ids.add(exchanged.document_id)
        assert len(exchanged.update) <= 600
        assert exchanged.values["page.theme"] == "dark"
    assert len(ids) > 1


def test_commands_at_once_lose_nothing(folder: SettingsFolder) -> None:
    code = (
        "import sys, pathlib\n"
        "from commdoc.rooms.settings.files import SettingsFolder\n"
        "key, least = sys.argv[2], int(sys.argv[3])\n"
        "for n in range(20): SettingsFolder(pathlib.Path(sys.argv[1])).exchange(changes={key: least + n})\n"
    )
    keys = {"kernel.window_ms": 100, "rooms.windows": 300, "kernel.blob_threshold": 2_000}
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(folder.folder), key, str(least)])
        for key, least in keys.items()
    ]
    assert [each.wait(60) for each in started] == [0, 0, 0]
    values = folder.exchange().values
    assert {key: values[key] for key in keys} == {key: least + 19 for key, least in keys.items()}
    assert read(folder)["rooms"]["windows"] == 319
    assert left(folder) == ["settings.json", "settings.lock", "settings.ydoc"]
