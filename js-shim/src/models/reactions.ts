/**
 * What models change because a value came in: links in the page (`jslink`), authors' listeners that set and save.
 *
 * Every window has the same models and would send the same reaction; late ones would send old values, and two linked values
 * would chase each other for ever. So a reaction is shown at once and sent only if it is needed: when its comm has been
 * quiet for a moment and the document still has another value, the first window of the room sends it, and the others only
 * if that one didn't (its tab may sleep). A newer value from the document ends the reaction, and so does one that this window
 * asks for itself.
 *
 * Of two linked values that somebody drags, both stream in, each at its own pace: the one that is behind sets the other back
 * for a moment. A key that the document has just changed is therefore left to whoever changes it, until that is over.
 */

import { same } from "./same";
import type { ModelSource } from "./source";

/** Longer than the way of a change from another window (5 ms) and a burst's gap (16 ms); short for an eye. */
const QUIET_MS = 60;

/** How long a key is somebody else's after the document changed it: longer than linked values are apart on a slow machine. */
const OTHERS_MS = 1000;

/** A stream that never rests is followed all the same, once in this time. */
const PATIENCE_MS = 1000;

/** How long the next window waits for the one before it: longer than a throttled timer of a hidden tab. */
const RANK_MS = 1500;

interface Reaction {
  state: Record<string, unknown>;
  since: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class Reactions {
  private readonly source: ModelSource;
  private readonly failed: (commId: string, doing: string, error: unknown) => void;
  private readonly pending = new Map<string, Reaction>();
  /** When the document changed a key without being asked by this window; by comm and key. */
  private readonly changedAt = new Map<string, Map<string, number>>();
  /** Keys that this window has asked for, of which the document's next word is no news. */
  private readonly asked = new Map<string, Set<string>>();
  private isJoining = false;

  constructor(source: ModelSource, failed: (commId: string, doing: string, error: unknown) => void) {
    this.source = source;
    this.failed = failed;
  }

  /** A model of this comm reacted with these values. */
  add(commId: string, state: Record<string, unknown>): void {
    const now = Date.now();
    const reaction = this.pending.get(commId) ?? { state: {}, since: now, timer: undefined };
    this.pending.set(commId, reaction);
    Object.assign(reaction.state, state);
    if (reaction.timer !== undefined && now - reaction.since > PATIENCE_MS) return;
    clearTimeout(reaction.timer);
    const changedAt = this.changedAt.get(commId);
    const others = Object.keys(reaction.state).some((key) => now - (changedAt?.get(key) ?? 0) < OTHERS_MS);
    const quiet = others || this.isJoining ? OTHERS_MS : QUIET_MS;
    reaction.timer = setTimeout(
      () => {
        this.send(commId).catch((error) => this.failed(commId, "a reaction", error));
      },
      quiet + this.source.rank() * RANK_MS,
    );
  }

  /** Until then models of a room that goes on without them are made: what they do about it may be under way already. */
  joining(until: Promise<unknown>): void {
    this.isJoining = true;
    until.then(() => {
      this.isJoining = false;
    });
  }

  /** This window asks for values of these keys itself. */
  asks(commId: string, keys: readonly string[]): void {
    const asked = this.asked.get(commId) ?? new Set();
    this.asked.set(commId, asked);
    for (const key of keys) asked.add(key);
    this.drop(commId, keys);
  }

  /** The document has newer values for these keys. */
  outdated(commId: string, keys: readonly string[]): void {
    const changedAt = this.changedAt.get(commId) ?? new Map<string, number>();
    this.changedAt.set(commId, changedAt);
    for (const key of keys) if (!this.asked.get(commId)?.delete(key)) changedAt.set(key, Date.now());
    this.drop(commId, keys);
  }

  /** The comm is gone. */
  closed(commId: string): void {
    this.end(commId);
    this.changedAt.delete(commId);
    this.asked.delete(commId);
  }

  dispose(): void {
    for (const commId of [...this.pending.keys()]) this.end(commId);
  }

  private drop(commId: string, keys: readonly string[]): void {
    const state = this.pending.get(commId)?.state;
    if (state === undefined) return;
    for (const key of keys) delete state[key];
    if (Object.keys(state).length === 0) this.end(commId);
  }

  private end(commId: string): void {
    clearTimeout(this.pending.get(commId)?.timer);
    this.pending.delete(commId);
  }

  private async send(commId: string): Promise<void> {
    const wanted = this.pending.get(commId)?.state;
    if (wanted === undefined || this.source.entry(commId) === undefined) return this.end(commId);
    const there = (await this.source.read(commId, Object.keys(wanted))).state;
    const still = this.pending.get(commId)?.state ?? {};
    const changed = Object.entries(still).filter(([key, value]) => !same(value, there[key]));
    this.end(commId);
    if (changed.length === 0) return;
    this.asks(
      commId,
      changed.map(([key]) => key),
    );
    this.source.request(commId, Object.fromEntries(changed));
  }
}
