"""What all tests share: a Jupyter of their own, the leak check.

Kernels and sidecars that a test starts find their runtime files in a folder of the test run, so that they can't meet
those of the user. They inherit `RUN_MARK`, by which the leak check finds them, detached ones too.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from hypothesis import HealthCheck, settings

T = TypeVar("T")

# How long an example takes says more about the machine than about the code.
settings.register_profile("commdoc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("commdoc")

ROOT = Path(__file__).resolve().parents[1]
RUN_MARK = "COMMDOC_TEST_RUN"
LEAK_SECONDS = 10.0
"""How long what a module started may take to end."""


def pytest_configure() -> None:
    """Give this test run its own Jupyter folders, before anything imports jupyter_core."""
    # A shell that runs us in the background has it ignored, and so would each process that a test interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = tempfile.mkdtemp(prefix="commdoc-test-")
    os.environ[RUN_MARK] = uuid.uuid4().hex
    os.environ["JUPYTER_RUNTIME_DIR"] = str(Path(folder, "runtime"))
    os.environ["JUPYTER_CONFIG_DIR"] = str(Path(folder, "config"))
    os.environ["IPYTHONDIR"] = str(Path(folder, "ipython"))
    os.environ["COMMDOC_TEST_FOLDER"] = folder
    os.environ["COMMDOC_STORE"] = str(Path(folder, "rooms"))
    os.environ.setdefault("COMMDOC_SIDECAR_GRACE", "2")  # seconds; the leak check waits longer than that
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        Path(os.environ[name]).mkdir(mode=0o700)


def pytest_unconfigure() -> None:
    """Remove the run's folder."""
    shutil.rmtree(os.environ.pop("COMMDOC_TEST_FOLDER"), ignore_errors=True)


def until(condition: Callable[[], T], *, timeout: float = 10.0, what: str = "") -> T:
    """Return what `condition` returns once that is true; fail after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > end:
            pytest.fail(f"not within {timeout} s: {what or getattr(condition, '__name__', condition)}")
        time.sleep(0.01)
    return result


# --- leaks -----------------------------------------------------------------------------------------------------------


def processes_of_this_run() -> dict[int, str]:
    """Return the processes that inherited the mark of this test run, but this one: pid to command line."""
    mark, found = os.environ[RUN_MARK], {}
    for process in psutil.process_iter():
        try:
            ours = process.pid != os.getpid() and process.environ().get(RUN_MARK) == mark
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found[process.pid] = " ".join(process.cmdline())[:200]
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def listening_ports() -> set[int]:
    """Return the TCP ports on which this process listens."""
    connections = psutil.Process().net_connections(kind="tcp")
    return {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}


def _threads() -> set[threading.Thread]:
    # jupyter_core keeps one thread for its blocking clients, for the life of the process.
    return {each for each in threading.enumerate() if each.is_alive() and not each.name.endswith(" - runner")}


@pytest.fixture(scope="module", autouse=True)
def _no_leaks() -> Iterator[None]:
    """Fail a module that leaves processes, listening ports or threads behind.

    Fixtures of a module's or smaller scope have ended by then; nothing of a session's scope may start any of these.
    """
    processes, ports, threads = processes_of_this_run(), listening_ports(), _threads()
    yield
    end = time.monotonic() + LEAK_SECONDS
    while True:
        left = [f"process {p}: {c}" for p, c in processes_of_this_run().items() if p not in processes]
        left += [f"listening port {port}" for port in listening_ports() - ports]
        left += [f"thread {thread.name}" for thread in _threads() - threads]
        if not left:
            return
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    for pid in processes_of_this_run().keys() - processes.keys():
        psutil.Process(pid).kill()
    pytest.fail("left behind:\n" + "\n".join(left))
