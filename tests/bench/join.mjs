// Late joins in Node, timed: driven by JSON lines (see ../interop/lines.mjs) from joining.py.

import { joinRoom, WebSocket } from "../../js-shim/dist/interop.js";
import { serve } from "../interop/lines.mjs";

let last;

/** Remembers the socket, whose bytes are counted. */
class Socket extends WebSocket {
  constructor(...args) {
    super(...args);
    last = this;
  }
}

const wire = () => last._socket.bytesRead + last._socket.bytesWritten;

serve({
  /** Joins, reads every value of every comm with its blobs, leaves. */
  async join({ url }) {
    const began = performance.now();
    const room = await joinRoom(url, { WebSocket: Socket, blobMs: 120_000 });
    const ready = (performance.now() - began) / 1000;
    const readyBytes = wire();
    const readings = await Promise.all([...room.comms.keys()].map((id) => room.read(id)));
    const seconds = (performance.now() - began) / 1000;
    const models = readings.filter(({ state, missing }) => missing.length === 0 && Object.keys(state).length).length;
    const result = { ready, seconds, ready_bytes: readyBytes, wire: wire(), models };
    room.close();
    return result;
  },
});
