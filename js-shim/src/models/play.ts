/**
 * Play, of which one window of the room runs the clock.
 *
 * ipywidgets' model starts a timer in every page that shows `playing`; with three of them a player runs three times as fast.
 * Here the window in which it was started runs it. The others watch, and when the value rests although it plays (it was
 * started in the kernel, or the window that ran it was closed), the first of them goes on. It stops when somebody else steps
 * after all: a tab that was only asleep.
 */

import type * as controls from "@jupyter-widgets/controls";
import { hostOf } from "./host";

/** How long the value may rest beyond two intervals: longer than a step of a hidden tab, whose timers run once a second. */
const REST_MS = 2000;

/** How much longer the next window waits. */
const RANK_MS = 1500;

interface Clock {
  _timerId: number | undefined;
}

type Constructor = new (...options: never[]) => controls.PlayModel;

export const PLAY = { PlayModel: withOneClock };

function withOneClock(Model: Constructor): Constructor {
  if (typeof Model.prototype.schedule_next !== "function") return Model;
  return class PlayWithOneClock extends Model {
    // Declared only: the base constructor calls `initialize`, and a field would be set again after it.
    declare private watcher: ReturnType<typeof setTimeout> | undefined;
    /** Does this window run the clock because nobody else did? */
    declare private stoodIn: boolean;
    /** Has it stepped since it was started? */
    declare private stepped: boolean;

    override initialize(...how: Parameters<controls.PlayModel["initialize"]>): void {
      super.initialize(...how);
      this.begin();
    }

    /** Begin to follow the player. */
    begin(): void {
      this.on("change:playing", () => {
        this.stepped = false;
        if (!this.get("playing")) this.halt();
      });
      this.on("change:value", () => {
        this.stepped = true;
        if (this.stoodIn && hostOf(this).isApplying) this.halt();
      });
      this.on("change:value change:playing", () => this.watch());
      this.once("destroy", () => clearTimeout(this.watcher));
      this.watch();
    }

    override animate(): void {
      if (!hostOf(this).isApplying) super.animate();
    }

    /** Does this window run the clock? */
    private get runs(): boolean {
      return (this as unknown as Clock)._timerId !== undefined;
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
      const patience = 2 * Number(this.get("interval")) + REST_MS + hostOf(this).source.rank() * RANK_MS;
      this.watcher = setTimeout(() => {
        if (!this.get("playing") || this.runs || !this.comm_live) return;
        this.stoodIn = true;
        // From its end `animate` begins again, which is right for one that was started there.
        if (this.stepped) this.schedule_next();
        else super.animate();
      }, patience);
    }
  };
}
