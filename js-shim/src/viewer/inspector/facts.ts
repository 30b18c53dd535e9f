/**
 * How large comms are, and which blobs they name: by key and by comm. Counted piece by piece, so that 5,000 comms hold
 * nobody up, and again only for those that have changed; one that took long to count is left alone for a while.
 */

import type { BlobSentinel, Comm, Encoded } from "../../document";
import { isBlobSentinel } from "../../document";
import { bytesOf } from "./values";

export interface KeyFacts {
  /** Of the value's JSON text, UTF-8. */
  bytes: number;
  blobs: BlobSentinel[];
}

export interface CommFacts {
  keys: Map<string, KeyFacts>;
  /** Of all keys and values. */
  bytes: number;
}

/** A blob of the room, and who names it. */
export interface NamedBlob {
  hash: string;
  size: number;
  type: string;
  /** comm id to keys */
  names: Map<string, string[]>;
}

/** What one piece of counting may take. */
const PIECE_MS = 6;
/** Times its own cost that a comm rests before it is counted again. */
const REST = 40;

interface Counted extends CommFacts {
  notBefore: number;
}

export class Facts {
  private readonly find: (commId: string) => Comm | undefined;
  private readonly now: () => number;
  private readonly counted = new Map<string, Counted>();
  private readonly dirty = new Set<string>();
  private readonly named = new Map<string, NamedBlob>();
  private sum = 0;

  constructor(find: (commId: string) => Comm | undefined, now: () => number = () => performance.now()) {
    this.find = find;
    this.now = now;
  }

  /** Of the comms that have been counted; `isComplete` tells whether these are all. */
  get bytes(): number {
    return this.sum;
  }

  get isComplete(): boolean {
    return this.dirty.size === 0;
  }

  /** The blobs that comms name, in the order in which they were found. */
  get blobs(): ReadonlyMap<string, NamedBlob> {
    return this.named;
  }

  changed(commId: string): void {
    this.dirty.add(commId);
  }

  closed(commId: string): void {
    this.dirty.delete(commId);
    this.drop(commId);
  }

  clear(): void {
    for (const commId of [...this.counted.keys()]) this.closed(commId);
    this.dirty.clear();
  }

  /** Of one comm, as they were when it was counted last; at once, if it never was. */
  of(commId: string): CommFacts | undefined {
    if (!this.counted.has(commId)) this.count(commId);
    return this.counted.get(commId);
  }

  /** Counts for a while. */
  work(): void {
    const start = this.now();
    for (const commId of [...this.dirty]) {
      if ((this.counted.get(commId)?.notBefore ?? 0) > start) continue;
      this.count(commId);
      if (this.now() - start > PIECE_MS) return;
    }
  }

  private count(commId: string): void {
    const comm = this.find(commId);
    const start = this.now();
    this.dirty.delete(commId);
    this.drop(commId);
    if (comm === undefined) return;
    const keys = new Map<string, KeyFacts>();
    let bytes = 0;
    for (const [key, value] of valuesOf(comm)) {
      const facts = { bytes: bytesOf(value), blobs: blobsIn(value) };
      keys.set(key, facts);
      bytes += bytesOf(key) + facts.bytes;
      for (const blob of facts.blobs) this.name(blob, commId, key);
    }
    this.sum += bytes;
    this.counted.set(commId, { keys, bytes, notBefore: start + (this.now() - start) * REST });
  }

  private name({ $blob: hash, size, type }: BlobSentinel, commId: string, key: string): void {
    const blob = this.named.get(hash) ?? { hash, size, type, names: new Map() };
    const keys = blob.names.get(commId) ?? [];
    if (!keys.includes(key)) keys.push(key);
    blob.names.set(commId, keys);
    this.named.set(hash, blob);
  }

  private drop(commId: string): void {
    const was = this.counted.get(commId);
    if (was === undefined) return;
    this.counted.delete(commId);
    this.sum -= was.bytes;
    for (const { blobs } of was.keys.values()) {
      for (const { $blob: hash } of blobs) {
        const blob = this.named.get(hash);
        blob?.names.delete(commId);
        if (blob?.names.size === 0) this.named.delete(hash);
      }
    }
  }
}

/** What a comm has to show: its state, key by key, or what it was opened with. */
export function valuesOf(comm: Comm): [string, Encoded][] {
  if (comm.hasState || comm.keys.length > 0) return Object.entries(comm.encodedState);
  const given: [string, Encoded | undefined][] = [
    ["data", comm.data],
    ["metadata", comm.metadata],
  ];
  return given.filter((entry): entry is [string, Encoded] => entry[1] !== undefined && entry[1] !== null);
}

/** Not by recursion: how deep a value is, is up to who made it. */
function blobsIn(value: Encoded): BlobSentinel[] {
  const found: BlobSentinel[] = [];
  const waiting: Encoded[] = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== "object" || next === null) continue;
    if (!Array.isArray(next) && isBlobSentinel(next)) found.push(next);
    else for (const item of Object.values(next)) waiting.push(item);
  }
  return found;
}
