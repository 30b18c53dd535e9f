"""Kernels of a gateway: another server starts them, where this one has no ports of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from commdoc.cli.doctor.asking import _has_gateway
from commdoc.server.jupyter.kernels import Kernels
from tests.conftest import processes_of_this_run, until
from tests.server.jupyter.serving import DISABLED, ENABLED, TOKEN, Kernel, Server, joined, jupyter_server

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with jupyter_server(tmp_path_factory.mktemp("gateway"), (DISABLED,)) as gateway:
        yield gateway


def behind(gateway: Server) -> tuple[str, ...]:
    return ENABLED, f"--gateway-url={gateway.url}", f"--GatewayClient.auth_token={TOKEN}"


def start(server: Server, gateway: Server, name: str) -> Kernel:
    kernel = server.start(name)
    # Its connection file is the gateway's.
    kernel._file = Path(gateway.info.parent, f"kernel-{kernel.kernel_id}.json")
    return kernel


def moves_reach(server: Server, kernel: Kernel, room_id: str) -> None:
    with server.window(room_id) as window:
        slider = window.wait_for("IntSliderModel")
        slider.set(value=70)
        assert slider["value"] == 50, "what the kernel made of it"
        [image] = window.find("ImageModel")
        image.set(value=b"\x00\xff of a window")
        assert kernel.run("print(s.value, bytes(i.value))") == "50 b'\\x00\\xff of a window'\n"
        kernel.run("s.value = 3")
        until(lambda: slider["value"] == 3)
        server.api("DELETE", f"api/sessions/{kernel.session_id}")
        until(lambda: window.kernel.status == "dead", timeout=30)
        assert slider["value"] == 3


LOAD = "s = w.IntSlider(value=7, max=50)\ni = w.Image()"


def test_a_kernel_finds_the_server_that_asked_for_it(gateway: Server, tmp_path: Path) -> None:
    with jupyter_server(tmp_path, behind(gateway)) as server:
        kernel = start(server, gateway, "a.ipynb")
        kernel.load(LOAD)
        room = joined(server, kernel)
        assert room["path"] == "a.ipynb"
        assert server.api("GET", "commdoc/api/status")["gateway"] is True
        assert _has_gateway(server.process.pid)
        assert not _has_gateway(gateway.process.pid)
        moves_reach(server, kernel, room["room_id"])


def test_a_kernel_that_can_t_see_the_server_joins_it_by_its_address(gateway: Server, tmp_path: Path) -> None:
    runtime = tmp_path / "elsewhere"
    runtime.mkdir(mode=0o700)
    with jupyter_server(tmp_path, behind(gateway), env={"JUPYTER_RUNTIME_DIR": str(runtime)}) as server:
        kernel = start(server, gateway, "b.ipynb")
        kernel.load(LOAD)
        until(lambda: any("sidecar" in each for each in processes_of_this_run().values()), timeout=30)
        printed = kernel.run(f"%commdoc join {server.url}lab?token={TOKEN}")
        assert printed == f"joining {server.url}lab\n"
        moves_reach(server, kernel, joined(server, kernel)["room_id"])


async def test_the_address_of_a_gateway_s_kernel_has_a_name_of_ours() -> None:
    """With what a gateway does that passes the environment on; the one of these tests doesn't."""
    given: dict[str, Any] = {}

    class Manager:
        def __contains__(self, kernel_id: str) -> bool:
            return kernel_id == "k-of-the-gateway"

        async def start_kernel(self, **options: Any) -> str:
            given.update(options)
            return "k-of-the-gateway"

        def restart_kernel(self) -> None: ...

        def remove_kernel(self, kernel_id: str) -> None: ...

    class Sessions:
        def save_session(self) -> None: ...

        def update_session(self) -> None: ...

    class Host:
        def environment(self, kernel_id: str) -> dict[str, str]:
            return {"COMMDOC_BRIDGE_URL": kernel_id}

        def kernel_ended(self, *_about: str | None) -> None: ...

    manager = Manager()
    kernels = Kernels(manager, Sessions(), cast("Any", Host()), remote=True)
    kernels.install()
    await manager.start_kernel(kernel_name="python3", env={"KERNEL_USERNAME": "me"})
    name = given["env"].pop("COMMDOC_BRIDGE_URL")
    assert given == {"kernel_name": "python3", "env": {"KERNEL_USERNAME": "me"}}, "it chooses the id itself"
    assert kernels.id_of(name) == "k-of-the-gateway"
    given.clear()
    await manager.start_kernel(kernel_id="k-of-the-gateway")
    assert given == {"kernel_id": "k-of-the-gateway"}, "one that is there has been given what it needs"
    manager.remove_kernel("k-of-the-gateway")
    assert kernels.id_of(name) == name
    kernels.uninstall()
    assert "start_kernel" not in vars(manager)
