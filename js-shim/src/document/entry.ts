/** One comm of the comms map: its `o`, what overlays it, its outputs. */

import type { Change } from "./comms-map";
import { type Encoded, MODEL_KEYS, type OpenBody, type OutputBody, type State } from "./elements";
import { sameEncoded } from "./values";

/** A comm as the map shows it. The same object as long as the comm is open. */
export interface Comm {
  readonly commId: string;
  readonly targetName: string;
  readonly modelModule: string | undefined;
  readonly modelModuleVersion: string | undefined;
  readonly modelName: string | undefined;
  readonly seq: number;
  readonly epoch: string;
  /** Whether the comm has state (target `jupyter.widget`); else it has open data. */
  readonly hasState: boolean;
  /** Trait name to encoded value, the `_model_*` keys put back. Not to be changed. */
  readonly encodedState: State;
  /** What a comm without state was opened with, encoded. */
  readonly data: Encoded | undefined;
  readonly metadata: Encoded | undefined;
  /** Outputs of an OutputModel, in order, encoded. */
  readonly outputs: readonly OutputBody[];
  /** The encoded value of one key. */
  encoded(key: string): Encoded | undefined;
  toJSON(): CommJson;
}

/** A comm in the plain nested map. */
export interface CommJson {
  target_name: string;
  model_module?: string;
  model_module_version?: string;
  model_name?: string;
  seq: number;
  epoch: string;
  state?: State;
  data?: Encoded;
  metadata?: Encoded;
  outputs?: OutputBody[];
}

/** The state of a comm at one moment, enough to tell what changed since. */
export interface Moment {
  open: unknown;
  updates: State[];
}

export class Entry implements Comm {
  /** The comm's `o`; one, except inside a transaction. */
  opens: OpenBody[] = [];
  /** The comm's `u`; at most one, except inside a transaction. */
  updates: State[] = [];
  readonly outputRows = new Set<OutputBody>();
  #state: State | null = null;

  constructor(readonly commId: string) {}

  get open(): OpenBody | undefined {
    return this.opens.at(-1);
  }

  get isEmpty(): boolean {
    return this.opens.length === 0 && this.updates.length === 0 && this.outputRows.size === 0;
  }

  get targetName(): string {
    return this.open?.target_name ?? "";
  }

  get modelModule(): string | undefined {
    return this.open?.model_module;
  }

  get modelModuleVersion(): string | undefined {
    return this.open?.model_module_version;
  }

  get modelName(): string | undefined {
    return this.open?.model_name;
  }

  get seq(): number {
    return this.open?.seq ?? 0;
  }

  get epoch(): string {
    return this.open?.epoch ?? "";
  }

  get hasState(): boolean {
    return this.open?.state !== undefined;
  }

  get data(): Encoded | undefined {
    return this.open?.data;
  }

  get metadata(): Encoded | undefined {
    return this.open?.metadata;
  }

  get outputs(): readonly OutputBody[] {
    return [...this.outputRows];
  }

  get encodedState(): State {
    if (!this.#state) this.#state = stateOf(this.open, this.updates);
    return this.#state;
  }

  encoded(key: string): Encoded | undefined {
    return encodedAt(key, this.open, this.updates);
  }

  invalidate(): void {
    this.#state = null;
  }

  toJSON(): CommJson {
    const { state: _, ...rest } = this.open ?? { target_name: "", seq: 0, epoch: "" };
    const json: CommJson = { ...rest };
    if (this.hasState) json.state = this.encodedState;
    if (this.outputRows.size > 0) json.outputs = [...this.outputRows];
    return json;
  }

  /** What differs from an earlier moment. */
  changesSince(before: Moment): Change[] {
    const { commId, open } = this;
    const was = before.open as OpenBody | undefined;
    if (!was && !open) return [];
    if (!was) return [{ kind: "opened", commId, keys: [] }];
    if (!open) return [{ kind: "closed", commId, keys: [] }];
    if (was !== open && !sameHead(was, open)) {
      return [
        { kind: "closed", commId, keys: [] },
        { kind: "opened", commId, keys: [] },
      ];
    }
    const candidates = was === open ? [] : [was.state ?? {}, open.state ?? {}];
    const keys = new Set(
      [...candidates, ...before.updates, ...this.updates].flatMap((state) => Object.keys(state)),
    );
    const differing = [...keys].filter(
      (key) => !sameEncoded(encodedAt(key, was, before.updates), encodedAt(key, open, this.updates)),
    );
    return differing.length > 0 ? [{ kind: "updated", commId, keys: differing }] : [];
  }
}

/** Whether two `o` of one comm open the same thing, so that their states can be told apart key by key. */
function sameHead(a: OpenBody, b: OpenBody): boolean {
  const { state: _a, seq: _seqA, ...headA } = a;
  const { state: _b, seq: _seqB, ...headB } = b;
  return sameEncoded(headA as unknown as Encoded, headB as unknown as Encoded);
}

function encodedAt(key: string, open: OpenBody | undefined, updates: readonly State[]): Encoded | undefined {
  for (let n = updates.length - 1; n >= 0; n--) {
    const update = updates[n];
    if (update && Object.hasOwn(update, key)) return update[key];
  }
  if (open?.state && Object.hasOwn(open.state, key)) return open.state[key];
  for (const [stateKey, headKey] of MODEL_KEYS) if (key === stateKey) return open?.[headKey];
  return undefined;
}

function stateOf(open: OpenBody | undefined, updates: readonly State[]): State {
  let state: State = {};
  if (open?.state) {
    for (const [stateKey, headKey] of MODEL_KEYS) {
      const value = open[headKey];
      if (value !== undefined) state[stateKey] = value;
    }
  }
  // Spread, not assign: a trait may be named `__proto__`.
  for (const part of [open?.state ?? {}, ...updates]) state = { ...state, ...part };
  return state;
}
