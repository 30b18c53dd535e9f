/** Keeps from the models the comms for which nobody vouches: no model of them is made, so none of their modules is loaded. */

import type { Change, ModelSource, SourceListener } from "./source";

/** A source without the comms for which nobody vouches. */
export class Guard {
  /** As the models see it. */
  readonly source: ModelSource;
  private readonly held = new Set<string>();
  private readonly listeners = new Set<SourceListener>();

  /** @param isTrusted whether a person, or the page, vouches for all of them */
  constructor(
    private readonly all: ModelSource,
    private readonly isTrusted: () => boolean,
  ) {
    const { held, listeners } = this;
    this.source = Object.assign(Object.create(all) as ModelSource, {
      commIds: () => this.take(all.commIds()),
      listen: (listener: SourceListener) => {
        listeners.add(listener);
        const stop = all.listen({
          changed: (changes) => {
            const told = this.tell(changes);
            if (told.length > 0) listener.changed(told);
          },
          message: (commId, data, buffers) => {
            if (!held.has(commId)) listener.message(commId, data, buffers);
          },
        });
        return () => {
          listeners.delete(listener);
          stop();
        };
      },
    });
  }

  withholds(commId: string): boolean {
    return this.held.has(commId);
  }

  get withheld(): number {
    return this.held.size;
  }

  /** Somebody may vouch now for what is withheld. */
  check(): void {
    if (this.held.size === 0) return;
    const changes = this.take([...this.held]).map((commId): Change => ({ kind: "opened", commId, keys: [] }));
    if (changes.length > 0) for (const listener of [...this.listeners]) listener.changed(changes);
  }

  /** Which of these may be shown; the others are withheld. */
  private take(commIds: Iterable<string>): string[] {
    const ids = [...commIds];
    const strange = new Set(ids.filter((commId) => !this.all.trusted(commId)));
    if (strange.size > 0 && this.isTrusted()) strange.clear();
    for (const commId of ids) {
      if (strange.has(commId)) this.held.add(commId);
      else this.held.delete(commId);
    }
    return ids.filter((commId) => !strange.has(commId));
  }

  private tell(changes: readonly Change[]): Change[] {
    return changes.filter(({ kind, commId }) => {
      if (kind === "opened") return this.take([commId]).length > 0;
      if (kind === "updated") return !this.held.has(commId);
      return !this.held.delete(commId);
    });
  }
}
