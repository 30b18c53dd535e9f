/** What waits and what is open of one comm's asks: the records of `requests.ts`. */

import type { Encoded, State } from "../document/elements";
import type { FromWindow } from "./messages";

/** What became of a request or a message in the kernel. */
export interface Settlement {
  /** What the kernel made of a request's keys, encoded. */
  state?: State;
  /** The kernel's handler raised this. */
  error?: string;
}

/** Makes the frame of a message from its encoded data and the indices of its buffers. */
export type MessageFrame = (data: Encoded, buffers: number[]) => FromWindow;

type Phase = "waiting" | "sent" | "accepted";

export interface OpenRequest {
  kind: "request";
  id: string;
  commId: string;
  state: State;
  buffers: Uint8Array[];
  phase: Phase;
  accepted: Deferred<void>;
  settled: Deferred<Settlement>;
  /** Earlier requests that this one made needless: they end as it does. */
  covers: OpenRequest[];
}

export interface Message {
  kind: "message";
  id: string;
  commId: string;
  phase: "waiting" | "sent";
  build(): [FromWindow, Uint8Array[]];
  /** Of its buffers. */
  bytes: number;
  sent: Deferred<void>;
  settled: Deferred<Settlement>;
}

export interface CommQueue {
  /** Requests and messages in order until they are settled. */
  items: (OpenRequest | Message)[];
  holds: Set<{ keys: readonly string[] | null }>;
  /** Masked keys to be read again. */
  owed: Set<string>;
}

export function isMasked(queue: CommQueue, key: string): boolean {
  for (const { keys } of queue.holds) if (!keys || keys.includes(key)) return true;
  return queue.items.some((item) => asksFor(item, key));
}

export function asksFor(item: OpenRequest | Message, key: string): boolean {
  return item.kind === "request" && item.phase !== "accepted" && Object.hasOwn(item.state, key);
}

export function withCovered(request: OpenRequest): OpenRequest[] {
  return [request, ...request.covers.flatMap(withCovered)];
}

export class Deferred<T> {
  resolve!: (value: T) => void;
  reject!: (error: Error) => void;
  readonly promise: Promise<T>;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Who doesn't ask how it ended must not see an unhandled rejection.
    this.promise.catch(() => {});
  }
}
