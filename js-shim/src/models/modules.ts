/**
 * Which JavaScript class a `_model_module`/`_model_name` (or view) means. The page carries base, controls, output and
 * anywidget; any other module is asked of the page's `loader` (`resolver.ts`). What neither has becomes a visible fallback that
 * says what is missing.
 */

import * as base from "@jupyter-widgets/base";
import * as controls from "@jupyter-widgets/controls";
import * as anywidget from "./anywidget";
import { fallbackModel, fallbackView, type Lack, NotInstalledError } from "./fallback";
import * as output from "./output";
import { SLIDER_VIEWS } from "./readouts";

/** A module's exports. */
export type Classes = Record<string, unknown>;

/** Module name → its classes, and the major version of the protocol that they speak. */
const MODULES: Record<string, { classes: Classes; major: string }> = {
  "@jupyter-widgets/base": { classes: { ...base }, major: "2" },
  "@jupyter-widgets/controls": { classes: { ...controls, ...SLIDER_VIEWS }, major: "2" },
  "@jupyter-widgets/output": { classes: { ...output }, major: "1" },
  anywidget: { classes: { ...anywidget }, major: "" },
};

/** The exports of a module that the page carries. */
export function pageModule(moduleName: string): Classes | undefined {
  return Object.hasOwn(MODULES, moduleName) ? MODULES[moduleName]?.classes : undefined;
}

/** More classes for a host that has more packages: a promise of a module's exports, undefined for one that it doesn't know. */
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
  const known = Object.hasOwn(MODULES, moduleName) ? MODULES[moduleName] : undefined;
  const version = moduleVersion.replace(/^[^\d]*/, "");
  if (known?.major && version && version.split(".")[0] !== known.major) {
    return lack(`this page has version ${known.major} of it (ipywidgets 8).`);
  }
  let classes: Classes | undefined;
  try {
    classes = known?.classes ?? (await loader?.(moduleName, moduleVersion));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return lack(error instanceof NotInstalledError ? reason : `it could not be loaded: ${reason}`);
  }
  if (classes === undefined)
    return lack("this page doesn't have it. JupyterLab shows it when its extension is installed.");
  const found = classes[className];
  return typeof found === "function" ? found : lack("the module has no class of that name.");
}
