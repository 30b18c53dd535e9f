/** AMD modules and the files beside them, each address loaded once; what they need of other packages is asked of `others`. */

import { loadAmd } from "./amd";
import { type Classes, pageModule } from "./modules";

export class AmdFiles {
  private readonly loaded = new Map<string, Promise<unknown>>();

  /** @param others gives the module of another package */
  constructor(private readonly others: (moduleName: string) => Promise<unknown>) {}

  /**
   * Loads the module of a file.
   *
   * @param beside other modules of the same package: name to the address of their file
   */
  module(url: string, name: string, beside: ReadonlyMap<string, string> = new Map()): Promise<Classes> {
    const within = async (wanted: string): Promise<unknown> => {
      const file = wanted === name ? undefined : beside.get(wanted);
      return pageModule(wanted) ?? (file ? this.module(file, wanted, beside) : this.others(wanted));
    };
    const needed = (wanted: string, from: string): Promise<unknown> => {
      if (!wanted.startsWith(".")) return within(wanted);
      const file = fileAt(wanted, from);
      return this.keep(file, () => loadAmd(file, wanted, needed));
    };
    return this.keep(url, () => loadAmd(url, name, needed)) as Promise<Classes>;
  }

  private keep(url: string, load: () => Promise<unknown>): Promise<unknown> {
    const there = this.loaded.get(url);
    if (there !== undefined) return there;
    const promise = load();
    this.loaded.set(url, promise);
    promise.catch(() => this.loaded.delete(url));
    return promise;
  }
}

function fileAt(relative: string, from: string): string {
  return new URL(relative.endsWith(".js") ? relative : `${relative}.js`, from).href;
}
