/** What the Node programs of `tests/interop` need, in one module, so that they share one yjs with the library. */

export * as decoding from "lib0/decoding";
export * as encoding from "lib0/encoding";
export { WebSocket } from "ws";
export * as sync from "y-protocols/sync";
export * as Y from "yjs";
export * from "../src/index";
export { decodeFrame, encodeFrame, frameType } from "../src/window/frames";
