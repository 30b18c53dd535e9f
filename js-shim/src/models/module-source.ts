/** One link of the chain in `resolver.ts`. */

import { NotInstalledError } from "./fallback";
import type { Classes } from "./modules";

/** One place where modules may be. */
export interface ModuleSource {
  /** What it is, for who reads that a module is not there. */
  readonly what: string;
  /**
   * Gives a module's exports; `range` is a semver range, empty for any version.
   *
   * @returns rejects with `NotInstalledError` when it hasn't got it, with any other error when it can't be had
   */
  load(moduleName: string, range: string): Promise<Classes>;
}

/** Makes a source; `others` gives modules of other packages, which one of its own needs. */
export type MakeSource = (others: (moduleName: string) => Promise<unknown>) => ModuleSource;

/** Said by a source that has never heard of the module, which is no news. */
export const NOT_KNOWN = new NotInstalledError("not known");
