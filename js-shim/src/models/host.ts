/** What models that are mended for a document's windows (`mended.ts`) ask of who has them. */

import type { WidgetModel } from "@jupyter-widgets/base";
import type { ModelSource } from "./source";

export interface Host {
  readonly source: Pick<ModelSource, "commIds" | "entry" | "rank">;
  /** Is a value being set that came from the document? */
  readonly isApplying: boolean;
  /** The model of an id; waits for one that is not there yet. */
  get(modelId: string): Promise<WidgetModel>;
  /** Something failed for this comm; the rest goes on. */
  failed(commId: string, doing: string, error: unknown): void;
}

const hosts = new WeakMap<object, Host>();

/** Says who has the models of a manager. */
export function setHost(manager: object, host: Host): void {
  hosts.set(manager, host);
}

export function hostOf({ widget_manager: manager }: WidgetModel): Host {
  return hosts.get(manager) as Host;
}
