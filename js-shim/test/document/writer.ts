/** Writes a comms log as a room does, and keeps beside it what it must read as: the plain replay. */

import * as Y from "yjs";
import type { State } from "../../src/document/elements";

interface Plain {
  target_name: string;
  seq: number;
  epoch: string;
  state: State;
  outputs?: State[];
}

export class Writer {
  readonly doc = new Y.Doc();
  readonly array = this.doc.getArray<string>("comms");
  readonly updates: Uint8Array[] = [];
  readonly comms = new Map<string, Plain>();
  #seq = 0;
  #overlays = new Map<string, State>();

  constructor() {
    this.doc.on("update", (update: Uint8Array) => this.updates.push(update));
  }

  batch(action: () => void): void {
    this.doc.transact(action);
  }

  /** @param head what stands beside the state: `model_name` … */
  open(commId: string, state: State, head: State = {}): void {
    const seq = this.comms.get(commId)?.seq ?? ++this.#seq;
    const comm: Plain = { target_name: "jupyter.widget", seq, epoch: "e", state: { ...state } };
    this.batch(() => {
      this.close(commId);
      this.comms.set(commId, comm);
      this.#push("o", commId, { ...comm, ...head });
    });
  }

  update(commId: string, state: State): void {
    const comm = this.comms.get(commId);
    if (comm) comm.state = { ...comm.state, ...state };
    const overlay = { ...this.#overlays.get(commId), ...state };
    this.#overlays.set(commId, overlay);
    this.batch(() => {
      this.#remove(commId, ["u"]);
      this.#push("u", commId, overlay);
    });
  }

  output(commId: string, output: State): void {
    const comm = this.comms.get(commId);
    if (!comm) return;
    comm.outputs = [...(comm.outputs ?? []), output];
    this.#pushOutput(commId, output, comm.outputs.length);
  }

  /** More text of the last output, or a new stream. */
  stream(commId: string, text: string): void {
    const comm = this.comms.get(commId);
    if (!comm) return;
    const last = comm.outputs?.at(-1);
    if (last?.output_type !== "stream") {
      this.output(commId, { output_type: "stream", name: "stdout", text });
      return;
    }
    comm.outputs = [...(comm.outputs ?? []).slice(0, -1), { ...last, text: `${last.text}${text}` }];
    this.#pushOutput(commId, text, comm.outputs.length);
  }

  /** The last output's chunks become two, of which the second ends with `text` in the place of so many characters. */
  redraw(commId: string, cut: number, text: string): void {
    const outputs = this.comms.get(commId)?.outputs;
    const last = outputs?.at(-1);
    if (!outputs || last?.output_type !== "stream") return;
    const before = [...(last.text as string)];
    const after = before.slice(0, Math.max(0, before.length - cut)).join("") + text;
    outputs[outputs.length - 1] = { ...last, text: after };
    const half = [...after].slice(0, cut).join("");
    this.batch(() => {
      this.#removeOutputs(commId, (ordinal) => ordinal === outputs.length);
      this.#pushOutput(commId, { ...last, text: half }, outputs.length);
      this.#pushOutput(commId, after.slice(half.length), outputs.length);
    });
  }

  replace(commId: string, at: number, output: State): void {
    const outputs = this.comms.get(commId)?.outputs ?? [];
    if (at >= outputs.length) return;
    outputs[at] = output;
    this.batch(() => {
      this.#pushOutput(commId, output, at + 1);
      this.#removeOutputs(commId, (ordinal, body) => ordinal === at + 1 && body !== JSON.stringify(output));
    });
  }

  cut(commId: string, length: number): void {
    const comm = this.comms.get(commId);
    if (!comm?.outputs) return;
    comm.outputs = comm.outputs.slice(0, length);
    if (length === 0) delete comm.outputs;
    this.batch(() => this.#removeOutputs(commId, (ordinal) => ordinal > length));
  }

  close(commId: string): void {
    this.comms.delete(commId);
    this.#overlays.delete(commId);
    this.batch(() => this.#remove(commId, ["o", "u", "out", "v"]));
  }

  /** What the map must read as. */
  plain(): Record<string, Plain> {
    return Object.fromEntries([...this.comms].sort(([, a], [, b]) => a.seq - b.seq));
  }

  #pushOutput(commId: string, body: State | string, ordinal: number): void {
    this.array.push([JSON.stringify(["out", commId, body, ordinal])]);
  }

  #removeOutputs(commId: string, goes: (ordinal: number, body: string) => boolean): void {
    const texts = this.array.toArray();
    for (let at = texts.length - 1; at >= 0; at--) {
      const [kind, id, body, ordinal] = JSON.parse(texts[at] as string) as [string, string, State, number];
      if (kind === "out" && id === commId && goes(ordinal, JSON.stringify(body))) this.array.delete(at);
    }
  }

  #push(kind: string, commId: string, body: object): void {
    this.array.push([JSON.stringify([kind, commId, body])]);
  }

  #remove(commId: string, kinds: string[]): void {
    const texts = this.array.toArray();
    for (let at = texts.length - 1; at >= 0; at--) {
      const [kind, id] = JSON.parse(texts[at] as string) as [string, string];
      if (id === commId && kinds.includes(kind)) this.array.delete(at);
    }
  }
}
