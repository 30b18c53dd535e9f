/** A look at a frame of the room on its way through the page: the header is told, and the inspector's tap. */

import { decodeFrame, frameType, MESSAGE, SYNC } from "../window/frames";
import type { ToWindow } from "../window/messages";
import type { Tap } from "./inspector/tap";

/** @returns whether it was for the page alone */
export function look(data: Uint8Array, header: { take(message: ToWindow): void }, tap: Tap): boolean {
  try {
    const type = frameType(data);
    if (type === SYNC) return tap.sync(data);
    if (type !== MESSAGE) return false;
    const { message } = decodeFrame(data);
    header.take(message);
    return tap.message(message);
  } catch {
    // The frame's own reader refuses it, with the reason.
    return false;
  }
}
