"""What goes deflated, and that all of it arrives as it was."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Sequence

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.extensions.base import Extension
from websockets.frames import Frame, Opcode
from websockets.typing import ExtensionParameter

from commdoc.protocol import frames
from commdoc.rooms.sync import Sync, sync_frame
from commdoc.server import deflate
from commdoc.window.inflate import Inflate, InflateFactory
from tests.rooms.parties import opened, until
from tests.server.serving import bridge, site, socket, window


class Noting(Inflate):
    """Notes the size on the wire of each message, and whether it is deflated."""

    def __init__(self, inner: Extension, log: list[tuple[int, bool]]) -> None:
        super().__init__(inner)
        self._log = log

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        if frame.opcode is Opcode.BINARY:
            self._log.append((len(frame.data), frame.rsv1))
        return super().decode(frame, max_size=max_size)


class NotingFactory(InflateFactory):
    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[int, bool]] = []

    def process_response_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> Noting:
        return Noting(super().process_response_params(params, accepted_extensions), self.log)


def blob_message(content: bytes) -> bytes:
    return frames.encode({"type": "blobs", "hashes": ["h"], "sizes": [len(content)]}, [content])


@pytest.mark.parametrize(
    ("frame", "worth_it"),
    [
        (sync_frame(Sync.STEP2, "数字".encode() * 10_000), True),
        (blob_message(os.urandom(1_000)), True),
        (blob_message(os.urandom(100_000)), False),
        (blob_message(b"export default {};\n" * 10_000), True),
    ],
    ids=["the document", "a small message", "a binary blob", "a text blob"],
)
def test_the_document_and_texts_are_deflated_and_binary_blobs_are_not(frame: bytes, worth_it: bool) -> None:
    assert deflate.is_worth_it(frame) is worth_it


async def test_the_document_goes_deflated_and_a_binary_blob_between_its_updates_as_it_is() -> None:
    picture = os.urandom(300_000)
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(*(opened(f"c{n}", description="a slider like many") for n in range(500)))
        noting = NotingFactory()
        async with window(host.url, host.token(), compression=None, extensions=[noting]) as late:
            assert len(late.comms) == 500
            whole = len(late.doc.get_update())
            assert sum(size for size, _ in noting.log) < whole / 5
            await kernel.do(opened("image"), blobs=[picture])
            await until(lambda: "image" in late.comms)
            await kernel.do({"op": "update", "comm_id": "c7", "state": {"value": 7}})
            await until(lambda: late.state("c7").get("value") == 7)
            digest = hashlib.sha256(picture).hexdigest()
            [at] = [n for n, each in enumerate(late.messages) if digest in each.get("hashes", ())]
            assert late.buffers[at] == [picture]
            assert [size > 300_000 for size, deflated in noting.log if not deflated] == [True]


async def test_who_does_not_ask_for_it_gets_nothing_deflated() -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(opened())
        async with window(host.url, host.token(), compression=None) as plain:
            assert "c1" in plain.comms


@pytest.mark.scenario("S47")
async def test_a_viewer_can_not_have_the_room_inflate_without_bound() -> None:
    async with site() as host, bridge(host.url, host.token("bridge")) as kernel:
        await kernel.do(opened())
        async with socket(host.url, host.token("viewer"), compression="deflate") as viewer:
            await viewer.send(b"\x00" * 50_000_000)  # 50 kB when deflated
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(viewer.socket.recv(), 10)
            assert viewer.close_code == 1009
        async with window(host.url, host.token()) as late:
            assert "c1" in late.comms
