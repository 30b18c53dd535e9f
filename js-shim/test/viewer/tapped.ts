/** A page around a window, as `viewer.ts` makes it, without a page: what the room says goes past the tap to the window. */

import type { Tap } from "../../src/viewer/inspector/tap";
import { look } from "../../src/viewer/look";
import type { ToWindow } from "../../src/window/messages";
import type { Connect } from "../../src/window/transport";

/** @param passed told each frame that the window gets */
export function tapped(
  connect: Connect,
  tap: Tap,
  passed: (data: Uint8Array) => void = () => undefined,
): Connect {
  const header = { take: (_: ToWindow) => undefined };
  return (events) => {
    const line = connect({
      open: () => events.open(),
      frame: (data) => {
        if (look(data, header, tap)) return;
        passed(data);
        events.frame(data);
      },
      close: (code, reason) => {
        tap.lost();
        events.close(code, reason);
      },
    });
    tap.connecting(line);
    return line;
  };
}
