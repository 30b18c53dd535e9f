/**
 * The Output widget in a page without a notebook: shows the `outputs` that the document has, and captures nothing itself
 * (capturing is the kernel's). Outputs are treated as untrusted: HTML is sanitised as JupyterLab does it, scripts don't run.
 */

import { JupyterLuminoPanelWidget } from "@jupyter-widgets/base";
import * as base from "@jupyter-widgets/output";
import type { IOutput } from "@jupyterlab/nbformat";
import { OutputArea, OutputAreaModel } from "@jupyterlab/outputarea";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import $ from "jquery";

export class OutputModel extends base.OutputModel {
  // Declared only: the base constructor calls `initialize`, and a field would be set again after it.
  declare private area: OutputAreaModel;

  override defaults() {
    return { ...super.defaults(), msg_id: "", outputs: [] };
  }

  override initialize(
    attributes: Record<string, unknown>,
    options: Parameters<base.OutputModel["initialize"]>[1],
  ) {
    super.initialize(attributes, options);
    this.area = new OutputAreaModel({ trusted: false });
    this.on("change:outputs", this.show, this);
    this.show();
  }

  get outputs(): OutputAreaModel {
    return this.area;
  }

  private show(): void {
    this.area.clear();
    this.area.fromJSON(structuredClone((this.get("outputs") as IOutput[] | null) ?? []));
  }
}

export class OutputView extends base.OutputView {
  declare private shown: OutputArea | undefined;
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
    const { renderMime } = this.model.widget_manager as unknown as { renderMime: IRenderMimeRegistry };
    this.shown = new OutputArea({ rendermime: renderMime, model: (this.model as OutputModel).outputs });
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
