/**
 * The ipywidgets models of a document: each comm of the comms map has one, made once, whatever the order in which comms come and
 * refer to each other (`references.ts`); each then shows the document's values, in order with its messages
 * (`document-comm.ts`); one that fails leaves the others alone.
 *
 * Whose models they are is the *host's*: a manager of our own in a page (`manager.ts`), JupyterLab's in a notebook
 * (`../lab`). What they need of a room is `ModelSource`.
 */

import { createErrorWidgetModel, type WidgetModel } from "@jupyter-widgets/base";
import { adopt, dropUnsent } from "./adopt";
import { Arrivals } from "./arrivals";
import { type CommDoor, DocumentComm } from "./document-comm";
import { Hand } from "./hand";
import { setHost } from "./host";
import { mendedClass, mendModel } from "./mended";
import { Place } from "./place";
import { Reactions } from "./reactions";
import { References, referenceTargets, resolveReferences } from "./references";
import type { Change, MissingBlob, ModelSource } from "./source";

/** A view's or an author's reference to a model that never comes is given up after this time, with its name. */
const MODEL_PATIENCE_MS = 10_000;

/** A model waits for others in creation as long as they come; when none came for this time it goes without them. */
const STALLED_MS = 500;

export const WIDGET_TARGET = "jupyter.widget";

/** Something went wrong for one comm; the rest goes on. */
export interface Problem {
  /** Empty for what is no comm's. */
  commId: string;
  /** What failed and why, for a reader of a log. */
  text: string;
  /** What was thrown. */
  error?: unknown;
}

/** Whose models they are. */
export interface ModelHost {
  /** What a model gets as its manager. */
  readonly manager: object;
  loadModelClass(name: string, module: string, version: string): Promise<typeof WidgetModel>;
  /** A model is being made: from now on the manager has it. Calls `registered`. */
  register(modelId: string, promise: Promise<WidgetModel>): void;
  /** A model that the manager has already, made from elsewhere; its comm is to become `comm`. */
  takeOver?(modelId: string, comm: DocumentComm): Promise<WidgetModel> | undefined;
  /** The document's comm has a model now. */
  made?(model: WidgetModel, comm: DocumentComm): void;
}

export interface DocumentModelsOptions {
  /** Whose pointer and key events tell which models are under the hand; the page's document. */
  root?: Document | HTMLElement;
  /** Told of what failed for one comm, in words with its id; the browser's console is, too. */
  onProblem?: (problem: Problem) => void;
}

export class DocumentModels {
  private readonly comms = new Map<string, DocumentComm>();
  private readonly promises = new Map<string, Promise<WidgetModel>>();
  private readonly created = new Set<string>();
  private readonly arrivals = new Arrivals<WidgetModel>();
  private readonly lacking = new Map<string, Map<string, MissingBlob>>();
  private readonly references = new References();
  private readonly reactions: Reactions;
  private readonly hand: Hand | undefined;
  private readonly place: Place | undefined;
  private readonly door: CommDoor;
  private stopListening: () => void = () => undefined;
  private applying = 0;
  private live = true;

  constructor(
    readonly source: ModelSource,
    private readonly host: ModelHost,
    private readonly options: DocumentModelsOptions = {},
  ) {
    setHost(host.manager, this);
    const { root } = options;
    if (root !== undefined) {
      // Before the hand: what nobody has left, it need not hear of.
      this.place = new Place(root);
      this.hand = new Hand(root, (commIds) => {
        for (const commId of commIds) this.comms.get(commId)?.released();
      });
    }
    const failed = this.failed.bind(this);
    this.reactions = new Reactions(source, failed);
    const models = this;
    this.door = {
      source,
      failed,
      handOn: (commId) => this.hand?.on(commId) ?? false,
      get applying() {
        return models.isApplying;
      },
      reacted: (commId, state) => this.reactions.add(commId, state),
      asks: (commId, keys) => {
        this.place?.told(commId);
        this.reactions.asks(commId, keys);
      },
      told: (commId) => this.place?.told(commId),
      readResolved: (commId, keys) => this.readUpdate(commId, keys),
    };
  }

  /** Makes the models of what the document has, and follows it from now on. */
  start(): void {
    const { source } = this;
    this.stopListening = source.listen({
      changed: (changes) => this.changed(changes),
      message: (commId, data, buffers) => this.comms.get(commId)?.message(data, buffers),
    });
    this.changed([...source.commIds()].map((commId) => ({ kind: "opened", commId, keys: [] })));
    this.reactions.joining(Promise.allSettled(this.promises.values()));
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

  get isLive(): boolean {
    return this.live;
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

  has(modelId: string): boolean {
    return this.promises.has(modelId);
  }

  /** The model of an id; waits for one that is not there yet, with an end. */
  get(modelId: string): Promise<WidgetModel> {
    const there = this.promises.get(modelId);
    if (there !== undefined) return there;
    return this.arrivals.wait(modelId, MODEL_PATIENCE_MS, `the document has no widget model ${modelId}`);
  }

  /** The host's manager has a model, in creation perhaps. */
  registered(modelId: string, promise: Promise<WidgetModel>): void {
    this.promises.set(modelId, promise);
    this.arrivals.arrived(modelId, promise);
    promise.then(
      (model) => {
        if (this.promises.get(modelId) !== promise) return;
        this.created.add(modelId);
        this.references.created(modelId);
        model.once("comm:close", () => this.forget(modelId, promise));
        model.once("destroy", () => this.forget(modelId, promise));
        for (const slot of this.references.registered(modelId))
          this.comms.get(slot.commId)?.changed([slot.key]);
      },
      () => this.forget(modelId, promise),
    );
  }

  /** A comm that this window opens, for a model that it makes itself. */
  openComm(targetName: string, modelId?: string, data?: unknown, metadata?: unknown): DocumentComm {
    const comm = new DocumentComm(modelId ?? newId(), targetName, this.door, Promise.resolve());
    this.comms.set(comm.comm_id, comm);
    if (data !== undefined) comm.open(data, undefined, metadata);
    return comm;
  }

  /** A model that this window made itself, of a comm of `openComm`. */
  adoptOwn(model: WidgetModel): void {
    const comm = this.comms.get(model.model_id);
    if (comm === undefined) return;
    mendModel(model);
    this.adopt(model, comm);
  }

  /** Which comms of the document have a model here: model id to its comm. */
  get documentComms(): ReadonlyMap<string, DocumentComm> {
    return this.comms;
  }

  /** Follows the document no more; the models stay as they are. */
  stop(): void {
    this.stopListening();
    this.reactions.dispose();
    this.hand?.dispose();
    this.place?.dispose();
  }

  dispose(): void {
    this.stop();
    for (const commId of [...this.comms.keys()]) this.commClosed(commId);
  }

  /** Resolves when a view of the model can begin with what was set before it was displayed; null when it can at once. */
  beforeView(modelId: string): Promise<void> | null {
    return this.comms.get(modelId)?.beforeView() ?? null;
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
    const there = this.host.takeOver?.(commId, comm);
    const promise = there?.then((model) => this.taken(model, comm)) ?? this.create(commId, comm);
    promise.then(begin, begin);
    if (there === undefined) this.host.register(commId, promise);
    else {
      this.registered(commId, promise);
      comm.changed(entry.keys);
    }
  }

  private commClosed(commId: string): void {
    this.reactions.closed(commId);
    this.references.closed(commId);
    this.place?.forget(commId);
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
    const manager = this.host.manager as never;
    let model: WidgetModel;
    try {
      const Stock = await this.host.loadModelClass(name, module, entry?.modelModuleVersion ?? "");
      const Model = mendedClass(module, name, Stock);
      const values = await this.readValues(commId, this.source.entry(commId)?.keys ?? []);
      const state = await this.resolve(commId, values, Model, true);
      const attributes = await Model._deserialize_state(state as never, manager);
      const options = { widget_manager: manager, model_id: commId, comm };
      model = this.apply(() => new Model(attributes as never, options));
    } catch (error) {
      this.failed(commId, `creating ${name} of ${module}`, error);
      const Failed = createErrorWidgetModel(error, `${name} of ${module} could not be created`);
      model = new Failed({}, { widget_manager: manager, model_id: commId } as never);
      comm.on_close(() => model.close(true));
    }
    model.name = name;
    model.module = module;
    this.adopt(model, comm);
    return model;
  }

  private taken(model: WidgetModel, comm: DocumentComm): WidgetModel {
    dropUnsent(model);
    mendModel(model);
    this.adopt(model, comm);
    if (this.live && model.comm !== undefined) model.comm_live = true;
    return model;
  }

  private adopt(model: WidgetModel, comm: DocumentComm): void {
    const run = <T>(set: () => T) => this.apply(set);
    const apply = <T>(set: () => T) =>
      this.place === undefined ? run(set) : this.place.keep(model.model_id, () => run(set));
    adopt(model, comm, { apply, failed: this.door.failed });
    if (!this.live && model.comm !== undefined) model.comm_live = false;
    this.host.made?.(model, comm);
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

  /** Says that something failed for a comm; the rest goes on. */
  failed(commId: string, doing: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const text = `comm ${commId}: ${doing} failed: ${reason}`;
    console.error(`[commdoc] ${text}`, error);
    this.options.onProblem?.({ commId, text, error });
  }
}

/** What a view's element says of its model: which comm it shows (`hand.ts` finds it by that), and what is missing. */
export function labelView(el: unknown, model: WidgetModel, missing: readonly MissingBlob[]): void {
  if (!(el instanceof Element)) return;
  el.setAttribute("data-comm-id", model.model_id);
  el.setAttribute("data-model-name", model.name);
  if (missing.length > 0) el.setAttribute("data-commdoc-missing", missing.map(describe).join("; "));
}

function describe(blob: MissingBlob): string {
  return `${blob.key} is missing (blob ${blob.hash.slice(0, 12)}…)`;
}

/** `crypto.randomUUID` is there only in a secure page; a server may be spoken to over http. */
function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
