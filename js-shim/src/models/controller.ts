/**
 * Controller, of which one window of the room has the pad.
 *
 * ipywidgets' model takes its page for the only one: a page that comes later finds the controller connected and no pad of its
 * own, takes that for a pad that was pulled out, and closes the buttons and axes of all. Here the window that has the pad says
 * what it does; the others show it. A page that is loaded again goes on with its pad. Another pad, in another window, takes
 * over when one of its buttons goes down: one that is held down all the while would take it back at once. The controller
 * stays connected meanwhile: with none connected, every window's pad would want it.
 *
 * The numbers below buttons and axes are no part of the kernel's models: each window gives them by their order.
 */

import type { WidgetModel } from "@jupyter-widgets/base";
import type * as controls from "@jupyter-widgets/controls";
import { dropUnsent } from "./adopt";

type Constructor = new (...options: never[]) => controls.ControllerModel;

const PARTS = ["buttons", "axes"];

export const CONTROLLER = { ControllerModel: ofOneWindow };

function ofOneWindow(Model: Constructor): Constructor {
  if (typeof Model.prototype.update_loop !== "function") return Model;
  return class ControllerOfOneWindow extends Model {
    // Declared only: the base constructor calls `initialize`, and a field would be set again after it.
    /** Has this window the pad that the controller shows? */
    declare private hasPad: boolean;
    /** Which buttons of a pad that waits were down in the last frame; undefined before the first. */
    declare private down: boolean[] | undefined;
    /** The parts of the pad that this one has replaced: closed when the kernel has been told of the new ones. */
    declare private replaced: WidgetModel[] | undefined;

    override initialize(...how: Parameters<controls.ControllerModel["initialize"]>): void {
      super.initialize(...how);
      this.begin();
    }

    /** Begin to number the parts, before any view hears of them. */
    begin(): void {
      for (const parts of PARTS) {
        this.on(`change:${parts}`, () => number(this.get(parts)));
        number(this.get(parts));
      }
    }

    override wait_loop(): void {
      if (this.comm === undefined) return;
      const pad = this.comm_live ? navigator.getGamepads()[this.get("index")] : null;
      if (!this.get("connected") && (pad || this.comm_live)) super.wait_loop();
      else if (pad?.id === this.get("name")) this.update_loop();
      else if (this.goesDown(pad)) super.wait_loop();
      else requestAnimationFrame(() => this.wait_loop());
    }

    /** Has a button gone down since the last frame? A pad that a press has brought has. */
    goesDown(pad: Gamepad | null | undefined): boolean {
      const before = this.down;
      this.down = (pad?.buttons ?? []).map(({ pressed }) => pressed);
      return before !== undefined && this.down.some((pressed, index) => pressed && !before[index]);
    }

    override setup(
      ...pad: Parameters<controls.ControllerModel["setup"]>
    ): ReturnType<controls.ControllerModel["setup"]> {
      this.replaced = PARTS.flatMap((parts) => this.get(parts));
      return super.setup(...pad);
    }

    override update_loop(): void {
      const pad = navigator.getGamepads()[this.get("index")];
      const had = this.hasPad;
      this.hasPad = this.comm_live && pad?.id === this.get("name");
      this.down = undefined;
      for (const model of this.replaced ?? []) model.close();
      this.replaced = undefined;
      if (this.comm !== undefined && (this.hasPad || (had && !pad && this.comm_live))) super.update_loop();
      else this.wait_loop();
    }

    override async _create_button_model(index: number): Promise<controls.ControllerButtonModel> {
      return withoutNumber(await super._create_button_model(index));
    }

    override async _create_axis_model(index: number): Promise<controls.ControllerAxisModel> {
      return withoutNumber(await super._create_axis_model(index));
    }
  };
}

function number(models: readonly WidgetModel[]): void {
  models.forEach((model, index) => {
    model.attributes.description = index;
  });
}

/** The number is not sent to the kernel, whose model has no such trait. */
function withoutNumber<M extends WidgetModel>(model: M): M {
  dropUnsent(model);
  return model;
}
