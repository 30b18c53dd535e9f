/**
 * A room whose document this window has already: the notebook's own, by the socket of a collaboration extension.
 *
 * The room is told so (`hello {document: false}`) and sends events, blobs and news, no updates. Those come from the notebook's
 * document, which is only read here: what changes in it is given to the connection as if the room had sent it. The
 * connection's copy is what a widget is drawn from, so nothing of ours is ever written into the notebook, and an event waits for
 * the state before it (`after`), whichever road was faster.
 */

import * as encoding from "lib0/encoding";
import { messageYjsSyncStep2, messageYjsUpdate } from "y-protocols/sync";
import * as Y from "yjs";
import { decodeFrame, encodeFrame, frameType, MESSAGE, SYNC } from "../window/frames";
import type { Connect } from "../window/transport";

/** @param document the notebook's document at the time of connecting, if it is shared */
export function sharedConnect(connect: Connect, document: () => Y.Doc | null): Connect {
  return (events) => {
    let doc: Y.Doc | null = null;
    const give = (step: number, update: Uint8Array): void => events.frame(syncFrame(step, update));
    const forward = (update: Uint8Array): void => give(messageYjsUpdate, update);
    const leave = (): void => doc?.off("update", forward);
    const transport = connect({
      open() {
        doc = document();
        events.open();
      },
      frame(data) {
        events.frame(data);
        if (doc === null || !isWelcome(data)) return;
        give(messageYjsSyncStep2, Y.encodeStateAsUpdate(doc));
        doc.on("update", forward);
      },
      close(code, reason) {
        leave();
        events.close(code, reason);
      },
    });
    return {
      send(frame) {
        if (doc === null) return transport.send(frame);
        if (frameType(frame) === SYNC) return; // the room has no need of it
        const { message, buffers } = decodeFrame(frame);
        const isHello = (message as { type: string }).type === "hello";
        transport.send(isHello ? encodeFrame({ ...message, document: false } as never, buffers) : frame);
      },
      close(code, reason) {
        leave();
        transport.close(code, reason);
      },
    };
  };
}

function isWelcome(frame: Uint8Array): boolean {
  return frameType(frame) === MESSAGE && decodeFrame(frame).message.type === "welcome";
}

function syncFrame(step: number, update: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, SYNC);
  encoding.writeVarUint(encoder, step);
  encoding.writeVarUint8Array(encoder, update);
  return encoding.toUint8Array(encoder);
}
