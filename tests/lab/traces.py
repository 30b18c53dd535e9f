"""What a window and its kernel say about comms on JupyterLab's own socket, with ids that two runs share."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any, Final

from playwright.sync_api import Page

TOLD: Final = ("comm_open", "comm_msg", "comm_close", "comm_info_request", "comm_info_reply")

RECORDER: Final = """
(() => {
  const frames = (window.kernelFrames = []);
  const keep = (what, frame) => frames.push([what, typeof frame === "string" ? frame : frame.slice(0)]);
  window.WebSocket = class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      if (this.url.includes("/api/kernels/")) this.addEventListener("message", ({data}) => keep("received", data));
    }
    send(frame) {
      if (this.url.includes("/api/kernels/")) keep("sent", frame);
      super.send(frame);
    }
  };
})();
"""

_FRAMES: Final = """
() => window.kernelFrames.map(([what, frame]) => {
  if (typeof frame === "string") return [what, frame];
  let bytes = "";
  for (const byte of new Uint8Array(frame)) bytes += String.fromCharCode(byte);
  return [what, null, btoa(bytes)];
})
"""


class Trace:
    """What a page with the `RECORDER` has said and heard: a browser's own events of frames leave out one now and then.

    Attributes
    ----------
    sent, received : list of str
        One line for each message about comms.
    """

    def __init__(self, page: Page) -> None:
        self.sent: list[str] = []
        self.received: list[str] = []
        self._names: dict[str, str] = {}
        for what, text, *encoded in page.evaluate(_FRAMES):
            frame = text if text is not None else base64.b64decode(encoded[0])
            self._take(frame, self.sent if what == "sent" else self.received)

    def _take(self, frame: str | bytes, into: list[str]) -> None:
        header, content = read(frame)
        if header["msg_type"] in TOLD:
            into.append(f"{header['msg_type']} {json.dumps(self._named(content), sort_keys=True)}")

    def _named(self, value: Any) -> Any:
        """Replace ids by names in the order of their first appearance."""
        if isinstance(value, dict):
            return {self._named(key): self._named(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._named(each) for each in value]
        if isinstance(value, str):
            model = value.removeprefix("IPY_MODEL_")
            if len(model) in (32, 36) and not set(model) - set("0123456789abcdef-"):
                name = self._names.setdefault(model, f"id {len(self._names)}")
                return value.replace(model, name)
        return value


def read(frame: str | bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and content of a frame of ``v1.kernel.websocket.jupyter.org``, or of the older JSON form."""
    if isinstance(frame, str):
        message = json.loads(frame)
        return message["header"], message["content"]
    count = int.from_bytes(frame[:8], "little")
    ends = [int.from_bytes(frame[8 * n : 8 * n + 8], "little") for n in range(1, count + 1)]
    parts = [frame[begin:end] for begin, end in itertools.pairwise(ends)]
    return json.loads(parts[1]), json.loads(parts[4])
