"""A window of a collaboration extension: a y-protocols client on its own WebSocket, which knows no rooms."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pycrdt
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from commdoc.document import CommsMap
from commdoc.protocol import frames
from commdoc.rooms.sync import Sync, read_sync, sync_frame


class YjsClient:
    """A notebook's document as its extension syncs it. All access is under `lock`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.doc: pycrdt.Doc = pycrdt.Doc()
        self.cells = self.doc.get("cells", type=pycrdt.Array)
        self.lock = threading.Lock()
        self.synced = threading.Event()
        self.closed: tuple[int, str] | None = None
        self._comms = CommsMap(self.doc, get_blob=None)
        self._thread = threading.Thread(target=self._read, name="yjs-client")
        self._send(sync_frame(Sync.STEP1, self.doc.get_state()))
        self._thread.start()

    def _send(self, frame: bytes) -> None:
        self._connection.send(frame)

    def _read(self) -> None:
        try:
            for data in self._connection:
                if isinstance(data, bytes) and frames.frame_type(data) == frames.SYNC:
                    self._sync(*read_sync(data))
        except ConnectionClosed:
            pass
        self.closed = (self._connection.close_code or 0, self._connection.close_reason or "")

    def _sync(self, kind: Sync, payload: bytes) -> None:
        with self.lock:
            if kind == Sync.STEP1:
                self._send(sync_frame(Sync.STEP2, self.doc.get_update(payload)))
                return
            self.doc.apply_update(payload)
        if kind == Sync.STEP2:
            self.synced.set()

    def write(self, change: Callable[[], None]) -> None:
        """Change the document and send the change, as a browser does."""
        with self.lock:
            before = self.doc.get_state()
            change()
            update = self.doc.get_update(before)
        self._send(sync_frame(Sync.UPDATE, update))

    def values(self) -> dict[str, Any]:
        """Return the value of each slider, by comm."""
        with self.lock:
            return {
                comm_id: comm.encoded_state["value"]
                for comm_id, comm in self._comms.items()
                if comm.model_name == "IntSliderModel"
            }

    def sources(self) -> list[str]:
        """Return the cells' sources."""
        with self.lock:
            return [str(cell["source"]) for cell in self.cells]

    def add_cell(self, source: str) -> None:
        """Append a code cell."""
        cell: pycrdt.Map = pycrdt.Map(
            {
                "id": f"cell-{source}",
                "cell_type": "code",
                "source": pycrdt.Text(source),
                "metadata": pycrdt.Map(),
                "outputs": pycrdt.Array(),
                "execution_count": None,
            }
        )
        self.write(lambda: self.cells.append(cell))

    def _cell(self, cell_id: str) -> Any:
        return next(cell for cell in self.cells if cell["id"] == cell_id)

    def add_outputs(self, cell_id: str, shown: list[dict[str, Any]]) -> None:
        """Append displays to a cell's outputs, as the front end does that has run it."""
        outputs = [{"output_type": "display_data", "data": data, "metadata": {}} for data in shown]
        self.write(lambda: self._cell(cell_id)["outputs"].extend([pycrdt.Map(it) for it in outputs]))

    def outputs(self, cell_id: str) -> list[str]:
        """Return the texts that a cell's outputs show."""
        with self.lock:
            return [output["data"]["text/plain"] for output in self._cell(cell_id)["outputs"]]

    def close(self) -> None:
        self._connection.close()
        self._thread.join()


@contextlib.contextmanager
def yjs_client(base: str, token: str, path: str, file_id: str, session_id: str = "") -> Iterator[YjsClient]:
    """Join a notebook's shared document at the server whose address, ending with ``/``, is `base`."""
    address = f"{base.replace('http', 'ws', 1)}api/collaboration/room/json:notebook:{file_id}"
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{address}?sessionId={quote(session_id)}"
    with connect(url, additional_headers=headers, max_size=None, proxy=None, open_timeout=30) as connection:
        client = YjsClient(connection)
        try:
            assert client.synced.wait(30), f"{path}: no step 2; {client.closed}"
            yield client
        finally:
            client.close()
