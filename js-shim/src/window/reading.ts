/**
 * Reads values as a UI wants them: this window's own unaccepted ones before the document's, blobs fetched, decoded.
 */

import type { CommsMap } from "../document/comms-map";
import type { BlobSentinel, Encoded } from "../document/elements";
import { decode, forEachBlob, type Value } from "../document/values";
import type { Blobs } from "./blobs";
import type { BlobError } from "./errors";
import type { Requests } from "./requests";

/** Decoded values of a comm's keys. */
export interface Reading {
  /** As plain Jupyter would give them to a model. A missing blob is an empty DataView, an empty string or null. */
  state: { [key: string]: Value };
  /** The blobs that could not be had. */
  missing: BlobError[];
}

export interface ReaderOptions {
  comms: CommsMap;
  requests: Requests;
  blobs: Blobs;
  onProblem(text: string, error?: unknown): void;
}

/** Encoded values, each with the buffers that its `$buffer`s name. */
type Values = Map<string, { encoded: Encoded; buffers: Uint8Array[] }>;

/** Hash to what `decode` takes. */
type Contents = Map<string, Uint8Array | string | undefined>;

/** While a blob was waited for its value may be superseded; a value that changes faster than this is taken as it is. */
const MOST_TRIES = 5;

export class Reader {
  constructor(readonly options: ReaderOptions) {}

  /** Reads `keys`, else all, of a comm. Never rejects. */
  async read(commId: string, keys?: readonly string[]): Promise<Reading> {
    for (let tries = 1; ; tries++) {
      const values = this.#values(commId, keys);
      const { contents, missing } = await this.#fetch(commId, values);
      const comm = this.options.comms.get(commId);
      const stale = missing.some(({ key }) => comm?.encoded(key) !== values.get(key)?.encoded);
      if (!stale || tries === MOST_TRIES) return this.#decode(commId, values, contents, missing);
    }
  }

  /** Reads one encoded value of a comm; `key` names it in errors. */
  async resolve(commId: string, key: string, encoded: Encoded): Promise<Reading> {
    const values: Values = new Map([[key, { encoded, buffers: [] }]]);
    const { contents, missing } = await this.#fetch(commId, values);
    return this.#decode(commId, values, contents, missing);
  }

  #values(commId: string, keys: readonly string[] | undefined): Values {
    const { comms, requests } = this.options;
    const comm = comms.get(commId);
    const values: Values = new Map();
    for (const key of keys ?? comm?.keys ?? []) {
      const encoded = comm?.encoded(key);
      const value = requests.own(commId, key) ?? (encoded !== undefined && { encoded, buffers: [] });
      if (value) values.set(key, value);
    }
    return values;
  }

  async #fetch(commId: string, values: Values): Promise<{ contents: Contents; missing: BlobError[] }> {
    const { blobs } = this.options;
    const contents: Contents = new Map();
    const missing: BlobError[] = [];
    const fetches: Promise<unknown>[] = [];
    for (const [key, { encoded }] of values) {
      forEachBlob(encoded, (blob) => {
        // Kept here: while others are waited for, the value may be superseded and this one dropped.
        const keep = (): unknown => contents.set(blob.$blob, blobs.get(blob));
        fetches.push(blobs.fetch(blob, commId, key).then(keep, (error: BlobError) => missing.push(error)));
      });
    }
    await Promise.all(fetches);
    return { contents, missing };
  }

  #decode(commId: string, values: Values, contents: Contents, missing: BlobError[]): Reading {
    const { onProblem } = this.options;
    const content = (blob: BlobSentinel): Uint8Array | string =>
      contents.get(blob.$blob) ?? STAND_INS[blob.type];
    const state: [string, Value][] = [];
    for (const [key, { encoded, buffers }] of values) {
      let value: Value = null;
      try {
        value = decode(encoded, content, buffers);
      } catch (error) {
        onProblem(`comm ${commId}, key "${key}" can't be read`, error);
      }
      state.push([key, value]);
    }
    for (const error of missing) onProblem(error.message);
    return { state: Object.fromEntries(state), missing };
  }
}

const STAND_INS = { bytes: new Uint8Array(), text: "", json: "null" };
