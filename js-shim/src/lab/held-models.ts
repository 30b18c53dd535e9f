/**
 * The models of a manager that are the document's: how they are taken from the kernel and given back to it.
 *
 * A model is added when it is there, made from the document or taken over, and is held until it is given back or destroyed.
 * What shows its outputs belongs to it.
 */

import type { IClassicComm, WidgetModel } from "@jupyter-widgets/base";
import type { Kernel } from "@jupyterlab/services";
import { release } from "../models/adopt";
import type { ModelSource } from "../models/source";
import { KernelComms, type Opened } from "./kernel-comms";
import { OutputFeed } from "./outputs";
import { quietOutput, wakeOutput } from "./stock";

export class HeldModels {
  readonly comms = new KernelComms();
  private readonly byId = new Map<string, WidgetModel>();
  private readonly feeds = new Map<string, OutputFeed>();

  get models(): WidgetModel[] {
    return [...this.byId.values()];
  }

  /** The kernel opened a comm, whose model the document is to bring, or has brought already. */
  passOver(...opened: Opened): void {
    this.comms.passOver(...opened);
    const { comm_id: id } = opened[1].content;
    if (this.byId.has(id)) this.comms.arrived(id);
  }

  /** Takes what the document has not brought; what the manager has comes from the document. */
  missing(isThere: (modelId: string) => boolean): Opened[] {
    const missing = this.comms.missing.filter(([, { content }]) => !isThere(content.comm_id));
    for (const [, { content }] of missing) this.comms.forget(content.comm_id);
    return missing;
  }

  /** A model that JupyterLab made itself becomes the document's. */
  take(model: WidgetModel, comm: IClassicComm): void {
    this.comms.take(model, comm);
    this.add(model);
  }

  /** A model of the document's is there. */
  add(model: WidgetModel): void {
    const { model_id: id } = model;
    this.byId.set(id, model);
    this.comms.arrived(id);
    model.once("destroy", () => {
      this.byId.delete(id);
      this.comms.forget(id);
    });
  }

  /** Shows the document's outputs in a model of the document's, if it is an Output's. */
  made(model: WidgetModel, source: ModelSource, kernel: Kernel.IKernelConnection | null): void {
    const output = quietOutput(model, kernel);
    if (output === null) return;
    const { model_id: id } = model;
    this.feeds.get(id)?.dispose();
    const failed = (error: unknown) => console.error(`[commdoc] outputs of ${id}`, error);
    const feed = new OutputFeed(output, source, failed);
    this.feeds.set(id, feed);
    model.once("destroy", () => {
      feed.dispose();
      if (this.feeds.get(id) === feed) this.feeds.delete(id);
    });
  }

  /** The model is the kernel's again. */
  giveBack(model: WidgetModel, kernel: Kernel.IKernelConnection): void {
    const { model_id: id } = model;
    const feed = this.feeds.get(id);
    feed?.dispose();
    this.feeds.delete(id);
    this.byId.delete(id);
    release(model);
    this.comms.giveBack(model, kernel);
    if (feed !== undefined) wakeOutput(feed.model);
  }

  /** The room is left: the models show what they had. */
  leave(): void {
    this.comms.clear();
    for (const feed of this.feeds.values()) feed.dispose();
    this.feeds.clear();
  }

  clear(): void {
    this.leave();
    this.byId.clear();
  }
}
