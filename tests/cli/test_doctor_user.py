"""What `commdoc doctor` says of the runtime folder, of the rooms that are announced there, and of loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from commdoc.cli.doctor import this_user
from commdoc.cli.doctor.finding import Finding
from commdoc.kernel import sidecar
from tests.conftest import until
from tests.server.sleeper import Sleeper

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "runtime"
    path.mkdir(mode=0o700)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(path))
    yield path
    path.chmod(0o700)


def look(check: str) -> list[Finding]:
    return [each for each in this_user.look() if each.check == check]


def announce(folder: Path, pid: int, *, kernel_pid: int = 0, expires: float = 0, mode: int = 0o600) -> Path:
    path = folder / f"commdoc-{uuid.uuid4().hex}.json"
    content = {
        "url": "http://127.0.0.1:9/commdoc/rooms/r/",
        "pid": pid,
        "kernel_pid": kernel_pid,
        "expires": expires,
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    path.chmod(mode)
    return path


def ended() -> int:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


# --- the folder ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "state"),
    [(0o700, "ok"), (0o750, "hint"), (0o777, "problem"), (0o720, "problem"), (0o500, "problem")],
)
def test_who_may_use_the_runtime_folder(folder: Path, mode: int, state: str) -> None:
    folder.chmod(mode)
    [found] = look("runtime-folder")
    assert found.state == state
    assert found.run == (() if state == "ok" else (f"chmod 700 {folder}",))


def test_a_runtime_folder_that_is_not_there_yet(folder: Path) -> None:
    folder.rmdir()
    [found] = look("runtime-folder")
    assert found.state == "ok"
    assert not folder.exists(), "the doctor changes nothing"
    folder.write_text("a file", encoding="utf-8")
    [found] = look("runtime-folder")
    assert found.state == "problem"


def test_a_runtime_folder_of_another_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)  # this one, to whom it doesn't belong
    [found] = look("runtime-folder")
    assert found.state == "problem"
    assert f"belongs to user {own}" in found.found


# --- rooms -----------------------------------------------------------------------------------------------------------


def test_what_dead_hosts_have_left_behind(folder: Path) -> None:
    assert [each.state for each in look("rooms")] == ["ok"]
    dead = announce(folder, ended())
    awaited = announce(folder, ended(), kernel_pid=os.getpid(), expires=time.time() + 60)
    broken = folder / "commdoc-broken.json"
    broken.write_text("{", encoding="utf-8")
    broken.chmod(0o600)
    [stale] = look("rooms")
    assert stale.state == "hint"
    assert stale.run == (f"rm {' '.join(sorted([str(dead), str(broken)]))}",)
    assert awaited.name not in stale.run[0], "the kernel's next sidecar goes on from it"


def test_a_number_that_another_process_has_now(folder: Path) -> None:
    with subprocess.Popen(["sleep", "100"]) as other:
        path = announce(folder, other.pid)
        found = look("rooms")
        other.kill()
    assert found[0].run == (f"rm {path}",)


def test_tokens_that_others_can_read(folder: Path) -> None:
    path = announce(folder, ended(), mode=0o644)
    found = look("rooms")[0]
    assert (found.state, found.run) == ("problem", (f"chmod 600 {path}",))


@pytest.fixture
def host(folder: Path) -> Iterator[Sleeper]:
    """A sidecar whose kernel is a stand-in."""
    kernel = Sleeper()
    sidecar.start(kernel.config(kernel_id=kernel.kernel_id))
    yield kernel
    kernel.kill()
    until(lambda: kernel.announcement is None, timeout=30)


def test_a_sidecar_that_lives_and_one_that_hangs(host: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(this_user, "HOST_SECONDS", 0.5)
    assert [(each.state, each.found) for each in look("rooms")] == [("ok", "1 announced, by 1 process")]
    assert host.announcement is not None
    pid = host.announcement["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        found = look("rooms")[0]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (found.state, found.run) == ("problem", (f"kill {pid}",))


# --- loopback --------------------------------------------------------------------------------------------------------


def test_loopback() -> None:
    [found] = look("loopback")
    assert found.state == "ok"


def test_no_port_to_be_had() -> None:
    code = """
import resource
from commdoc.cli.doctor.this_user import _loopback
resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
print(_loopback().state)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "problem"
