/** A room in memory, for models: what it is told happens at once, what is asked of it is written down. */

import type {
  Change,
  Entry,
  MissingBlob,
  ModelSource,
  OutputEdit,
  SourceListener,
  Values,
} from "../../src/models/source";

interface Held {
  head: { targetName: string; modelModule: string; modelModuleVersion: string; modelName: string };
  state: Record<string, unknown>;
}

export class MemorySource implements ModelSource {
  readonly requests: { commId: string; state: Record<string, unknown> }[] = [];
  readonly sent: { commId: string; data: unknown; buffers: readonly ArrayBuffer[] }[] = [];
  readonly closedByWindow: string[] = [];
  /** Keys with a request of this window under way, as `commId.key`. */
  readonly underWay = new Set<string>();
  missing: MissingBlob[] = [];
  /** Comms of which a read never ends. */
  readonly hanging = new Set<string>();
  place = 0;
  isTrusted = true;
  private readonly followers = new Map<string, Set<(edits: readonly OutputEdit[]) => void>>();
  private readonly comms = new Map<string, Held>();
  private readonly listeners = new Set<SourceListener>();

  /** Put comms there; those of one call come together. */
  opened(comms: Record<string, Record<string, unknown>>): void {
    for (const [
      commId,
      { model = "VBoxModel", module = "@jupyter-widgets/controls", ...state },
    ] of Object.entries(comms)) {
      const head = {
        targetName: "jupyter.widget",
        modelModule: module as string,
        modelModuleVersion: module === "@jupyter-widgets/output" ? "1.0.0" : "2.0.0",
        modelName: model as string,
      };
      const view = (model as string).replace(/Model$/, "View");
      const common = {
        _view_name: view,
        _view_module: module,
        _view_module_version: head.modelModuleVersion,
        _model_name: model,
      };
      this.comms.set(commId, { head, state: { ...common, _model_module: module, ...state } });
    }
    this.tell(Object.keys(comms).map((commId) => ({ kind: "opened", commId, keys: [] })));
  }

  set(commId: string, state: Record<string, unknown>): void {
    const held = this.comms.get(commId);
    if (held === undefined) return;
    Object.assign(held.state, state);
    this.tell([{ kind: "updated", commId, keys: Object.keys(state) }]);
  }

  gone(commId: string): void {
    this.comms.delete(commId);
    this.tell([{ kind: "closed", commId, keys: [] }]);
  }

  /** Edit the outputs of an Output that is followed. */
  edit(commId: string, ...edits: OutputEdit[]): void {
    for (const follower of this.followers.get(commId) ?? []) follower(edits);
  }

  follow(commId: string, follower: (edits: readonly OutputEdit[]) => void): () => void {
    const those = this.followers.get(commId) ?? new Set();
    this.followers.set(commId, those.add(follower));
    return () => those.delete(follower);
  }

  trusted(): boolean {
    return this.isTrusted;
  }

  /** How many follow an Output. */
  following(commId: string): number {
    return this.followers.get(commId)?.size ?? 0;
  }

  message(commId: string, data: unknown, buffers: DataView[] = []): void {
    for (const listener of this.listeners) listener.message(commId, data, buffers);
  }

  commIds(): Iterable<string> {
    return [...this.comms.keys()];
  }

  entry(commId: string): Entry | undefined {
    const held = this.comms.get(commId);
    return held && { ...held.head, keys: Object.keys(held.state) };
  }

  async read(commId: string, keys: readonly string[]): Promise<Values> {
    if (this.hanging.has(commId)) await new Promise(() => undefined);
    const state = this.comms.get(commId)?.state ?? {};
    const values = Object.fromEntries(keys.filter((key) => key in state).map((key) => [key, state[key]]));
    return { state: structuredClone(values), missing: this.missing.filter(({ key }) => keys.includes(key)) };
  }

  requested(commId: string, key: string): boolean {
    return this.underWay.has(`${commId}.${key}`);
  }

  request(commId: string, state: Record<string, unknown>): string {
    return `r${this.requests.push({ commId, state })}`;
  }

  send(commId: string, data: unknown, buffers: readonly ArrayBuffer[]): string {
    return `m${this.sent.push({ commId, data, buffers })}`;
  }

  open(): string {
    return "o";
  }

  close(commId: string): string {
    this.closedByWindow.push(commId);
    return "c";
  }

  rank(): number {
    return this.place;
  }

  listen(listener: SourceListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tell(changes: Change[]): void {
    for (const listener of this.listeners) listener.changed(changes);
  }
}
