/**
 * Everything of JupyterLab's widget manager, its renderers and its models that is private, and nothing else of the plugin
 * touches: what is taken, under which name, and a check of each name. Where one is missing (another release), the panel
 * stays as JupyterLab made it.
 *
 * ipywidgets offers no way to its managers. A manager is had by what every renderer of a panel is given: the class of the
 * renderers comes from the placeholder factory, its `manager` setter is wrapped, and each panel's own factory, which comes right
 * behind the manager, is made to make one renderer. So the manager is in hand before it loads anything (it waits a microtask).
 */

import type { IClassicComm, WidgetModel, WidgetView } from "@jupyter-widgets/base";
import type { IRenderMime, IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Kernel, KernelMessage } from "@jupyterlab/services";
import type { Signal } from "@lumino/signaling";
import type { Widget } from "@lumino/widgets";

export const WIDGET_MIMETYPE = "application/vnd.jupyter.widget-view+json";

/** The manager of a kernel's widgets in this page: ipywidgets' `WidgetManager` or `KernelWidgetManager`. */
export interface StockManager {
  readonly kernel: Kernel.IKernelConnection | null;
  readonly restored: Signal<StockManager, void>;
  readonly restoredStatus: boolean;
  readonly onUnhandledIOPubMessage: Signal<StockManager, KernelMessage.IIOPubMessage>;
  _loadFromKernel(): Promise<void>;
  _create_comm(target: string, modelId?: string, ...rest: unknown[]): Promise<IClassicComm>;
  handle_comm_open(comm: IClassicComm, message: KernelMessage.ICommOpenMsg): Promise<unknown>;
  get_model(modelId: string): Promise<WidgetModel>;
  has_model(modelId: string): boolean;
  register_model(modelId: string, promise: Promise<WidgetModel>): void;
  create_view(model: WidgetModel, options?: unknown): Promise<WidgetView>;
  loadModelClass(name: string, module: string, version: string): Promise<typeof WidgetModel>;
  get_state_sync(options?: object): unknown;
  /** Only a notebook's has it. */
  _loadFromNotebook?(notebook: StockNotebook): Promise<void>;
}

/** A notebook's model: `INotebookModel`. */
export interface StockNotebook {
  getMetadata(name: string): unknown;
}

/** A renderer of widget views in a cell's outputs: ipywidgets' `WidgetRenderer`. */
export interface Renderer extends Widget {
  readonly mimeType: string;
  renderModel(model: IRenderMime.IMimeModel): Promise<void>;
}

/** The model of an Output widget in JupyterLab. */
export interface StockOutputModel extends WidgetModel {
  readonly outputs: {
    readonly length: number;
    add(output: unknown): number;
    set(at: number, output: unknown): void;
    clear(wait?: boolean): void;
    toJSON(): unknown[];
  };
}

const MANAGER_NAMES = [
  "_loadFromKernel",
  "_create_comm",
  "handle_comm_open",
  "get_model",
  "has_model",
  "register_model",
  "create_view",
  "loadModelClass",
  "get_state_sync",
  "restored",
  "onUnhandledIOPubMessage",
] as const;

/** A manager that has a notebook. */
const NOTEBOOK_NAMES = ["_loadFromNotebook"] as const;

const MODEL_NAMES = [
  "_handle_comm_closed",
  "_handle_comm_msg",
  "_buffered_state_diff",
  "_pending_msgs",
] as const;

/** Something that is patched isn't there. */
export class UnknownReleaseError extends Error {
  override name = "UnknownReleaseError";
}

type Methods = Pick<
  StockManager,
  | "_loadFromKernel"
  | "_create_comm"
  | "handle_comm_open"
  | "get_model"
  | "register_model"
  | "create_view"
  | "get_state_sync"
  | "_loadFromNotebook"
>;

type Patches = { [Name in keyof Methods]-?: (stock: Required<Methods>[Name]) => Required<Methods>[Name] };

/** Replaces methods of one manager; each is given the stock one. */
export function patchManager(manager: StockManager, patches: Patches): void {
  need(manager, MANAGER_NAMES, "the widget manager");
  if ("context" in manager) need(manager, NOTEBOOK_NAMES, "a notebook's widget manager");
  for (const name of Object.keys(patches) as (keyof Methods)[]) {
    if (!(name in manager)) continue;
    const stock = (manager[name] as (...all: never[]) => unknown).bind(manager);
    const patched = (patches[name] as (stock: unknown) => unknown)(stock);
    Object.defineProperty(manager, name, { configurable: true, writable: true, value: patched });
  }
}

/** What renderers are told to do. */
export interface RendererHooks {
  /** A renderer, or a panel's factory, has this manager. */
  hasManager(renderer: Renderer, manager: StockManager): void;
  /** Stands before `renderModel`; `stock` does what JupyterLab does. */
  render(renderer: Renderer, model: IRenderMime.IMimeModel, stock: () => Promise<void>): Promise<void>;
}

/** Wraps the class of the renderers. Once for a page. */
export function hookRenderers(rendermime: IRenderMimeRegistry, hooks: RendererHooks): void {
  const one = makeRenderer(rendermime);
  const prototype = one && (Object.getPrototypeOf(one) as Renderer);
  one?.dispose();
  const manager = prototype && Object.getOwnPropertyDescriptor(prototype, "manager");
  const render = prototype?.renderModel;
  if (!prototype || !manager?.set || typeof render !== "function")
    throw new UnknownReleaseError("the renderer of widget views has no `manager` or no `renderModel`");
  const { set } = manager;
  Object.defineProperty(prototype, "manager", {
    ...manager,
    set(this: Renderer, value: StockManager) {
      hooks.hasManager(this, value);
      set.call(this, value);
    },
  });
  prototype.renderModel = function (this: Renderer, model) {
    return hooks.render(this, model, () => render.call(this, model));
  };
}

/** The manager of a renderer, as soon as it has one. */
export function managerOf(renderer: Renderer): Promise<StockManager> | undefined {
  return (renderer as unknown as { _manager?: { promise?: Promise<StockManager> } })._manager?.promise;
}

/** Calls `given` whenever a panel was given a factory of widget views: then its renderers have a manager. */
export function onFactory(rendermime: IRenderMimeRegistry, given: () => void): void {
  const stock = rendermime.addFactory.bind(rendermime);
  rendermime.addFactory = (factory, rank) => {
    stock(factory, rank);
    if (factory.mimeTypes.includes(WIDGET_MIMETYPE)) given();
  };
}

/** Makes one renderer of a registry, which tells its manager, if it has one. */
export function makeRenderer(rendermime: IRenderMimeRegistry): Renderer | null {
  if (!rendermime.getFactory(WIDGET_MIMETYPE)) return null;
  return rendermime.createRenderer(WIDGET_MIMETYPE) as unknown as Renderer;
}

/** What the view of a model says when JupyterLab could not show it. */
export function showsFailure(renderer: Renderer): boolean {
  return renderer.node.textContent?.startsWith("Error displaying widget") ?? false;
}

// --- models

interface PrivateModel {
  _handle_comm_closed(message: unknown): void;
  _handle_comm_msg(message: unknown): Promise<void>;
  _comm_live: boolean;
  _msg_buffer: unknown;
  _msgHook?: (message: KernelMessage.IIOPubMessage) => boolean;
}

/** Makes `comm` a model's comm. The one it had is given back: silent, and to be set again by the same way. */
export function swapComm(model: WidgetModel, comm: IClassicComm): IClassicComm | undefined {
  need(model, MODEL_NAMES, `the model ${model.name}`);
  const inner = model as unknown as PrivateModel;
  const old = model.comm;
  old?.on_msg(() => undefined);
  old?.on_close(() => undefined);
  inner._msg_buffer = null;
  model.comm = comm;
  comm.on_msg((message) => inner._handle_comm_msg(message));
  comm.on_close((message) => inner._handle_comm_closed(message));
  return old;
}

/** Runs `action` while these models say that they have a live comm; no view is told. */
export function asLive<T>(models: Iterable<WidgetModel>, action: () => T): T {
  const dead = [...models].filter((model) => !model.comm_live) as unknown as PrivateModel[];
  for (const model of dead) model._comm_live = true;
  try {
    return action();
  } finally {
    for (const model of dead) model._comm_live = false;
  }
}

/** An Output's model as JupyterLab makes it, or null; it captures nothing and follows no attribute any more. */
export function quietOutput(
  model: WidgetModel,
  kernel: Kernel.IKernelConnection | null,
): StockOutputModel | null {
  const { _msgHook: hook } = model as unknown as PrivateModel;
  const { outputs } = model as StockOutputModel;
  if (hook === undefined || typeof outputs?.add !== "function" || typeof outputs.set !== "function")
    return null;
  const captured = model.get("msg_id");
  if (captured && kernel) kernel.removeMessageHook(captured, hook);
  model.stopListening(model, "change:msg_id");
  model.stopListening(model, "change:outputs");
  return model as StockOutputModel;
}

/** The Output's model captures and follows its attributes again, as JupyterLab made it. */
export function wakeOutput(model: StockOutputModel): void {
  const inner = model as unknown as { reset_msg_id(): void; setOutputs(...all: unknown[]): void };
  model.listenTo(model, "change:msg_id", inner.reset_msg_id);
  model.listenTo(model, "change:outputs", inner.setOutputs);
}

/** The views of a model that are there, or on the way. */
export function viewsOf(model: WidgetModel): Promise<WidgetView>[] {
  return Object.values((model.views ?? {}) as Record<string, Promise<WidgetView>>);
}

function need(what: object, names: readonly string[], whose: string): void {
  const missing = names.filter((name) => !(name in what));
  if (missing.length > 0) throw new UnknownReleaseError(`${whose} has no ${missing.join(", ")}`);
}
