/**
 * ipycanvas in three points. In a window that came late:
 *
 * - The kernel says "from here on this canvas" only when it changes canvases, and then sends commands without a name. A window
 *   that came after that doesn't know which canvas they are for: ipycanvas' manager throws, and its queue of commands has ended
 *   for good. Here such a command is for the only canvas there is; where there are several it is left out, and the next change
 *   is followed.
 * - The image of a state (`sync_image_data`) is decoded while the view is made, and the view that was first stays empty.
 *
 * And in any:
 *
 * - That image is encoded by the browser anew for each drawing, and where several are under way the one that was begun first may
 *   be done last: the kernel would keep an old picture. Here one is encoded at a time, and then what is there by then.
 */

import type { WidgetModel } from "@jupyter-widgets/base";
import { type Host, hostOf } from "./host";

/** The part of ipycanvas' manager that is used. */
interface CanvasManager extends WidgetModel {
  currentCanvas: WidgetModel | undefined;
  onCommand(metadata: unknown, buffers: unknown): Promise<void>;
}

interface SyncingModel extends WidgetModel {
  syncImageData(): Promise<void>;
}

interface CanvasModel extends SyncingModel {
  drawImageData(): Promise<void>;
  forEachView(show: (view: { updateCanvas(): void }) => void): void;
}

type Constructor<M> = new (...options: never[]) => M;

const MODULE = "ipycanvas";
const CANVASES = ["CanvasModel", "RoughCanvasModel"];

const canvas = (Canvas: Constructor<CanvasModel>) => syncingInOrder(copingCanvas(Canvas));

export const IPYCANVAS = {
  CanvasManagerModel: copingManager,
  CanvasModel: canvas,
  RoughCanvasModel: canvas,
  MultiCanvasModel: syncingInOrder,
};

function syncingInOrder(Model: Constructor<SyncingModel>): unknown {
  if (typeof Model.prototype.syncImageData !== "function") return Model;
  return class SyncingInOrder extends Model {
    // ipycanvas calls this while the base class is constructed, when fields are not there yet.
    declare private syncing: boolean;
    declare private drawnSince: boolean;

    override async syncImageData(): Promise<void> {
      this.drawnSince = true;
      if (this.syncing) return;
      this.syncing = true;
      try {
        while (this.drawnSince) {
          this.drawnSince = false;
          await super.syncImageData();
        }
      } finally {
        this.syncing = false;
      }
    }
  };
}

function copingCanvas(Canvas: Constructor<CanvasModel>): Constructor<CanvasModel> {
  if (typeof Canvas.prototype.drawImageData !== "function") return Canvas;
  return class CopingCanvas extends Canvas {
    override async drawImageData(): Promise<void> {
      await super.drawImageData();
      this.forEachView((view) => view.updateCanvas());
    }
  };
}

function copingManager(Manager: Constructor<CanvasManager>): unknown {
  if (typeof Manager.prototype.onCommand !== "function") return Manager;
  return class CopingCanvasManager extends Manager {
    override async onCommand(metadata: unknown, buffers: unknown): Promise<void> {
      const host = hostOf(this);
      const late = this.currentCanvas === undefined;
      if (late) this.currentCanvas = await onlyCanvas(host);
      try {
        await super.onCommand(metadata, buffers);
      } catch (error) {
        // One that is left out because nobody knows its canvas is no mistake of anybody.
        if (!late || this.currentCanvas !== undefined) host.failed(this.model_id, "a drawing command", error);
      }
    }
  };
}

async function onlyCanvas(host: Host): Promise<WidgetModel | undefined> {
  const found = [...host.source.commIds()].filter((commId) => {
    const entry = host.source.entry(commId);
    return entry?.modelModule === MODULE && CANVASES.includes(entry.modelName);
  });
  return found.length === 1 ? host.get(found[0] as string) : undefined;
}
