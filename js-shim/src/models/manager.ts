/**
 * The widget manager of a room's document: ipywidgets models and views, made from what the comms map holds.
 *
 * Promises: every model of the document is created once, whatever the order in which comms come and refer to each other
 * (`references.ts`); each then shows the document's values, in order with its messages (`document-comm.ts`); one that
 * fails leaves the others alone. Everything that a model needs of a room is `ModelSource`.
 */

import {
  createErrorWidgetModel,
  type DOMWidgetModel,
  type DOMWidgetView,
  type IClassicComm,
  type WidgetModel,
  type WidgetView,
} from "@jupyter-widgets/base";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import type { IRenderMime, RenderMimeRegistry } from "@jupyterlab/rendermime";
import { adopt, dropUnsent } from "./adopt";
import { Arrivals } from "./arrivals";
import { type CommDoor, DocumentComm } from "./document-comm";
import { Hand } from "./hand";
import { findModel, findView, type ModuleLoader } from "./modules";
import { Reactions } from "./reactions";
import { References, referenceTargets, resolveReferences } from "./references";
import { makeRenderMime } from "./rendermime";
import type { Change, MissingBlob, ModelSource } from "./source";

/** A view's or an author's reference to a model that never comes is given up after this time, with its name. */
const MODEL_PATIENCE_MS = 10_000;

/** A model waits for others in creation as long as they come; when none came for this time it goes without them. */
const STALLED_MS = 500;

export const WIDGET_TARGET = "jupyter.widget";

/** Something went wrong for one comm; the rest goes on. */
export interface Problem {
  commId: string;
  text: string;
  error?: unknown;
}

export interface ManagerOptions {
  /** Whose pointer and key events tell which models are under the hand; the page's document. */
  root?: Document | HTMLElement;
  /** More widget packages than the page has. */
  loader?: ModuleLoader;
  /** Typesets math in labels and outputs. */
  typesetter?: IRenderMime.ILatexTypesetter;
  onProblem?: (problem: Problem) => void;
}

export class RoomManager extends ManagerBase {
  readonly source: ModelSource;
  readonly renderMime: RenderMimeRegistry;
  private readonly comms = new Map<string, DocumentComm>();
  private readonly promises = new Map<string, Promise<WidgetModel>>();
  private readonly created = new Set<string>();
  private readonly arrivals = new Arrivals<WidgetModel>();
  private readonly lacking = new Map<string, Map<string, MissingBlob>>();
  private readonly references = new References();
  private readonly reactions: Reactions;
  private readonly hand: Hand | undefined;
  private readonly options: ManagerOptions;
  private readonly door: CommDoor;
  private readonly stopListening: () => void;
  private applying = 0;
  private live = true;

  constructor(source: ModelSource, options: ManagerOptions = {}) {
    super();
    this.source = source;
    this.options = options;
    this.renderMime = makeRenderMime(this, options.typesetter);
    const { root } = options;
    if (root !== undefined) {
      this.hand = new Hand(root, (commIds) => {
        for (const commId of commIds) this.comms.get(commId)?.released();
      });
    }
    const failed = this.failed.bind(this);
    this.reactions = new Reactions(source, failed);
    const manager = this;
    this.door = {
      source,
      failed,
      handOn: (commId) => this.hand?.on(commId) ?? false,
      get applying() {
        return manager.isApplying;
      },
      reacted: (commId, state) => this.reactions.add(commId, state),
      readResolved: (commId, keys) => this.readUpdate(commId, keys),
    };
    this.stopListening = source.listen({
      changed: (changes) => this.changed(changes),
      message: (commId, data, buffers) => this.comms.get(commId)?.message(data, buffers),
    });
    this.changed([...source.commIds()].map((commId) => ({ kind: "opened", commId, keys: [] })));
  }

  /** Let models take and send changes, or not: with no kernel behind them they show what they have. */
  setLive(live: boolean): void {
    if (this.live === live) return;
    this.live = live;
    for (const [commId, promise] of this.promises) {
      promise.then((model) => {
        if (model.comm === undefined || this.live !== live) return;
        if (live) this.comms.get(commId)?.changed(dropUnsent(model));
        model.comm_live = live;
      });
    }
  }

  /** Is a value being set that came from the document? */
  get isApplying(): boolean {
    return this.applying > 0;
  }

  /** The blobs that a comm's last read lacked. */
  missingBlobs(commId: string): MissingBlob[] {
    return [...(this.lacking.get(commId)?.values() ?? [])];
  }

  /** Comm ids that others refer to and that are not there. */
  missingModels(): string[] {
    return this.references.missing().filter((commId) => !this.promises.has(commId));
  }

  dispose(): void {
    this.stopListening();
    this.reactions.dispose();
    this.hand?.dispose();
    for (const commId of [...this.comms.keys()]) this.commClosed(commId);
  }

  // --- what ipywidgets asks of a manager

  /** Where descriptions look for a typesetter. */
  get _rendermime(): RenderMimeRegistry {
    return this.renderMime;
  }

  /** The model of an id; waits for one that is not there yet, with an end. */
  override get_model(modelId: string): Promise<WidgetModel> {
    const there = this.promises.get(modelId);
    if (there !== undefined) return there;
    return this.arrivals.wait(modelId, MODEL_PATIENCE_MS, `the document has no widget model ${modelId}`);
  }

  /** As `get_model`, without an end: for a view whose model may come by another road (P2). */
  modelWhenThere(modelId: string): Promise<WidgetModel> {
    return this.get_model(modelId).catch(() => this.modelWhenThere(modelId));
  }

  override has_model(modelId: string): boolean {
    return this.promises.has(modelId);
  }

  override register_model(modelId: string, promise: Promise<WidgetModel>): void {
    this.promises.set(modelId, promise);
    this.arrivals.arrived(modelId, promise);
    promise.then((model) => {
      if (this.promises.get(modelId) !== promise) return;
      this.created.add(modelId);
      this.references.created(modelId);
      model.once("comm:close", () => this.forget(modelId, promise));
      model.once("destroy", () => this.forget(modelId, promise));
      for (const slot of this.references.registered(modelId))
        this.comms.get(slot.commId)?.changed([slot.key]);
    });
  }

  override async create_view<V extends DOMWidgetView | WidgetView>(
    model: WidgetModel,
    options?: unknown,
  ): Promise<V> {
    const view = (await super.create_view(model as DOMWidgetModel, options)) as unknown as WidgetView;
    if (view.el instanceof Element) {
      view.el.setAttribute("data-comm-id", model.model_id);
      view.el.setAttribute("data-model-name", model.name);
      const missing = this.missingBlobs(model.model_id);
      if (missing.length > 0) view.el.setAttribute("data-commdoc-missing", missing.map(describe).join("; "));
    }
    return view as V;
  }

  override loadModelClass(
    className: string,
    moduleName: string,
    moduleVersion: string,
  ): Promise<typeof WidgetModel> {
    return findModel(className, moduleName, moduleVersion, this.options.loader);
  }

  override loadViewClass(
    className: string,
    moduleName: string,
    moduleVersion: string,
  ): Promise<typeof WidgetView> {
    return findView(className, moduleName, moduleVersion, this.options.loader);
  }

  protected override loadClass(): Promise<never> {
    return Promise.reject(new Error("classes are found by loadModelClass and loadViewClass"));
  }

  /** A model that this window makes itself (`new_widget`). */
  override async _make_model(
    options: Parameters<ManagerBase["new_model"]>[0] & { model_id: string },
    state?: Parameters<ManagerBase["new_model"]>[1],
  ): Promise<WidgetModel> {
    const model = await super._make_model(options, state);
    const comm = this.comms.get(options.model_id);
    if (comm !== undefined) this.adopt(model, comm);
    return model;
  }

  protected override async _create_comm(
    targetName: string,
    modelId?: string,
    data?: unknown,
    metadata?: unknown,
  ): Promise<IClassicComm> {
    const comm = new DocumentComm(modelId ?? crypto.randomUUID(), targetName, this.door, Promise.resolve());
    this.comms.set(comm.comm_id, comm);
    if (data !== undefined) comm.open(data, undefined, metadata);
    return comm;
  }

  protected override _get_comm_info(): Promise<Record<string, never>> {
    return Promise.resolve({});
  }

  // --- what the document says

  private changed(changes: readonly Change[]): void {
    // All that opened together are registered before the first of them looks for another.
    for (const change of changes) {
      if (change.kind === "opened") this.commOpened(change.commId);
      else if (change.kind === "closed") this.commClosed(change.commId);
      else {
        this.reactions.outdated(change.commId, change.keys);
        this.comms.get(change.commId)?.changed(change.keys);
      }
    }
  }

  private commOpened(commId: string): void {
    const entry = this.source.entry(commId);
    if (entry === undefined || entry.targetName !== WIDGET_TARGET || !entry.modelName) return;
    const known = this.comms.get(commId);
    if (known !== undefined) {
      // Opened by this window: its model takes what the kernel made of it.
      known.opened();
      known.changed(entry.keys);
      return;
    }
    let begin: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const comm = new DocumentComm(commId, entry.targetName, this.door, ready);
    this.comms.set(commId, comm);
    const promise = this.create(commId, comm);
    promise.then(begin, begin);
    this.register_model(commId, promise);
  }

  private commClosed(commId: string): void {
    this.reactions.forget(commId);
    this.references.closed(commId);
    this.lacking.delete(commId);
    const comm = this.comms.get(commId);
    this.comms.delete(commId);
    this.promises.delete(commId);
    this.created.delete(commId);
    comm?.closed();
  }

  private forget(modelId: string, promise: Promise<WidgetModel>): void {
    if (this.promises.get(modelId) === promise) this.commClosed(modelId);
  }

  // --- models

  private async create(commId: string, comm: DocumentComm): Promise<WidgetModel> {
    const entry = this.source.entry(commId);
    const name = entry?.modelName ?? "";
    const module = entry?.modelModule ?? "";
    let model: WidgetModel;
    try {
      const Model = await this.loadModelClass(name, module, entry?.modelModuleVersion ?? "");
      const values = await this.readValues(commId, this.source.entry(commId)?.keys ?? []);
      const state = await this.resolve(commId, values, Model, true);
      const attributes = await Model._deserialize_state(state as never, this as never);
      const options = { widget_manager: this as never, model_id: commId, comm };
      model = this.apply(() => new Model(attributes as never, options));
    } catch (error) {
      this.failed(commId, `creating ${name} of ${module}`, error);
      const Failed = createErrorWidgetModel(error, `${name} of ${module} could not be created`);
      model = new Failed({}, { widget_manager: this as never, model_id: commId } as never);
      comm.on_close(() => model.close(true));
    }
    model.name = name;
    model.module = module;
    this.adopt(model, comm);
    return model;
  }

  private adopt(model: WidgetModel, comm: DocumentComm): void {
    adopt(model, comm, { apply: (set) => this.apply(set), failed: this.door.failed });
    if (!this.live && model.comm !== undefined) model.comm_live = false;
  }

  private apply<T>(set: () => T): T {
    this.applying += 1;
    try {
      return set();
    } finally {
      this.applying -= 1;
    }
  }

  private async readUpdate(commId: string, keys: readonly string[]): Promise<Record<string, unknown>> {
    const promise = this.promises.get(commId);
    if (promise === undefined || this.source.entry(commId) === undefined) return {};
    const model = await promise;
    // One rejected update would keep all later ones out.
    model.state_change = model.state_change.catch(() => undefined);
    const values = await this.readValues(commId, keys);
    return this.resolve(commId, values, model.constructor as typeof WidgetModel, false);
  }

  private async readValues(commId: string, keys: readonly string[]): Promise<Record<string, unknown>> {
    const { state, missing } = await this.source.read(commId, keys);
    const lacking = this.lacking.get(commId) ?? new Map<string, MissingBlob>();
    for (const key of keys) lacking.delete(key);
    for (const blob of missing) lacking.set(blob.key, blob);
    if (lacking.size > 0) this.lacking.set(commId, lacking);
    else this.lacking.delete(commId);
    return state;
  }

  /** What of a state can be delivered: its references to models that are there, or come in a moment. */
  private async resolve(
    commId: string,
    values: Record<string, unknown>,
    Model: typeof WidgetModel,
    creating: boolean,
  ): Promise<Record<string, unknown>> {
    const serializers = (Model.serializers ?? {}) as Record<string, { deserialize?: unknown }>;
    const refers = (key: string) => serializers[key]?.deserialize !== undefined;
    const targets = new Set<string>();
    for (const key of Object.keys(values)) if (refers(key)) referenceTargets(values[key], targets);
    const coming = [...targets].filter((target) => !this.created.has(target) && this.promises.has(target));
    await this.creationOf(
      creating ? coming.filter((target) => this.references.mayWait(commId, target)) : coming,
    );
    const { state, waiting } = resolveReferences(values, refers, (target) => this.created.has(target));
    for (const { key, target } of waiting) this.references.park({ commId, key }, target);
    for (const [key, value] of Object.entries(state)) {
      if (refers(key)) this.references.used({ commId, key }, referenceTargets(value));
    }
    return state;
  }

  /** Resolves when these models were created, or when creation has come to a halt (a blob that hangs). */
  private async creationOf(commIds: readonly string[]): Promise<void> {
    if (commIds.length === 0) return;
    let done = false;
    const all = Promise.all(commIds.map((commId) => this.promises.get(commId))).then(() => {
      done = true;
    });
    for (let before = -1; !done && before !== this.created.size; ) {
      before = this.created.size;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const pause = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, STALLED_MS);
      });
      await Promise.race([all, pause]);
      clearTimeout(timer);
    }
  }

  private failed(commId: string, doing: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const text = `comm ${commId}: ${doing} failed: ${reason}`;
    console.error(`[commdoc] ${text}`, error);
    this.options.onProblem?.({ commId, text, error });
  }
}

function describe(blob: MissingBlob): string {
  return `${blob.key} is missing (blob ${blob.hash.slice(0, 12)}…)`;
}
