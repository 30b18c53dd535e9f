/**
 * What models change because a value came in: links in the page (`jslink`), authors' listeners that set and save.
 *
 * Every window has the same models and would send the same reaction; late ones would send old values, and two linked values
 * would chase each other for ever. So a reaction is shown at once and sent only if it is needed: when its comm has been
 * quiet for a moment and the document still has another value, the first window of the room sends it, and the others only
 * if that one didn't (its tab may sleep). A newer value from the document ends the reaction.
 */

import { isEqual } from "@jupyter-widgets/base";
import type { ModelSource } from "./source";

/** Longer than the way of a change from another window (5 ms) and a burst's gap (16 ms); short for an eye. */
const QUIET_MS = 60;

/** A stream that never rests is followed all the same, once in this time. */
const PATIENCE_MS = 1000;

/** How long the next window waits for the one before it: longer than a throttled timer of a hidden tab. */
const RANK_MS = 1500;

export class Reactions {
  private readonly source: ModelSource;
  private readonly failed: (commId: string, doing: string, error: unknown) => void;
  private readonly pending = new Map<string, Record<string, unknown>>();
  private readonly since = new Map<string, number>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(source: ModelSource, failed: (commId: string, doing: string, error: unknown) => void) {
    this.source = source;
    this.failed = failed;
  }

  /** A model of this comm reacted with these values. */
  add(commId: string, state: Record<string, unknown>): void {
    this.pending.set(commId, { ...this.pending.get(commId), ...state });
    const since = this.since.get(commId) ?? Date.now();
    this.since.set(commId, since);
    if (this.timers.has(commId) && Date.now() - since > PATIENCE_MS) return;
    clearTimeout(this.timers.get(commId));
    const delay = QUIET_MS + this.source.rank() * RANK_MS;
    this.timers.set(
      commId,
      setTimeout(() => {
        this.send(commId).catch((error) => this.failed(commId, "a reaction", error));
      }, delay),
    );
  }

  /** The document has newer values for these keys. */
  outdated(commId: string, keys: readonly string[]): void {
    const state = this.pending.get(commId);
    if (state === undefined) return;
    for (const key of keys) delete state[key];
    if (Object.keys(state).length === 0) this.forget(commId);
  }

  forget(commId: string): void {
    clearTimeout(this.timers.get(commId));
    this.timers.delete(commId);
    this.pending.delete(commId);
    this.since.delete(commId);
  }

  dispose(): void {
    for (const commId of [...this.timers.keys()]) this.forget(commId);
  }

  private async send(commId: string): Promise<void> {
    const wanted = this.pending.get(commId);
    if (wanted === undefined || this.source.entry(commId) === undefined) return this.forget(commId);
    const there = (await this.source.read(commId, Object.keys(wanted))).state;
    const still = this.pending.get(commId) ?? {};
    const changed = Object.entries(still).filter(([key, value]) => !isEqual(value, there[key]));
    this.forget(commId);
    if (changed.length > 0) this.source.request(commId, Object.fromEntries(changed));
  }
}
