/**
 * The widget manager of a page of our own: finds classes, makes views, and gives the models of a room's document
 * (`document-models.ts`) to who asks for them.
 */

import type {
  DOMWidgetModel,
  DOMWidgetView,
  IClassicComm,
  WidgetModel,
  WidgetView,
} from "@jupyter-widgets/base";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import type { IRenderMime, RenderMimeRegistry } from "@jupyterlab/rendermime";
import { DocumentModels, type DocumentModelsOptions, labelView } from "./document-models";
import { findModel, findView, type ModuleLoader } from "./modules";
import type { PageModule } from "./page-modules";
import { makeRenderMime } from "./rendermime";
import { Resolver, type ResolverOptions } from "./resolver";
import type { MissingBlob, ModelSource } from "./source";

export { type Problem, WIDGET_TARGET } from "./document-models";

export interface ManagerOptions extends DocumentModelsOptions, ResolverOptions {
  /** Typesets math in labels and outputs. */
  typesetter?: IRenderMime.ILatexTypesetter;
}

export class RoomManager extends ManagerBase {
  readonly source: ModelSource;
  readonly renderMime: RenderMimeRegistry;
  private readonly models: DocumentModels;
  private readonly resolver: Resolver;

  constructor(source: ModelSource, options: ManagerOptions = {}) {
    super();
    this.source = source;
    this.resolver = new Resolver(options);
    this.renderMime = makeRenderMime(this, options.typesetter);
    this.models = new DocumentModels(
      source,
      {
        manager: this,
        loadModelClass: (name, module, version) => this.loadModelClass(name, module, version),
        register: (modelId, promise) => this.register_model(modelId, promise),
      },
      options,
    );
    this.models.start();
  }

  /** Let models take and send changes, or not: with no kernel behind them they show what they have. */
  setLive(live: boolean): void {
    this.models.setLive(live);
  }

  /** Is a value being set that came from the document? */
  get isApplying(): boolean {
    return this.models.isApplying;
  }

  /** The blobs that a comm's last read lacked. */
  missingBlobs(commId: string): MissingBlob[] {
    return this.models.missingBlobs(commId);
  }

  /** Comm ids that others refer to and that are not there. */
  missingModels(): string[] {
    return this.models.missingModels();
  }

  /** Says that something failed for a comm; the rest goes on. */
  failed(commId: string, doing: string, error: unknown): void {
    this.models.failed(commId, doing, error);
  }

  /**
   * Adds a widget package that the page brings, or another version of it; as the option `modules`.
   *
   * @param moduleName the `_model_module` and `_view_module` of its widgets
   */
  register(moduleName: string, module: PageModule): void {
    this.resolver.modules.add(moduleName, module);
  }

  /** Ends all models and follows the document no more. */
  dispose(): void {
    this.models.dispose();
  }

  // --- what ipywidgets asks of a manager

  /** Where descriptions look for a typesetter. */
  get _rendermime(): RenderMimeRegistry {
    return this.renderMime;
  }

  /** The model of an id; waits for one that is not there yet, with an end. */
  override get_model(modelId: string): Promise<WidgetModel> {
    return this.models.get(modelId);
  }

  /** As `get_model`, without an end: for a view whose model may come by another road (P2). */
  modelWhenThere(modelId: string): Promise<WidgetModel> {
    return this.get_model(modelId).catch(() => this.modelWhenThere(modelId));
  }

  override has_model(modelId: string): boolean {
    return this.models.has(modelId);
  }

  override register_model(modelId: string, promise: Promise<WidgetModel>): void {
    this.models.registered(modelId, promise);
  }

  override async create_view<V extends DOMWidgetView | WidgetView>(
    model: WidgetModel,
    options?: unknown,
  ): Promise<V> {
    const before = this.models.beforeView(model.model_id);
    if (before !== null) await before;
    const view = (await super.create_view(model as DOMWidgetModel, options)) as unknown as WidgetView;
    labelView(view.el, model, this.missingBlobs(model.model_id));
    return view as V;
  }

  override loadModelClass(
    className: string,
    moduleName: string,
    moduleVersion: string,
  ): Promise<typeof WidgetModel> {
    return findModel(className, moduleName, moduleVersion, this.loader);
  }

  override loadViewClass(
    className: string,
    moduleName: string,
    moduleVersion: string,
  ): Promise<typeof WidgetView> {
    return findView(className, moduleName, moduleVersion, this.loader);
  }

  private readonly loader: ModuleLoader = (moduleName, range) => this.resolver.load(moduleName, range);

  protected override loadClass(): Promise<never> {
    return Promise.reject(new Error("classes are found by loadModelClass and loadViewClass"));
  }

  /** A model that this window makes itself (`new_widget`). */
  override async _make_model(
    options: Parameters<ManagerBase["new_model"]>[0] & { model_id: string },
    state?: Parameters<ManagerBase["new_model"]>[1],
  ): Promise<WidgetModel> {
    const model = await super._make_model(options, state);
    this.models.adoptOwn(model);
    return model;
  }

  protected override async _create_comm(
    targetName: string,
    modelId?: string,
    data?: unknown,
    metadata?: unknown,
  ): Promise<IClassicComm> {
    return this.models.openComm(targetName, modelId, data, metadata);
  }

  protected override _get_comm_info(): Promise<Record<string, never>> {
    return Promise.resolve({});
  }
}
