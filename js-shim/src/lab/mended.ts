/**
 * Classes of packages that don't cope with a window that came late, mended as they are in the page (`../models/ipycanvas.ts`,
 * `../models/ipympl.ts`). Only models that are made from the document are of them: without commdoc in the kernel a package's
 * classes are as they are.
 */

import type { WidgetModel } from "@jupyter-widgets/base";
import { copingWithLateness, hostOf } from "../models/ipycanvas";
import { paintingAll } from "../models/ipympl";
import type { ModelSource } from "../models/source";
import type { StockManager } from "./stock";

type ModelClass = typeof WidgetModel;

const mended = new WeakMap<ModelClass, ModelClass>();

/** Returns what loads a model's class as JupyterLab does, for the models of a source. */
export function mendedLoader(manager: StockManager, source: ModelSource): StockManager["loadModelClass"] {
  hostOf.set(manager, {
    source,
    get_model: (commId) => manager.get_model(commId),
    failed: (commId, doing, error) => console.error(`[commdoc] comm ${commId}: ${doing} failed`, error),
  });
  return async (name, module, version) => {
    const Model = await manager.loadModelClass(name, module, version);
    const known = mended.get(Model);
    if (known !== undefined) return known;
    const classes = paintingAll(module, copingWithLateness(module, { [name]: Model }));
    const made = classes[name] as ModelClass;
    mended.set(Model, made);
    return made;
  };
}
