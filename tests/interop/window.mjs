// A window in Node, driven by JSON lines (see lines.mjs): the library as it is built, over the package ws. Values go in
// and out in the typed notation of tests/fixtures/README.md. `node.py` is its Python side.

import { createHash, randomBytes } from "node:crypto";
import { CommsMap, decode, encodeState, joinRoom, WebSocket, Y } from "../../js-shim/dist/interop.js";
import { serve, until } from "./lines.mjs";
import { base64, bytes, typed, untyped } from "./typed.mjs";

let room;
let watched = [];
let digesting = false;
const log = [];
const problems = [];
const sockets = [];
const requests = new Map();
const holds = new Map();

/** Remembers the sockets, so that a test can cut one. */
class Socket extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
  }
}

function listen() {
  room.on("message", ({ commId, data, buffers }) =>
    log.push({
      event: "message",
      comm_id: commId,
      data: typed(data),
      buffers: buffers.map(digesting ? sha256 : base64),
      seen: Object.fromEntries(watched.map((key) => [key, room.comms.get(commId)?.encoded(key) ?? null])),
    }),
  );
  for (const event of ["kernel", "cell_end", "log", "peers", "failed"]) {
    room.on(event, (news) => log.push({ ...news, event }));
  }
  room.on("missed", (count) => log.push({ event: "missed", count }));
  room.on("status", (status) => log.push({ event: "status", status }));
  room.on("change", (changes) => {
    for (const { kind, commId, keys } of changes) log.push({ event: "change", kind, comm_id: commId, keys });
  });
}

function head(comm) {
  const { state: _state, data: _data, metadata: _metadata, outputs: _outputs, ...rest } = comm.toJSON();
  return { comm_id: comm.commId, ...rest };
}

async function resolved(commId, key, encoded, missing) {
  const reading = await room.resolve(commId, key, encoded);
  missing.push(...reading.missing.map(({ message }) => message));
  return typed(reading.value);
}

/** Everything a window shows, blobs fetched: `{comms, kernels, views, missing}` as in the fixtures. */
async function dump() {
  const missing = [];
  const comms = await Promise.all(
    [...room.comms.values()].map(async (comm) => {
      const shown = head(comm);
      const { state, data, metadata, outputs } = comm.toJSON();
      if (state) {
        const reading = await room.read(comm.commId);
        missing.push(...reading.missing.map(({ message }) => message));
        shown.state = typed(reading.state).dict;
      }
      if (data !== undefined) shown.data = await resolved(comm.commId, "data", data, missing);
      if (metadata !== undefined) shown.metadata = await resolved(comm.commId, "metadata", metadata, missing);
      if (outputs) shown.outputs = await Promise.all(outputs.map((one) => resolved(comm.commId, "outputs", one, missing)));
      return shown;
    }),
  );
  return { comms, kernels: Object.fromEntries(room.comms.kernels), views: room.comms.views, missing };
}

function track({ requestId, accepted, settled }) {
  const request = { accepted, settled };
  requests.set(requestId, request);
  return requestId;
}

function onAnything(check) {
  const ends = ["change", "message", "kernel", "cell_end", "peers", "status", "failed", "log"].map((event) =>
    room.on(event, () => queueMicrotask(check)),
  );
  return () => {
    for (const end of ends) end();
  };
}

const sha256 = (view) =>
  createHash("sha256").update(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)).digest("hex");

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

serve({
  /** Joins; `watch` names keys whose encoded value is noted with each comm message, `digest` notes buffers' SHA-256 only. */
  async join({ url, watch = [], digest = false, options = {} }) {
    watched = watch;
    digesting = digest;
    const onProblem = (text, error) => problems.push(error ? `${text}: ${error.message ?? error}` : text);
    room = await joinRoom(url, { WebSocket: Socket, onProblem, ...options });
    listen();
    return { room_id: room.roomId, peer_id: room.peerId, role: room.role };
  },
  dump,
  /** The encoded values of a comm's keys as they stand in the document, without waiting. */
  encoded: ({ comm_id, keys }) => {
    const comm = room.comms.get(comm_id);
    return comm && Object.fromEntries((keys ?? Object.keys(comm.encodedState)).map((key) => [key, comm.encoded(key) ?? null]));
  },
  list: () => [...room.comms.values()].map(head),
  status: () => ({ status: room.status, kernel: room.kernel, peers: room.peers, schema: room.schemaError?.message ?? null }),
  request: ({ comm_id, state }) => track(room.request(comm_id, untyped(state))),
  /** Waits for a request: `for` is "accepted" or "settled". */
  async wait_request({ request_id, for: what = "settled" }) {
    return (await requests.get(request_id)[what]) ?? null;
  },
  async send({ comm_id, data, buffers = [] }) {
    const handle = room.send(comm_id, untyped(data), buffers.map(bytes));
    await handle.sent;
    return handle.messageId;
  },
  /** Sends `count` messages with random bytes, and sets `key` before each `step`th; returns what failed when all are handled. */
  async flood({ comm_id, key, count, bytes: size, step }) {
    const all = [];
    for (let i = 0; i < count; i++) {
      const raw = randomBytes(size);
      if (i % step === 0) room.request(comm_id, { [key]: i });
      const content = { who: key, i, sha: createHash("sha256").update(raw).digest("hex") };
      all.push(room.send(comm_id, { method: "custom", content }, [raw]).settled);
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return (await Promise.allSettled(all)).flatMap(({ reason }) => (reason ? [reason.message] : []));
  },
  async open({ comm_id, target_name, data, metadata }) {
    await room.open(comm_id, target_name, untyped(data), metadata).sent;
  },
  async close_comm({ comm_id }) {
    await room.closeComm(comm_id).sent;
  },
  hold({ comm_id, keys }) {
    holds.set(comm_id, room.hold(comm_id, keys));
  },
  release({ comm_id }) {
    holds.get(comm_id)?.();
  },
  /** Waits until a comm is there (or, `gone`, not), a key has an encoded value, there are `count` comms, or `count` events. */
  async wait({ comm_id, key, encoded, gone = false, count, events, status, kernel, timeout = 10 }) {
    const what = JSON.stringify({ comm_id, key, encoded, gone, count, events, status, kernel });
    await until(
      () => {
        if (status !== undefined) return room.status === status;
        if (kernel !== undefined) return room.kernel.status === kernel;
        if (events !== undefined) return log.filter(({ event }) => event === events).length >= count;
        if (count !== undefined) return room.comms.size >= count;
        const comm = room.comms.get(comm_id);
        if (gone || !comm) return gone && !comm;
        return key === undefined || same(comm.encoded(key), encoded);
      },
      onAnything,
      timeout,
      what,
    );
  },
  /** What was heard so far, from `since` on; `event` picks one kind. */
  events: ({ since = 0, event }) => ({
    next: log.length,
    events: log.slice(since).filter((entry) => !event || entry.event === event),
  }),
  problems: () => problems,
  /** Cuts the connection as a broken network does. */
  cut: () => sockets.at(-1)?.terminate(),
  close: () => room.close(),
  /** The size of the document, encoded by yjs. */
  size: () => Y.encodeStateAsUpdate(room.doc).length,
  /** A value as a window sends it: typed notation to `{encoded, buffers}`. */
  encode({ state }) {
    const buffers = [];
    return { encoded: encodeState(untyped(state), buffers), buffers: buffers.map(base64) };
  },
  /** What a browser reads: an encoded value, its blobs and buffers, to typed notation. */
  decode: ({ text, blobs = {}, buffers = [] }) =>
    typed(decode(JSON.parse(text), ({ $blob }) => bytes(blobs[$blob]), buffers.map(bytes))),
  /** Reads a document from its update: comm_id to `{key: typed value}`. */
  read({ update, blobs = {} }) {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, bytes(update));
    const get = ({ $blob }) => bytes(blobs[$blob]);
    return Object.fromEntries(
      [...new CommsMap(doc)].map(([commId, comm]) => [
        commId,
        Object.fromEntries(comm.keys.map((key) => [key, typed(decode(comm.encoded(key), get))])),
      ]),
    );
  },
});
