/** What waits and what is open of one comm's asks: the records of `requests.ts`. */

import type { Encoded, State } from "../document/elements";
import type { Deferred } from "./deferred";
import type { Asking, WindowClose, WindowMessage, WindowOpen } from "./messages";

/** What became of a request or a message in the kernel. */
export interface Settlement {
  /** What the kernel made of a request's keys, encoded. */
  state?: State;
  /** The kernel's handler raised this. */
  error?: string;
}

type Body<Frame> = Omit<Frame, "message_id" | "comm_id">;

/** Makes the frame of a message, but for its ids, from its encoded data and the indices of its buffers. */
export type MessageFrame = (
  data: Encoded,
  buffers: number[],
) => Body<WindowMessage> | Body<WindowOpen> | Body<WindowClose>;

/** A request, or a message, from when it is made until it is settled. */
export interface Ask {
  kind: "request" | "message";
  id: string;
  commId: string;
  frame: Asking;
  buffers: Uint8Array[];
  /** What a request asks for; a message asks for no key. */
  state: State;
  /** Of a message's buffers. */
  bytes: number;
  phase: "waiting" | "sent" | "accepted";
  /** A request is accepted, a message sent. */
  begun: Deferred<void>;
  settled: Deferred<Settlement>;
  /** Earlier requests that this one made needless: they end as it does. */
  covers: Ask[];
}

export interface CommQueue {
  /** Requests and messages in order until they are settled. */
  items: Ask[];
  holds: Set<{ keys: readonly string[] | null }>;
  /** Masked keys to be read again. */
  owed: Set<string>;
}

export function isMasked(queue: CommQueue, key: string): boolean {
  for (const { keys } of queue.holds) if (!keys || keys.includes(key)) return true;
  return queue.items.some((item) => asksFor(item, key));
}

export function asksFor({ phase, state }: Ask, key: string): boolean {
  return phase !== "accepted" && Object.hasOwn(state, key);
}

export function withCovered(ask: Ask): Ask[] {
  return [ask, ...ask.covers.flatMap(withCovered)];
}
