/**
 * Sliders that move together. ipywidgets measures each slider's readout right after it was written, so that a page of a hundred
 * sliders that move is laid out a hundred times for one frame. Here it is measured in the frame in which it is painted, when
 * all have been written.
 */

import * as controls from "@jupyter-widgets/controls";

type Measuring = new (...args: never[]) => { readout: HTMLElement; readout_overflow(): boolean };

/** The views of sliders, by name. */
export const SLIDER_VIEWS: Readonly<Record<string, unknown>> = {
  IntSliderView: measuredLater(controls.IntSliderView as unknown as Measuring),
  IntRangeSliderView: measuredLater(controls.IntRangeSliderView as unknown as Measuring),
  FloatSliderView: measuredLater(controls.FloatSliderView as unknown as Measuring),
  FloatRangeSliderView: measuredLater(controls.FloatRangeSliderView as unknown as Measuring),
  FloatLogSliderView: measuredLater(controls.FloatLogSliderView as unknown as Measuring),
};

/** Views whose readout was written since the last frame. */
const written = new Set<{ overflows(): boolean; tell(overflows: boolean): void }>();

function measuredLater(View: Measuring): unknown {
  return class extends View {
    override readout_overflow(): boolean {
      if (written.size === 0) requestAnimationFrame(measure);
      written.add(this);
      return this.isTold();
    }

    overflows(): boolean {
      return super.readout_overflow();
    }

    tell(overflows: boolean): void {
      if (overflows !== this.isTold()) this.readout.classList.toggle("overflow", overflows);
    }

    private isTold(): boolean {
      return this.readout.classList.contains("overflow");
    }
  };
}

/** Reads of all, before one is written to: the page is laid out once. */
function measure(): void {
  const views = [...written];
  written.clear();
  const overflows = views.map((view) => view.overflows());
  views.forEach((view, index) => {
    view.tell(overflows[index] === true);
  });
}
