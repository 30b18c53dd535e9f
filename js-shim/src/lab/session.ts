/**
 * One widget manager of JupyterLab and the room of its kernel: with commdoc in the kernel its models are the document's.
 *
 *     the kernel's room      manager
 *     none                   all stock
 *     this kernel's bridge   models are made from the document; what the kernel's own messages say of them is passed over
 *     a bridge that is gone  the document's models show what they had, marked; what this kernel opens is stock
 *
 * A notebook, its cloned views and a console on its kernel share a manager, so they share a session. It ends with the last
 * of them.
 */

import type { IClassicComm, WidgetModel, WidgetView } from "@jupyter-widgets/base";
import type { Kernel } from "@jupyterlab/services";
import type * as Y from "yjs";
import { DocumentModels, labelView, WIDGET_TARGET } from "../models/document-models";
import { fromRoom, PAGE_SUFFIX } from "../models/from-room";
import type { ModelSource } from "../models/source";
import type { KernelState } from "../window/messages";
import { Room } from "../window/room";
import { HeldModels } from "./held-models";
import type { RoomAnswer, RoomQuery, RoomServer } from "./server";
import { sharedConnect } from "./shared";
import { asLive, patchManager, type StockManager, viewsOf } from "./stock";
import { Guard, SavedWidgets } from "./trust";
import { setInert, Views } from "./views";

/** JupyterLab's own restore waits this long for the room; a room that comes later takes over what was restored. */
const ROOM_PATIENCE_MS = 5_000;

/** What a room says of a kernel whose bridge is gone: unloaded, or cut off. */
const GONE = "disconnected";

/** A bridge that is cut off comes back within this time; later the models are the kernel's again. */
const BRIDGE_PATIENCE_MS = 3_000;

/** Where a session's kernel is; read anew each time, since kernels are switched and notebooks renamed. */
export interface Place {
  readonly kernel: Kernel.IKernelConnection | null;
  /** The notebook's path; of a console none. */
  readonly path: string | null;
  /** The notebook's document where a collaboration extension shares it. */
  readonly document: Y.Doc | null;
  /** Is the notebook trusted? Then also what came with its file is shown. */
  readonly isTrusted: boolean;
}

export interface SessionOptions {
  server: RoomServer;
  /** All widget packages are registered: before that no model can be made. */
  ready: Promise<unknown>;
  /** Something of what is shown of a session has changed. */
  changed(): void;
  /** Something private isn't as expected: this panel stays as it is. */
  refused(error: unknown): void;
  /** A kernel runs, and commdoc isn't loaded in it. */
  kernelIsOff(session: LabSession): void;
}

export class LabSession {
  readonly views: Views;
  room: Room | null = null;
  /** How long the document took to have this window's last change. */
  lagMs: number | null = null;
  answer: RoomAnswer | null = null;
  private guard: Guard | null = null;
  private readonly saved = new SavedWidgets();
  private models: DocumentModels | null = null;
  private readonly held = new HeldModels();
  private readonly own = new Set<string>();
  private bridgeTimer: ReturnType<typeof setTimeout> | undefined;
  private gaveBack = false;
  private offeredTo: string | null = null;
  private joining = 0;
  /** All tries to join the room that were begun have ended, this way or that. */
  private joined: Promise<void>;
  private disposed = false;

  constructor(
    readonly manager: StockManager,
    public place: () => Place,
    private readonly options: SessionOptions,
  ) {
    this.views = new Views(
      (modelId) => (this.models !== null || this.saved.has(modelId)) && !manager.has_model(modelId),
      (modelId) => this.models !== null && manager.has_model(modelId),
      (modelId) => this.guard?.withholds(modelId) === true || this.saved.withholds(modelId),
    );
    this.patch();
    this.joined = this.join();
  }

  /** Is commdoc loaded in this manager's kernel? */
  get isBridged(): boolean {
    const { kernel } = this.room ?? {};
    return kernel?.live === true && kernel.status !== GONE && kernel.kernel_id === this.place().kernel?.id;
  }

  /** Is there a kernel behind the document? That of another panel, where this one's has ended. */
  get isLive(): boolean {
    return this.room?.kernel.live === true;
  }

  /** The kernel is another one, or runs again: its room may be another one too. */
  rejoin(): void {
    this.joined = Promise.allSettled([this.joined, this.joinAgain()]).then(() => undefined);
  }

  private async joinAgain(): Promise<void> {
    const place = this.place();
    if (this.disposed || place.kernel === null) return;
    const answer = await this.options.server.room(queryOf(place)).catch(() => null);
    if (this.disposed || answer?.room_id === this.answer?.room_id) return this.update();
    this.leave();
    await this.join();
  }

  dispose(): void {
    if (this.disposed) return;
    this.leave();
    this.disposed = true;
    this.views.clear();
    this.held.clear();
    // JupyterLab keeps the manager, and with it this session, for the life of the page; not the panel.
    this.place = () => ({ kernel: null, path: null, document: null, isTrusted: false });
  }

  /** How many widgets are withheld until the notebook is trusted. */
  get withheld(): number {
    return (this.guard?.withheld ?? 0) + this.saved.withheld;
  }

  /** The notebook may be trusted now. */
  trustChanged(): void {
    if (this.withheld === 0 || !this.place().isTrusted) return;
    this.guard?.check();
    this.saved.release().then(
      () => {
        this.views.retry();
        this.options.changed();
      },
      (error) => console.error("[commdoc] widgets that are saved in the notebook", error),
    );
  }

  // --- the room

  private async join(): Promise<void> {
    const turn = ++this.joining;
    const { server } = this.options;
    if (this.place().kernel === null) return;
    const isLate = (): boolean => this.disposed || turn !== this.joining;
    try {
      const connect = server.connect(
        () => queryOf(this.place()),
        (answer) => {
          this.answer = answer;
        },
      );
      const [room] = await Promise.all([
        Room.join(
          sharedConnect(connect, () => this.sharedDocument()),
          { client: "commdoc-lab", name: `JupyterLab${PAGE_SUFFIX}` },
        ),
        this.options.ready,
      ]);
      if (isLate()) return room.close();
      this.room = room;
      this.time(room);
      const source = fromRoom(room, (commId, reason) => console.warn(`commdoc: comm ${commId}: ${reason}`));
      this.guard = new Guard(source, () => this.place().isTrusted);
      room.on("kernel", () => this.update());
      room.on("peers", () => this.options.changed());
      room.on("change", () => this.options.changed());
      room.on("status", () => this.options.changed());
      room.on("log", ({ name, text }) => this.log(name, text));
      this.update();
    } catch (error) {
      if (!isLate()) console.warn("commdoc: no room for this kernel:", (error as Error).message);
    }
  }

  /** No room is being looked for any more. */
  private async settled(): Promise<void> {
    for (let seen: Promise<void> | null = null; seen !== this.joined; ) {
      seen = this.joined;
      await seen;
    }
  }

  /** The notebook's document, if it is the room's: a second notebook on a kernel has another one. */
  private sharedDocument(): Y.Doc | null {
    const { path, document } = this.place();
    if (path === null || this.answer === null || this.answer.document === "own") return null;
    return this.answer.path === withoutDrive(path) ? document : null;
  }

  /** Each request tells how far the document is behind this window. */
  private time(room: Room): void {
    const request = room.request.bind(room);
    room.request = (commId, state) => {
      const begin = performance.now();
      const handle = request(commId, state);
      handle.accepted.then(
        () => {
          this.lagMs = performance.now() - begin;
          this.options.changed();
        },
        () => undefined,
      );
      return handle;
    };
  }

  private leave(): void {
    this.joining += 1;
    clearTimeout(this.bridgeTimer);
    this.bridgeTimer = undefined;
    this.held.leave();
    this.models?.stop();
    this.models = null;
    this.guard = null;
    this.room?.close();
    this.room = null;
    this.answer = null;
  }

  private update(): void {
    if (this.room === null || this.guard === null) return;
    this.watchBridge(this.room.kernel);
    const hasDocument = this.isLive || this.room.comms.size > 0;
    if (this.models === null && hasDocument && !this.gaveBack) this.begin(this.guard.source);
    this.guard.check(); // the room may have named a kernel
    if (this.models !== null) this.setLive(this.models, this.isLive);
    const kernelId = this.place().kernel?.id ?? null;
    if (this.isBridged) this.offeredTo = null;
    else if (kernelId !== null && kernelId !== this.offeredTo) {
      this.offeredTo = kernelId;
      this.options.kernelIsOff(this);
    }
    this.options.changed();
  }

  /** Waits for a bridge that is gone, and gives the models back to a kernel that goes on without it. */
  private watchBridge({ live, status, kernel_id: id }: KernelState): void {
    const isGone = live && status === GONE && id === this.place().kernel?.id;
    if (!isGone) {
      clearTimeout(this.bridgeTimer);
      this.bridgeTimer = undefined;
      this.gaveBack = false;
    } else if (this.bridgeTimer === undefined && !this.gaveBack) {
      this.openMissing();
      this.bridgeTimer = setTimeout(() => {
        this.bridgeTimer = undefined; // without a connection to the kernel it is tried again when that is back
        this.giveBack().catch((error) => console.error("[commdoc] giving models back", error));
      }, BRIDGE_PATIENCE_MS);
    }
  }

  /** What the kernel opened last, and its bridge could not bring any more: what comes now may refer to it. */
  private openMissing(): void {
    const { manager } = this;
    for (const opened of this.held.missing((modelId) => manager.has_model(modelId)))
      manager.handle_comm_open(...opened).catch((error) => console.error("[commdoc] opening a comm", error));
  }

  private async giveBack(): Promise<void> {
    const { models, manager } = this;
    const { kernel } = this.place();
    if (models === null || kernel === null || kernel.connectionStatus !== "connected") return;
    this.gaveBack = true;
    this.models = null;
    models.stop();
    for (const [id] of models.documentComms) {
      if (!manager.has_model(id)) continue;
      // One in creation, as soon as it is there; unless the document has it again by then.
      manager
        .get_model(id)
        .then((model) => {
          if (this.gaveBack) this.held.giveBack(model, kernel);
        })
        .catch((error) => console.error(`[commdoc] giving ${id} back`, error));
    }
    await manager._loadFromKernel();
    this.options.changed();
  }

  private begin(source: ModelSource): void {
    const models = new DocumentModels(
      source,
      {
        manager: this.manager,
        loadModelClass: (...which) => this.manager.loadModelClass(...which),
        register: (modelId, promise) => this.manager.register_model(modelId, promise),
        takeOver: (modelId, comm) => this.takeOver(modelId, comm),
        made: (model) => this.made(model),
      },
      { root: document },
    );
    this.models = models;
    models.setLive(this.isLive);
    models.start();
    this.views.retry();
  }

  /** A model that JupyterLab made itself, before commdoc was loaded, becomes the document's. */
  private takeOver(modelId: string, comm: IClassicComm): Promise<WidgetModel> | undefined {
    if (!this.manager.has_model(modelId)) return undefined;
    return this.manager.get_model(modelId).then((model) => {
      this.held.take(model, comm);
      for (const view of viewsOf(model)) {
        view.then(
          (made) => this.viewMade(made, model),
          () => undefined,
        );
      }
      return model;
    });
  }

  private made(model: WidgetModel): void {
    const source = this.guard?.source;
    if (source !== undefined) this.held.made(model, source, this.place().kernel);
  }

  private setLive(models: DocumentModels, live: boolean): void {
    if (models.isLive === live) return;
    if (!live) this.held.comms.clear();
    models.setLive(live);
    for (const [commId] of models.documentComms) {
      models.get(commId).then(
        (model) => {
          for (const view of viewsOf(model)) view.then(({ el }) => setInert(el, !models.isLive));
        },
        () => undefined,
      );
    }
  }

  /** Output of a handler that no cell shows goes where JupyterLab's own does: to the log console. */
  private log(name: string, text: string): void {
    const message = {
      header: { msg_type: "stream" },
      content: { name, text },
      parent_header: {},
      metadata: {},
    };
    this.manager.onUnhandledIOPubMessage.emit(message as never);
  }

  // --- the manager

  private patch(): void {
    const { manager } = this;
    patchManager(manager, {
      _loadFromKernel: (stock) => async () => {
        await Promise.race([this.settled(), delay(ROOM_PATIENCE_MS)]);
        if (this.isBridged) return;
        try {
          await stock();
        } catch (error) {
          if (!this.isBridged) throw error;
        }
      },
      _create_comm:
        (stock) =>
        async (target, modelId, data, ...rest) => {
          if (this.models === null || !this.isBridged || target !== WIDGET_TARGET)
            return stock(target, modelId, data, ...rest);
          // JupyterLab's restore, which was under way when the room came, would take this comm's place in the document.
          if (data === undefined) throw new Error(`the document brings ${modelId}`);
          const comm = this.models.openComm(target, modelId, data, rest[0]);
          this.own.add(comm.comm_id);
          return comm;
        },
      handle_comm_open: (stock) => async (comm, message) => {
        // The document brings it. What it was told here may be older than what the document has.
        if (this.models === null || !this.isBridged) return stock(comm, message);
        this.held.passOver(comm, message);
        return undefined;
      },
      get_model: (stock) => (modelId) =>
        this.models !== null && this.isLive && !manager.has_model(modelId)
          ? this.models.get(modelId)
          : stock(modelId),
      register_model: (stock) => (modelId, promise) => {
        stock(modelId, promise);
        this.registerModel(modelId, promise);
      },
      create_view: (stock) => async (model, options) => {
        await this.models?.beforeView(model.model_id);
        const view = await stock(model, options);
        this.viewMade(view, model);
        return view;
      },
      get_state_sync: (stock) => (options) => {
        return this.saved.addTo(asLive(this.held.models, () => stock(options)));
      },
      _loadFromNotebook: (stock) => async (notebook) => {
        if (this.place().isTrusted) return stock(notebook);
        this.saved.withhold(notebook.getMetadata("widgets"), () => stock(notebook));
        this.options.changed();
      },
    });
  }

  private registerModel(modelId: string, promise: Promise<WidgetModel>): void {
    const { models } = this;
    models?.registered(modelId, promise);
    this.views.arrived(modelId);
    promise.then(
      (model) => {
        if (this.own.delete(modelId)) models?.adoptOwn(model);
        if (models?.documentComms.has(modelId)) this.held.add(model);
      },
      () => undefined,
    );
  }

  private viewMade(view: WidgetView, model: WidgetModel): void {
    const { models } = this;
    if (models === null || !models.documentComms.has(model.model_id)) return;
    labelView(view.el, model, models.missingBlobs(model.model_id));
    setInert(view.el, !models.isLive);
  }
}

function queryOf({ kernel, path }: Place): RoomQuery {
  return { ...(kernel === null ? {} : { kernel_id: kernel.id }), ...(path === null ? {} : { path }) };
}

/** `RTC:a.ipynb` is a path in a drive of a collaboration extension's. */
function withoutDrive(path: string): string {
  return path.replace(/^[^/:]+:/, "");
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
