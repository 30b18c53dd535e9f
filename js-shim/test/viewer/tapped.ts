/** A page around a window, as `viewer.ts` makes it, without a page: what the room says goes past the tap to the window. */

import type { Tap } from "../../src/viewer/inspector/tap";
import { look } from "../../src/viewer/look";
import type { ToWindow } from "../../src/window/messages";
import type { Connect } from "../../src/window/transport";

/** @param header told what the header is told */
export function tapped(
  connect: Connect,
  tap: Tap,
  header: (message: ToWindow) => void = () => undefined,
): Connect {
  return (events) => {
    const line = connect({
      open: () => events.open(),
      frame: (data) => {
        if (!look(data, { take: header }, tap)) events.frame(data);
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
