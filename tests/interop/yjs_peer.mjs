// A plain y-protocols peer on our socket, driven by JSON lines (see lines.mjs): hello, then sync as any Yjs client does it.
// It heals nothing and hides nothing: what the handshake leaves out or sends twice is seen here. The document may have text and
// maps beside the comms, so that a wrong offset shows.

import { decodeFrame, decoding, encodeFrame, encoding, frameType, sync, WebSocket, Y } from "../../js-shim/dist/interop.js";
import { serve, until } from "./lines.mjs";
import { base64, bytes } from "./typed.mjs";

const SYNC = 0;
const MESSAGE = 100;

const doc = new Y.Doc();
const messages = [];
const errors = [];
const frames = { step1: 0, step2: 0, update: 0, bytes: 0 };
const listeners = new Set();
let socket;
let closed = null;
let holdStep1 = false;

const changed = () => {
  for (const listener of listeners) listener();
};

process.on("uncaughtException", (error) => {
  // yjs reports "Unexpected case" a tick after the update.
  errors.push(String(error.message ?? error));
  changed();
});
console.error = (...parts) => errors.push(parts.map((part) => String(part?.message ?? part)).join(" "));

function sendSync(write) {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, SYNC);
  write(encoder);
  socket.send(encoding.toUint8Array(encoder));
}

function receive(data) {
  frames.bytes += data.length;
  if (frameType(data) === MESSAGE) {
    const { message } = decodeFrame(data);
    messages.push(message);
    if (message.type === "welcome" && !holdStep1) step1();
    return;
  }
  if (frameType(data) !== SYNC) return;
  const decoder = decoding.createDecoder(data);
  decoding.readVarUint(decoder);
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, SYNC);
  const kind = sync.readSyncMessage(decoder, encoder, doc, "room", (error) => errors.push(String(error.message)));
  frames[["step1", "step2", "update"][kind]]++;
  if (encoding.length(encoder) > 1) socket.send(encoding.toUint8Array(encoder));
}

function step1() {
  sendSync((encoder) => sync.writeSyncStep1(encoder, doc));
}

function content(types) {
  const read = { text: (name) => doc.getText(name).toString(), array: (name) => doc.getArray(name).toJSON(), map: (name) => doc.getMap(name).toJSON() };
  return Object.fromEntries(Object.entries(types).map(([name, type]) => [name, read[type](name)]));
}

serve({
  /** Connects and says hello; with `hold`, step 1 is sent only by the command of that name. */
  connect({ url, token, hold = false }) {
    holdStep1 = hold;
    socket = new WebSocket(url, token ? ["commdoc", `commdoc.token.${token}`] : ["commdoc"]);
    socket.binaryType = "arraybuffer";
    socket.on("message", (data) => {
      try {
        receive(new Uint8Array(data));
      } catch (error) {
        errors.push(String(error.message));
      }
      changed();
    });
    socket.on("close", (code, reason) => {
      closed = { code, reason: reason.toString() };
      changed();
    });
    return new Promise((resolve, reject) => {
      socket.on("error", reject);
      socket.on("open", () => {
        socket.send(encodeFrame({ type: "hello", protocol: [1, 1], client: "yjs-peer" }));
        resolve(null);
      });
    });
  },
  step1,
  /** Writes, as a foreign peer would: `insert` a text into an array or a text. */
  write({ type, name, at, value }) {
    const before = Y.encodeStateVector(doc);
    if (type === "text") doc.getText(name).insert(at, value);
    else doc.getArray(name).insert(at, [value]);
    sendSync((encoder) => sync.writeUpdate(encoder, Y.encodeStateAsUpdate(doc, before)));
  },
  /** Sends any bytes. */
  raw: ({ data }) => socket.send(bytes(data)),
  /** What it has: of the named roots, and what it had to say. `pending` when an update refers to what never came. */
  state: ({ types }) => ({
    content: content(types),
    pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
    errors,
    frames,
    messages,
    closed,
    update: base64(Y.encodeStateAsUpdate(doc)),
  }),
  /** Waits until a root has this length, or the connection is closed. */
  wait: ({ type = "array", name = "comms", length, close = false, timeout = 10 }) =>
    until(
      () => (close ? closed : length !== undefined && (type === "text" ? doc.getText(name) : doc.getArray(name)).length >= length),
      (check) => {
        listeners.add(check);
        return () => listeners.delete(check);
      },
      timeout,
      `${type} ${name} of length ${length}`,
    ),
  close: () => socket.close(),
});
