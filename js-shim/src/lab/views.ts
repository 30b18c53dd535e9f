/**
 * The places in a panel where a widget is to be shown. One whose model is not there waits for it: an output may come before
 * its widget, by another road.
 */

import type { IRenderMime } from "@jupyterlab/rendermime";
import { type Renderer, showsFailure } from "./stock";
import { WITHHELD } from "./trust";

/** A view says that its model isn't there after this time; it goes on waiting. */
const PATIENCE_MS = 10_000;

export class Views {
  private readonly renderers = new Map<Renderer, IRenderMime.IMimeModel>();
  private readonly waiting = new Map<string, Set<() => void>>();

  /**
   * @param waitsFor whether the document is to bring the model and has not yet
   * @param has whether it has
   * @param withholds whether it is there, but nobody vouches for it
   */
  constructor(
    private readonly waitsFor: (modelId: string) => boolean,
    private readonly has: (modelId: string) => boolean,
    private readonly withholds: (modelId: string) => boolean,
  ) {}

  /** Renders a widget in a cell, as soon as its model is there. `isCurrent`: nobody has asked for another since. */
  async render(
    renderer: Renderer,
    model: IRenderMime.IMimeModel,
    stock: () => Promise<void>,
    isCurrent: () => boolean,
  ): Promise<void> {
    if (!this.renderers.has(renderer)) renderer.disposed.connect(() => this.renderers.delete(renderer));
    this.renderers.set(renderer, model);
    const modelId = (model.data[renderer.mimeType] as { model_id?: string } | undefined)?.model_id ?? "";
    const waits = (): boolean => modelId !== "" && this.waitsFor(modelId);
    if (!waits()) {
      const hadIt = this.has(modelId);
      await stock();
      if (!isCurrent() || !showsFailure(renderer)) return;
      // The room was joined meanwhile: JupyterLab looks for a model now and then, and gives up with a pause.
      if (!waits()) return !hadIt && this.has(modelId) ? stock() : undefined;
    }
    const say = (words: string): void => {
      renderer.node.textContent = this.withholds(modelId) ? WITHHELD : words;
    };
    say("Loading widget...");
    const patience = setTimeout(() => {
      if (isCurrent()) say("This widget is not there (yet): run its cell again.");
    }, PATIENCE_MS);
    await this.registered(modelId);
    clearTimeout(patience);
    if (!isCurrent() || renderer.isDisposed) return;
    renderer.node.textContent = "";
    return stock();
  }

  /** The manager has the model. */
  arrived(modelId: string): void {
    for (const resolve of this.waiting.get(modelId) ?? []) resolve();
    this.waiting.delete(modelId);
  }

  /** Tries again what JupyterLab could not show. */
  retry(): void {
    for (const [renderer, model] of [...this.renderers])
      if (showsFailure(renderer)) void renderer.renderModel(model);
  }

  clear(): void {
    this.renderers.clear();
    this.waiting.clear();
  }

  private registered(modelId: string): Promise<void> {
    return new Promise((resolve) => {
      const those = this.waiting.get(modelId) ?? new Set();
      this.waiting.set(modelId, those.add(resolve));
    });
  }
}

/** A control without a kernel takes no hand. */
export function setInert(el: unknown, inert: boolean): void {
  if (el instanceof HTMLElement) el.inert = inert;
}
