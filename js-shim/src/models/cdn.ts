/**
 * Widget packages from a CDN that the page names: the AMD module that an npm package of widgets has in its `dist` folder.
 *
 * Addresses are made as ipywidgets' html-manager makes them: `my-widget` is `dist/index.js` of the package, `my-widget/more`
 * its `dist/more.js`; the version is the range that the widget asks for, as it is, since the CDN knows which versions there are.
 */

import { AmdFiles } from "./amd-files";
import type { MakeSource } from "./module-source";

/** Where a module of any version is asked for, as another module does that needs it. */
const ANY = "*";

/** The modules of a CDN. Throws a `TypeError` for a template without `{module}`, or that is no address of http. */
export function cdnModules(template: string): MakeSource {
  cdnAddress(template, "a-module", ANY);
  if (!template.includes("{module}")) throw new TypeError(`cdn: there is no {module} in ${template}`);
  return (others) => {
    const files = new AmdFiles(others);
    return {
      what: `the CDN ${new URL(cdnAddress(template, "a-module", ANY)).host}`,
      load: async (name, range) => files.module(cdnAddress(template, name, range || ANY), name),
    };
  };
}

/** The address of a module's file. */
export function cdnAddress(template: string, moduleName: string, range: string): string {
  const parts = moduleName.split("/");
  const scoped = moduleName.startsWith("@") ? 2 : 1;
  const names: Record<string, string> = {
    module: parts.slice(0, scoped).join("/"),
    version: encodeURIComponent(range),
    file: `dist/${parts.slice(scoped).join("/") || "index"}.js`,
  };
  const url = new URL(template.replace(/\{(module|version|file)\}/g, (_, name: string) => names[name] ?? ""));
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(`cdn: ${template} is no address of http`);
  return url.href;
}
