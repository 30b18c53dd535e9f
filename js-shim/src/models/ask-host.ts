/** Asks the room's host where a widget package is installed. Apart from what loads it: a page that only asks needs no ipywidgets. */

import type { RoomAddress } from "../window/transport";

/** Where the files of a package are. */
export interface ModulePlace {
  /** The address of their folder. */
  base: string;
  /** Name of a module to its file there. */
  modules: Record<string, string>;
}

/** Asks the host; null when the module is not installed beside the kernel. */
export type FindModule = (moduleName: string) => Promise<ModulePlace | null>;

/**
 * Asks a room's host with the token of its link, for a page that has the link; commdoc's own page asks for the frame.
 * The module's files are then loaded from that host, which has to allow it to pages of another origin (`docs/embed.md`).
 *
 * @param address of the room, as `readLink` gives it
 * @returns rejects with the host's words, or with what kept it from answering
 */
export function askHost({ socket, token }: RoomAddress): FindModule {
  return async (name) => {
    const url = new URL("nbextensions", socket.replace(/^ws/, "http"));
    url.searchParams.set("module", name);
    let response: Response;
    try {
      response = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
    } catch (error) {
      throw new Error(`the host did not answer (${error instanceof Error ? error.message : String(error)})`);
    }
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`the host says ${(await response.text()).trim()}`);
    const { base, modules } = (await response.json()) as ModulePlace;
    return { base: new URL(base, url).href, modules };
  };
}
