/**
 * A comm's module through its lives, and the places in which it is shown.
 *
 *     loading ──► ready ──► loading …    another module came: the old life ends, its cleanups run, the new one begins
 *        └──────► failed ──► loading …   its author has mended it
 *
 * A place is drawn when the module is ready, and again, in the same element, by each later life. While there is nothing to draw it
 * says why: the module failed, or may not run here.
 */

import type { AfmComm } from "./comm";
import { PATIENCE_MS, type Place, type Registry } from "./contracts";
import { Life } from "./life";
import { within } from "./patience";
import { emptyPlace, sayFailed, sayWithheld, WITHHELD } from "./places";

/** "none" is a comm without a module. */
type Stage = "loading" | "ready" | "failed" | "withheld" | "none";

export class Instance {
  stage: Stage = "loading";
  /** It was never known whether the module works. */
  isNew = true;
  private life: Life | null = null;
  private error: unknown;
  private readonly places = new Set<Place>();
  /** The lives that have ended, with all their cleanups. */
  private ended: Promise<unknown> = Promise.resolve();
  /** Those who wait until it is known whether the module works. */
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly comm: AfmComm,
    private readonly registry: Registry,
  ) {}

  /** Begins with the module that the comm has now; one that was there before ends at once. */
  start(): void {
    const esm = this.comm.attributes.get("_esm");
    if (this.life !== null) this.ended = Promise.all([this.ended, this.life.end()]);
    this.life = null;
    if (typeof esm !== "string") this.rest("none");
    else if (!this.registry.trusts(this.comm.commId)) this.rest("withheld");
    else void this.begin(esm);
  }

  /** What `initialize` gave; rejects with why there is none, or when it takes too long. */
  async initialized(): Promise<unknown> {
    const { commId } = this.comm;
    const late = `the widget ${commId} was not initialised in ${PATIENCE_MS / 1000} s`;
    await within(PATIENCE_MS, this.decided(), late);
    if (this.stage !== "ready") throw this.why();
    return this.life?.exports;
  }

  /** Shows the widget until the place's signal aborts. Rejects when it can't be drawn now. */
  async show(place: Place): Promise<void> {
    if (place.signal.aborted) return;
    this.places.add(place);
    place.content = this;
    place.signal.addEventListener("abort", () => this.places.delete(place));
    if (this.stage === "ready") return this.draw(place);
    if (this.stage === "loading") return;
    this.say(place);
    throw this.why();
  }

  /** There is no module that works. */
  fail(error: unknown): void {
    this.error = error;
    this.registry.failed(this.comm.commId, "its module", error);
    this.rest("failed");
  }

  /** The comm is closed. */
  close(): void {
    const places = [...this.places];
    this.places.clear();
    // A cleanup finds its view as it was; by then the comm may have opened again, and drawn there.
    const cleaned = this.life?.close() ?? Promise.resolve();
    void cleaned.then(() => places.filter(({ content }) => content === this).forEach(emptyPlace));
    this.life = null;
    this.error = new Error("it was closed");
    this.decide("failed");
  }

  private async begin(esm: string): Promise<void> {
    const life = new Life(this.comm, this.registry);
    this.life = life;
    this.stage = "loading";
    await this.ended;
    if (this.life !== life) return;
    for (const place of this.places) emptyPlace(place);
    try {
      const lacking = this.comm.lacking("_esm");
      if (lacking !== undefined) throw new Error(`its text is missing: ${lacking}`);
      await life.begin(esm);
    } catch (error) {
      // One that was ended meanwhile ends here, too.
      if (this.life === life) this.fail(error);
      return;
    }
    this.stage = "ready";
    for (const place of this.places) this.draw(place).catch(() => undefined);
    this.decide("ready");
  }

  private async draw(place: Place): Promise<void> {
    emptyPlace(place);
    const { life } = this;
    const before = this.comm.wire.beforeView();
    if (before !== null) await before;
    // Another life draws all its places by itself.
    if (this.life !== life || place.signal.aborted) return;
    try {
      await this.life?.render(place);
    } catch (error) {
      sayFailed(place, this.comm.commId, reason(error));
      this.registry.failed(this.comm.commId, "its render", error);
      throw error;
    }
  }

  private rest(stage: "failed" | "withheld" | "none"): void {
    this.decide(stage);
    for (const place of this.places) this.say(place);
  }

  private say(place: Place): void {
    const { commId } = this.comm;
    emptyPlace(place);
    if (this.stage === "withheld") sayWithheld(place, commId);
    else sayFailed(place, commId, this.stage === "none" ? "it has no module" : reason(this.error));
  }

  private why(): Error {
    const { commId } = this.comm;
    if (this.stage === "withheld") return new Error(`the widget ${commId} ${WITHHELD}`);
    if (this.stage === "none") return new Error(`the widget ${commId} has no module`);
    return new Error(`the widget ${commId} failed: ${reason(this.error)}`, { cause: this.error });
  }

  private decide(stage: Stage): void {
    this.stage = stage;
    this.isNew = false;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const tell of waiting) tell();
    this.comm.moduleDecided();
  }

  private decided(): Promise<void> {
    if (this.stage !== "loading") return Promise.resolve();
    return new Promise((resolve) => this.waiting.add(resolve));
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
