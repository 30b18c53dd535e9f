/**
 * anywidget's own front end, as it is, with three changes in what surrounds it:
 *
 * - a state is delivered while the module is still loading (it is read when the module asks), and a module that takes
 *   longer than anywidget's two seconds still gets every message, in order;
 * - an `experimental.invoke` that can't be answered any more is rejected with the reason (`tools/anywidget.mjs`): the
 *   kernel is gone, the command raised;
 * - what fails in a module is said in the widget's place and to the manager, with the comm id (`tools/anywidget.mjs`, too).
 *
 * Nothing else: `_esm`, hot updates, signals and time limits of `invoke`, and hosts are anywidget's.
 */

import { DOMWidgetModel, DOMWidgetView, type WidgetModel } from "@jupyter-widgets/base";
// biome-ignore-start assist/source/organizeImports: the catcher has to be there before the package runs
import { taken } from "./amd";
import "anywidget";

// biome-ignore-end assist/source/organizeImports: see above
import { failureBox } from "./failure-box";
import type { Ended } from "./source";

/** How long a module may take to load before its messages are given up; anywidget allows 2 s. */
const MODULE_PATIENCE_MS = 60_000;

/** The time that anywidget's runtime waits for its module. */
const ANYWIDGET_PATIENCE_MS = 2000;

interface Package {
  AnyModel: typeof DOMWidgetModel;
  AnyView: typeof DOMWidgetView;
}

interface Manager {
  failed(commId: string, doing: string, error: unknown): void;
}

const own = taken("anywidget")({ DOMWidgetModel, DOMWidgetView }) as Package;

export class AnyModel extends own.AnyModel {
  override initialize(
    attributes: Record<string, unknown>,
    options: Parameters<DOMWidgetModel["initialize"]>[1],
  ) {
    // The runtime is made in here, synchronously, and sets its time limit: a signal of more time is all it needs.
    const { timeout } = AbortSignal;
    AbortSignal.timeout = (ms) =>
      timeout.call(AbortSignal, ms === ANYWIDGET_PATIENCE_MS ? MODULE_PATIENCE_MS : ms);
    try {
      super.initialize(attributes, options);
    } finally {
      AbortSignal.timeout = timeout;
    }
  }

  /** The module could not be loaded, or its `initialize` threw. */
  moduleFailed(error: unknown): void {
    report(this, "its module", error);
  }

  /** @param rejected told why an invoke will have no answer */
  override send(
    content: Parameters<DOMWidgetModel["send"]>[0],
    callbacks?: Parameters<DOMWidgetModel["send"]>[1],
    buffers?: Parameters<DOMWidgetModel["send"]>[2],
    rejected?: (error: Error) => void,
  ): void {
    const ended: Ended = (error) => error && rejected?.(error);
    const told = { ...callbacks, ended } as unknown as typeof callbacks;
    super.send(content, rejected === undefined ? callbacks : told, buffers);
  }

  override _handle_comm_msg(message: Parameters<DOMWidgetModel["_handle_comm_msg"]>[0]): Promise<void> {
    const { method } = message.content.data as { method?: string };
    // State needs no module; waiting for one that is broken would keep the kernel's correction of it out.
    if (method === "update") return DOMWidgetModel.prototype._handle_comm_msg.call(this, message);
    return super._handle_comm_msg(message);
  }
}

export class AnyView extends own.AnyView {
  /** `render` threw: what it has drawn so far stays. */
  renderFailed(error: unknown): void {
    report(this.model, "its render", error);
    this.showFailure(error);
  }

  /** Says in the widget's place what keeps it from being drawn; anywidget empties the place when the author has mended it. */
  showFailure(error: unknown): void {
    this.el.append(failureBox(this.model.model_id, String(error)));
  }
}

function report(model: WidgetModel, doing: string, error: unknown): void {
  (model.widget_manager as unknown as Manager).failed(model.model_id, doing, error);
}
