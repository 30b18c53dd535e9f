/**
 * Classes of widget packages that take their page for the only one, each mended where a second window shows that: see the
 * modules named below. A class is mended when a model of a document asks for it; who has no document has the package's own.
 *
 * A mended class may be given to a model that was made before (JupyterLab's, when commdoc is loaded later): it has no fields
 * of its own that a constructor would set, and what else it begins with is done in `begin`.
 */

import type { WidgetModel } from "@jupyter-widgets/base";
import { CONTROLLER } from "./controller";
import { IPYCANVAS } from "./ipycanvas";
import { IPYMPL } from "./ipympl";
import { PLAY } from "./play";

export type ModelClass = typeof WidgetModel;

/** By a model's class name: makes the mended class, or returns the same where a release has nothing to mend. */
export type Mends = Readonly<Record<string, (Model: never) => unknown>>;

const MENDS: Readonly<Record<string, Mends>> = {
  "@jupyter-widgets/controls": { ...PLAY, ...CONTROLLER },
  ipycanvas: IPYCANVAS,
  "jupyter-matplotlib": IPYMPL,
};

const made = new WeakMap<ModelClass, ModelClass>();

/** The mended class of a module's class; the same where there is nothing to mend. */
export function mendedClass(moduleName: string, className: string, Model: ModelClass): ModelClass {
  const mends = Object.hasOwn(MENDS, moduleName) ? MENDS[moduleName] : undefined;
  if (mends === undefined || !Object.hasOwn(mends, className)) return Model;
  const mended = made.get(Model) ?? (mends[className]?.(Model as never) as ModelClass);
  made.set(Model, mended).set(mended, mended); // a model may be taken over again
  return mended;
}

/** Mends a model that was made before there was a document. */
export function mendModel(model: WidgetModel): void {
  const Model = model.constructor as ModelClass;
  const mended = mendedClass(model.get("_model_module"), model.get("_model_name"), Model);
  if (mended === Model) return;
  Object.setPrototypeOf(model, mended.prototype);
  (model as { begin?: () => void }).begin?.();
}
