/**
 * A comm's model as one hook, one view or the page has it: what it is told by `on` is its own, and ends with it.
 */

import type { AfmComm } from "./comm";
import type { AfmModel, Binary, Listener } from "./types";

/** @param owner whose listeners they are */
export function modelOf<State extends object = Record<string, unknown>>(
  comm: AfmComm,
  owner: object,
): AfmModel<State> {
  const { attributes, listeners } = comm;
  const model = {
    get: (key: string) => attributes.get(key),
    // One key and its value, or, as modules of the time before AFM do, an object of several.
    set(key: string | object, value?: unknown) {
      attributes.set(typeof key === "object" ? key : { [key]: value });
    },
    save_changes: () => comm.save(),
    on: (event: string, callback: Listener) => listeners.on(event, callback, owner),
    off: (event?: string | null, callback?: Listener | null) => listeners.off(event, callback, owner),
    send: (content: unknown, _callbacks?: unknown, buffers?: readonly Binary[]) =>
      comm.send(content, buffers),
    widget_manager: comm.widgetManager,
  };
  return model as AfmModel<State>;
}
