/**
 * Where the modules of widget packages come from, one source after the other:
 *
 *     modules that the page brings → nbextensions of the room's host → a CDN, if the page names one
 *
 * The first that has the module, in a version that the widget asks for, gives it. A source that fails does not end the chain:
 * what it said is told when no other one has the module either. Nothing is asked that the page has not set.
 */

import type { FindModule } from "./ask-host";
import { cdnModules } from "./cdn";
import { NotInstalledError } from "./fallback";
import { type ModuleSource, NOT_KNOWN } from "./module-source";
import type { Classes, ModuleLoader } from "./modules";
import { nbextensions } from "./nbextensions";
import { type PageModule, PageModules } from "./page-modules";

export interface ResolverOptions {
  /** Widget packages that the page brings, by module name; several entries of one name are several versions of it. */
  modules?: Readonly<Record<string, PageModule | readonly PageModule[]>>;
  /** Sources of the page's own, asked after `modules`: undefined for a module that it doesn't know. */
  loader?: ModuleLoader;
  /** Asks the room's host where a module is installed: `askHost(readLink(link))`. Never asked unless set. */
  nbextensions?: FindModule;
  /**
   * Template of an address, with `{module}`, `{version}` and `{file}` in it, of AMD modules as npm packages bring them, e.g.
   * `https://cdn.jsdelivr.net/npm/{module}@{version}/{file}`. Never contacted unless set.
   */
  cdn?: string;
}

/** The chain of a page. */
export class Resolver {
  readonly modules: PageModules;
  private readonly sources: ModuleSource[] = [];

  constructor({ modules = {}, loader, nbextensions: find, cdn }: ResolverOptions = {}) {
    this.modules = new PageModules(modules);
    this.sources.push(this.modules);
    if (loader !== undefined) this.sources.push(ofLoader(loader));
    const others = (name: string) => this.load(name, "");
    if (find !== undefined) this.sources.push(nbextensions(find)(others));
    if (cdn !== undefined) this.sources.push(cdnModules(cdn)(others));
  }

  /** A module's exports. Rejects with what was tried: `NotInstalledError` when no source has it, or when none could be asked. */
  async load(moduleName: string, range: string): Promise<Classes> {
    const tried: { what: string; error: unknown }[] = [];
    for (const source of this.sources) {
      try {
        return await source.load(moduleName, range);
      } catch (error) {
        if (error !== NOT_KNOWN) tried.push({ what: source.what, error });
      }
    }
    throw failure(moduleName, tried);
  }
}

function failure(moduleName: string, tried: readonly { what: string; error: unknown }[]): Error {
  const [first] = tried;
  if (first === undefined)
    return new NotInstalledError(
      `this page doesn't have it, and has no other place to look for it. The page can bring it: modules: { "${moduleName}": … }. JupyterLab shows it when its extension is installed.`,
    );
  const broken = tried.some(({ error }) => !(error instanceof NotInstalledError));
  const text = tried.length === 1 ? reasonOf(first.error) : tried.map(inWords).join(" — ");
  return broken ? new Error(text, { cause: first.error }) : new NotInstalledError(text);
}

function inWords({ what, error }: { what: string; error: unknown }): string {
  return `${what}: ${reasonOf(error)}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function ofLoader(loader: ModuleLoader): ModuleSource {
  return {
    what: "the page's loader",
    async load(moduleName, range) {
      const found = await loader(moduleName, range);
      if (found === undefined) throw NOT_KNOWN;
      return found;
    },
  };
}
