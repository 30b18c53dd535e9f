/** What ipywidgets models do on their own and a document comm does better. */

import type { WidgetModel } from "@jupyter-widgets/base";
import type { DocumentComm } from "./document-comm";

export interface Adopter {
  /** Runs `set` as a value that came from the document. */
  apply<T>(set: () => T): T;
  failed(commId: string, doing: string, error: unknown): void;
}

export function adopt(model: WidgetModel, comm: DocumentComm, adopter: Adopter): void {
  // ipywidgets holds updates back until a kernel status says idle; here the room throttles.
  Object.defineProperty(model, "_pending_msgs", { configurable: true, get: () => 0, set: () => undefined });
  const setState = model.set_state.bind(model);
  model.set_state = (state) =>
    adopter.apply(() => catching(model, adopter, () => setState(comm.withoutHeld(state))));
}

/**
 * What was set while nothing could be sent (a drag that went on while the connection was lost): ipywidgets keeps it for the next
 * `save_changes`, where it would be old. Returns the keys, which then are the document's again.
 */
export function dropUnsent(model: WidgetModel): string[] {
  const kept = model as unknown as { _buffered_state_diff: Record<string, unknown> };
  const keys = Object.keys(kept._buffered_state_diff ?? {});
  kept._buffered_state_diff = {};
  return keys;
}

/** ipywidgets would only write to the console that some listener threw, not whose. */
function catching(model: WidgetModel, adopter: Adopter, run: () => void): void {
  const set = model.set.bind(model);
  model.set = (...values: Parameters<typeof set>) => {
    try {
      return set(...values);
    } catch (error) {
      const [what] = values as unknown[];
      const keys = typeof what === "object" && what !== null ? Object.keys(what).join(", ") : String(what);
      adopter.failed(model.model_id, `a listener of ${keys}`, error);
      return model;
    }
  };
  try {
    run();
  } finally {
    delete (model as { set?: unknown }).set;
  }
}

/** The model is ipywidgets' own again. */
export function release(model: WidgetModel): void {
  const own = model as unknown as Record<string, unknown>;
  delete own._pending_msgs;
  delete own.set_state;
  own._pending_msgs = 0;
  // Echoes of what was asked of the document never come; a model that waits for its own takes nobody else's.
  (own._expectedEchoMsgIds as Map<string, string> | undefined)?.clear();
}
