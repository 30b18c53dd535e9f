/**
 * ipycanvas in a window that came late, in two points:
 *
 * - The kernel says "from here on this canvas" only when it changes canvases, and then sends commands without a name. A window
 *   that came after that doesn't know which canvas they are for: ipycanvas' manager throws, and its queue of commands has ended
 *   for good. Here such a command is for the only canvas there is; where there are several it is left out, and the next change
 *   is followed.
 * - The image of a state (`sync_image_data`) is decoded while the view is made, and the view that was first stays empty.
 */

import type { WidgetModel } from "@jupyter-widgets/base";

type Classes = Record<string, unknown>;

/** The part of ipycanvas' manager that is used. */
interface CanvasManager extends WidgetModel {
  currentCanvas: WidgetModel | undefined;
  onCommand(metadata: unknown, buffers: unknown): Promise<void>;
}

interface CanvasModel extends WidgetModel {
  drawImageData(): Promise<void>;
  forEachView(show: (view: { updateCanvas(): void }) => void): void;
}

type Constructor<M> = new (...options: never[]) => M;

interface Host {
  readonly source: {
    commIds(): Iterable<string>;
    entry(commId: string): { modelModule: string; modelName: string } | undefined;
  };
  get_model(commId: string): Promise<WidgetModel>;
  failed(commId: string, doing: string, error: unknown): void;
}

const MODULE = "ipycanvas";
const CANVASES = ["CanvasModel", "RoughCanvasModel"];

const patched = new WeakMap<Classes, Classes>();

/** The classes of a module; those of ipycanvas with some that cope with being late. */
export function copingWithLateness(moduleName: string, classes: Classes): Classes {
  if (moduleName !== MODULE) return classes;
  const there = patched.get(classes);
  if (there !== undefined) return there;
  const made = { ...classes };
  patched.set(classes, made);
  const Manager = classes.CanvasManagerModel as Constructor<CanvasManager> | undefined;
  if (typeof Manager?.prototype.onCommand === "function") made.CanvasManagerModel = copingManager(Manager);
  for (const name of CANVASES) {
    const Canvas = classes[name] as Constructor<CanvasModel> | undefined;
    if (typeof Canvas?.prototype.drawImageData === "function") made[name] = copingCanvas(Canvas);
  }
  return made;
}

function copingCanvas(Canvas: Constructor<CanvasModel>): unknown {
  return class CopingCanvas extends Canvas {
    override async drawImageData(): Promise<void> {
      await super.drawImageData();
      this.forEachView((view) => view.updateCanvas());
    }
  };
}

function copingManager(Manager: Constructor<CanvasManager>): unknown {
  return class CopingCanvasManager extends Manager {
    override async onCommand(metadata: unknown, buffers: unknown): Promise<void> {
      const host = this.widget_manager as unknown as Host;
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
  return found.length === 1 ? host.get_model(found[0] as string) : undefined;
}
