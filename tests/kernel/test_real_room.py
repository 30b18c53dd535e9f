"""The kernel with the room that it really gets: the sidecar, stopped, killed and started again."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

import commdoc
from commdoc.server import announce
from commdoc.server.sidecar import kernel_id_of
from commdoc.window.verify import verify
from tests.conftest import processes_of_this_run, until
from tests.kernel.process import KernelProcess, kernel_process

pytestmark = pytest.mark.kernel


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[KernelProcess]:
    """A kernel that has loaded commdoc as a user does."""
    monkeypatch.setenv("COMMDOC_SIDECAR_GRACE", "0.5")
    with kernel_process() as process:
        process.run("import ipywidgets as w, time\n%load_ext commdoc")
        process.run("import commdoc.kernel.link as _link; _link.LAST_RETRY_SECONDS = 0.5")
        link(process)
        yield process
        process.run("%unload_ext commdoc")


def status(kernel: KernelProcess) -> dict[str, Any]:
    """Return what the bridge says."""
    found: dict[str, Any] = kernel.value(
        "__import__('dataclasses').asdict(get_ipython().kernel._commdoc_bridge.status())"
    )
    return found


def link(kernel: KernelProcess) -> str:
    """Return the link for windows, once there is one."""

    def found() -> str | None:
        endpoint = status(kernel)["endpoint"]
        return None if endpoint is None or status(kernel)["trouble"] else str(endpoint["window_url"])

    return str(until(found, timeout=20))


def sidecar() -> psutil.Process:
    """Return the process of the sidecar."""
    (pid,) = [pid for pid, line in processes_of_this_run().items() if "commdoc.server.sidecar" in line]
    return psutil.Process(pid)


def same(kernel: KernelProcess, url: str) -> None:
    """Fail with the differences of kernel, document and a fresh window."""
    report = verify(url=url, connection_file=kernel.manager.connection_file, timeout=15)
    assert report.equal, report


def test_the_room_has_what_the_kernel_has(served: KernelProcess) -> None:
    served.run("s = w.IntSlider(); box = w.HBox([s, w.Text(value='é😀')]); i = w.Image(value=bytes(3000))")
    served.run("for n in range(500): s.value = n % 90; s.send({'n': n}, buffers=[b'x'])")
    served.update(served.value("s.model_id"), {"value": 700})
    same(served, link(served))


@pytest.mark.scenario("S48")
def test_a_stopped_room_is_not_noticed_and_complete_when_it_goes_on(served: KernelProcess) -> None:
    served.run("s = w.IntSlider(max=10**6); t = w.Text()")
    url = link(served)
    same(served, url)
    flood = "begun = time.perf_counter()\nfor n in range(5000): s.value = n; t.value = str(n); s.send(n)\n"
    served.run(flood + "usual = time.perf_counter() - begun")
    memory = psutil.Process(served.pid).memory_info().rss
    process = sidecar()
    process.suspend()
    try:
        served.run(flood + "stopped = time.perf_counter() - begun")
        served.run("for n in range(2000): s.send(n, buffers=[bytes([n % 256]) * 50_000])")  # 100 MB
        assert served.value("stopped / usual") < 3
        assert psutil.Process(served.pid).memory_info().rss - memory < 150e6
        served.run("u = w.Button(description='while it was stopped'); s.value = 77")
    finally:
        process.resume()
    same(served, url)


@pytest.mark.scenario("S48")
def test_a_killed_room_is_replaced_and_complete(served: KernelProcess) -> None:
    served.run("s = w.IntSlider(max=10**6); t = w.Text()")
    before = link(served)
    with commdoc.join(url=before) as window:
        window.wait_for("IntSliderModel")
        cell = served.start("for n in range(15_000): s.value = n; t.value = str(n)")
        os.kill(sidecar().pid, signal.SIGKILL)
        assert served.wait(cell)["content"]["status"] == "ok"
        window.wait_until(lambda: window.connected and window.find("IntSliderModel"), timeout=20)
        slider = window.find("IntSliderModel")[0]
        window.wait_until(lambda: slider["value"] == 14_999, timeout=20)
        assert slider.set(value=5) == {"value": 5}
    assert link(served) == before, "it is where it was"
    same(served, before)


@pytest.mark.scenario("S47")
def test_the_link_that_a_cell_prints_opens_the_room_and_has_no_token(served: KernelProcess) -> None:
    endpoint = status(served)["endpoint"]
    printed = json.dumps(served.run("%commdoc"), default=str)
    found = announce.read(announce.path_of(kernel_id_of(served.manager.connection_file)))
    assert found is not None
    for secret in (*found["tokens"].values(), endpoint["token"]):
        assert secret not in printed, "a notebook is saved and shared with what its cells print"
    shown = re.search(r"http://[^\s\\]+/open/[^\s\\]+", printed)
    assert shown is not None
    with commdoc.join(url=shown.group()) as window:
        assert window.room_id == found["room_id"]


@pytest.mark.scenario("S41")
def test_the_last_changes_before_unloading_are_in_the_room(served: KernelProcess) -> None:
    served.run("s = w.IntSlider(max=10**6)")
    with commdoc.join(url=link(served)) as window:
        slider = window.wait_for("IntSliderModel")
        served.run("for n in range(2000): s.value = n\n%unload_ext commdoc")
        until(lambda: slider["value"] == 1999)
    served.run("%load_ext commdoc")
    same(served, link(served))


def test_two_loads_find_one_sidecar(served: KernelProcess) -> None:
    first = link(served).split("#")[0]
    pid = sidecar().pid
    begun = time.monotonic()
    served.run("%unload_ext commdoc\n%load_ext commdoc")
    assert time.monotonic() - begun < 3
    assert link(served).split("#")[0] == first
    assert sidecar().pid == pid
