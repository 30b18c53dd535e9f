/** The view of a widget in an output: drawn when its model is there, and again when that ended and came again. */

import type { WidgetModel, WidgetView } from "@jupyter-widgets/base";
import type { IRenderMime } from "@jupyterlab/rendermime";
import { Panel, type Widget } from "@lumino/widgets";

/** What makes models and views. */
export interface Models {
  /** Waits for a model that isn't there yet, without an end. */
  modelWhenThere(id: string): Promise<WidgetModel>;
  create_view(model: WidgetModel): Promise<WidgetView>;
}

/** Longer than a model takes to come by another road. */
const PATIENCE_MS = 2000;

export class ViewRenderer extends Panel implements IRenderMime.IRenderer {
  private shown = "";
  /** Counts what was begun, so that what comes late is dropped. */
  private turn = 0;

  constructor(
    private readonly mimeType: string,
    private readonly models: Models,
  ) {
    super();
    this.addClass("commdoc-view-output");
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { model_id: id } = model.data[this.mimeType] as unknown as { model_id: string };
    // The same view in an output that was written anew stays as it is, under the hand perhaps.
    if (id === this.shown) return;
    this.shown = id;
    await this.draw(id);
  }

  override dispose(): void {
    this.turn += 1;
    super.dispose();
  }

  private async draw(id: string): Promise<void> {
    const turn = ++this.turn;
    const isMine = () => turn === this.turn && !this.isDisposed;
    for (const widget of [...this.widgets]) widget.dispose();
    const waiting = setTimeout(() => isMine() && this.say("Waiting for this widget's state"), PATIENCE_MS);
    try {
      const view = await this.models.create_view(await this.models.modelWhenThere(id));
      if (!isMine()) {
        view.remove();
        return;
      }
      view.once("remove", () => isMine() && this.draw(id));
      this.node.replaceChildren();
      this.addWidget((view as unknown as { luminoWidget: Widget }).luminoWidget);
    } catch (error) {
      if (isMine()) this.say(`This widget can't be shown: ${error instanceof Error ? error.message : error}`);
    } finally {
      clearTimeout(waiting);
    }
  }

  private say(words: string): void {
    const line = document.createElement("p");
    line.className = "commdoc-words";
    line.textContent = words;
    this.node.replaceChildren(line);
  }
}
