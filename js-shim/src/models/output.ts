/**
 * The Output widget in a page without a notebook: it shows the outputs that the document has, and captures nothing itself
 * (capturing is the kernel's). It follows the edits of the list, see `output-list.ts`; the attribute `outputs` is made when
 * somebody reads it.
 */

import { JupyterLuminoPanelWidget } from "@jupyter-widgets/base";
import * as base from "@jupyter-widgets/output";
import type { IOutput } from "@jupyterlab/nbformat";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import $ from "jquery";
import { OutputList, OutputListArea } from "./output-list";
import type { ModelSource, OutputEdit } from "./source";

/** How long edits are gathered for those who listen to the attribute. */
const TELL_MS = 50;

/** What an Output needs of its manager. */
interface Host {
  source: ModelSource;
  renderMime: IRenderMimeRegistry;
}

export class OutputModel extends base.OutputModel {
  // Declared only: the base constructor calls `initialize`, and a field would be set again after it.
  declare private list: OutputList;
  declare private stale: boolean;
  declare private telling: ReturnType<typeof setTimeout> | undefined;

  override defaults() {
    return { ...super.defaults(), msg_id: "", outputs: [] };
  }

  override initialize(
    attributes: Record<string, unknown>,
    options: Parameters<base.OutputModel["initialize"]>[1],
  ) {
    super.initialize(attributes, options);
    const { source } = this.widget_manager as unknown as Host;
    this.list = new OutputList({ trusted: source.trusted(this.model_id) });
    const stop = source.follow(this.model_id, (edits) => this.edited(edits));
    this.once("comm:close destroy", stop);
  }

  get outputs(): OutputList {
    return this.list;
  }

  override get(name: string) {
    if (name === "outputs" && this.stale) {
      this.stale = false;
      this.attributes.outputs = this.list.toJSON();
    }
    return super.get(name);
  }

  override get_state(dropDefaults?: boolean) {
    this.get("outputs");
    return super.get_state(dropDefaults);
  }

  private edited(edits: readonly OutputEdit[]): void {
    for (const edit of edits) this.list.edit(edit);
    this.stale = true;
    const { _events: listeners } = this as unknown as { _events?: Record<string, unknown[]> };
    if (!listeners?.["change:outputs"]?.length || this.telling !== undefined) return;
    this.telling = setTimeout(() => this.tell(), TELL_MS);
  }

  /** As an update from the document, so that what a listener makes of it is its reaction, not a wish of this window's. */
  private tell(): void {
    this.telling = undefined;
    const outputs: IOutput[] = this.list.toJSON();
    this.stale = false;
    this.set_state({ outputs });
  }
}

export class OutputView extends base.OutputView {
  declare private shown: OutputListArea | undefined;
  declare luminoWidget: JupyterLuminoPanelWidget;

  override _createElement(_tagName: string): HTMLElement {
    this.luminoWidget = new JupyterLuminoPanelWidget({ view: this });
    return this.luminoWidget.node;
  }

  override _setElement(el: HTMLElement): void {
    if (this.el || el !== this.luminoWidget.node)
      throw new Error("the element of an Output can't be replaced");
    this.el = this.luminoWidget.node;
    this.$el = $(this.el);
  }

  override render(): void {
    super.render();
    const { renderMime } = this.model.widget_manager as unknown as Host;
    this.shown = new OutputListArea(renderMime, (this.model as OutputModel).outputs);
    this.luminoWidget.insertWidget(0, this.shown);
    this.luminoWidget.addClass("jupyter-widgets");
    this.luminoWidget.addClass("widget-output");
    this.update();
  }

  override remove(): void {
    this.shown?.dispose();
    super.remove();
  }
}
