/**
 * ipympl in one point: a picture of a figure says what differs from the picture before it, and ipympl gives each that comes to
 * one `<img>`, where it takes the place of one that is still being decoded. What that one said is then lost, and the window shows
 * an old line until the whole figure is asked for again. It happens where pictures come in quick succession: a figure is drawn
 * twice in a cell, or several windows ask for the new picture at once, as each does on its own, and all get all of them.
 *
 * Here a picture waits until the one before it was painted, and the window asks for the next when none waits.
 */

import type { WidgetModel } from "@jupyter-widgets/base";

/** The part of ipympl's model that is used. */
interface FigureModel extends WidgetModel {
  readonly image: EventTarget;
  waiting_for_image: boolean;
  handle_binary(message: unknown, buffers: unknown): void;
  send_draw_message(): void;
}

type Constructor<M> = new (...options: never[]) => M;

export const IPYMPL = { MPLCanvasModel: paintingInOrder };

function paintingInOrder(Figure: Constructor<FigureModel>): unknown {
  if (typeof Figure.prototype.handle_binary !== "function") return Figure;
  return class PaintingInOrder extends Figure {
    // ipympl's constructor asks for a picture already, when fields would not be there yet.
    declare private pictures: (() => void)[] | undefined;
    declare private wanted: boolean;

    override handle_binary(message: unknown, buffers: unknown): void {
      this.waiting_for_image = false;
      this.pictures ??= [];
      this.pictures.push(() => super.handle_binary(message, buffers));
      if (this.pictures.length === 1) this.paint(this.pictures);
    }

    override send_draw_message(): void {
      this.wanted = true;
      this.askIfWanted();
    }

    private paint(pictures: (() => void)[]): void {
      const { image } = this;
      const done = () => {
        for (const end of ["load", "error"]) image.removeEventListener(end, done);
        pictures.shift();
        if (pictures.length > 0) this.paint(pictures);
        else this.askIfWanted();
      };
      for (const end of ["load", "error"]) image.addEventListener(end, done);
      try {
        pictures[0]?.();
      } catch (error) {
        done();
        throw error;
      }
    }

    private askIfWanted(): void {
      if (!this.wanted || (this.pictures ?? []).length > 0) return;
      this.wanted = false;
      super.send_draw_message();
    }
  };
}
