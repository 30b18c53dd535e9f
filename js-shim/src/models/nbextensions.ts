/**
 * Widget packages from where they are installed: the AMD modules of `nbextensions`, which the room's host serves.
 *
 * Where a module is, is asked of the host each time, since a package may be installed while the page is open; what was loaded
 * once stays. What such a module needs of ipywidgets are this page's own classes.
 */

import { loadAmd } from "./amd";
import { NotInstalledError } from "./fallback";
import { type ModuleLoader, pageModule } from "./modules";

/** Where the files of a package are. */
export interface ModulePlace {
  /** The address of their folder. */
  base: string;
  /** Name of a module to its file there. */
  modules: Record<string, string>;
}

/** Asks the host; null when the module is not installed beside the kernel. */
export type FindModule = (moduleName: string) => Promise<ModulePlace | null>;

/** Modules whose Python package has another name. */
const PACKAGES: Record<string, string> = {
  "jupyter-datawidgets": "ipydatawidgets",
  "jupyter-leaflet": "ipyleaflet",
  "jupyter-matplotlib": "ipympl",
  "jupyter-threejs": "pythreejs",
  "jupyter-vue": "ipyvue",
  "jupyter-vuetify": "ipyvuetify",
};

/** A loader of the modules that `find` knows. */
export function nbextensions(find: FindModule): ModuleLoader {
  const loaded = new Map<string, Promise<unknown>>();

  function keep(key: string, load: () => Promise<unknown>): Promise<unknown> {
    const there = loaded.get(key);
    if (there !== undefined) return there;
    const promise = load();
    loaded.set(key, promise);
    promise.catch(() => loaded.delete(key));
    return promise;
  }

  async function load(name: string): Promise<unknown> {
    const place = await find(name);
    if (place === null) throw new NotInstalledError(whatToInstall(name));
    return loadFrom(place, name);
  }

  function loadFrom({ base, modules }: ModulePlace, name: string): Promise<unknown> {
    const url = new URL(base + modules[name], document.baseURI).href;
    return keep(url, () =>
      loadAmd(url, name, async (wanted, from) => {
        if (!wanted.startsWith(".")) return within(wanted);
        const file = fileAt(wanted, from);
        return keep(file, () => loadAmd(file, wanted, within));
      }),
    );

    async function within(wanted: string): Promise<unknown> {
      return (
        pageModule(wanted) ??
        (wanted in modules && wanted !== name
          ? loadFrom({ base, modules }, wanted)
          : keep(wanted, () => load(wanted)))
      );
    }
  }

  return (name) => keep(name, () => load(name)) as Promise<Record<string, unknown>>;
}

function fileAt(relative: string, from: string): string {
  return new URL(relative.endsWith(".js") ? relative : `${relative}.js`, from).href;
}

function whatToInstall(name: string): string {
  const known = PACKAGES[name];
  const what = known ? `the Python package ${known}` : `the Python package that brings ${name}`;
  return `it is not installed for pages outside of JupyterLab (nbextensions/${name}). Install or upgrade ${what} where the kernel runs, then load this page again.`;
}
