/** One comm of the comms map: its `o`, what overlays it, its outputs. */

import {
  type Encoded,
  isNothing,
  MODEL_KEYS,
  type OpenBody,
  OUTPUT_MODEL,
  OUTPUTS,
  type OutputBody,
  type State,
} from "./elements";
import { type OutputEdit, OutputList } from "./outputs";
import { sameEncoded } from "./values";

/** What a transaction did, one for each comm and kind. */
export interface Change {
  /** "refused": the document now needs a newer reader, and the map is empty. */
  kind: "opened" | "updated" | "closed" | "outputs" | "views" | "kernel" | "refused";
  /** The comm; the kernel's id for kind "kernel", empty for "refused". */
  commId: string;
  /** State keys that were opened or updated; `["outputs"]` for kind "outputs". */
  keys: string[];
  /** For kind "outputs", what happened to them, one after the other. */
  outputs?: OutputEdit[];
}

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
  /** Whether it is an Output widget: its state has its outputs as a key. */
  readonly isOutputModel: boolean;
  /** Trait name to encoded value, the `_model_*` keys and `outputs` put back. Not to be changed. */
  readonly encodedState: State;
  /** What a comm without state was opened with, encoded. */
  readonly data: Encoded | undefined;
  readonly metadata: Encoded | undefined;
  /** Outputs of an OutputModel, in order, encoded. Not to be changed. */
  readonly outputs: readonly OutputBody[];
  /** One output, without making the list of them. */
  output(at: number): OutputBody | undefined;
  /** The keys of its state. */
  readonly keys: readonly string[];
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

/** A comm at one moment, enough to tell what changed since. */
export interface Moment {
  open: OpenBody | undefined;
  update: State | undefined;
}

export class Entry implements Comm {
  /** The comm's `o`. A second one is foreign, or of this very transaction: the last counts. So with `updates`. */
  opens: OpenBody[] = [];
  updates: State[] = [];
  readonly list = new OutputList();
  #state: State | null = null;

  constructor(readonly commId: string) {}

  get open(): OpenBody | undefined {
    return this.opens.at(-1);
  }

  get update(): State | undefined {
    return this.updates.at(-1);
  }

  get isEmpty(): boolean {
    return this.opens.length === 0 && this.updates.length === 0 && this.list.isEmpty;
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
    return !isNothing(this.open?.state);
  }

  get data(): Encoded | undefined {
    return this.open?.data;
  }

  get metadata(): Encoded | undefined {
    return this.open?.metadata;
  }

  get outputs(): readonly OutputBody[] {
    return this.list.bodies;
  }

  output(at: number): OutputBody | undefined {
    return this.list.at(at);
  }

  get isOutputModel(): boolean {
    return this.modelModule === OUTPUT_MODEL[0] && this.modelName === OUTPUT_MODEL[1];
  }

  get encodedState(): State {
    if (!this.#state) {
      this.#state = stateOf(this.open, this.update);
      if (this.isOutputModel) this.#state[OUTPUTS] = this.outputs as OutputBody[];
    }
    return this.#state;
  }

  get keys(): string[] {
    const keys = Object.keys(stateOf(this.open, this.update));
    return this.isOutputModel ? [...new Set([...keys, OUTPUTS])] : keys;
  }

  encoded(key: string): Encoded | undefined {
    if (key === OUTPUTS && this.isOutputModel) return this.encodedState[OUTPUTS];
    return encodedAt(key, this.open, this.update);
  }

  invalidate(): void {
    this.#state = null;
  }

  /** Ends a transaction for the outputs: says what it did to them. */
  settleOutputs(): OutputEdit[] {
    const edits = this.list.settle();
    if (edits.length > 0) this.invalidate();
    return edits;
  }

  toJSON(): CommJson {
    const { targetName, seq, epoch, open } = this;
    const json: CommJson = { target_name: targetName, seq, epoch };
    for (const name of MODEL_KEYS) if (open?.[name] !== undefined) json[name] = open[name];
    if (this.hasState || this.update) json.state = this.encodedState;
    if (!isNothing(this.data)) json.data = this.data;
    if (!isNothing(this.metadata)) json.metadata = this.metadata;
    if (this.list.length > 0) json.outputs = [...this.outputs];
    return json;
  }

  /** What differs from an earlier moment. */
  changesSince(was: Moment): Change[] {
    const { commId, open, update } = this;
    const opened = (): Change => ({ kind: "opened", commId, keys: this.keys });
    const closed: Change = { kind: "closed", commId, keys: [] };
    if (!open) return was.open ? [closed] : [];
    if (!was.open) return [opened()];
    if (was.open !== open && !sameHead(was.open, open)) return [closed, opened()];
    const keys = new Set([was.update, update].flatMap((state) => Object.keys(state ?? {})));
    if (was.open !== open)
      for (const state of [was.open.state, open.state])
        for (const key of Object.keys(state ?? {})) keys.add(key);
    const differing = [...keys].filter(
      (key) => !sameEncoded(encodedAt(key, was.open, was.update), encodedAt(key, open, update)),
    );
    return differing.length > 0 ? [{ kind: "updated", commId, keys: differing }] : [];
  }
}

/** Whether two `o` of one comm open the same thing, so that their states can be told apart key by key. */
function sameHead(a: OpenBody, b: OpenBody): boolean {
  return (
    a.target_name === b.target_name &&
    a.epoch === b.epoch &&
    a.seq === b.seq &&
    MODEL_KEYS.every((name) => a[name] === b[name])
  );
}

function encodedAt(key: string, open: OpenBody | undefined, update: State | undefined): Encoded | undefined {
  if (update && Object.hasOwn(update, key)) return update[key];
  if (open?.state && Object.hasOwn(open.state, key)) return open.state[key];
  const name = MODEL_KEYS.find((name) => key === `_${name}`);
  return name && open?.[name];
}

function stateOf(open: OpenBody | undefined, update: State | undefined): State {
  const model: State = {};
  for (const name of MODEL_KEYS) {
    const value = open?.[name];
    if (value !== undefined) model[`_${name}`] = value;
  }
  // Spread, not assign: a trait may be named `__proto__`.
  return { ...model, ...open?.state, ...update };
}
