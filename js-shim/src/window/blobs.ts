/**
 * The blobs of a room, as far as this window needs them.
 *
 * New ones are pushed by the room; any other is asked for when somebody reads it, many in one `get_blobs`, one ask
 * under way at a time. One that a live entry named and names no more is dropped, one that none ever named after a
 * grace time. One that is missing fails for who asked; the others go on.
 */

import type { BlobSentinel } from "../document/elements";
import { ensure } from "../document/ensure";
import { decodeText } from "../document/values";
import { Deferred } from "./deferred";
import { BlobError } from "./errors";
import type { Blobs as BlobsMessage } from "./messages";

/** Bytes asked for at once: other windows' frames and our own updates get through in between. */
const ASK_BYTES = 4 * 1024 * 1024;
/** A room keeps a blob that nobody names for 60 s; so do we. */
const GRACE_MS = 60_000;
/** Blobs that were pushed and never named, all together: a slow window may be sent only the last of their updates. */
const UNNAMED_BYTES = 64 * 1024 * 1024;

export interface BlobsOptions {
  /** Sends `get_blobs`. Nothing happens while there is no connection; `resume` asks again. */
  ask(hashes: string[]): void;
  /** Hash to count, of the blobs that live elements name. */
  named(): ReadonlyMap<string, number>;
  /** How long an answer may make no progress. */
  timeoutMs: number;
}

interface Cached {
  bytes: Uint8Array;
  text?: string;
  wasNamed: boolean;
  since: number;
}

interface Wanted {
  size: number;
  /** Empty when the blob is here, else why it doesn't come. */
  problem: Deferred<string>;
}

export class Blobs {
  readonly #cache = new Map<string, Cached>();
  readonly #wanted = new Map<string, Wanted>();
  /** Of the wanted ones those of the ask that is under way. */
  readonly #asked = new Set<string>();
  #scheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly options: BlobsOptions) {}

  /** The content of a blob that is here, as `decode` takes it. */
  get(blob: BlobSentinel): Uint8Array | string | undefined {
    const cached = this.#cache.get(blob.$blob);
    if (!cached || blob.type !== "text") return cached?.bytes;
    try {
      // A thousand instances of a class share one source text.
      cached.text ??= decodeText(cached.bytes);
      return cached.text;
    } catch {
      return cached.bytes; // no UTF-8: whoever decodes it says of which key
    }
  }

  /** Waits until a blob is here. Rejects with a `BlobError` that names comm, key and hash. */
  async fetch({ $blob: hash, size }: BlobSentinel, commId: string, key: string): Promise<void> {
    if (this.#cache.has(hash)) return;
    const wanted = ensure(this.#wanted, hash, () => ({
      size,
      problem: new Deferred<string>(),
    }));
    this.#schedule();
    const problem = await wanted.problem.promise;
    if (problem) throw new BlobError(commId, key, hash, size, problem);
  }

  /** Takes a `blobs` message: pushed ones, or an answer. */
  receive(message: BlobsMessage, buffers: readonly Uint8Array[]): void {
    message.hashes.forEach((hash, n) => {
      const bytes = buffers[n]?.slice();
      if (!bytes) return;
      ensure(this.#cache, hash, () => ({ bytes, wasNamed: false, since: Date.now() }));
      this.#end(hash, "");
    });
    for (const hash of message.missing) this.#end(hash, "is not in the room");
    this.sweep();
    this.#awaitProgress();
    this.#schedule();
  }

  /** Drops what no live element needs. */
  sweep(): void {
    const named = this.options.named();
    const now = Date.now();
    let unnamed = 0;
    for (const [hash, cached] of [...this.#cache].reverse()) {
      if (named.has(hash)) {
        cached.wasNamed = true;
        continue;
      }
      unnamed += cached.bytes.length;
      if (cached.wasNamed || now - cached.since > GRACE_MS || unnamed > UNNAMED_BYTES)
        this.#cache.delete(hash);
    }
  }

  /** After a reconnect: what was under way is asked for again. */
  resume(): void {
    this.#asked.clear();
    this.#schedule();
  }

  /** Ends all waiting. */
  close(reason: string): void {
    for (const hash of [...this.#wanted.keys()]) this.#end(hash, reason);
    clearTimeout(this.#timer);
    this.#cache.clear();
  }

  #end(hash: string, problem: string): void {
    this.#wanted.get(hash)?.problem.resolve(problem);
    this.#wanted.delete(hash);
    this.#asked.delete(hash);
  }

  /** Asks in a microtask, so that all that one pass of reading needs goes into one message. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#asked.size > 0) return;
      let bytes = 0;
      for (const [hash, { size }] of this.#wanted) {
        if (this.#asked.size > 0 && bytes + size > ASK_BYTES) break;
        bytes += size;
        this.#asked.add(hash);
      }
      if (this.#asked.size === 0) return;
      this.options.ask([...this.#asked]);
      this.#awaitProgress();
    });
  }

  /** Gives up what was asked for when nothing of it has come for a while. What waits for its turn isn't late. */
  #awaitProgress(): void {
    clearTimeout(this.#timer);
    if (this.#asked.size === 0) return;
    const { timeoutMs } = this.options;
    this.#timer = setTimeout(() => {
      for (const hash of [...this.#asked]) this.#end(hash, `did not come within ${timeoutMs / 1000} s`);
      this.#schedule();
    }, timeoutMs);
  }
}
