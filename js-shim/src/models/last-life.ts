/**
 * Keeps what a kernel's last life displayed on the stage when the next one has begun, until that displays something: then
 * the document has dropped the old comms already, and a person would look at an empty page.
 *
 * It stands between the room's source and the models: the ends of comms that come with the end of a life wait here. What
 * is kept is dead, and whoever shows it must say so and let nobody touch it.
 */

import type { Room } from "../window/room";
import type { Change, ModelSource, SourceListener } from "./source";

export class LastLife {
  /** What the models are given. */
  readonly source: ModelSource;
  private readonly isShowing: () => boolean;
  private readonly listeners = new Set<SourceListener>();
  private held = new Map<string, Change>();
  private lifeEnds = false;

  /** @param isShowing whether anything is displayed that could be kept */
  constructor(room: Pick<Room, "on">, source: ModelSource, isShowing: () => boolean) {
    this.isShowing = isShowing;
    // Before the source's own listener, which is told of comms only.
    room.on("change", (changes) => {
      this.lifeEnds = changes.some(({ kind }) => kind === "kernel");
    });
    this.source = { ...source, listen: (listener) => this.listen(source, listener) };
  }

  /** Whether something of the last life is kept. */
  get isKept(): boolean {
    return this.held.size > 0;
  }

  /** Let it go. */
  release(): void {
    const ends = [...this.held.values()];
    this.held = new Map();
    for (const listener of this.listeners) listener.changed(ends);
  }

  private listen(source: ModelSource, listener: SourceListener): () => void {
    this.listeners.add(listener);
    const end = source.listen({
      changed: (changes) => listener.changed(this.withoutEnds(changes)),
      message: (...message) => listener.message(...message),
    });
    return () => {
      this.listeners.delete(listener);
      end();
    };
  }

  private withoutEnds(changes: readonly Change[]): readonly Change[] {
    // A life that displayed nothing has nothing to be kept, and what is kept already stays.
    const keeps = this.lifeEnds && !this.isKept && this.isShowing();
    return changes.flatMap((change) => {
      if (keeps && change.kind === "closed") {
        this.held.set(change.commId, change);
        return [];
      }
      // The same comm again, after the room's host was started anew.
      const end = change.kind === "opened" ? this.held.get(change.commId) : undefined;
      if (end === undefined) return [change];
      this.held.delete(change.commId);
      return [end, change];
    });
  }
}
