/**
 * Who vouches for a widget: the room, for what a kernel of this server has made; else the person who trusts the notebook.
 *
 * One for which nobody vouches came with a file, or with a document from elsewhere. It is withheld: no model of it is made, so
 * none of its modules is loaded and no script of its author runs. JupyterLab itself shows no view in a cell that it doesn't
 * trust, but makes the models of what is saved in a notebook's metadata, trusted or not.
 */

import type { CellList, CellModel } from "@jupyterlab/notebook";

/** What a place says where a widget is withheld. */
export const WITHHELD =
  "This widget came with the notebook, no kernel here has made it: trust the notebook to show it (command “Trust Notebook”).";

const STATE_MIMETYPE = "application/vnd.jupyter.widget-state+json";

export { Guard } from "../models/guard";

/** The widgets that a notebook's file has in its metadata, as long as they are withheld. */
export class SavedWidgets {
  private state: Record<string, unknown> = {};
  private load: (() => Promise<void>) | null = null;

  /** @param metadata the notebook's */
  withhold(metadata: unknown, load: () => Promise<void>): void {
    const saved = (metadata as Record<string, { state?: object } | undefined> | undefined)?.[STATE_MIMETYPE];
    this.state = { ...saved?.state };
    this.load = load;
  }

  /** Is it one of them, withheld or just being made? */
  has(modelId: string): boolean {
    return Object.hasOwn(this.state, modelId);
  }

  withholds(modelId: string): boolean {
    return this.load !== null && this.has(modelId);
  }

  get withheld(): number {
    return this.load === null ? 0 : Object.keys(this.state).length;
  }

  /** Makes their models, as JupyterLab does. */
  async release(): Promise<void> {
    const { load } = this;
    if (load === null) return;
    this.load = null;
    try {
      await load();
    } finally {
      this.state = {};
    }
  }

  /** What is saved next has them too: what is withheld is not lost. */
  addTo(saved: unknown): unknown {
    const it = saved as { state?: object };
    return { ...it, state: { ...this.state, ...it.state } };
  }
}

/** As JupyterLab has it: each code cell is trusted. One with nothing to run says nothing of the rest. */
export function isTrusted(cells: CellList): boolean {
  const code = [...cells].filter(({ type }) => type === "code");
  return code.length > 0 && code.every(({ trusted }) => trusted);
}

/** Tells when the trust in a notebook may be another. */
export function onTrust(cells: CellList, changed: () => void): void {
  const follow = (those: Iterable<CellModel>): void => {
    for (const { stateChanged } of those) stateChanged.connect(changed);
  };
  follow(cells);
  cells.changed.connect((_, { newValues }) => {
    follow(newValues);
    changed();
  });
}
