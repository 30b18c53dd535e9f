"""Operations on the outputs of Output widgets, and what windows may do to them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from commdoc.protocol.frames import MESSAGE, write_varuint
from commdoc.protocol.outputs import encode_output
from commdoc.protocol.values import BlobSentinel, encode, sentinel
from tests.rooms.parties import Bridge, House, Window, opened, request, settled, until

MODEL = {
    "_model_module": "@jupyter-widgets/output",
    "_model_module_version": "1.0.0",
    "_model_name": "OutputModel",
}


def output_widget(**state: Any) -> dict[str, Any]:
    """Return the op that opens an Output widget as a kernel does: with `msg_id` and `outputs`."""
    full = {**MODEL, "msg_id": "", "outputs": [], **state}
    return {"op": "open", "comm_id": "out", "target_name": "jupyter.widget", "state": full}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(n: int) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"text/plain": str(n)}, "metadata": {}}


def wrote(text: str, name: str = "stdout", comm_id: str = "out") -> dict[str, Any]:
    return {"op": "stream", "comm_id": comm_id, "name": name, "text": text}


def captured(output: dict[str, Any], comm_id: str = "out") -> dict[str, Any]:
    return {"op": "output", "comm_id": comm_id, "output": output}


def outputs(*outputs: dict[str, Any], comm_id: str = "out") -> dict[str, Any]:
    return {"op": "outputs", "comm_id": comm_id, "outputs": list(outputs)}


def set_output(index: int, output: dict[str, Any]) -> dict[str, Any]:
    return {"op": "set_output", "comm_id": "out", "index": index, "output": output}


def in_room(house: House) -> list[dict[str, Any]]:
    return house.room.comms.outputs("out")


async def shown(window: Window, *expected: dict[str, Any]) -> None:
    comm = await until(lambda: window.comms.get("out"))
    await until(
        lambda: comm.encoded_outputs == list(expected), f"{expected}; there is {comm.encoded_outputs}"
    )
    assert comm.encoded_state["outputs"] == list(expected)


class Blobs:
    """Blobs of ops, and their bytes in order."""

    def __init__(self) -> None:
        self.content: list[bytes] = []

    def put(self, content: bytes, kind: Any) -> BlobSentinel:
        self.content.append(content)
        return sentinel(content, kind)


@pytest.mark.scenario("S30")
async def test_what_was_captured_is_in_windows_as_it_came() -> None:
    async with House() as house:
        bridge, window = await house.bridge(), await house.window()
        await bridge.do(output_widget(), wrote("a\n"), wrote("50%"), wrote("\r51%"), captured(display(1)))
        await bridge.do(wrote("e\n", "stderr"), wrote("o"))
        expected = [stream("a\n51%"), display(1), stream("e\n", "stderr"), stream("o")]
        await shown(window, *expected)
        await bridge.do(set_output(1, display(2)), wrote("ut"))
        expected[1], expected[3] = display(2), stream("out")
        await shown(window, *expected)
        await shown(await house.window(), *expected)
        await bridge.do(outputs(stream("a\n51%"), display(3)))
        await shown(window, stream("a\n51%"), display(3))
        await bridge.do(outputs())
        await shown(window)
        assert window.comms["out"].state["outputs"] == []


async def test_a_cursor_that_is_not_at_the_end_is_told_with_the_lines_beginning() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(output_widget(outputs=[stream("line\n50%")]), wrote("\r5"), wrote("1"))
        assert in_room(house) == [stream("line\n51%")]


async def test_a_state_that_carries_outputs_says_the_whole_list_and_its_msg_id_is_not_stored() -> None:
    async with House() as house:
        bridge, window = await house.bridge(), await house.window()
        await bridge.do(output_widget(msg_id="captures", outputs=[stream("a")]))
        await shown(window, stream("a"))
        for number, kind in enumerate(("update", "truth")):
            state = {"outputs": [stream("a"), display(number)], "msg_id": "captures", "layout": kind}
            await bridge.do({"op": kind, "comm_id": "out", "state": state})
            await shown(window, stream("a"), display(number))
            assert window.state("out")["layout"] == kind
        assert window.state("out")["msg_id"] == ""
        await bridge.do(output_widget(outputs=[stream("a"), display(5)], new=1))
        await shown(window, stream("a"), display(5))
        await bridge.do({**output_widget(), "state": {**MODEL, "msg_id": ""}})
        await shown(window, stream("a"), display(5))
        assert "outputs" not in house.room.comms.state("out")


async def test_a_long_list_comes_as_a_blob_and_is_stored_as_outputs_are() -> None:
    async with House() as house:
        bridge, window = await house.bridge(), await house.window()
        blobs = Blobs()
        long = [
            stream("a line\n" * 400),
            {**display(1), "data": {"image/png": "x" * 3_000, "text/plain": "y"}},
        ]
        await bridge.do(output_widget(outputs=encode(long, blobs.put)), blobs=blobs.content)
        [text, image] = in_room(house)
        assert text == long[0]
        assert image["data"] == {"image/png": sentinel(b"x" * 3_000, "text"), "text/plain": "y"}
        pushed = await window.wait("blobs")
        digest = hashlib.sha256(b"x" * 3_000).hexdigest()
        assert digest in [digest for message in window.heard_of("blobs") for digest in message["hashes"]], (
            pushed
        )
        assert house.room.blobs.get_named(digest) == b"x" * 3_000
        binary = [
            {"output_type": "display_data", "data": {"image/png": b"\x00" * 10, "text/html": "z" * 2_000}}
        ]
        await bridge.do(
            {"op": "update", "comm_id": "out", "state": {"outputs": encode(binary, blobs.put)}},
            blobs=blobs.content,
        )
        assert [blob["type"] for blob in in_room(house)[0]["data"].values()] == ["bytes", "text"]


async def test_another_widgets_outputs_and_msg_id_are_keys_as_any() -> None:
    async with House() as house:
        bridge, window = await house.bridge(), await house.window()
        await bridge.do(opened(outputs=[1], msg_id="m"))
        await bridge.do({"op": "update", "comm_id": "c1", "state": {"outputs": [2], "msg_id": "n"}})
        await until(lambda: window.state("c1").get("outputs") == [2])
        assert window.state("c1")["msg_id"] == "n"


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (wrote("x", comm_id="c1"), "no Output widget"),
        (captured(display(1), comm_id="c1"), "no Output widget"),
        (outputs(comm_id="c1"), "no Output widget"),
        ({"op": "stream", "comm_id": "out", "name": "stdout"}, "'text' must be str"),
        ({"op": "stream", "comm_id": "out", "name": "stdout", "text": ["a"]}, "'text' must be str"),
        ({"op": "stream", "comm_id": "out", "text": "a"}, "'name' must be str"),
        (wrote("x", ""), "'name' has 0 characters"),
        ({"op": "output", "comm_id": "out"}, "'output' must be dict"),
        ({"op": "output", "comm_id": "out", "output": "text"}, "'output' must be dict"),
        ({"op": "outputs", "comm_id": "out", "outputs": {}}, "'outputs' must be list"),
        ({"op": "outputs", "comm_id": "out", "outputs": [display(1), 5]}, "'outputs' has a int"),
        ({"op": "set_output", "comm_id": "out", "output": {}}, "'index' must be int"),
        ({"op": "set_output", "comm_id": "out", "index": True, "output": {}}, "'index' must be int"),
        (set_output(3, display(1)), "has no output 3"),
        (set_output(-1, display(1)), "has no output -1"),
        ({"op": "stream", "name": "stdout", "text": "x"}, "'comm_id' must be str"),
        (captured(stream("x") | {"text": sentinel(b"", "json")}), "skipped"),
    ],
)
async def test_a_bad_operation_is_skipped_with_its_reason_and_the_others_are_applied(
    op: dict[str, Any], reason: str
) -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(output_widget(), opened(), wrote("a"), captured(display(0)))
        blobs = [b""] if reason == "skipped" else []
        await bridge.do(captured(display(1)), op, set_output(1, display(2)), wrote("b"), blobs=blobs)
        error = await bridge.wait("error", code="op")
        assert reason in error["reason"]
        assert in_room(house) == [stream("a"), display(2), display(1), stream("b")]


async def test_a_lone_surrogate_is_refused() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(output_widget(), wrote("a"))
        bad = [wrote("\ud800"), wrote("x", "\ud800"), captured({"x": "\ud800"}), outputs({"x": "\ud800"})]
        message = {"type": "ops", "batch": 9, "ops": [*bad, wrote("b")], "blobs": []}
        content = json.dumps(message).encode()
        frame = [write_varuint(MESSAGE), write_varuint(len(content)), content, write_varuint(0)]
        await bridge.transport.send(b"".join(frame))
        await bridge.wait("applied", batch=9)
        assert len(bridge.heard_of("error")) == len(bad)
        assert in_room(house) == [stream("ab")]


async def test_outputs_of_a_comm_that_was_missed_are_asked_for_and_those_of_a_closed_one_are_not() -> None:
    async with House() as house:
        bridge = await house.bridge()
        await bridge.do(wrote("a"), set_output(0, display(1)))
        assert (await bridge.wait("resync"))["comm_ids"] == ["out"]
        bridge.messages.clear()
        await bridge.do(
            output_widget(), {"op": "close", "comm_id": "out"}, wrote("late"), captured(display(1))
        )
        assert not bridge.heard_of("resync")
        assert not bridge.heard_of("error")
        await bridge.do(output_widget(outputs=[display(1)]))
        await bridge.do(set_output(1, display(2)))
        assert (await bridge.wait("resync"))["comm_ids"] == ["out"]


async def test_an_output_whose_blob_is_missing_keeps_its_place_and_is_asked_for() -> None:
    async with House() as house:
        bridge = await house.bridge()
        blobs = Blobs()
        image = encode_output({**display(1), "data": {"image/png": b"png", "text/plain": "1"}}, blobs.put)
        await bridge.do(output_widget(), captured(image), wrote("a"))
        assert in_room(house) == [display(1), stream("a")]
        assert (await bridge.wait("resync"))["comm_ids"] == ["out"]
        bridge.messages.clear()
        await bridge.do(outputs(image, stream("a")), blobs=blobs.content)
        assert in_room(house) == [image, stream("a")]
        assert not bridge.heard_of("resync")
        gone = encode([display(1)] * 40, Blobs().put)
        await bridge.do({"op": "update", "comm_id": "out", "state": {"outputs": gone, "layout": "kept"}})
        assert (await bridge.wait("resync"))["comm_ids"] == ["out"]
        assert in_room(house) == [image, stream("a")]
        assert house.room.comms.state("out")["layout"] == "kept"


async def test_the_text_of_a_stream_that_comes_as_a_blob_is_in_the_document() -> None:
    async with House() as house:
        bridge = await house.bridge()
        blobs = Blobs()
        text = "a line\n" * 300
        op = captured({**stream(""), "text": encode(text, blobs.put)})
        await bridge.do(output_widget(), op, wrote("b"), blobs=blobs.content)
        assert in_room(house) == [stream(text + "b")]


@pytest.mark.scenario("S24")
async def test_a_message_is_seen_with_the_outputs_that_were_before_it_and_no_later_ones() -> None:
    async with House() as house:
        bridge, window = await house.bridge(), await house.window()
        message = {"op": "message", "comm_id": "out", "data": {"method": "custom"}, "buffers": []}
        later = [wrote("x"), captured(display(1)), outputs(stream("y")), set_output(0, stream("z"))]
        for op in later:
            await bridge.do(output_widget(outputs=[stream("before")]))
            await shown(window, stream("before"))
            window.log.clear()
            window.steps.clear()
            await bridge.do({"op": "update", "comm_id": "out", "state": {"x": op["op"]}}, message, op)
            await until(lambda: len(window.log) == 3, f"{window.log}")
            assert [kind for kind, _ in window.log] == ["sync", "message", "sync"], op


# --- what windows ask --------------------------------------------------------------------------------------------


async def taken(house: House, bridge: Bridge) -> tuple[str, dict[str, Any]]:
    """Return id and state of the request that the kernel got last."""
    sent = house.kernel.sent
    await until(lambda: sent)
    _, content, _, request_id = sent.pop()
    return request_id, content["data"]["state"]


@pytest.mark.scenario("S38")
async def test_outputs_that_a_window_sends_back_go_to_the_kernel_and_are_not_shown_before_it_says_so() -> (
    None
):
    async with House() as house:
        bridge, window = await house.bridge(), await house.window()
        await bridge.do(output_widget(), wrote("captured by the kernel\n"))
        doubled = [stream("captured by the kernel\n"), stream("captured by the kernel\n")]
        await window.say(request("r1", "out", outputs=doubled, msg_id="mine", layout="asked"))
        await window.wait("accepted", request_id="r1")
        assert await taken(house, bridge) == ("r1", {"outputs": doubled, "msg_id": "mine", "layout": "asked"})
        assert in_room(house) == [stream("captured by the kernel\n")]
        assert house.room.comms.state("out")["msg_id"] == ""
        await bridge.do(wrote("and more\n"))
        # The kernel keeps its own.
        mine = stream("captured by the kernel\nand more\n")
        await bridge.do(settled("r1", "out", outputs=[mine], msg_id="", layout="asked"))
        answer = await window.wait("settled", request_id="r1")
        assert answer["state"]["outputs"] == [mine]
        await shown(window, mine)
        await bridge.do(wrote("still\n"))
        await shown(window, stream("captured by the kernel\nand more\nstill\n"))


@pytest.mark.scenario("S38")
async def test_outputs_that_a_window_sets_are_shown_as_the_kernel_took_them() -> None:
    async with House() as house:
        bridge, window = await house.bridge(), await house.window()
        await bridge.do(output_widget(), wrote("a"))
        await window.say(request("r1", "out", outputs=[]))
        await taken(house, bridge)
        await bridge.do({"op": "update", "comm_id": "out", "state": {"outputs": []}, "cause": "r1"})
        await bridge.do(settled("r1", "out", outputs=[]))
        await window.wait("settled", request_id="r1")
        await shown(window)
        await window.say(request("r2", "out", outputs=[display(1)]))
        await taken(house, bridge)
        await bridge.do(settled("r2", "out", outputs=[display(1)]))
        await shown(window, display(1))
