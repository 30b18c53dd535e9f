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

  open(commId: string, state: State): void {
    const seq = this.comms.get(commId)?.seq ?? ++this.#seq;
    const comm: Plain = { target_name: "jupyter.widget", seq, epoch: "e", state: { ...state } };
    this.batch(() => {
      this.close(commId);
      this.comms.set(commId, comm);
      this.#push("o", commId, { ...comm });
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
    this.#push("out", commId, output);
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
