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
import type { Change } from "../document/entry";
import { encode, encodeState } from "../document/values";
import { RequestError } from "./errors";
import type { FailureCode, FromWindow } from "./messages";
import {
  asksFor,
  type CommQueue,
  Deferred,
  isMasked,
  type Message,
  type MessageFrame,
  type OpenRequest,
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
  send(message: FromWindow, buffers: readonly Uint8Array[]): void;
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
  readonly #byId = new Map<string, OpenRequest | Message>();
  /** Messages that have not gone yet, in the order in which they were asked: none overtakes one of another comm. */
  readonly #waiting = new Set<Message>();
  #limits: { messages: number; bytes: number } | null = null;
  #underWay = { messages: 0, bytes: 0 };
  #messageBytes = 0;
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
    const message: Message = {
      kind: "message",
      id,
      commId,
      phase: "waiting",
      build: () => [wrap(encoded, own), parts],
      bytes: parts.reduce((sum, { length }) => sum + length, 0),
      sent: new Deferred(),
      settled: new Deferred(),
    };
    const { sent, settled } = message;
    if (this.#messageBytes > 0 && this.#messageBytes + message.bytes > MOST_BYTES) {
      const reason = `${this.#messageBytes} bytes wait in this window, the limit is ${MOST_BYTES}`;
      this.#reject(message, "too_large", reason);
      return { sent: sent.promise, settled: settled.promise };
    }
    const queue = this.#queue(commId);
    queue.items.push(message);
    this.#waiting.add(message);
    this.#byId.set(id, message);
    this.#messageBytes += message.bytes;
    this.#expireLater([message]);
    this.#pump(queue);
    return { sent: sent.promise, settled: settled.promise };
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
    if (request?.kind !== "request") return;
    request.phase = "accepted";
    for (const one of withCovered(request)) one.accepted.resolve();
    const queue = this.#queue(request.commId);
    this.#pump(queue);
    this.#release(request.commId, queue);
  }

  settled(id: string, settlement: Settlement): void {
    const item = this.#byId.get(id);
    if (item?.kind === "message") {
      item.settled.resolve(settlement);
      this.#endMessage(item);
    } else if (item) {
      this.#end(item, (one) => {
        one.accepted.resolve();
        one.settled.resolve(settlement);
      });
    }
  }

  failed(id: string, code: FailureCode | "closed", reason: string): void {
    const request = this.#byId.get(id);
    if (!request) return;
    const queue = this.#queue(request.commId);
    const later =
      request.kind === "request" && code === "superseded"
        ? queue.items.findLast((item) => item.kind === "request")
        : undefined;
    if (request.kind === "request" && later && later.kind === "request" && later !== request) {
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
      for (const item of [...queue.items]) if (item.phase !== "waiting") this.#send(item);
      this.#pump(queue);
    }
    this.#pumpWaiting();
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
    const lastMessage = queue.items.findLastIndex(
      ({ kind, phase }) => kind === "message" && phase === "waiting",
    );
    for (const item of queue.items.slice(0, lastMessage + 1)) {
      if (item.phase !== "waiting") continue;
      if (item.kind === "message" && !this.#mayGo(item)) return; // what is behind it waits with it
      this.#send(item);
    }
    const underWay = queue.items.some((item) => item.kind === "request" && item.phase === "sent");
    const next = queue.items.find((item) => item.kind === "request" && item.phase === "waiting");
    if (next && !underWay) this.#send(next);
  }

  #mayGo(message: Message): boolean {
    const [first] = this.#waiting;
    const { messages, bytes } = this.#underWay;
    if (first !== message) return false;
    return !this.#limits || (messages < this.#limits.messages && bytes < this.#limits.bytes);
  }

  #send(item: OpenRequest | Message): void {
    try {
      if (item.kind === "message") this.#sendMessage(item);
      else {
        if (item.phase === "waiting") item.phase = "sent";
        const { id, commId, state, buffers } = item;
        this.options.send({ type: "request", request_id: id, comm_id: commId, state }, buffers);
      }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#fail(item, error.code, error.message);
    }
  }

  #sendMessage(item: Message): void {
    this.#waiting.delete(item);
    if (item.phase === "waiting") {
      item.phase = "sent";
      this.#underWay.messages += 1;
      this.#underWay.bytes += item.bytes;
    }
    this.options.send(...item.build());
    item.sent.resolve();
    if (this.#limits) return;
    item.settled.resolve({});
    this.#endMessage(item);
  }

  #endMessage(item: Message): void {
    this.#waiting.delete(item);
    this.#byId.delete(item.id);
    this.#remove(item);
    this.#messageBytes -= item.bytes;
    if (item.phase === "sent") {
      this.#underWay.messages -= 1;
      this.#underWay.bytes -= item.bytes;
    }
    this.#release(item.commId, this.#queue(item.commId));
    this.#pumpWaiting();
  }

  #pumpWaiting(): void {
    for (let [first] = this.#waiting; first && this.#mayGo(first); ) {
      this.#pump(this.#queue(first.commId));
      const [next] = this.#waiting;
      if (next === first) return;
      first = next;
    }
  }

  #reject(message: Message, code: FailureCode | "closed", reason: string): void {
    const error = new RequestError(`comm ${message.commId}: ${reason}`, code, message.commId);
    message.sent.reject(error);
    message.settled.reject(error);
  }

  #fail(item: OpenRequest | Message, code: FailureCode | "closed", reason: string): void {
    if (item.kind === "message") {
      this.#reject(item, code, reason);
      this.#endMessage(item);
      return;
    }
    const error = new RequestError(`comm ${item.commId}: ${reason}`, code, item.commId);
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
