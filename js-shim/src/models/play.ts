/**
 * Play, of which one window of the room runs the clock.
 *
 * ipywidgets' model starts a timer in every page that shows `playing`; with three of them a player runs three times as fast.
 * Here the window in which it was started runs it. The others watch, and when the value rests although it plays (it was
 * started in the kernel, or the window that ran it was closed), the first of them goes on. It stops when somebody else steps
 * after all: a tab that was only asleep.
 */

import * as controls from "@jupyter-widgets/controls";

/** How long the value may rest beyond two intervals: longer than a step of a hidden tab, whose timers run once a second. */
const REST_MS = 2000;

/** How much longer the next window waits. */
const RANK_MS = 1500;

interface Host {
  /** Is a value being set that came from the document? */
  readonly isApplying: boolean;
  readonly source: { rank(): number };
}

interface Clock {
  _timerId: number | undefined;
}

export class PlayModel extends controls.PlayModel {
  // Declared only: the base constructor calls `initialize`, and a field would be set again after it.
  declare private watcher: ReturnType<typeof setTimeout> | undefined;
  /** Does this window run the clock because nobody else did? */
  declare private stoodIn: boolean;
  /** Has it stepped since it was started? */
  declare private stepped: boolean;

  override initialize(
    attributes: Record<string, unknown>,
    options: Parameters<controls.PlayModel["initialize"]>[1],
  ) {
    super.initialize(attributes, options);
    this.on("change:playing", () => {
      this.stepped = false;
      if (!this.get("playing")) this.halt();
    });
    this.on("change:value", () => {
      this.stepped = true;
      if (this.stoodIn && this.host.isApplying) this.halt();
    });
    this.on("change:value change:playing", () => this.watch());
    this.once("destroy", () => clearTimeout(this.watcher));
    this.watch();
  }

  override animate(): void {
    if (!this.host.isApplying) super.animate();
  }

  /** Does this window run the clock? */
  private get runs(): boolean {
    return (this as unknown as Clock)._timerId !== undefined;
  }

  private get host(): Host {
    return this.widget_manager as unknown as Host;
  }

  /** Stop this window's clock. ipywidgets leaves the id of a timer that has run out, and then can't start again. */
  private halt(): void {
    const clock = this as unknown as Clock;
    clearTimeout(clock._timerId);
    clock._timerId = undefined;
    this.stoodIn = false;
  }

  private watch(): void {
    clearTimeout(this.watcher);
    if (!this.get("playing") || this.runs) return;
    const patience = 2 * Number(this.get("interval")) + REST_MS + this.host.source.rank() * RANK_MS;
    this.watcher = setTimeout(() => {
      if (!this.get("playing") || this.runs || !this.comm_live) return;
      this.stoodIn = true;
      // From its end `animate` begins again, which is right for one that was started there.
      if (this.stepped) this.schedule_next();
      else super.animate();
    }, patience);
  }
}
