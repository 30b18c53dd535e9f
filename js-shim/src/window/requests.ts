/**
 * What this window asks of the kernel: changes of state and custom messages, in order, per comm.
 *
 *     window                     room                        kernel
 *       request ────────────────►  writes the document
 *               ◄──────── accepted   comm_msg ──────────────►  handles it
 *               ◄──────── settled  ◄──────────────────────────  what it made of it
 *
 * One request per comm is under way until it is accepted; later ones wait here, and one is dropped when its keys are
 * all in later ones (never across a custom message, and requests are never combined into one: `{value: 50}` then
 * `{step: -1}` must stay two). A custom message sends everything that waits before it.
 *
 * A key with an open request of our own, or one that a UI holds, is *masked*: the document's changes of it are kept from
 * the UI, and it is read again, whether it changed or not, when the mask goes.
 */

import type { Encoded, State } from "../document/elements";
import type { Change } from "../document/entry";
import { encode, encodeState } from "../document/values";
import { RequestError } from "./errors";
import type { FailureCode, FromWindow } from "./messages";

/** What became of a request in the kernel. */
export interface Settlement {
  /** What the kernel made of the request's keys, encoded. */
  state?: State;
  /** The kernel's handler raised this. */
  error?: string;
}

/** A request under way. Both promises reject with a `RequestError` when it fails. */
export interface RequestHandle {
  requestId: string;
  /** The document has it. */
  accepted: Promise<void>;
  /** The kernel handled it, and the document has what came of it. */
  settled: Promise<Settlement>;
}

export interface RequestsOptions {
  /** Sends a frame; only called while online. Throws a `RequestError` for one that the room would refuse. */
  send(message: FromWindow, buffers: readonly Uint8Array[]): void;
  /** These keys are to be shown as the document has them. */
  reread(commId: string, keys: string[]): void;
  /** A unique id. */
  newId(): string;
  /** How long a request waits without a connection. */
  expireMs: number;
}

type Phase = "waiting" | "sent" | "accepted";

interface OpenRequest {
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

interface Message {
  kind: "message";
  commId: string;
  build(): [FromWindow, Uint8Array[]];
  sent: Deferred<void>;
}

interface CommQueue {
  /** Requests in order until they are settled, messages until they are sent. */
  items: (OpenRequest | Message)[];
  holds: Set<{ keys: readonly string[] | null }>;
  /** Masked keys to be read again. */
  owed: Set<string>;
}

export class Requests {
  readonly #comms = new Map<string, CommQueue>();
  readonly #byId = new Map<string, OpenRequest>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #online = false;

  constructor(readonly options: RequestsOptions) {}

  /** Asks for a change of some keys. Binary parts are copied now. */
  request(commId: string, state: object): RequestHandle {
    const buffers: Uint8Array[] = [];
    const request: OpenRequest = {
      kind: "request",
      id: this.options.newId(),
      commId,
      state: encodeState(state, buffers),
      buffers,
      phase: "waiting",
      accepted: new Deferred(),
      settled: new Deferred(),
      covers: [],
    };
    const queue = this.#queue(commId);
    for (const key of Object.keys(request.state)) queue.owed.add(key);
    queue.items.push(request);
    this.#byId.set(request.id, request);
    this.#dropNeedless(queue);
    this.#expireLater([request]);
    this.#pump(queue);
    return { requestId: request.id, accepted: request.accepted.promise, settled: request.settled.promise };
  }

  /** Sends something that isn't state, after everything that waits. The promise ends when it is handed to the socket. */
  message(commId: string, data: unknown, buffers: readonly Uint8Array[], wrap: MessageFrame): Promise<void> {
    const parts: Uint8Array[] = [];
    const encoded = encode(data, parts) ?? null;
    const own = buffers.map((buffer) => parts.push(buffer.slice()) - 1);
    const message: Message = {
      kind: "message",
      commId,
      build: () => [wrap(encoded, own), parts],
      sent: new Deferred(),
    };
    const queue = this.#queue(commId);
    queue.items.push(message);
    this.#expireLater([message]);
    this.#pump(queue);
    return message.sent.promise;
  }

  /** How many comms have anything open or held. */
  get openComms(): number {
    return this.#comms.size;
  }

  /** Whether the document's value of a key is kept from the UI. */
  masked(commId: string, key: string): boolean {
    const queue = this.#comms.get(commId);
    return queue !== undefined && isMasked(queue, key);
  }

  /** The newest own value of a key that is not accepted yet. */
  own(commId: string, key: string): { encoded: Encoded; buffers: Uint8Array[] } | undefined {
    const item = this.#comms.get(commId)?.items.findLast((item) => asksFor(item, key));
    if (item?.kind !== "request") return undefined;
    return { encoded: item.state[key] as Encoded, buffers: item.buffers };
  }

  /**
   * Keeps the document's changes of some keys (of all, without `keys`) from the UI while a hand is on it.
   *
   * @returns ends it; the keys are read again
   */
  hold(commId: string, keys: readonly string[] | null = null): () => void {
    const queue = this.#queue(commId);
    const hold = { keys };
    queue.holds.add(hold);
    return () => {
      if (!queue.holds.delete(hold)) return;
      for (const key of keys ?? []) queue.owed.add(key);
      this.#release(commId, queue);
    };
  }

  /** Takes out what is masked; it comes later by `reread`. */
  filter(changes: readonly Change[]): Change[] {
    return changes.flatMap((change) => {
      const queue = change.kind === "updated" ? this.#comms.get(change.commId) : undefined;
      if (!queue) return [change];
      const shown = change.keys.filter((key) => !isMasked(queue, key));
      for (const key of change.keys) if (!shown.includes(key)) queue.owed.add(key);
      return shown.length > 0 ? [{ ...change, keys: shown }] : [];
    });
  }

  accepted(id: string): void {
    const request = this.#byId.get(id);
    if (!request) return;
    request.phase = "accepted";
    for (const one of withCovered(request)) one.accepted.resolve();
    const queue = this.#queue(request.commId);
    this.#pump(queue);
    this.#release(request.commId, queue);
  }

  settled(id: string, settlement: Settlement): void {
    const request = this.#byId.get(id);
    if (!request) return;
    this.#end(request, (one) => {
      one.accepted.resolve();
      one.settled.resolve(settlement);
    });
  }

  failed(id: string, code: FailureCode | "closed", reason: string): void {
    const request = this.#byId.get(id);
    if (!request) return;
    const queue = this.#queue(request.commId);
    const later = code === "superseded" ? queue.items.findLast((item) => item.kind === "request") : undefined;
    if (later?.kind === "request" && later !== request) {
      // The room dropped it for later ones: it ends as they do, as if it had been dropped here.
      this.#byId.delete(id);
      this.#remove(request);
      later.covers.push(request);
      this.#pump(queue);
    } else {
      this.#fail(request, code, reason);
    }
  }

  /** There is a connection. What had no final answer is asked again under its id; then what waits. */
  resume(): void {
    this.#online = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const queue of [...this.#comms.values()]) {
      for (const item of [...queue.items]) {
        if (item.kind === "request" && item.phase !== "waiting") this.#send(item);
      }
      this.#pump(queue);
    }
  }

  /** The connection is gone; what is open expires unless `resume` comes in time. */
  suspend(): void {
    this.#online = false;
    this.#expireLater([...this.#comms.values()].flatMap(({ items }) => items));
  }

  /** Ends everything that is open. */
  failAll(code: FailureCode | "closed", reason: string): void {
    for (const { items } of [...this.#comms.values()]) {
      for (const item of [...items]) this.#fail(item, code, reason);
    }
  }

  #queue(commId: string): CommQueue {
    let queue = this.#comms.get(commId);
    if (!queue) {
      queue = { items: [], holds: new Set(), owed: new Set() };
      this.#comms.set(commId, queue);
    }
    return queue;
  }

  #dropNeedless(queue: CommQueue): void {
    const later = new Set<string>();
    const newest = queue.items.at(-1) as OpenRequest;
    for (let n = queue.items.length - 1; n >= 0; n--) {
      const item = queue.items[n];
      if (item?.kind !== "request" || item.phase !== "waiting") return;
      const keys = Object.keys(item.state);
      if (item !== newest && keys.every((key) => later.has(key))) {
        queue.items.splice(n, 1);
        this.#byId.delete(item.id);
        newest.covers.push(item);
      }
      for (const key of keys) later.add(key);
    }
  }

  #pump(queue: CommQueue): void {
    if (!this.#online) return;
    const lastMessage = queue.items.findLastIndex(({ kind }) => kind === "message");
    for (const item of queue.items.slice(0, lastMessage + 1)) {
      if (item.kind === "message" || item.phase === "waiting") this.#send(item);
    }
    const underWay = queue.items.some((item) => item.kind === "request" && item.phase === "sent");
    const next = queue.items.find((item) => item.kind === "request" && item.phase === "waiting");
    if (next && !underWay) this.#send(next);
  }

  #send(item: OpenRequest | Message): void {
    try {
      if (item.kind === "message") {
        this.options.send(...item.build());
        this.#remove(item);
        item.sent.resolve();
        this.#release(item.commId, this.#queue(item.commId));
      } else {
        if (item.phase === "waiting") item.phase = "sent";
        const { id, commId, state, buffers } = item;
        this.options.send({ type: "request", request_id: id, comm_id: commId, state }, buffers);
      }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#fail(item, error.code, error.message);
    }
  }

  #fail(item: OpenRequest | Message, code: FailureCode | "closed", reason: string): void {
    const error = new RequestError(`comm ${item.commId}: ${reason}`, code, item.commId);
    if (item.kind === "message") {
      this.#remove(item);
      item.sent.reject(error);
      return;
    }
    this.#end(item, (one) => {
      one.accepted.reject(error);
      one.settled.reject(error);
    });
  }

  #end(request: OpenRequest, finish: (request: OpenRequest) => void): void {
    const queue = this.#queue(request.commId);
    this.#byId.delete(request.id);
    for (const key of Object.keys(request.state)) queue.owed.add(key);
    this.#remove(request);
    for (const one of withCovered(request)) finish(one);
    this.#pump(queue);
    this.#release(request.commId, queue);
  }

  #remove(item: OpenRequest | Message): void {
    const { items } = this.#queue(item.commId);
    const at = items.indexOf(item);
    if (at >= 0) items.splice(at, 1);
  }

  /** Has the keys that are no longer masked read again. */
  #release(commId: string, queue: CommQueue): void {
    const keys = [...queue.owed].filter((key) => !isMasked(queue, key));
    for (const key of keys) queue.owed.delete(key);
    if (queue.items.length === 0 && queue.holds.size === 0 && queue.owed.size === 0)
      this.#comms.delete(commId);
    if (keys.length > 0) this.options.reread(commId, keys);
  }

  #expireLater(items: readonly (OpenRequest | Message)[]): void {
    if (this.#online || items.length === 0) return;
    const { expireMs } = this.options;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      for (const item of items) {
        if (this.#comms.get(item.commId)?.items.includes(item)) {
          this.#fail(item, "expired", `no connection to the room for ${expireMs / 1000} s`);
        }
      }
    }, expireMs);
    this.#timers.add(timer);
  }
}

/** Makes the frame of a message from its encoded data and the indices of its buffers. */
export type MessageFrame = (data: Encoded, buffers: number[]) => FromWindow;

function isMasked(queue: CommQueue, key: string): boolean {
  for (const { keys } of queue.holds) if (!keys || keys.includes(key)) return true;
  return queue.items.some((item) => asksFor(item, key));
}

function asksFor(item: OpenRequest | Message, key: string): boolean {
  return item.kind === "request" && item.phase !== "accepted" && Object.hasOwn(item.state, key);
}

function withCovered(request: OpenRequest): OpenRequest[] {
  return [request, ...request.covers.flatMap(withCovered)];
}

class Deferred<T> {
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
