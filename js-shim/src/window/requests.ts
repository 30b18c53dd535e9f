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
 * `{step: -1}` must stay two). A custom message sends everything that waits before it. As many messages are under way as
 * the room says that the kernel should have of one window; `settled` comes for each, and makes room for the next.
 *
 * A key with an open request of our own, or one that a UI holds, is *masked*: the document's changes of it are kept from
 * the UI, and it is read again, whether it changed or not, when the mask goes.
 */

import type { Encoded } from "../document/elements";
import { ensure } from "../document/ensure";
import type { Change } from "../document/entry";
import { encode, encodeState } from "../document/values";
import { Deferred } from "./deferred";
import { RequestError } from "./errors";
import type { Asking, FailureCode } from "./messages";
import {
  type Ask,
  asksFor,
  type CommQueue,
  isMasked,
  type MessageFrame,
  type Settlement,
  withCovered,
} from "./queue";

export type { MessageFrame, Settlement } from "./queue";

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
  send(message: Asking, buffers: readonly Uint8Array[]): void;
  /** These keys are to be shown as the document has them. */
  reread(commId: string, keys: string[]): void;
  /** A unique id. */
  newId(): string;
  /** How long a request waits without a connection. */
  expireMs: number;
}

/** A message under way. Both promises reject with a `RequestError` when it fails. */
export interface MessagePromises {
  /** Handed to the socket. */
  sent: Promise<void>;
  /** The kernel handled it; `error` is what was raised meanwhile. */
  settled: Promise<Settlement>;
}

/** What this window keeps of messages that can't be sent yet: for a room that is away, a kernel that is busy. */
const MOST_BYTES = 64 * 1024 * 1024;

export class Requests {
  readonly #comms = new Map<string, CommQueue>();
  /** All that is open, in the order in which it was asked. */
  readonly #byId = new Map<string, Ask>();
  /** Messages that have not gone yet: none overtakes one of another comm. */
  readonly #waiting = new Set<Ask>();
  readonly #underWay = new Set<Ask>();
  #limits: { messages: number; bytes: number } | null = null;
  #messageBytes = 0;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #online = false;

  constructor(readonly options: RequestsOptions) {}

  /** Asks for a change of some keys. Binary parts are copied now. */
  request(commId: string, state: object): RequestHandle {
    const id = this.options.newId();
    const buffers: Uint8Array[] = [];
    const encoded = encodeState(state, buffers);
    const frame: Asking = { type: "request", request_id: id, comm_id: commId, state: encoded };
    const request = ask({ kind: "request", id, commId, frame, buffers, state: encoded, bytes: 0 });
    this.#dropNeedless(request);
    this.#add(request);
    return { requestId: id, accepted: request.begun.promise, settled: request.settled.promise };
  }

  /** Sends something that isn't state, after everything that waits. */
  message(
    id: string,
    commId: string,
    data: unknown,
    buffers: readonly Uint8Array[],
    wrap: MessageFrame,
  ): MessagePromises {
    const parts: Uint8Array[] = [];
    const encoded = encode(data, parts) ?? null;
    const own = buffers.map((buffer) => parts.push(buffer.slice()) - 1);
    const frame = { ...wrap(encoded, own), message_id: id, comm_id: commId };
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    const message = ask({ kind: "message", id, commId, frame, buffers: parts, state: {}, bytes });
    if (this.#messageBytes > 0 && this.#messageBytes + bytes > MOST_BYTES) {
      const reason = `${this.#messageBytes} bytes wait in this window, the limit is ${MOST_BYTES}`;
      reject(message, "too_large", reason);
    } else {
      this.#messageBytes += bytes;
      this.#waiting.add(message);
      this.#add(message);
    }
    return { sent: message.begun.promise, settled: message.settled.promise };
  }

  /** How many messages, and bytes of them, may be under way; without it a message is over when it was sent. */
  limit(messages: number | undefined, bytes: number | undefined): void {
    this.#limits = messages === undefined || bytes === undefined ? null : { messages, bytes };
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
    return item && { encoded: item.state[key] as Encoded, buffers: item.buffers };
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
      this.#proceed(commId);
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
    if (request?.kind !== "request") return;
    request.phase = "accepted";
    for (const one of withCovered(request)) one.begun.resolve();
    this.#proceed(request.commId);
  }

  settled(id: string, settlement: Settlement): void {
    this.#end(this.#byId.get(id), (one) => {
      one.begun.resolve();
      one.settled.resolve(settlement);
    });
  }

  failed(id: string, code: FailureCode | "closed", reason: string): void {
    const item = this.#byId.get(id);
    const last =
      item?.kind === "request" && code === "superseded"
        ? this.#queue(item.commId).items.findLast(({ kind }) => kind === "request")
        : item;
    if (item && last && last !== item) {
      // The room dropped it for later ones: it ends as they do, as if it had been dropped here.
      this.#remove(item);
      last.covers.push(item);
      this.#proceed(item.commId);
    } else {
      this.#end(item, (one) => reject(one, code, reason));
    }
  }

  /** There is a connection. What had no final answer is asked again under its id; then what waits. */
  resume(): void {
    this.#online = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const item of [...this.#byId.values()]) if (item.phase !== "waiting") this.#send(item);
    for (const commId of [...this.#comms.keys()]) this.#proceed(commId);
    this.#proceedWaiting();
  }

  /** The connection is gone; what is open expires unless `resume` comes in time. */
  suspend(): void {
    this.#online = false;
    this.#expireLater([...this.#byId.keys()]);
  }

  /** Ends everything that is open. */
  failAll(code: FailureCode | "closed", reason: string): void {
    for (const id of [...this.#byId.keys()]) this.failed(id, code, reason);
  }

  #queue(commId: string): CommQueue {
    return ensure(this.#comms, commId, () => ({ items: [], holds: new Set(), owed: new Set() }));
  }

  #add(item: Ask): void {
    this.#byId.set(item.id, item);
    const { items, owed } = this.#queue(item.commId);
    items.push(item);
    for (const key of Object.keys(item.state)) owed.add(key);
    this.#expireLater([item.id]);
    if (this.#online) this.#pump(items);
  }

  /** Drops the requests at the queue's end of which a new one, and those behind them, have all keys. */
  #dropNeedless(request: Ask): void {
    const later = new Set(Object.keys(request.state));
    for (const item of [...this.#queue(request.commId).items].reverse()) {
      if (item.kind !== "request" || item.phase !== "waiting") return;
      const keys = Object.keys(item.state);
      if (keys.every((key) => later.has(key))) {
        this.#remove(item);
        request.covers.push(item);
      }
      for (const key of keys) later.add(key);
    }
  }

  /** Sends what may go, and has the keys that are no longer masked read again. */
  #proceed(commId: string): void {
    const queue = this.#queue(commId);
    if (this.#online) this.#pump(queue.items);
    const keys = [...queue.owed].filter((key) => !isMasked(queue, key));
    for (const key of keys) queue.owed.delete(key);
    const isOver = queue.items.length + queue.holds.size + queue.owed.size === 0;
    // A failure may have been told meanwhile, and who was told it may have asked again.
    if (isOver && this.#comms.get(commId) === queue) this.#comms.delete(commId);
    if (keys.length > 0) this.options.reread(commId, keys);
  }

  #pump(items: readonly Ask[]): void {
    const lastMessage = items.findLastIndex((item) => this.#waiting.has(item));
    for (const item of items.slice(0, lastMessage + 1)) {
      if (item.phase !== "waiting") continue;
      if (item.kind === "message" && !this.#mayGo(item)) return; // what is behind it waits with it
      this.#send(item);
    }
    const next = items.find(({ kind, phase }) => kind === "request" && phase !== "accepted");
    if (next?.phase === "waiting") this.#send(next);
  }

  #mayGo(message: Ask): boolean {
    const [first] = this.#waiting;
    if (first !== message) return false;
    if (!this.#limits) return true;
    const { messages, bytes } = this.#limits;
    let underWay = 0;
    for (const item of this.#underWay) underWay += item.bytes;
    return this.#underWay.size < messages && underWay < bytes;
  }

  #send(item: Ask): void {
    const isMessage = item.kind === "message";
    if (item.phase === "waiting") item.phase = "sent";
    if (isMessage) {
      this.#waiting.delete(item);
      this.#underWay.add(item);
    }
    try {
      this.options.send(item.frame, item.buffers);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.failed(item.id, error.code, error.message);
      return;
    }
    if (isMessage) item.begun.resolve();
    if (isMessage && !this.#limits) this.settled(item.id, {});
  }

  #proceedWaiting(): void {
    for (const first of this.#waiting) {
      if (!this.#online || !this.#mayGo(first)) return;
      this.#proceed(first.commId);
    }
  }

  #end(item: Ask | undefined, finish: (item: Ask) => void): void {
    if (!item) return;
    this.#remove(item);
    const { owed } = this.#queue(item.commId);
    for (const key of Object.keys(item.state)) owed.add(key);
    for (const one of withCovered(item)) finish(one);
    this.#proceed(item.commId);
    this.#proceedWaiting();
  }

  #remove(item: Ask): void {
    const { items } = this.#queue(item.commId);
    const at = items.indexOf(item);
    if (at >= 0) items.splice(at, 1);
    this.#byId.delete(item.id);
    this.#waiting.delete(item);
    this.#underWay.delete(item);
    this.#messageBytes -= item.bytes;
  }

  #expireLater(ids: readonly string[]): void {
    if (this.#online || ids.length === 0) return;
    const { expireMs } = this.options;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      for (const id of ids) this.failed(id, "expired", `no connection to the room for ${expireMs / 1000} s`);
    }, expireMs);
    this.#timers.add(timer);
  }
}

function ask(given: Omit<Ask, "phase" | "begun" | "settled" | "covers">): Ask {
  return { ...given, phase: "waiting", begun: new Deferred(), settled: new Deferred(), covers: [] };
}

function reject({ commId, begun, settled }: Ask, code: FailureCode | "closed", reason: string): void {
  const error = new RequestError(`comm ${commId}: ${reason}`, code, commId);
  begun.reject(error);
  settled.reject(error);
}
