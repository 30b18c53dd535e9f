/**
 * Commands of a comm that wait for their answer, `experimental.invoke`:
 *
 *     window                                                  kernel
 *       custom { id, kind: "anywidget-command", name, msg } ───►  runs the command
 *       ◄─────────────────────────── custom { id, response }     and its buffers
 *
 * An answer is taken as soon as it comes, also by an `initialize` for which other messages still wait. A call ends without one when
 * its signal aborts (3 s, or the caller's), or when the room says that there can be none: the kernel is gone, the command raised.
 */

import type { Ended } from "../models/source";
import type { Binary, Experimental } from "./types";

const ANSWER_MS = 3000;

type Send = (content: unknown, buffers: readonly Binary[], ended: Ended) => void;

export class Invocations {
  private readonly waiting = new Map<string, (response: unknown, buffers: DataView[]) => void>();

  constructor(private readonly send: Send) {}

  readonly invoke: Experimental["invoke"] = (name, message, options = {}) => {
    const { buffers = [], signal = AbortSignal.timeout(ANSWER_MS) } = options;
    const id = newId();
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const end = (finish: () => void) => {
        this.waiting.delete(id);
        signal.removeEventListener("abort", aborted);
        finish();
      };
      const aborted = () => end(() => reject(signal.reason));
      signal.addEventListener("abort", aborted);
      this.waiting.set(id, (response, answered) => end(() => resolve([response as never, answered])));
      this.send({ id, kind: "anywidget-command", name, msg: message }, buffers, (error) => {
        if (error !== undefined) end(() => reject(error));
      });
    });
  };

  /** A custom message came; it may be an answer. */
  heard(content: unknown, buffers: DataView[]): void {
    if (typeof content !== "object" || content === null) return;
    const { id, response } = content as { id?: unknown; response?: unknown };
    if (typeof id === "string") this.waiting.get(id)?.(response, buffers);
  }
}

/** `crypto.randomUUID` is there only in a secure page; a server may be spoken to over http. */
function newId(): string {
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) =>
    byte.toString(16).padStart(2, "0"),
  );
  return hex.join("");
}
