/** Who changed what last, as the room has told it. A key of which it said nothing is as the kernel made it. */

import type { Author, ChangedKeys } from "../../window/messages";

export interface LastChange {
  /** null: the kernel. */
  by: Author | null;
  /** On the page's clock, in ms. */
  at: number;
}

interface Known {
  keys: Map<string, LastChange>;
  newest: LastChange;
}

export class Authors {
  private readonly now: () => number;
  private readonly comms = new Map<string, Known>();

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  take({ comm_id: commId, keys, ago, by }: ChangedKeys): void {
    const change: LastChange = { by: by ?? null, at: this.now() - ago * 1000 };
    const known = this.comms.get(commId) ?? { keys: new Map(), newest: change };
    if (change.at >= known.newest.at) known.newest = change;
    for (const key of keys) known.keys.set(key, change);
    this.comms.set(commId, known);
  }

  of(commId: string, key: string): LastChange | undefined {
    return this.comms.get(commId)?.keys.get(key);
  }

  /** The newest change of any key. */
  newest(commId: string): LastChange | undefined {
    return this.comms.get(commId)?.newest;
  }

  forget(commId: string): void {
    this.comms.delete(commId);
  }

  /** Forgets what is of comms that aren't there. */
  keep(isThere: (commId: string) => boolean): void {
    for (const commId of this.comms.keys()) if (!isThere(commId)) this.comms.delete(commId);
  }

  clear(): void {
    this.comms.clear();
  }
}
