/**
 * What stands in the place of a widget that this page can't draw: its module is not there, or broke. The model is an
 * ordinary one, so that its container, its links and the room don't notice.
 */

import { DOMWidgetModel, DOMWidgetView } from "@jupyter-widgets/base";

/** What is missing, in words for the reader of the page. */
export interface Lack {
  className: string;
  moduleName: string;
  moduleVersion: string;
  reason: string;
}

/** Nothing is broken, something is not there: the message is for the reader of the page. */
export class NotInstalledError extends Error {}

export function fallbackModel(lack: Lack): typeof DOMWidgetModel {
  return class FallbackModel extends DOMWidgetModel {
    override defaults() {
      return { ...super.defaults(), _model_name: lack.className, _model_module: lack.moduleName };
    }
  };
}

export function fallbackView(lack: Lack): typeof DOMWidgetView {
  return class FallbackView extends DOMWidgetView {
    override render(): void {
      this.el.classList.add("jupyter-widgets", "commdoc-fallback");
      this.el.setAttribute("data-commdoc-fallback", lack.moduleName);
      this.el.replaceChildren(...lines(lack, this.model.name));
    }
  };
}

function lines(lack: Lack, modelName: string): HTMLElement[] {
  const title = document.createElement("strong");
  title.textContent = `${modelName || lack.className} can't be drawn here`;
  const why = document.createElement("span");
  const version = lack.moduleVersion ? ` ${lack.moduleVersion}` : "";
  why.textContent = `It needs ${lack.className} of the module ${lack.moduleName}${version}: ${lack.reason}`;
  return [title, why];
}
