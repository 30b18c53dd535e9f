/** Widget packages that the page itself brings, as ES modules of its bundle or its import map. */

import rcompare from "semver/functions/rcompare.js";
import satisfies from "semver/functions/satisfies.js";
import valid from "semver/functions/valid.js";
import validRange from "semver/ranges/valid.js";
import { NotInstalledError } from "./fallback";
import { type ModuleSource, NOT_KNOWN } from "./module-source";
import type { Classes } from "./modules";

/** Imports a module: `() => import("my-widget")`. Called when the first widget asks for it. */
export type ImportModule = () => Promise<object>;

/** A module that a page brings. Without a version it is taken whatever version a widget asks for. */
export type PageModule =
  | ImportModule
  | {
      /** As in its package.json, e.g. `1.2.0`. A widget that asks for another one goes on to the next source. */
      readonly version?: string;
      readonly load: ImportModule;
    };

interface Entry {
  readonly version: string | undefined;
  readonly load: ImportModule;
}

export class PageModules implements ModuleSource {
  readonly what = "the page's own modules";
  private readonly entries = new Map<string, Entry[]>();

  constructor(modules: Readonly<Record<string, PageModule | readonly PageModule[]>>) {
    for (const [name, those] of Object.entries(modules)) {
      for (const each of Array.isArray(those) ? those : [those]) this.add(name, each as PageModule);
    }
  }

  /**
   * Adds a module, or another version of it. Widgets that were drawn without it stay as they are.
   *
   * Throws a `TypeError` for what is no version.
   */
  add(moduleName: string, module: PageModule): void {
    const { version, load }: Omit<Entry, "version"> & { version?: string | undefined } =
      typeof module === "function" ? { load: module } : module;
    if (version !== undefined && valid(version) === null)
      throw new TypeError(`${moduleName}: ${version} is no version`);
    const list = [...(this.entries.get(moduleName) ?? []), { version, load }];
    this.entries.set(moduleName, list.sort(newestFirst));
  }

  async load(moduleName: string, range: string): Promise<Classes> {
    const entries = this.entries.get(moduleName);
    if (entries === undefined) throw NOT_KNOWN;
    const found = entries.find(({ version }) => version === undefined || fits(version, range));
    if (found === undefined) {
      const versions = entries.map(({ version }) => version).join(" and ");
      throw new NotInstalledError(`version ${versions} of it, where ${range} is asked for`);
    }
    return exportsOf(await found.load());
  }
}

/** Those without a version last: they are for whoever finds no better one. */
function newestFirst(one: Entry, other: Entry): number {
  if (one.version === undefined || other.version === undefined)
    return Number(one.version === undefined) - Number(other.version === undefined);
  return rcompare(one.version, other.version);
}

/** A range that semver can't read (a Python one) is no reason to refuse what there is. */
function fits(version: string, range: string): boolean {
  return validRange(range) === null || satisfies(version, range, { includePrerelease: true });
}

/** A CommonJS package, imported, has its exports as `default`. */
function exportsOf(module: object): Classes {
  const { default: own } = module as { default?: unknown };
  return typeof own === "object" && own !== null ? { ...own, ...module } : (module as Classes);
}
