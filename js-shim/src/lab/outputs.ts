/**
 * Shows in JupyterLab's Output widget what the document has. Each edit is done where it happened: an output that stays is
 * not rendered again, so the widgets in it stay too.
 */

import type { ModelSource, Output, OutputEdit } from "../models/source";
import type { StockOutputModel } from "./stock";

/** How long nothing may come before the model's attribute is brought up to date. */
const REST_MS = 300;

export class OutputFeed {
  private readonly shown: Output[] = [];
  private queue: Promise<void> = Promise.resolve();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly stop: () => void;
  private ended = false;

  constructor(
    readonly model: StockOutputModel,
    source: ModelSource,
    private readonly failed: (error: unknown) => void,
  ) {
    model.outputs.clear();
    this.stop = source.follow(model.model_id, (edits) => this.take(edits));
    // What is saved and what is copied has the outputs.
    const getState = model.get_state.bind(model);
    model.get_state = (dropDefaults?: boolean) => {
      this.store();
      return getState(dropDefaults);
    };
  }

  /** Follows the document no more. What is shown stays, and is the model's. */
  dispose(): void {
    this.store();
    this.ended = true;
    this.stop();
    delete (this.model as { get_state?: unknown }).get_state;
  }

  /** In order; an output whose blobs are on the way holds up what is behind it. */
  private take(edits: readonly OutputEdit[]): void {
    this.queue = this.queue
      .then(async () => {
        for (const edit of edits) {
          const output = "output" in edit ? await edit.output : undefined;
          if (this.ended) return;
          this.apply(edit, output);
        }
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.store(), REST_MS);
      })
      .catch((error) => this.failed(error));
  }

  private apply(edit: OutputEdit, output: Output | undefined): void {
    const { shown, model } = this;
    const { outputs } = model;
    if (edit.what === "cut") {
      shown.length = Math.min(shown.length, edit.at);
      outputs.clear();
      for (const each of shown) outputs.add(copy(each));
    } else if (edit.what === "stream") {
      const was = shown[edit.at];
      if (was === undefined) return;
      const text = was.text as string;
      const now = { ...was, text: text.slice(0, text.length - edit.cut) + edit.text };
      shown[edit.at] = now;
      const isLast = edit.at === shown.length - 1 && outputs.length === shown.length;
      if (isLast && edit.cut === 0) outputs.add({ ...now, text: edit.text });
      else outputs.set(edit.at, copy(now));
    } else if (output !== undefined) {
      shown[edit.at] = output;
      if (edit.at < outputs.length) outputs.set(edit.at, copy(output));
      else outputs.add(copy(output));
    }
  }

  /** The attribute, set as what came from elsewhere: nothing of it is sent. */
  private store(): void {
    clearTimeout(this.timer);
    if (!this.ended) this.model.set_state({ outputs: copy(this.shown) } as never);
  }
}

/** JupyterLab changes what it is given. */
function copy<T>(value: T): T {
  return structuredClone(value);
}
