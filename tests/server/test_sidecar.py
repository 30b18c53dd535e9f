"""The sidecar as a process, for kernels that are real or stand-ins with a pid."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import signal
import socket
import stat
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from jupyter_client.manager import AsyncKernelManager

from commdoc.errors import SidecarError
from commdoc.kernel import sidecar
from commdoc.server import announce
from commdoc.server.announcer import Announcer
from commdoc.server.claim import Claim
from commdoc.server.sidecar import LOG_LINES, LineLimit, Sidecar, kernel_id_of, read_config
from commdoc.server.watch import KernelProcess
from tests.rooms.parties import moved, opened, request, settled, until
from tests.server.serving import bridge, window
from tests.server.sleeper import Sleeper, leftovers, start


async def test_it_announces_itself_to_its_user_alone(kernel: Sleeper) -> None:
    endpoint = await start(kernel, session_name="/notebooks/a.ipynb")
    found = kernel.announcement
    assert found is not None
    assert stat.S_IMODE(announce.path_of(kernel.kernel_id).stat().st_mode) == 0o600
    assert (found["url"], found["tokens"]["bridge"]) == (endpoint.url, endpoint.token)
    assert (found["kernel_id"], found["notebook"]) == (kernel.kernel_id, "/notebooks/a.ipynb")
    assert announce.live()[0] == found
    process = psutil.Process(found["pid"])
    assert process.ppid() != os.getpid(), "whoever starts it has no child to bury"
    assert not any(token in " ".join(process.cmdline()) for token in found["tokens"].values())
    listening = [each.laddr.ip for each in process.net_connections() if each.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]


async def test_a_second_one_for_the_same_kernel_is_the_first_one(kernel: Sleeper) -> None:
    first, *others = await asyncio.gather(*(start(kernel) for _ in range(4)))
    assert all(other == first for other in others)


async def test_it_ends_when_kernel_and_windows_have_been_gone_for_a_while(kernel: Sleeper) -> None:
    endpoint = await start(kernel)
    found = kernel.announcement
    assert found is not None
    async with window(endpoint.url, found["tokens"]["window"]) as watching:
        kernel.kill()
        await watching.step1()
        await asyncio.sleep(1.0)
        assert KernelProcess(found["pid"]).alive(), "a window still reads the last state"
    await until(lambda: not KernelProcess(found["pid"]).alive(), patience=10)
    assert leftovers(kernel) == []


@pytest.mark.scenario("S07", "S40")
async def test_a_killed_kernel_is_shown_as_dead_and_its_state_to_late_windows(kernel: Sleeper) -> None:
    endpoint = await start(kernel)
    found = kernel.announcement
    assert found is not None
    token = found["tokens"]["viewer"]
    info = {"pid": kernel.process.pid, "kernel_id": kernel.kernel_id}
    async with window(endpoint.url, token) as early:
        async with bridge(endpoint.url, endpoint.token, **info) as mirror:
            await mirror.do(opened(value=5))
        assert (await early.wait("kernel", status="disconnected"))["live"] is True
        async with bridge(endpoint.url, endpoint.token, **info) as mirror:
            await mirror.do({"op": "status", "status": "idle"})
            await early.wait("kernel", status="idle")
        kernel.kill()
        assert (await early.wait("kernel", status="dead"))["live"] is False
        async with window(endpoint.url, token) as late:
            assert late.heard_of("welcome")[0]["kernel"]["status"] == "dead"
            assert late.state("c1")["value"] == 5


@pytest.mark.scenario("S40")
async def test_a_restarted_kernel_finds_its_sidecar_again(kernel: Sleeper) -> None:
    endpoint = await start(kernel, grace=5)
    found = kernel.announcement
    assert found is not None
    async with window(endpoint.url, found["tokens"]["window"]) as watching:
        async with bridge(endpoint.url, endpoint.token, pid=kernel.process.pid) as mirror:
            await mirror.do(opened("old"))
            kernel.kill()
            await watching.wait("kernel", status="dead")
        kernel.start()
        again = await start(kernel)
        assert again == endpoint
        async with bridge(again.url, again.token, pid=kernel.process.pid, epoch="e2") as mirror:
            await mirror.do(opened("new"), {"op": "status", "status": "idle"})
            await until(lambda: set(watching.comms) == {"new"})
            await watching.wait("kernel", status="idle", epoch="e2")
    await asyncio.sleep(0.7)
    assert kernel.announcement is not None, "the new kernel lives"


async def test_sigterm_ends_it_cleanly(kernel: Sleeper) -> None:
    endpoint = await start(kernel)
    found = kernel.announcement
    assert found is not None
    async with window(endpoint.url, found["tokens"]["window"]) as watching:
        kernel.kill()
        os.kill(found["pid"], signal.SIGTERM)
        await asyncio.wait_for(watching.ended.wait(), 5)
        assert watching.close_code == 4410
    await until(lambda: not KernelProcess(found["pid"]).alive(), patience=10)
    assert leftovers(kernel) == []


@pytest.mark.scenario("S48")
async def test_one_that_can_not_start_says_why(kernel: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(SidecarError, match=f"port {port} on 127.0.0.1 can't be used: Address already in use"):
        await start(kernel, port=port)
    server.close()
    await server.wait_closed()
    with pytest.raises(SidecarError, match="the configuration"):
        await asyncio.to_thread(sidecar.start, {"connection_file": 5})
    assert leftovers(kernel) == []
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "/proc/nowhere")
    with pytest.raises(SidecarError, match="/proc/nowhere"):
        await asyncio.to_thread(sidecar.start, {"connection_file": "/x/kernel-y.json", "kernel_pid": 1})


@pytest.mark.scenario("S48")
async def test_files_of_the_user_are_not_taken_for_the_standard_library_s(
    kernel: Sleeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("token", "queue", "secrets", "tornado", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the user')")
    monkeypatch.chdir(tmp_path)
    assert (await start(kernel)).url.startswith("http://127.0.0.1:")


@pytest.mark.scenario("S48")
async def test_a_python_that_talks_when_it_starts_does_not_hold_it_up(
    kernel: Sleeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nprint('hello')\nprint(1)\nprint('x' * 300_000, file=sys.stderr)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert (await asyncio.wait_for(start(kernel), 10)).url.startswith("http://127.0.0.1:")


async def test_kernels_whose_connection_files_have_one_name_have_a_room_each(
    kernel: Sleeper, tmp_path: Path
) -> None:
    first = await start(kernel)
    elsewhere = str(tmp_path / f"kernel-{kernel.kernel_id}.json")
    second = await start(kernel, connection_file=elsewhere)
    assert second.url != first.url
    assert await start(kernel, connection_file=elsewhere) == second
    assert await start(kernel) == first
    kernel.kill()
    await until(lambda: leftovers(kernel) == [], patience=10)


@pytest.mark.scenario("S47", "S48")
async def test_connections_that_say_nothing_do_not_end_it(kernel: Sleeper) -> None:
    endpoint = await start(kernel)
    found = kernel.announcement
    assert found is not None
    process = psutil.Process(found["pid"])
    address = urlsplit(endpoint.url)
    async with window(endpoint.url, found["tokens"]["window"]) as watching:
        process.rlimit(psutil.RLIMIT_NOFILE, (64, 64))
        silent = [socket.socket() for _ in range(150)]
        for each in silent:
            each.setblocking(False)
            each.connect_ex((address.hostname, address.port))
        await until(lambda: process.num_fds() >= 63)
        await asyncio.sleep(1.5)  # it has looked for its kernel, and has renewed nothing
        assert process.is_running()
        for each in silent:
            each.close()
        async with bridge(endpoint.url, endpoint.token, pid=kernel.process.pid) as mirror:
            await mirror.do(opened(value=5))
            await until(lambda: watching.state("c1").get("value") == 5)


@pytest.mark.scenario("S48")
async def test_an_announcement_that_can_not_be_renewed_costs_nothing(
    kernel: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read_config(json.dumps(kernel.config()))
    sidecar_here = Sidecar(config, Claim(kernel.kernel_id))
    sidecar_here._announcer = Announcer(sidecar_here.tokens, "r", "http://127.0.0.1:1/commdoc/rooms/r/")

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(announce, "write", full)
    sidecar_here._renew()
    assert sidecar_here._announcer.renew_at > time.time()


@pytest.mark.scenario("S47")
def test_the_log_of_who_is_refused_all_the_time_is_bounded() -> None:
    limit = LineLimit()
    records = [
        logging.makeLogRecord({"msg": "403 %s", "args": ("/",), "created": n / 100}) for n in range(10_000)
    ]
    passed = [record.getMessage() for record in records if limit.filter(record)]
    assert len(passed) == LOG_LINES
    assert passed[-1] == "403 / (more is left out for a while)"
    assert limit.filter(logging.makeLogRecord({"msg": "later", "created": 10_000.0}))
    assert all(limit.filter(record) for record in records[:10]), "the clock was set back"


def test_files_of_dead_hosts_and_broken_ones_are_passed_over(kernel: Sleeper) -> None:
    kernel.kill()
    path = announce.path_of(kernel.kernel_id)
    path.write_text(json.dumps({"pid": kernel.process.pid, "created": 1}))
    broken = announce.path_of("broken")
    broken.write_text("{")
    assert announce.read(path) is None
    assert announce.live() == []
    announce.remove_stale(but=broken)
    assert not path.exists()
    broken.unlink()


def test_the_kernel_s_id_is_in_the_name_of_its_connection_file() -> None:
    assert kernel_id_of("/run/kernel-1b2c.json") == "1b2c"
    assert kernel_id_of("/tmp/tmpabc.json") == "tmpabc"


@pytest.mark.kernel
async def test_a_window_s_request_is_handled_by_a_real_kernel() -> None:
    file = announce.runtime_dir() / f"kernel-{uuid.uuid4().hex}.json"
    manager = AsyncKernelManager(connection_file=str(file))
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    texts: list[str] = []

    async def run(code: str) -> str:
        texts.clear()
        await client.execute_interactive(
            code, timeout=60, output_hook=lambda message: texts.append(message["content"].get("text", ""))
        )
        return "".join(texts).strip()

    try:
        await client.wait_for_ready(timeout=60)
        comm_id = await run("import ipywidgets; s = ipywidgets.IntSlider(); print(s.comm.comm_id)")
        pid = int(await run("import os; print(os.getpid())"))
        config = {"connection_file": str(file), "kernel_pid": pid, "grace": 0.3}
        endpoint = await asyncio.to_thread(sidecar.start, config)
        found = announce.read(announce.path_of(kernel_id_of(str(file))))
        assert found is not None
        async with (
            bridge(endpoint.url, endpoint.token, pid=pid) as mirror,
            window(endpoint.url, found["tokens"]["window"]) as asking,
        ):
            await mirror.do(opened(comm_id))
            await until(lambda: comm_id in asking.comms)
            await asking.say(request("r1", comm_id, value=42))
            while await run("print(s.value)") != "42":
                pass
            await mirror.do(moved(42, comm_id, cause="r1"), settled("r1", comm_id, value=42))
            assert (await asking.wait("settled"))["state"] == {"value": 42}
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
    await until(lambda: not KernelProcess(found["pid"]).alive(), patience=10)
    assert announce.live() == []
