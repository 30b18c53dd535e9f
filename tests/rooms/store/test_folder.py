from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commdoc.errors import SchemaError, StoreBusyError, StoreError
from commdoc.rooms.store.base import Attributes, RoomStore
from commdoc.rooms.store.folder import FolderStore
from commdoc.rooms.store.memory import MemoryStore


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RoomStore:
    return MemoryStore() if request.param == "memory" else FolderStore(tmp_path / "rooms")


def updates(store: RoomStore, room_id: str = "r1") -> list[bytes]:
    shelf = store.open(room_id)
    try:
        stored = shelf.load()
        return [] if stored is None else list(stored.updates)
    finally:
        shelf.close()


def test_a_new_room_has_nothing_and_leaves_nothing(store: RoomStore) -> None:
    assert updates(store) == []
    assert store.rooms() == []
    if isinstance(store, FolderStore):
        assert list(store.root.iterdir()) == []


def test_a_snapshot_and_what_was_appended_behind_its_mark_come_back(store: RoomStore) -> None:
    shelf = store.open("r1")
    shelf.append(b"one")
    mark = shelf.mark()
    assert shelf.append(b"two") == 3
    shelf.save(Attributes("r1", "a.ipynb"), b"whole", mark)
    assert shelf.append(b"three") == 8
    shelf.sync()
    shelf.close()
    assert updates(store) == [b"whole", b"two", b"three"]
    (known,) = store.rooms()
    assert (known.room_id, known.path) == ("r1", "a.ipynb")
    assert known.saved_at > 0


def test_without_a_snapshot_what_was_appended_counts(store: RoomStore) -> None:
    shelf = store.open("r1")
    shelf.append(b"one")
    shelf.mark()
    shelf.append(b"two")
    shelf.close()
    assert updates(store) == [b"one", b"two"]


def test_a_room_is_held_by_one_and_given_back(store: RoomStore) -> None:
    shelf = store.open("r1")
    with pytest.raises(StoreBusyError):
        store.open("r1")
    store.open("r2").close()
    shelf.close()
    store.open("r1").close()


@pytest.mark.scenario("S45")
def test_another_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    code = "import sys, pathlib\nfrom commdoc.rooms.store.folder import FolderStore\n"
    code += "shelf = FolderStore(pathlib.Path(sys.argv[1])).open('r1')\nprint('held', flush=True)\nsys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusyError, match="another process"):
            FolderStore(tmp_path).open("r1")
    finally:
        holder.kill()
        holder.communicate()
    FolderStore(tmp_path).open("r1").close()


def test_what_is_set_aside_is_a_room_of_its_own_without_the_path(store: RoomStore) -> None:
    shelf = store.open("r1")
    shelf.save(Attributes("r1", "a.ipynb"), b"theirs", shelf.mark())
    shelf.append(b"more")
    shelf.blobs.put("ab" * 32, b"content")
    aside = shelf.set_aside()
    assert shelf.load() is None
    shelf.save(Attributes("r1", "a.ipynb"), b"ours", shelf.mark())
    shelf.close()
    assert updates(store) == [b"ours"]
    assert updates(store, aside) == [b"theirs", b"more"]
    assert {(each.room_id, each.path, each.displaced_from) for each in store.rooms()} == {
        ("r1", "a.ipynb", None),
        (aside, None, "a.ipynb"),
    }
    other = store.open(aside)
    assert other.blobs.get("ab" * 32) == b"content"
    other.close()


def test_a_discarded_room_is_gone_with_its_blobs(store: RoomStore) -> None:
    shelf = store.open("r1")
    shelf.save(Attributes("r1"), b"whole", shelf.mark())
    shelf.blobs.put("ab" * 32, b"content")
    shelf.discard()
    assert store.rooms() == []
    assert updates(store) == []
    if isinstance(store, FolderStore):
        assert [path for path in store.root.rglob("*") if path.is_file()] == []


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A room with a snapshot and two updates behind it."""
    shelf = FolderStore(tmp_path).open("r1")
    shelf.save(Attributes("r1", "a.ipynb"), b"whole", shelf.mark())
    shelf.append(b"first")
    shelf.append(b"second")
    shelf.close()
    return tmp_path / "r1"


@pytest.mark.scenario("S45")
def test_a_damaged_snapshot_is_kept_beside_it_and_the_room_begins_afresh(kept: Path) -> None:
    store = FolderStore(kept.parent)
    for n in (1, 2):
        whole = (kept / "snapshot").read_bytes() if n == 1 else b"rubbish"
        (kept / "snapshot").write_bytes(whole[:-5])
        assert updates(store) == []
    names = {path.name for path in kept.iterdir()}
    assert names >= {"snapshot.corrupt", "snapshot.corrupt.2", "journal.2.corrupt"}
    assert (kept / "snapshot.corrupt.2").read_bytes() == b"ru"
    assert b"first" in (kept / "journal.2.corrupt").read_bytes()


@pytest.mark.scenario("S45")
def test_of_a_journal_cut_off_at_any_byte_the_whole_updates_before_it_count(kept: Path) -> None:
    (journal,) = kept.glob("journal.*")
    content = journal.read_bytes()
    seen = set()
    for at in range(len(content) + 1):
        journal.write_bytes(content[:at])
        found = updates(FolderStore(kept.parent))
        assert found == [b"whole", b"first", b"second"][: len(found)]
        seen.add(len(found))
    assert seen == {1, 2, 3}


@pytest.mark.scenario("S46")
def test_a_room_of_a_newer_commdoc_stays_as_it_is(kept: Path) -> None:
    content = b"cmdoc-99" + (kept / "snapshot").read_bytes()[8:]
    (kept / "snapshot").write_bytes(content)
    shelf = FolderStore(kept.parent).open("r1")
    with pytest.raises(SchemaError, match="newer commdoc"):
        shelf.load()
    shelf.close()
    assert (kept / "snapshot").read_bytes() == content
    assert FolderStore(kept.parent).rooms() == []


@pytest.mark.scenario("S45")
def test_a_process_killed_between_any_two_steps_of_saving_leaves_the_old_state_or_the_new(
    tmp_path: Path,
) -> None:
    """The steps are the calls of the operating system that change something; before each of them it ends."""
    steps = ("fsync", "replace", "unlink")
    code = "\n".join(
        [
            "import os, sys, pathlib",
            "from commdoc.rooms.store.base import Attributes",
            "from commdoc.rooms.store.folder import FolderStore",
            "left = int(sys.argv[2])",
            "def counted(original):",
            "    def step(*args, **kwargs):",
            "        global left",
            "        left -= 1",
            "        if left < 0: os.kill(os.getpid(), 9)",
            "        return original(*args, **kwargs)",
            "    return step",
            "shelf = FolderStore(pathlib.Path(sys.argv[1])).open('r1')",
            "shelf.save(Attributes('r1'), b'old', shelf.mark())",
            "shelf.append(b'a')",
            f"for name in {steps}: setattr(os, name, counted(getattr(os, name)))",
            "mark = shelf.mark()",
            "shelf.append(b'b')",
            "shelf.save(Attributes('r1'), b'old and a', mark)",
            "print('saved')",
        ]
    )
    outcomes = []
    root = tmp_path
    for allowed in range(12):
        root = tmp_path / str(allowed)
        run = subprocess.run(
            [sys.executable, "-c", code, str(root), str(allowed)], capture_output=True, text=True, check=False
        )
        assert run.stderr == ""
        outcomes.append(updates(FolderStore(root)))
        if run.stdout:
            break
    assert set(map(tuple, outcomes)) == {(b"old", b"a", b"b"), (b"old and a", b"b")}
    assert outcomes[-1] == [b"old and a", b"b"]
    assert [path.name for path in root.rglob(".new-*")] == []


def test_ids_that_are_none_never_become_paths(tmp_path: Path) -> None:
    for bad in ("..", "a/b", "", "x" * 65, ".pool"):
        with pytest.raises(StoreError):
            FolderStore(tmp_path).open(bad)


def test_files_are_this_users_alone(kept: Path) -> None:
    for path in [kept, *kept.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_full_disk_is_an_error_that_leaves_the_old_state(kept: Path) -> None:
    import resource

    shelf = FolderStore(kept.parent).open("r1")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            shelf.save(Attributes("r1"), os.urandom(8192), shelf.mark())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    shelf.close()
    assert updates(FolderStore(kept.parent)) == [b"whole", b"first", b"second"]
    assert list(kept.glob(".new-*")) == []


def test_a_room_is_listed_while_its_host_removes_a_journal(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    shelf = store.open("r1")
    shelf.save(Attributes("r1", "a.ipynb"), b"whole", shelf.mark())
    (tmp_path / "r1" / "journal.7").symlink_to(tmp_path / "gone")  # its name is read, it isn't there any more
    assert [each.path for each in store.rooms()] == ["a.ipynb"]
    shelf.close()
