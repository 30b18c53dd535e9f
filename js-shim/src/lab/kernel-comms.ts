/**
 * The other side of the models' comms: the kernel itself, as without commdoc.
 *
 * While the document has the models, their comms with the kernel rest here. They are given back when commdoc is unloaded in a
 * kernel that goes on: then JupyterLab's windows are plain ones again.
 */

import { type IClassicComm, shims, type WidgetModel } from "@jupyter-widgets/base";
import type { Kernel, KernelMessage } from "@jupyterlab/services";
import { DocumentComm } from "../models/document-comm";
import { WIDGET_TARGET } from "../models/document-models";
import { swapComm } from "./stock";

/** A comm that the kernel opened, as JupyterLab gives it to its manager. */
export type Opened = [comm: IClassicComm, message: KernelMessage.ICommOpenMsg];

export class KernelComms {
  private readonly resting = new Map<string, IClassicComm>();
  private readonly awaited = new Map<string, Opened>();

  /** The kernel opened a comm whose model the document is to bring. */
  passOver(...opened: Opened): void {
    const { comm_id: id } = opened[1].content;
    this.resting.set(id, opened[0]);
    this.awaited.set(id, opened);
  }

  /** The document has brought the model. */
  arrived(modelId: string): void {
    this.awaited.delete(modelId);
  }

  /** What the document has not brought. */
  get missing(): Opened[] {
    return [...this.awaited.values()];
  }

  /** Makes the document's comm that of a model. */
  take(model: WidgetModel, comm: IClassicComm): void {
    const old = swapComm(model, comm);
    if (old !== undefined && !(old instanceof DocumentComm)) this.resting.set(model.model_id, old);
  }

  /** Makes the kernel's comm that of a model. */
  giveBack(model: WidgetModel, kernel: Kernel.IKernelConnection): void {
    const { model_id: id } = model;
    const comm = this.resting.get(id) ?? new shims.services.Comm(kernel.createComm(WIDGET_TARGET, id));
    this.resting.delete(id);
    swapComm(model, comm);
    model.comm_live = true;
  }

  /** The model is closed. */
  forget(modelId: string): void {
    this.resting.delete(modelId);
    this.awaited.delete(modelId);
  }

  /** The kernel is another one, or lives again: nothing of before is good for it. */
  clear(): void {
    this.resting.clear();
    this.awaited.clear();
  }
}
