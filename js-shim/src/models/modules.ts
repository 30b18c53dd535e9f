/**
 * Which JavaScript class a `_model_module`/`_model_name` (or view) means. The page carries base, controls, output and
 * anywidget; nothing is loaded from elsewhere. What it doesn't have becomes a visible fallback that says what is missing.
 */

import * as base from "@jupyter-widgets/base";
import * as controls from "@jupyter-widgets/controls";
import * as anywidget from "./anywidget";
import { fallbackModel, fallbackView, type Lack } from "./fallback";
import * as output from "./output";
import { PlayModel } from "./play";

type Classes = Record<string, unknown>;

/** Module name → its classes, and the major version of the protocol that they speak. */
const MODULES: Record<string, { classes: Classes; major: string }> = {
  "@jupyter-widgets/base": { classes: { ...base }, major: "2" },
  "@jupyter-widgets/controls": { classes: { ...controls, PlayModel }, major: "2" },
  "@jupyter-widgets/output": { classes: { ...output }, major: "1" },
  anywidget: { classes: { ...anywidget }, major: "" },
};

/** More classes for a host that has more packages: module name → its exports, or a promise of them. */
export type ModuleLoader = (moduleName: string, moduleVersion: string) => Promise<Classes> | undefined;

export async function findModel(
  className: string,
  moduleName: string,
  moduleVersion: string,
  loader?: ModuleLoader,
): Promise<typeof base.WidgetModel> {
  const found = await find(className, moduleName, moduleVersion, loader);
  return isLack(found) ? fallbackModel(found) : (found as typeof base.WidgetModel);
}

export async function findView(
  className: string,
  moduleName: string,
  moduleVersion: string,
  loader?: ModuleLoader,
): Promise<typeof base.WidgetView> {
  const found = await find(className, moduleName, moduleVersion, loader);
  return isLack(found) ? fallbackView(found) : (found as typeof base.WidgetView);
}

function isLack(found: unknown): found is Lack {
  return typeof found === "object";
}

/** The class, or what is lacking. */
async function find(
  className: string,
  moduleName: string,
  moduleVersion: string,
  loader: ModuleLoader | undefined,
): Promise<unknown> {
  const lack = (reason: string): Lack => ({ className, moduleName, moduleVersion, reason });
  const known = MODULES[moduleName];
  const version = moduleVersion.replace(/^[^\d]*/, "");
  if (known?.major && version && version.split(".")[0] !== known.major) {
    return lack(`this page has version ${known.major} of it (ipywidgets 8).`);
  }
  let classes: Classes | undefined;
  try {
    classes = known?.classes ?? (await loader?.(moduleName, moduleVersion));
  } catch (error) {
    return lack(`it could not be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (classes === undefined)
    return lack("this page doesn't have it. JupyterLab shows it when its extension is installed.");
  const found = classes[className];
  return typeof found === "function" ? found : lack("the module has no class of that name.");
}
