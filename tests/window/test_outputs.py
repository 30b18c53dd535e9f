"""What a Python window sees of an Output widget."""

from __future__ import annotations

from typing import Any

import pytest

from commdoc.protocol.outputs import encode_output
from commdoc.protocol.values import sentinel
from commdoc.window import Change
from tests.window.house import House, a_house

MODEL = {"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel"}


@pytest.fixture
async def house():
    async with a_house() as house:
        yield house


def wrote(text: str) -> dict[str, Any]:
    return {"op": "stream", "comm_id": "out", "name": "stdout", "text": text}


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


async def open_output(house: House) -> None:
    op = {"op": "open", "comm_id": "out", "target_name": "jupyter.widget"}
    await house.kernel.ops({**op, "state": {**MODEL, "msg_id": "", "outputs": []}})


async def test_outputs_are_a_key_of_the_state_and_observers_are_told(house):
    window = await house.window()
    await open_output(house)
    comm = await window.wait_for("OutputModel")
    assert comm["outputs"] == []
    seen: list[Change[Any]] = []
    comm.observe(seen.append, "outputs")
    await house.kernel.ops(wrote("50%"))
    await window.wait_until(lambda: comm["outputs"] == [stream("50%")])
    await house.kernel.ops(wrote("\r51%"))
    await window.wait_until(lambda: comm["outputs"] == [stream("51%")])
    await window.wait_until(lambda: len(seen) == 2)
    assert [(change.old, change.new) for change in seen] == [
        ([], [stream("50%")]),
        ([stream("50%")], [stream("51%")]),
    ]
    assert comm.state["outputs"] == [stream("51%")]


@pytest.mark.scenario("S37")
async def test_a_late_window_fetches_what_is_large(house):
    await open_output(house)
    content: list[bytes] = []

    def put(blob: bytes, kind: Any) -> Any:
        content.append(blob)
        return sentinel(blob, kind)

    output = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": "x" * 5_000, "text/plain": "y"},
    }
    encoded = encode_output(output, put)
    await house.kernel.ops({"op": "output", "comm_id": "out", "output": encoded}, wrote("a\n"), blobs=content)
    window = await house.window()
    comm = await window.wait_for("OutputModel")
    await window.wait_until(lambda: len(comm.entry.encoded_outputs) == 2)
    assert await comm.get("outputs") == [output, stream("a\n")]
    assert (await comm.get_state())["outputs"] == [output, stream("a\n")]
