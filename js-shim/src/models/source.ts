/**
 * What the models need of a room: the small contract that `fromRoom` fulfils for a `Room`, and a test for an object in memory.
 *
 * The source hides the wire: it throttles requests (one in flight per comm), keeps them in order with messages, and tells
 * changes only after they were applied to the document.
 */

/** A comm of the comms map, as models need it. */
export interface Entry {
  readonly targetName: string;
  readonly modelModule: string;
  readonly modelModuleVersion: string;
  readonly modelName: string;
  /** Keys of its state, the three `_model_*` among them. */
  readonly keys: readonly string[];
}

/** A blob of a state that could not be had; the source has reported it. */
export interface MissingBlob {
  readonly key: string;
  readonly hash: string;
  readonly reason: string;
}

/** What a read gives: values as plain Jupyter would have given them, references as they are written. */
export interface Values {
  readonly state: Record<string, unknown>;
  readonly missing: readonly MissingBlob[];
}

/** What became of a comm. One that opened again under its id is `closed`, then `opened`. */
export interface Change {
  readonly kind: "opened" | "updated" | "closed";
  readonly commId: string;
  /** The keys that changed, of an update. */
  readonly keys: readonly string[];
}

/** An nbformat output, decoded. */
export type Output = Record<string, unknown>;

/** One of the things that happened to a list of outputs; to be done one after the other. */
export type OutputEdit =
  /** Only the first `at` outputs are left. */
  | { readonly what: "cut"; readonly at: number }
  /** The text of stream `at` lost its last `cut` UTF-16 units, all of its last line, and got `text`. */
  | { readonly what: "stream"; readonly at: number; readonly cut: number; readonly text: string }
  /** Output `at` is another one now, or is new and the last one. A promise, which never rejects, where blobs must come. */
  | {
      readonly what: "replaced" | "added";
      readonly at: number;
      readonly output: Output | Promise<Output>;
    };

export interface SourceListener {
  /** Comms opened, changed or closed, in order. */
  changed(changes: readonly Change[]): void;
  /** A comm message that is no state; everything that came before it has been told to `changed`. */
  message(commId: string, data: unknown, buffers: readonly DataView[]): void;
}

/** Told how a message ended: handled, with an error in words when the kernel or its handler failed. */
export type Ended = (error?: Error) => void;

export interface ModelSource {
  /** Comm ids in the order in which they were opened. */
  commIds(): Iterable<string>;
  entry(commId: string): Entry | undefined;
  /** Read the newest values of keys; a missing blob never rejects, its place holds a stand-in. */
  read(commId: string, keys: readonly string[]): Promise<Values>;
  /** Tell an Output's outputs: now as they are, then each edit. They are no key of `Entry.keys`. Returns what ends it. */
  follow(commId: string, follower: (edits: readonly OutputEdit[]) => void): () => void;
  /** Does the room say that a kernel of this host made the comm? Then its outputs may do what its modules may. */
  trusted(commId: string): boolean;
  /** Is a request of this window for the key under way? Its changes are told when it is not any more. */
  requested(commId: string, key: string): boolean;
  /** Ask for a change of these keys; binary parts are DataView or ArrayBuffer. */
  request(commId: string, state: Record<string, unknown>): string;
  /**
   * Send a comm message, after the requests that were made before it. `ended` is told when the kernel has handled it, or
   * with what went wrong; without it that is reported as other refusals are.
   */
  send(commId: string, data: unknown, buffers: readonly ArrayBuffer[], ended?: Ended): string;
  open(commId: string, targetName: string, data: unknown, metadata: unknown): string;
  close(commId: string, data: unknown): string;
  /** This window's place among the room's windows: 0, 1, 2 … */
  rank(): number;
  listen(listener: SourceListener): () => void;
}
