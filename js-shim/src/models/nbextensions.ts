/**
 * Widget packages from where they are installed: the AMD modules of `nbextensions`, which the room's host serves.
 *
 * A module that was not there is asked for again, since a package may be installed while the page is open; what was loaded
 * once stays. What such a module needs of ipywidgets are this page's own classes.
 */

import { AmdFiles } from "./amd-files";
import type { FindModule } from "./ask-host";
import { NotInstalledError } from "./fallback";
import type { MakeSource } from "./module-source";
import type { Classes } from "./modules";

/** Modules whose Python package has another name. */
const PACKAGES: Record<string, string> = {
  "jupyter-datawidgets": "ipydatawidgets",
  "jupyter-leaflet": "ipyleaflet",
  "jupyter-matplotlib": "ipympl",
  "jupyter-threejs": "pythreejs",
  "jupyter-vue": "ipyvue",
  "jupyter-vuetify": "ipyvuetify",
};

/** The modules that `find` knows. Their version is that of the package beside the kernel, whatever a widget asks for. */
export function nbextensions(find: FindModule): MakeSource {
  return (others) => {
    const files = new AmdFiles(others);
    const loaded = new Map<string, Promise<Classes>>();
    const load = async (name: string): Promise<Classes> => {
      const place = await find(name);
      if (place === null) throw new NotInstalledError(whatToInstall(name));
      const beside = new Map(
        Object.entries(place.modules).map(([each, file]) => [each, addressOf(place.base + file)]),
      );
      const url = beside.get(name);
      if (url === undefined) throw new Error(`the host names no file of ${name}`);
      return files.module(url, name, beside);
    };
    return {
      what: "the room's host",
      // A page of two hundred of its widgets asks for a module once.
      load(name) {
        const module = loaded.get(name) ?? load(name);
        if (!loaded.has(name)) {
          loaded.set(name, module);
          module.catch(() => loaded.delete(name));
        }
        return module;
      },
    };
  };
}

function addressOf(file: string): string {
  return new URL(file, document.baseURI).href;
}

function whatToInstall(name: string): string {
  const known = PACKAGES[name];
  const what = known ? `the Python package ${known}` : `the Python package that brings ${name}`;
  return `it is not installed for pages outside of JupyterLab (nbextensions/${name}). Install or upgrade ${what} where the kernel runs, then load this page again.`;
}
